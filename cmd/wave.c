/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wave.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "base/pool.h"
#include "block/clock.h"
#include "dsp/inverse.h"
#include "stream.h"
#include "tensor/bundle.h"
#include "tensor/head.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/tensor.h"
#include "tensor/utterance.h"
#include "tool.h"
#include "wave_stream.h"

double
wave_now(void)
{
	return 1e-9 * (double)mel_clock_ns();
}

/* The contract of a head is the job's, or becomes it. */
static int
take_contract(
    struct wave_job *job, const struct mel_head *head, struct mel_err *err)
{
	struct mel_contract c;
	const char *key;

	if (job->chosen)
		return 0;
	if (!head->contract)
		return mel_fail(err,
		    "no mel contract in the head; say which with --contract");
	if (mel_contract_from_json(&c, head->contract, err))
		return -1;
	key = job->known ? mel_contract_differ(&job->contract, &c) : NULL;
	if (key)
		return mel_fail(err,
		    "%s behind %s (they differ in %s); tts-copy --contract %s "
		    "converts",
		    mel_contract_title(&c), mel_contract_title(&job->contract),
		    key, job->contract.name[0] ? job->contract.name : "FILE");
	job->contract = c;
	job->known = true;
	return 0;
}

/* The port that holds the mel; NULL if there is none. */
static const struct mel_port *
mel_port(const struct wave_job *job, const struct mel_head *head,
    struct mel_err *err)
{
	int at = mel_head_rows(head);
	const struct mel_port *p = at < 0 ? NULL : &head->port[at];

	if (!p) {
		mel_fail(err, "no frames in this stream: it is not decoded");
		return NULL;
	}
	if (p->dtype == MEL_F32 && p->ndim == 2 &&
	    p->dim[1] == job->contract.bands)
		return p;
	mel_fail(err,
	    "port \"%s\" is no mel of %lld bands: %s, %d axes, rows of %lld",
	    p->name, (long long)job->contract.bands, mel_dtype_name(p->dtype),
	    p->ndim, (long long)p->dim[p->ndim - 1]);
	return NULL;
}

/* What needs the contract, once. Dies if there can be no output. */
static int
set_up(struct wave_job *job, struct mel_err *err)
{
	const struct mel_contract *c = &job->contract;

	if (job->inverse)
		return 0;
	if (mel_inverse_open(&job->inverse, c, MEL_INVERSE_UPDATES, job->isa,
		job->pool, err))
		return -1;
	if (job->look_ahead ? wave_stream_open(&job->stream, job, err)
			    : mel_griffin_open(
				  &job->griffin, c, job->isa, job->pool, err)) {
		mel_inverse_close(job->inverse);
		job->inverse = NULL;
		return -1;
	}
	wave_sink_open(&job->sink, c->rate);
	return 0;
}

int
wave_job_head(
    struct wave_job *job, const struct mel_reader *reader, struct mel_err *err)
{
	const struct mel_head *head = mel_reader_head(reader);

	if (take_contract(job, head, err) || !mel_port(job, head, err) ||
	    set_up(job, err)) {
		mel_fail_in(err, "%s", mel_reader_name(reader));
		return -1;
	}
	return mel_head_rows(head);
}

int64_t
wave_job_limit(const struct wave_job *job)
{
	double frames = job->max_seconds * (double)job->contract.rate /
			(double)job->contract.hop;

	return frames > 0 ? (int64_t)ceil(frames) : INT64_MAX;
}

static void
scale_to(double level, float *x, int64_t n)
{
	float most = 0;

	for (int64_t i = 0; i < n; i++)
		most = fmaxf(most, fabsf(x[i]));
	for (int64_t i = 0; level > 0 && most > 0 && i < n; i++)
		x[i] *= (float)level / most;
}

static int
synthesise(struct wave_job *job, const struct mel_tensor *mel, float *x,
    struct mel_err *err)
{
	size_t bins = (size_t)job->contract.n_fft / 2 + 1, size;
	float *magnitude;
	int rc;

	if (!mel_size_mul(&size, (size_t)mel->dim[0], bins))
		return mel_fail(err, "too many frames");
	magnitude = mel_alloc(size, sizeof(float), err);
	if (!magnitude)
		return -1;
	rc = mel_inverse_run(
	    job->inverse, mel->data, mel->dim[0], 0, magnitude, err);
	if (!rc)
		rc = mel_griffin_run(job->griffin, magnitude, mel->dim[0],
		    &job->options, x, err);
	free(magnitude);
	return rc;
}

void
wave_job_report(
    struct wave_job *job, const char *key, int64_t frames, const char *how)
{
	double length = (double)mel_contract_samples(&job->contract, frames) /
			(double)job->contract.rate;

	job->seconds += length;
	if (job->verbose)
		tool_warn("%s: %lld frames, %.3f s; %s", key, (long long)frames,
		    length, how);
}

static int
write_sound(struct wave_job *job, const char *key, const float *x, int64_t n,
    struct mel_err *err)
{
	struct wave_sound sound;

