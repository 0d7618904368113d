/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STREAMTEST_H
#define STREAMTEST_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "net/graph.h"
#include "net/kernels.h"
#include "net/netdef.h"
#include "net/network.h"
#include "net/stream.h"
#include "net/timeline.h"
#include "tensor/tensor.h"

struct mel_pool;

#define STREAMTEST_INPUTS 4 /* at most */

/*
 * A network as it is and as a stream. Inputs with an open length have time,
 * the others are there once.
 */
struct streamtest {
	struct mel_network *network;
	const struct mel_kernels *kernels;
	struct mel_session *session;
	struct mel_timeline line;
	struct mel_stream stream;
	struct mel_context context;
	int axis[STREAMTEST_INPUTS]; /* time, or MEL_AXIS_NONE */
	int in_axis, out_axis;       /* of input 0, and of the output */
	bool streams;
};

/* Makes the parts of t->network; 0 also if it does not stream: for a node that
 * looks at all rows, or for lengths that it refuses. */
static inline int
streamtest_parts(
    struct streamtest *t, struct mel_pool *pool, struct mel_err *err)
{
	const struct mel_graph *g = mel_network_graph(t->network);
	struct mel_time_input input[STREAMTEST_INPUTS];

	if (g->n_input > STREAMTEST_INPUTS)
		return mel_fail(err, "%d inputs", g->n_input);
	for (int i = 0; i < g->n_input; i++) {
		const struct mel_io *io = &g->input[i];

		input[i] = (struct mel_time_input){.axis = MEL_AXIS_NONE};
		input[i].shape =
		    mel_tensor_view(MEL_F32, io->ndim, io->dim, NULL);
		for (int d = 0; d < io->ndim; d++) {
			if (io->dim[d] < 0)
				input[i].axis = d;
		}
		t->axis[i] = input[i].axis;
	}
	t->in_axis = t->axis[0];
	if (mel_session_open(&t->session, t->network, pool, err))
		return -1;
	if (mel_timeline_open(&t->line, g, t->kernels, input, NULL))
		return 0;
	t->out_axis = t->line.value[g->output[0].value].axis;
	t->streams =
	    mel_timeline_context(&t->line, g->output[0].value, &t->context);
	if (!t->streams)
		return 0;
	return mel_stream_open(
	    &t->stream, &t->line, g->output[0].value, t->kernels, pool, err);
}

static inline void
streamtest_close(struct streamtest *t)
{
	mel_session_close(t->session);
	mel_stream_close(&t->stream);
	mel_timeline_close(&t->line);
	mel_network_close(t->network);
}

/* Closed again on failure. */
static inline int
streamtest_open(struct streamtest *t, const char *path, enum mel_isa isa,
    struct mel_pool *pool, struct mel_err *err)
{
	*t = (struct streamtest){.kernels = mel_kernels_get(isa)};
	if (mel_network_open(&t->network, path, isa, err))
		return -1;
	if (!streamtest_parts(t, pool, err))
		return 0;
	streamtest_close(t);
	return -1;
}

/* Rows [lo, hi) of t along axis, to be freed. */
static inline struct mel_tensor
cut(const struct mel_tensor *t, int axis, int64_t lo, int64_t hi)
{
	struct mel_tensor part = *t;
	size_t outer = 1, row = mel_dtype_size(t->dtype), n, all;

	for (int d = 0; d < t->ndim; d++) {
		outer *= d < axis ? (size_t)t->dim[d] : 1;
		row *= d > axis ? (size_t)t->dim[d] : 1;
	}
	n = (size_t)(hi - lo) * row;
	all = (size_t)t->dim[axis] * row;
	part.dim[axis] = hi - lo;
	part.owned = true;
	part.data = malloc(outer * n + 1);
	for (size_t i = 0; i < outer; i++)
		memcpy((char *)part.data + i * n,
		    (char *)t->data + i * all + (size_t)lo * row, n);
	return part;
}

/* The same bytes; but of a NaN the payload may be another one. */
static inline bool
same_values(const struct mel_tensor *a, const struct mel_tensor *b)
{
	const float *x = a->data, *y = b->data;

	if (!mel_tensor_bytes(a) ||
	    !memcmp(a->data, b->data, mel_tensor_bytes(a)))
		return true;
	for (size_t i = 0; a->dtype == MEL_F32 && i < mel_tensor_count(a);
	     i++) {
		if (memcmp(&x[i], &y[i], sizeof(*x)) &&
		    !(isnan(x[i]) && isnan(y[i])))
			return false;
	}
	return a->dtype == MEL_F32;
}

static inline bool
same_rows(const struct mel_tensor *got, const struct mel_tensor *whole,
    int axis, int64_t at)
{
	struct mel_tensor want = cut(whole, axis, at, at + got->dim[axis]);
	bool same = same_values(&want, got);

	free(want.data);
	return same;
}

/* Blocks of rows that a stream is fed with, again and again; end: the end of
 * the stream is said with the last one, or else after it. */
struct blocks {
	int64_t size[4]; /* [n] >= 0, not all of them 0 */
	int n;
	bool end;
};

/* Rows [from, to) of inputs with time; what others have is theirs. */
static inline void
cut_inputs(const struct streamtest *t, const struct mel_tensor *x,
    struct mel_tensor *part, int64_t from, int64_t to)
{
	int n = mel_network_graph(t->network)->n_input;

	for (int i = 0; i < n; i++) {
		part[i] = x[i];
		part[i].owned = false;
		if (t->axis[i] >= 0)
			part[i] = cut(&x[i], t->axis[i], from, to);
	}
}

static inline void
free_inputs(const struct streamtest *t, struct mel_tensor *part)
{
	int n = mel_network_graph(t->network)->n_input;

	for (int i = 0; i < n; i++)
		mel_tensor_free(&part[i]);
}

/*
 * Streams x, all inputs, the first of which has time: the rows that come are
 * those of `whole`, and all of them.
 */
static inline bool
stream_equals(struct streamtest *t, const struct mel_tensor *x,
    const struct mel_tensor *whole, const struct blocks *blocks)
{
	struct mel_stream *s = &t->stream;
	int64_t n = x->dim[t->in_axis], at = 0, from = 0;
	struct mel_err err = {""};
	bool good = !mel_stream_begin(s, x, &err);

	for (int i = 0; good && !s->ended; i = (i + 1) % blocks->n) {
		int64_t to = from + blocks->size[i];
		struct mel_tensor part[STREAMTEST_INPUTS], out;
		bool end;

		to = to > n ? n : to;
		end = blocks->end ? to == n : from == n;
		cut_inputs(t, x, part, from, to);
		good = !mel_stream_step(s, part, end, &out, &err) &&
		       at + out.dim[t->out_axis] <= whole->dim[t->out_axis] &&
		       same_rows(&out, whole, t->out_axis, at);
		at += good ? out.dim[t->out_axis] : 0;
		from = to;
		free_inputs(t, part);
	}
	if (err.msg[0])
		printf("# %s\n", err.msg);
	return good && at == whole->dim[t->out_axis];
}

#endif
