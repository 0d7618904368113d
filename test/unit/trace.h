/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TRACE_H
#define TRACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/option.h"
#include "block/block.h"
#include "block/decl.h"
#include "block/env.h"
#include "block/sequence.h"
#include "block/streamable.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"

/*
 * Blocks as somebody outside the library would write them. Each is a struct
 * of its own in this file and nothing else; registering is one call.
 *
 *	Make   sequence: a tensor out of another, its rows filled by a rule
 *	Bias   streamable: adds the sum of a tensor to rows from upstream
 *	Mark   streamable: passes rows on, and writes down when
 *	Wait   sequence: waits until another Wait has begun
 */

/* What was done, as words with a blank behind each; read by one thread. */
static char trace[4096];

/* Blocks that run at once write at once. */
static inline void
trace_add(const char *what, const char *name)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	size_t len;

	pthread_mutex_lock(&lock);
	len = strlen(trace);
	if (len + strlen(what) + strlen(name) + 2 < sizeof(trace))
		sprintf(trace + len, "%s%s ", what, name);
	pthread_mutex_unlock(&lock);
}

/* How often a word is in the trace. */
static inline int
trace_count(const char *word)
{
	char with_blank[64];
	int n = 0;

	snprintf(with_blank, sizeof(with_blank), "%s ", word);
	for (const char *p = trace; (p = strstr(p, with_blank)); p++)
		n++;
	return n;
}

static inline void
trace_nap(int64_t ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

struct make {
	char *in, *also, *out, *rate;
	int64_t width; /* 0: a number a row */
	int64_t nap;   /* before it works [ms] */
	bool quiet;    /* not in the trace */
};

static inline int
make_open(void *state, const void *options, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err)
{
	const struct make *o = options;
	struct mel_decl in = {.name = o->in, .ndim = -1};
	struct mel_decl also = {.name = o->also, .ndim = -1};
	struct mel_decl out = {.name = o->out,
	    .dtype = MEL_F32,
	    .ndim = o->width ? 2 : 1,
	    .width = o->width,
	    .rate = o->rate};

	(void)env;
	*(const struct make **)state = o;
	if (mel_decls_add(&spec->needs, &in, err) ||
	    (o->also && mel_decls_add(&spec->needs, &also, err)))
		return -1;
	return mel_decls_add(&spec->gives, &out, err);
}

/* Element i of a tensor of any type that there is here. */
static inline float
make_number(const struct mel_tensor *t, size_t i)
{
	if (t->dtype == MEL_I64)
		return (float)((const int64_t *)t->data)[i];
	if (t->dtype == MEL_I32)
		return (float)((const int32_t *)t->data)[i];
	return ((const float *)t->data)[i];
}

static inline float
make_sum(const struct mel_tensor *t)
{
	size_t n = t ? mel_tensor_count(t) : 0;
	float sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += make_number(t, i);
	return sum;
}

/* Row r, column c is in[r] (its first element) / (c + 1) + sum of also. */
static inline int
make_run(void *state, const struct mel_bundle *in, struct mel_bundle *out,
    struct mel_err *err)
{
	const struct make *o = *(const struct make **)state;
	const struct mel_tensor *x = mel_bundle_get(in, o->in);
	float more = o->also ? make_sum(mel_bundle_get(in, o->also)) : 0;
	int64_t dim[2] = {x->dim[0], o->width}, width = o->width ?: 1;
	size_t step = x->ndim > 1 ? (size_t)x->dim[1] : 1;
	struct mel_tensor t;
	int rc;

	trace_nap(o->nap);
	if (!o->quiet)
		trace_add("run:", o->out);
	if (mel_tensor_new(&t, MEL_F32, o->width ? 2 : 1, dim, err))
		return -1;
	for (int64_t r = 0; r < dim[0]; r++) {
		for (int64_t c = 0; c < width; c++)
			((float *)t.data)[r * width + c] =
			    make_number(x, (size_t)r * step) / (float)(c + 1) +
			    more;
	}
	rc = mel_bundle_put(out, o->out, &t, err);
	mel_tensor_free(&t);
	return rc;
}

static const struct mel_option make_options[] = {
    {.name = "in",
	.type = MEL_OPT_STRING,
	.offset = offsetof(struct make, in),
	.preset = "tokens",
	.help = "tensor to read"},
    {.name = "also",
	.type = MEL_OPT_STRING,
	.offset = offsetof(struct make, also),
	.help = "another, whose sum is added"},
    {.name = "out",
	.type = MEL_OPT_STRING,
	.offset = offsetof(struct make, out),
	.required = true,
	.help = "tensor to make"},
    {.name = "rate",
	.type = MEL_OPT_STRING,
	.offset = offsetof(struct make, rate),
	.help = "rate to declare"},
    {.name = "width",
	.type = MEL_OPT_INT,
	.offset = offsetof(struct make, width),
	.help = "of a row"},
    {.name = "nap",
	.type = MEL_OPT_INT,
	.offset = offsetof(struct make, nap),
	.help = "milliseconds to sleep"},
    {.name = "quiet",
	.type = MEL_OPT_FLAG,
	.offset = offsetof(struct make, quiet),
	.help = "not in the trace"},
    {0},
};

static const struct mel_sequence_type make_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Make",
    .help = "a tensor out of another",
    .options = make_options,
    .options_size = sizeof(struct make),
    .state_size = sizeof(const struct make *),
    .open = make_open,
    .run = make_run,
};

