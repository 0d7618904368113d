/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WAVE_H
#define WAVE_H

#include <stdbool.h>
#include <stddef.h>

#include "dsp/contract.h"
#include "dsp/griffin.h"

struct mel_griffin;
struct mel_inverse;
struct mel_outdir;
struct mel_outfile;
struct mel_pool;
struct mel_reader;
struct mel_sound_out;

/* tts-wave's work: mel streams to sound files. */

struct wave_job {
	struct mel_contract contract;
	bool known;  /* contract is set */
	bool chosen; /* by --contract: heads are not asked */
	struct mel_pool *pool;
	struct mel_inverse *inverse;
	struct mel_griffin *griffin;
	struct mel_griffin_options options;

	int type, format; /* enum mel_sound_type, mel_sample_format */
	double gap;       /* [s] */
	double level;     /* peak, 0: as it is */
	double max_seconds;
	bool quiet, verbose;
	bool failed; /* an utterance or a stream was wrong */

	struct mel_outdir *dir;    /* -d, or NULL */
	struct mel_outfile *out;   /* else all go here */
	struct mel_sound_out *all; /* opened with the first contract */
	size_t utterances;         /* written to `all` */

	double start;   /* of the program [s] */
	double first;   /* first sample after it [s], 0: none yet */
	double seconds; /* of sound made */
};

/* Seconds of a clock that only goes forward. */
double wave_now(void);

/*
 * One stream, whose reader stays the caller's. Faults are printed and set
 * job->failed. Dies if the output cannot be written.
 */
void wave_job_run(
    struct wave_job *job, struct mel_reader *reader, const char *name);

/*
 * Completes the common output: true if it is worth keeping (a stream without
 * utterances gives an empty file, one that failed before its first none).
 */
bool wave_job_close(struct wave_job *job);

#endif
