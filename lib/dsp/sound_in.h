/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_SOUND_IN_H
#define MEL_DSP_SOUND_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mel_err;

/*
 * Samples of one channel at a wanted rate, from a sound file of any format
 * libsndfile knows or from headerless samples; files and pipes alike. A pipe is
 * read forward where its format allows that (wav, au, flac, raw ...), else it
 * is first copied to an unnamed temporary file. Resampling is soxr's, "high
 * quality".
 */
struct mel_sound_in;

enum mel_sample_format {
	MEL_S16, /* little-endian two's complement */
	MEL_S24, /* the same, three bytes */
	MEL_S32,
	MEL_FLOAT, /* little-endian, single precision */
};

#define MEL_CHANNEL_ONLY (-1) /* the file must have one channel */
#define MEL_CHANNEL_MIX  (-2) /* mean of all channels */

struct mel_sound_options {
	bool raw;             /* no header: the next three say what it is */
	int format;           /* enum mel_sample_format */
	int64_t raw_rate;     /* [Hz], 1 or more */
	int64_t raw_channels; /* [1..64] */
	int channel;          /* from 0, or MEL_CHANNEL_ONLY, _MIX */
	int64_t rate;         /* wanted [Hz]; 0: as the sound has it */
	bool no_resample;     /* another rate is an error */
};

struct mel_sound_info {
	int64_t rate;    /* of the source [Hz] */
	int channels;    /* of the source */
	bool resampled;  /* samples are at the wanted rate by soxr */
	bool live;       /* a pipe or terminal: read little at a time */
	bool short_data; /* the header promises more than the file has */
	int64_t torn;    /* raw: bytes at the end that make no whole sample of
			    all channels, and are left out */
};

/* path: "-" is standard input. A fault names the path. */
int mel_sound_open(struct mel_sound_in **sound, const char *path,
    const struct mel_sound_options *options, struct mel_err *err);
void mel_sound_close(struct mel_sound_in *sound);

const struct mel_sound_info *mel_sound_info(const struct mel_sound_in *sound);

/*
 * Up to n samples; returns how many, 0 at the end, -1 on an error. At most n
 * samples of the source are waited for. Before resampling, a sample of the
 * source that is not finite is an error that names it, from 0; else such a
 * sample passes as it is.
 */
int64_t mel_sound_read(
    struct mel_sound_in *sound, float *samples, size_t n, struct mel_err *err);

#endif
