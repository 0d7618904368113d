/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WAVE_SINK_H
#define WAVE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io.h"

struct mel_err;
struct mel_outdir;
struct mel_sound_out;

/*
 * Where tts-wave's sound goes: one output for all utterances, with a gap
 * between them, or a folder with a file each. Half a common output is of no
 * use to anybody: these functions die if it cannot be written.
 */
struct wave_sink {
	int type, format; /* enum mel_sound_type, mel_sample_format */
	double gap;       /* [s] */
	bool quiet;
	struct mel_outdir *dir;    /* -d, or NULL */
	struct mel_outfile *out;   /* else all go here */
	int64_t rate;              /* [Hz], known with the first contract */
	struct mel_sound_out *all; /* open since then, unless dir */
	size_t begun;              /* utterances with a part in `all` */
	size_t whole;              /* and those that came to their end */
};

extern const char *const wave_types[]; /* "auto", then mel_sound_types */

/* What -t and -o ask for, an enum mel_sound_type; a wrong name is wrong usage.
 */
int wave_type(int type, const char *output);

/* The sound of one utterance on its way; only `begun` is for others. */
struct wave_sound {
	bool begun; /* samples were written, or that it has none */
	struct mel_outfile file;
	struct mel_sound_out *out;
};

/* Wrong usage if the common output is one that cannot go out as it comes. */
void wave_sink_check(const struct wave_sink *sink);

/* The rate is known: opens the common output if there is to be one. */
void wave_sink_open(struct wave_sink *sink, int64_t rate);

/*
 * Completes the common output: true if it is worth keeping. A stream without
 * utterances gives an empty file; one that failed before the first of its
 * utterances was whole gives none.
 */
bool wave_sink_close(struct wave_sink *sink, bool failed);

/* A new utterance; an unsafe or repeated key is an error if a file is made. */
int wave_sound_open(struct wave_sink *sink, struct wave_sound *sound,
    const char *key, struct mel_err *err);

/* Its next samples, in [-1, 1). */
int wave_sound_write(struct wave_sink *sink, struct wave_sound *sound,
    const float *x, size_t n, struct mel_err *err);

/* It is whole; closed whatever is returned. Says how many were clipped. */
int wave_sound_finish(
    struct wave_sink *sink, struct wave_sound *sound, struct mel_err *err);

/* It failed: its file is no more, what went to the common output stays. */
void wave_sound_abort(struct wave_sink *sink, struct wave_sound *sound);

#endif