struct bias_options {
	char *in;
};

struct bias {
	const struct bias_options *options;
	struct mel_streamable *upstream;
	float value;
};

static inline int
bias_open(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	struct bias *b = state;
	struct mel_decl in = {.dtype = MEL_F32, .ndim = -1};

	(void)env;
	b->options = options;
	in.name = b->options->in;
	spec->upstream = true;
	return mel_decls_add(&spec->needs, &in, err);
}

static inline int
bias_begin(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct bias *b = state;

	(void)err;
	b->upstream = upstream;
	b->value = make_sum(mel_bundle_get(data, b->options->in));
	*width = mel_streamable_width(upstream);
	return 0;
}

static inline int64_t
bias_pull(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct bias *b = state;
	int64_t n = mel_streamable_pull(b->upstream, wanted, rows, err);

	for (int64_t i = 0; i < n * mel_streamable_width(b->upstream); i++)
		rows[i] += b->value;
	return n;
}

static const struct mel_option bias_table[] = {
    {.name = "in",
	.type = MEL_OPT_STRING,
	.offset = offsetof(struct bias_options, in),
	.required = true,
	.help = "tensor whose sum is added"},
    {0},
};

static const struct mel_streamable_type bias_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Bias",
    .help = "adds the sum of a tensor",
    .options = bias_table,
    .options_size = sizeof(struct bias_options),
    .state_size = sizeof(struct bias),
    .open = bias_open,
    .begin = bias_begin,
    .pull = bias_pull,
};

struct mark_options {
	char *name;
	int64_t width, nap;
};

struct mark {
	const struct mark_options *options;
	struct mel_streamable *upstream;
};

static inline int
mark_open(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	struct mark *m = state;

	(void)env;
	(void)err;
	m->options = options;
	spec->upstream = true;
	spec->in_width = m->options->width;
	return 0;
}

static inline int
mark_begin(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct mark *m = state;

	(void)data;
	(void)err;
	m->upstream = upstream;
	*width = mel_streamable_width(upstream);
	trace_add("begin:", m->options->name);
	return 0;
}

static inline int64_t
mark_pull(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct mark *m = state;
	int64_t n = mel_streamable_pull(m->upstream, wanted, rows, err);

	trace_nap(m->options->nap);
	if (n > 0)
		trace_add("rows:", m->options->name);
	return n;
}

static const struct mel_option mark_table[] = {
    {.name = "name",
	.type = MEL_OPT_STRING,
	.offset = offsetof(struct mark_options, name),
	.preset = "mark",
	.help = "in the trace"},
    {.name = "width",
	.type = MEL_OPT_INT,
	.offset = offsetof(struct mark_options, width),
	.help = "that rows must have; 0: any"},
    {.name = "nap",
	.type = MEL_OPT_INT,
	.offset = offsetof(struct mark_options, nap),
	.help = "milliseconds to sleep at each pull"},
    {0},
};

static const struct mel_streamable_type mark_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Mark",
    .help = "rows unchanged, written down",
    .options = mark_table,
    .options_size = sizeof(struct mark_options),
    .state_size = sizeof(struct mark),
    .open = mark_open,
    .begin = mark_begin,
    .pull = mark_pull,
};

/* How many Waits are running, and whether two were at once. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	int begun;
} waits = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

struct wait {
	char *out;
	double limit; /* [s] */
};

static inline int
wait_open(void *state, const void *options, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err)
{
	const struct wait *o = options;
	struct mel_decl out = {.name = o->out, .dtype = MEL_F32};

	(void)env;
	*(const struct wait **)state = o;
	return mel_decls_add(&spec->gives, &out, err);
}

static inline int
wait_run(void *state, const struct mel_bundle *in, struct mel_bundle *out,
    struct mel_err *err)
{
	const struct wait *o = *(const struct wait **)state;
	struct timespec end;
	bool met;
	int rc = 0;

	(void)in;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += (long)(o->limit * 1e9) % 1000000000;
	end.tv_sec += (time_t)o->limit + end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	pthread_mutex_lock(&waits.lock);
	waits.begun++;
	pthread_cond_broadcast(&waits.more);
	while (waits.begun < 2 && !rc)
		rc = pthread_cond_timedwait(&waits.more, &waits.lock, &end);
	met = waits.begun >= 2;
	pthread_mutex_unlock(&waits.lock);
	if (!met)
		return mel_fail(err, "alone for %g s", o->limit);
	return mel_bundle_put_f32(out, o->out, 1, err);
}

static const struct mel_option wait_table[] = {
    {.name = "out",
	.type = MEL_OPT_STRING,
	.offset = offsetof(struct wait, out),
	.required = true,
	.help = "f32 scalar to make"},
    {.name = "limit",
	.type = MEL_OPT_FLOAT,
	.offset = offsetof(struct wait, limit),
	.preset = "10",
	.help = "seconds to wait"},
    {0},
};

static const struct mel_sequence_type wait_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Wait",
    .help = "waits until another has begun",
    .options = wait_table,
    .options_size = sizeof(struct wait),
    .state_size = sizeof(const struct wait *),
    .open = wait_open,
    .run = wait_run,
};

#endif