	if (wave_sound_open(&job->sink, &sound, key, err))
		return -1;
	if (wave_sound_write(&job->sink, &sound, x, (size_t)n, err)) {
		wave_sound_abort(&job->sink, &sound);
		return -1;
	}
	return wave_sound_finish(&job->sink, &sound, err);
}

static int
one_utterance(struct wave_job *job, const char *key,
    const struct mel_tensor *mel, struct mel_err *err)
{
	int64_t n = mel_contract_samples(&job->contract, mel->dim[0]);
	double began = wave_now(), took;
	float *x = mel_alloc((size_t)n, sizeof(float), err);
	char how[160];
	int rc;

	if (!x)
		return -1;
	rc = synthesise(job, mel, x, err);
	if (!rc) {
		scale_to(job->level, x, n);
		rc = write_sound(job, key, x, n, err);
	}
	free(x);
	if (rc)
		return -1;
	took = wave_now() - began;
	if (job->first == 0)
		job->first = wave_now() - job->start;
	snprintf(how, sizeof(how),
	    "convergence %.4f; %.1f ms, real-time factor %.4f",
	    mel_griffin_convergence(job->griffin), 1e3 * took,
	    n ? took * (double)job->contract.rate / (double)n : 0);
	wave_job_report(job, key, mel->dim[0], how);
	return 0;
}

static void
take(struct wave_job *job, const struct mel_utterance *u, const char *port)
{
	const struct mel_tensor *mel = mel_bundle_get(&u->tensors, port);
	struct mel_err err;

	if (u->state == MEL_UTT_REFUSED)
		tool_warn("%s: %s", u->key, u->error);
	if (u->state != MEL_UTT_WHOLE) {
		job->failed = true;
	} else if (one_utterance(job, u->key, mel, &err)) {
		tool_warn("%s: %s", u->key, err.msg);
		job->failed = true;
	}
}

/* The head first: what it asks for is made while the stages before work. */
static int
read_head(struct wave_job *job, struct mel_reader *reader, struct mel_err *err)
{
	struct mel_record record;

	if (mel_reader_next(reader, &record, err) <= 0)
		return -1;
	return wave_job_head(job, reader, err);
}

/* The mel of the present stream, if it is called as that of the first. */
static int
check_port(const struct wave_job *job, const struct mel_reader *reader,
    const char *name, struct mel_err *err)
{
	const struct mel_port *port =
	    mel_port(job, mel_reader_head(reader), err);

	if (port && !strcmp(port->name, name))
		return 0;
	if (port)
		mel_fail(err, "another port than the first stream's: \"%s\"",
		    port->name);
	return mel_fail_in(err, "%s", mel_reader_name(reader));
}

/* Utterances as a whole; ports: the one that holds the mel. */
static int
run_whole(struct wave_job *job, struct mel_reader *reader,
    const struct mel_strings *ports, struct mel_err *err)
{
	struct mel_utterance_options options = {.ports = ports,
	    .limit = (uint64_t)wave_job_limit(job) *
		     (uint64_t)job->contract.bands * sizeof(float)};
	const char *name = ports->item[0];
	struct mel_utterance u = {0};
	int rc;

	while ((rc = mel_utterance_next(&u, reader, &options, err)) > 0) {
		/* Its stream may be another one (cat a b). */
		rc = check_port(job, reader, name, err);
		if (rc)
			break;
		take(job, &u, name);
	}
	mel_utterance_free(&u);
	return rc;
}

static int
run(struct wave_job *job, struct mel_reader *reader, struct mel_err *err)
{
	struct mel_strings ports = {0};
	int port = read_head(job, reader, err), rc;

	if (port < 0)
		return -1;
	if (job->stream)
		return wave_stream_run(job->stream, reader, port, err);
	rc = mel_strings_add(
	    &ports, mel_reader_head(reader)->port[port].name, err);
	if (!rc)
		rc = run_whole(job, reader, &ports, err);
	mel_strings_free(&ports);
	return rc;
}

void
wave_job_run(struct wave_job *job, const char *path, int64_t max_record)
{
	struct mel_err err;
	int fd;
	struct mel_reader *reader = tool_open_reader(path, max_record, &fd);

	if (run(job, reader, &err)) {
		tool_warn("%s", err.msg);
		job->failed = true;
	}
	mel_reader_close(reader);
	if (fd != STDIN_FILENO)
		close(fd);
}

bool
wave_job_close(struct wave_job *job)
{
	if (job->verbose && job->first > 0)
		tool_warn("first sample after %.1f ms; %.3f s of sound, "
			  "real-time factor %.4f",
		    1e3 * job->first, job->seconds,
		    job->seconds > 0 ? (wave_now() - job->start) / job->seconds
				     : 0);
	wave_stream_close(job->stream);
	mel_inverse_close(job->inverse);
	mel_griffin_close(job->griffin);
	mel_pool_close(job->pool);
	return wave_sink_close(&job->sink, job->failed);
}
