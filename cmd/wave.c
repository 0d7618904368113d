/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wave.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/option.h"
#include "base/outdir.h"
#include "base/pool.h"
#include "dsp/inverse.h"
#include "dsp/sound_out.h"
#include "tensor/bundle.h"
#include "tensor/head.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/tensor.h"
#include "tensor/utterance.h"
#include "tool.h"

double
wave_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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

/* What needs the contract. Dies if there can be no output. */
static int
set_up(struct wave_job *job, struct mel_err *err)
{
	struct mel_err fatal;

	if (job->griffin)
		return 0;
	if (mel_inverse_open(&job->inverse, &job->contract, job->pool, err) ||
	    mel_griffin_open(&job->griffin, &job->contract, job->pool, err))
		return -1;
	if (!job->dir && mel_sound_out_open(&job->all, job->out->fd, job->type,
			     job->format, job->contract.rate, &fatal))
		tool_die("output: %s", fatal.msg);
	return 0;
}

static void
clipped(const struct wave_job *job, const struct mel_sound_out *sound)
{
	int64_t n = mel_sound_out_clipped(sound);

	if (n && !job->quiet)
		tool_warn("warning: %lld samples clipped", (long long)n);
}

static int
write_file(struct wave_job *job, const char *key, const float *x, int64_t n,
    struct mel_err *err)
{
	struct mel_sound_out *sound;
	struct mel_outfile out;

	if (mel_outdir_file(
		job->dir, key, NULL, mel_sound_types[job->type], &out, err))
		return -1;
	if (mel_sound_out_open(&sound, out.fd, job->type, job->format,
		job->contract.rate, err))
		goto fail;
	if (mel_sound_out_write(sound, x, (size_t)n, err)) {
		mel_sound_out_close(sound);
		goto fail;
	}
	clipped(job, sound);
	if (mel_sound_out_finish(sound, err))
		goto fail;
	return mel_outfile_commit(&out, err);
fail:
	mel_outfile_abort(&out);
	return -1;
}

/* Behind what is there; nobody can use half of it, so failing is the end. */
static void
append(struct wave_job *job, const float *x, int64_t n)
{
	int64_t gap = (int64_t)rint(job->gap * (double)job->contract.rate);
	static const float zeros[1024];
	struct mel_err err;

	while (job->utterances && gap > 0) {
		size_t now = gap < 1024 ? (size_t)gap : 1024;

		if (mel_sound_out_write(job->all, zeros, now, &err))
			tool_die("output: %s", err.msg);
		gap -= (int64_t)now;
	}
	if (mel_sound_out_write(job->all, x, (size_t)n, &err))
		tool_die("output: %s", err.msg);
	job->utterances++;
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
	rc = mel_inverse_run(job->inverse, mel->data, mel->dim[0],
	    MEL_INVERSE_UPDATES, magnitude, err);
	if (!rc)
		rc = mel_griffin_run(job->griffin, magnitude, mel->dim[0],
		    &job->options, x, err);
	free(magnitude);
	return rc;
}

static void
report(struct wave_job *job, const char *key, const struct mel_tensor *mel,
    double began)
{
	double now = wave_now(), length;

	length = (double)mel_contract_samples(&job->contract, mel->dim[0]) /
		 (double)job->contract.rate;
	tool_warn("%s: %lld frames, %.3f s; convergence %.4f; %.1f ms, "
		  "real-time factor %.4f",
	    key, (long long)mel->dim[0], length,
	    mel_griffin_convergence(job->griffin), 1e3 * (now - began),
	    length > 0 ? (now - began) / length : 0);
	job->seconds += length;
}

static int
one_utterance(struct wave_job *job, const char *key,
    const struct mel_tensor *mel, struct mel_err *err)
{
	int64_t n = mel_contract_samples(&job->contract, mel->dim[0]);
	double began = wave_now();
	float *x = mel_alloc((size_t)n, sizeof(float), err);

	if (!x)
		return -1;
	if (synthesise(job, mel, x, err)) {
		free(x);
		return -1;
	}
	scale_to(job->level, x, n);
	if (job->dir && write_file(job, key, x, n, err)) {
		free(x);
		return -1;
	}
	if (!job->dir)
		append(job, x, n);
	free(x);
	if (job->first == 0)
		job->first = wave_now() - job->start;
	if (job->verbose)
		report(job, key, mel, began);
	return 0;
}

static void
take(struct wave_job *job, const struct mel_utterance *u,
    const struct mel_port *port)
{
	const struct mel_tensor *mel = mel_bundle_get(&u->tensors, port->name);
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
static const struct mel_port *
read_head(struct wave_job *job, struct mel_reader *reader, const char *name)
{
	const struct mel_port *port;
	struct mel_record record;
	struct mel_err err;

	if (mel_reader_next(reader, &record, &err) <= 0) {
		tool_warn("%s", err.msg);
		return NULL;
	}
	if (take_contract(job, mel_reader_head(reader), &err) ||
	    !(port = mel_port(job, mel_reader_head(reader), &err)) ||
	    set_up(job, &err)) {
		tool_warn("%s: %s", name, err.msg);
		return NULL;
	}
	return port;
}

/* The mel of the present stream, if it is called as that of the first. */
static const struct mel_port *
same_port(const struct wave_job *job, struct mel_reader *reader,
    const char *name, struct mel_err *err)
{
	const struct mel_port *port =
	    mel_port(job, mel_reader_head(reader), err);

	if (port && !strcmp(port->name, name))
		return port;
	if (port)
		mel_fail(err, "another port than the first stream's: \"%s\"",
		    port->name);
	mel_fail_in(err, "%s", mel_reader_name(reader));
	return NULL;
}

void
wave_job_run(struct wave_job *job, struct mel_reader *reader, const char *name)
{
	const struct mel_port *port = read_head(job, reader, name);
	struct mel_utterance_options options = {0};
	struct mel_utterance u = {0};
	struct mel_strings ports = {0};
	struct mel_err err;
	double frames;
	int rc;

	if (!port) {
		job->failed = true;
		return;
	}
	if (mel_strings_add(&ports, port->name, &err))
		tool_die("%s", err.msg);
	frames = job->max_seconds * (double)job->contract.rate /
		 (double)job->contract.hop;
	options.limit = (uint64_t)ceil(frames) * (uint64_t)job->contract.bands *
			sizeof(float);
	options.ports = &ports;
	while ((rc = mel_utterance_next(&u, reader, &options, &err)) > 0) {
		/* Its stream may be another one (cat a b). */
		port = same_port(job, reader, ports.item[0], &err);
		if (!port) {
			rc = -1;
			break;
		}
		take(job, &u, port);
	}
	if (rc < 0) {
		tool_warn("%s", err.msg);
		job->failed = true;
	}
	mel_utterance_free(&u);
	mel_strings_free(&ports);
}

bool
wave_job_close(struct wave_job *job)
{
	/* Nothing came of it: no file that says so with zero samples. */
	bool worth = job->all && (job->utterances || !job->failed);
	struct mel_err err;

	if (job->verbose && job->first > 0)
		tool_warn("first sample after %.1f ms; %.3f s of sound, "
			  "real-time factor %.4f",
		    1e3 * job->first, job->seconds,
		    job->seconds > 0 ? (wave_now() - job->start) / job->seconds
				     : 0);
	if (worth) {
		clipped(job, job->all);
		if (mel_sound_out_finish(job->all, &err))
			tool_die("output: %s", err.msg);
	} else {
		mel_sound_out_close(job->all);
	}
	mel_inverse_close(job->inverse);
	mel_griffin_close(job->griffin);
	mel_pool_close(job->pool);
	return worth;
}
