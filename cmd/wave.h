/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WAVE_H
#define WAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/isa.h"
#include "dsp/contract.h"
#include "dsp/griffin.h"
#include "wave_sink.h"

struct mel_err;
struct mel_griffin;
struct mel_inverse;
struct mel_pool;
struct mel_reader;
struct wave_stream;

/* tts-wave's work: mel streams to sound files. */

struct wave_job {
	struct mel_contract contract;
	bool known;  /* contract is set */
	bool chosen; /* by --contract: heads are not asked */
	struct mel_pool *pool;
	enum mel_isa isa;
	struct mel_inverse *inverse;
	struct mel_griffin *griffin; /* of whole utterances */
	struct wave_stream *stream;  /* or while they come */
	struct mel_griffin_options options;
	int look_ahead; /* [frames] of --stream, 0: whole utterances */

	double level;       /* peak, 0: as it is; whole utterances only */
	double max_seconds; /* 0: any, with --stream only */
	bool verbose;
	bool failed; /* an utterance or a stream was wrong */
	struct wave_sink sink;

	double start;   /* of the program [s] */
	double first;   /* first sample after it [s], 0: none yet */
	double seconds; /* of sound made */
};

/* Seconds of a clock that only goes forward. */
double wave_now(void);

/*
 * One stream, path NULL: standard input; max_record as in stream.h. Faults are
 * printed and set job->failed. Dies if the output cannot be written.
 */
void wave_job_run(struct wave_job *job, const char *path, int64_t max_record);

/* Completes the output, see wave_sink_close. */
bool wave_job_close(struct wave_job *job);

/*
 * The head of the stream: its contract is the job's or becomes it, its port the
 * one that holds the mel. The first one opens what depends on it. Returns the
 * port's number, or -1.
 */
int wave_job_head(
    struct wave_job *job, const struct mel_reader *reader, struct mel_err *err);

/* Frames of the longest utterance that is accepted. */
int64_t wave_job_limit(const struct wave_job *job);

/* Reports an utterance of so many frames; how: convergence and times. */
void wave_job_report(
    struct wave_job *job, const char *key, int64_t frames, const char *how);

#endif
