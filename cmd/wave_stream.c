/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wave_stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "dsp/inverse.h"
#include "dsp/rtisi.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tool.h"
#include "wave.h"

#define ROWS 64 /* inverted at a time */

struct wave_stream {
	struct wave_job *job;
	struct mel_rtisi *rtisi;
	float *magnitude; /* [ROWS, bins] */
	float *samples;   /* [hop] */

	/* The utterance at work. */
	char *key; /* owned; NULL: none */
	struct wave_sound sound;
	int64_t frames, given; /* rows so far, samples */
	double began, first;   /* times of wave_now [s] */
};

int
wave_stream_open(
    struct wave_stream **out, struct wave_job *job, struct mel_err *err)
{
	const struct mel_contract *c = &job->contract;
	struct mel_rtisi_options options = {.look_ahead = job->look_ahead,
	    .iterations = job->options.iterations,
	    .momentum = job->options.momentum,
	    .seed = job->options.seed,
	    .measure = job->options.measure};
	struct wave_stream *s = mel_alloc(1, sizeof(*s), err);

	if (!s)
		return -1;
	s->job = job;
	s->magnitude =
	    mel_alloc(ROWS * ((size_t)c->n_fft / 2 + 1), sizeof(float), err);
	s->samples = mel_alloc((size_t)c->hop, sizeof(float), err);
	if (!s->magnitude || !s->samples ||
	    mel_rtisi_open(&s->rtisi, c, &options, job->isa, job->pool, err)) {
		wave_stream_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void
wave_stream_close(struct wave_stream *s)
{
	if (!s)
		return;
	mel_rtisi_close(s->rtisi);
	free(s->magnitude);
	free(s->samples);
	free(s->key);
	free(s);
}

static double
seconds_given(const struct wave_stream *s)
{
	return (double)s->given / (double)s->job->contract.rate;
}

static void
forget(struct wave_stream *s)
{
	mel_rtisi_reset(s->rtisi);
	free(s->key);
	s->key = NULL;
}

/* The utterance failed; what of it was heard cannot be taken back. */
static void
give_up(struct wave_stream *s)
{
	const struct wave_sink *sink = &s->job->sink;

	s->job->failed = true;
	if (!s->key)
		return;
	wave_sound_abort(&s->job->sink, &s->sound);
	if (!sink->dir && s->sound.begun && !sink->quiet)
		tool_warn("remark: %s: its first %.3f s are in the output",
		    s->key, seconds_given(s));
	forget(s);
}

static void
begin(struct wave_stream *s, const struct mel_record *record)
{
	const char *key =
	    json_string_value(json_object_get(record->meta, "key"));
	struct mel_err err;

	s->frames = s->given = 0;
	s->began = wave_now();
	s->key = mel_strdup(key, &err);
	if (!s->key)
		tool_die("%s", err.msg);
	if (wave_sound_open(&s->job->sink, &s->sound, key, &err)) {
		tool_warn("%s: %s", key, err.msg);
		s->job->failed = true;
		forget(s);
	}
}

static int
give(struct wave_stream *s, int64_t n, struct mel_err *err)
{
	struct wave_job *job = s->job;

	if (!s->given)
		s->first = wave_now();
	if (job->first == 0)
		job->first = s->first - job->start;
	s->given += n;
	return wave_sound_write(
	    &job->sink, &s->sound, s->samples, (size_t)n, err);
}

/* At most ROWS rows. */
static int
take_rows(
    struct wave_stream *s, const float *mel, int64_t n, struct mel_err *err)
{
	int64_t bins = s->job->contract.n_fft / 2 + 1, got;

	if (s->frames + n > wave_job_limit(s->job))
		return mel_fail(err, "longer than %g s (--max-seconds)",
		    s->job->max_seconds);
	if (mel_inverse_run(
		s->job->inverse, mel, n, s->frames, s->magnitude, err))
		return -1;
	for (int64_t f = 0; f < n; f++) {
		got = mel_rtisi_push(
		    s->rtisi, s->magnitude + f * bins, s->samples);
		if (got && give(s, got, err))
			return -1;
	}
	s->frames += n;
	return 0;
}

static int
take_record(
    struct wave_stream *s, const struct mel_tensor *rows, struct mel_err *err)
{
	const float *mel = rows->data;
	int64_t left = rows->dim[0];

	for (; left > 0; left -= ROWS, mel += ROWS * rows->dim[1]) {
		if (take_rows(s, mel, left < ROWS ? left : ROWS, err))
			return -1;
	}
	return 0;
}

static int
end(struct wave_stream *s, struct mel_err *err)
{
	double now;
	char how[160];
	int64_t got;

	while ((got = mel_rtisi_finish(s->rtisi, s->samples))) {
		if (give(s, got, err))
			return -1;
	}
	/* One without samples has a place between the others, too. */
	if (!s->given && give(s, 0, err))
		return -1;
	if (wave_sound_finish(&s->job->sink, &s->sound, err))
		return -1;
	now = wave_now();
	snprintf(how, sizeof(how),
	    "convergence %.4f; first sample after %.1f ms, the last after "
	    "%.1f ms",
	    mel_rtisi_convergence(s->rtisi), 1e3 * (s->first - s->began),
	    1e3 * (now - s->began));
	wave_job_report(s->job, s->key, s->frames, how);
	forget(s);
	return 0;
}

static int
take(struct wave_stream *s, const struct mel_record *record, int port,
    struct mel_err *err)
{
	if (!s->key)
		return 0;
	if (record->header.kind == MEL_END)
		return end(s, err);
	if (record->header.kind == MEL_DATA && (int)record->header.port == port)
		return take_record(s, &record->tensor, err);
	return 0;
}

int
wave_stream_run(struct wave_stream *s, struct mel_reader *reader, int port,
    struct mel_err *err)
{
	struct mel_record record;
	struct mel_err fault;
	int rc;

	while ((rc = mel_reader_next(reader, &record, err)) > 0) {
		if (record.header.kind == MEL_HEAD) {
			port = wave_job_head(s->job, reader, err);
			if (port < 0)
				return -1;
		} else if (record.header.kind == MEL_BEGIN) {
			begin(s, &record);
		} else if (record.header.kind == MEL_ERROR) {
			give_up(s);
		} else if (take(s, &record, port, &fault)) {
			tool_warn("%s: %s", s->key, fault.msg);
			give_up(s);
		}
	}
	if (rc < 0)
		give_up(s);
	return rc;
}
