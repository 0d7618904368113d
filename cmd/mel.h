/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_H
#define MEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/isa.h"
#include "dsp/contract.h"
#include "dsp/sound_in.h"

struct mel_analysis;
struct mel_writer;

/* tts-mel's work: one sound to one utterance of a mel stream. */

struct mel_job {
	struct mel_contract contract;
	struct mel_sound_options sound;
	struct mel_analysis *analysis;
	struct mel_writer *writer;
	enum mel_isa isa;
	bool quiet, verbose;
	bool failed; /* an utterance ended with an error */
	float *samples, *rows;
	size_t unnamed; /* utterances from standard input so far */
};

/* Opens what all utterances share and writes the head. Dies on failure. */
void mel_job_open(struct mel_job *job, int64_t max_frames);

/* One input ("-": standard input). Dies if the output cannot be written. */
void mel_job_run(struct mel_job *job, const char *path);

/* Writes the end of the stream. Dies on failure. */
void mel_job_close(struct mel_job *job);

/* The inputs that a file lists, a name a line; empty lines are nothing. */
void mel_job_run_list(struct mel_job *job, const char *path);

#endif
