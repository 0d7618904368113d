/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/pool.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/product.h"
#include "net/timing.h"
#include "tensor/tensor.h"

/* Softmax, LogSoftmax, Hardmax 13; with flatten = 1 as before opset 13. */

#define GRAIN 8192 /* elements that are worth a task */
#define STRIP 16   /* rows that are gathered at once where they are strided */

struct softmax {
	int64_t axis, flatten;
};

static int
softmax_prepare(struct mel_node *node, struct mel_err *err)
{
	struct softmax *p = node->params;

	if (mel_attr_int(node, "axis", -1, &p->axis, err) ||
	    mel_attr_int(node, "flatten", 0, &p->flatten, err))
		return -1;
	return 0;
}

/* The array as [outer, n, inner]; rows of n are what is normalised. */
struct rows {
	size_t outer, n, inner;
	const float *x;
	float *y;
	mel_unary *fn;
	const struct mel_run *run;
	size_t step; /* rows of one task */
};

static int
find_rows(const struct mel_node *node, const struct mel_tensor *x,
    struct rows *r, struct mel_err *err)
{
	const struct softmax *p = node->params;
	int axis, end;

	/* The flattened form may split a scalar, or after the last axis. */
	if (p->flatten && p->axis == x->ndim)
		axis = x->ndim;
	else if (mel_infer_axis(node, p->axis, x->ndim, &axis, err))
		return -1;
	end = p->flatten ? x->ndim : axis + 1;
	r->outer = (size_t)mel_dims_product(x, 0, axis);
	r->n = (size_t)mel_dims_product(x, axis, end);
	r->inner = (size_t)mel_dims_product(x, end, x->ndim);
	return 0;
}

static int
softmax_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	struct rows r;

	if (mel_infer_type(node, in[0]->dtype, MEL_TYPE_FLOAT, err) ||
	    find_rows(node, in[0], &r, err))
		return -1;
	mel_infer_like(&out[0], in[0]);
	return 0;
}

static size_t
softmax_scratch(const struct mel_node *node,
    const struct mel_tensor *const in[], const struct mel_tensor out[])
{
	struct rows r;

	(void)out;
	if (find_rows(node, in[0], &r, NULL) || r.inner == 1)
		return 0;
	return STRIP * r.n * sizeof(float);
}

static void
do_rows(void *ctx, size_t index, int worker)
{
	const struct rows *r = ctx;
	size_t lo = index * r->step, hi = lo + r->step;

	(void)worker;
	if (hi > r->outer)
		hi = r->outer;
	for (size_t i = lo; i < hi; i++)
		r->fn(r->y + i * r->n, r->x + i * r->n, r->n);
}

/* STRIP neighbouring rows with a step between their elements. */
static void
do_strip(void *ctx, size_t index, int worker)
{
	const struct rows *r = ctx;
	size_t strips = (r->inner + STRIP - 1) / STRIP;
	size_t first = index % strips * STRIP;
	size_t at = index / strips * r->n * r->inner + first;
	size_t rows = r->inner - first < STRIP ? r->inner - first : STRIP;
	float *part =
	    (float *)(r->run->scratch + (size_t)worker * r->run->stride);

	mel_transpose(part, r->n, r->x + at, r->inner, r->n, rows);
	for (size_t i = 0; i < rows; i++)
		r->fn(part + i * r->n, part + i * r->n, r->n);
	mel_transpose(r->y + at, r->inner, part, r->n, rows, r->n);
}

static void
run_rows(struct rows *r)
{
	struct mel_pool *pool = r->run->pool;

	if (!r->outer || !r->n || !r->inner)
		return;
	if (r->inner == 1) {
		r->step = r->n < GRAIN ? GRAIN / r->n : 1;
		mel_pool_run(
		    pool, (r->outer + r->step - 1) / r->step, do_rows, r);
	} else {
		mel_pool_run(pool, r->outer * ((r->inner + STRIP - 1) / STRIP),
		    do_strip, r);
	}
}

static int
softmax_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	struct rows r = {.x = in[0]->data,
	    .y = out[0].data,
	    .fn = run->kernels->softmax,
	    .run = run};

	if (find_rows(node, in[0], &r, err))
		return -1;
	run_rows(&r);
	return 0;
}

static int
logsoftmax_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	struct rows r = {.x = in[0]->data,
	    .y = out[0].data,
	    .fn = run->kernels->logsoftmax,
	    .run = run};

	if (find_rows(node, in[0], &r, err))
		return -1;
	run_rows(&r);
	return 0;
}

/* 1 where the first largest of a row is. */
static int
hardmax_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	const float *x = in[0]->data;
	float *y = out[0].data;
	struct rows r;

	(void)run;
	if (find_rows(node, in[0], &r, err))
		return -1;
	if (!mel_tensor_count(&out[0]))
		return 0;
	memset(y, 0, mel_tensor_bytes(&out[0]));
	for (size_t row = 0; row < r.outer * r.inner; row++) {
		size_t first = row / r.inner * r.inner * r.n + row % r.inner;
		size_t best = first;

		for (size_t i = 1; i < r.n; i++) {
			if (x[first + i * r.inner] > x[best])
				best = first + i * r.inner;
		}
		y[best] = 1;
	}
	return 0;
}

static enum mel_time_kind
softmax_time(struct mel_timing *t)
{
	const struct softmax *p = t->node->params;
	int axis, time = t->in_axis[0], ndim = t->in[0][0]->ndim;

	if (mel_infer_axis(t->node, p->axis, ndim, &axis, NULL))
		return MEL_TIME_WHOLE;
	if (p->flatten ? time >= axis : time == axis)
		return MEL_TIME_WHOLE;
	return mel_time_same(t);
}

#define SOFTMAX(id, text)                                                      \
	static const struct mel_op id = {                                      \
	    .name = text,                                                      \
	    .min_in = 1,                                                       \
	    .max_in = 1,                                                       \
	    .min_out = 1,                                                      \
	    .max_out = 1,                                                      \
	    .params_size = sizeof(struct softmax),                             \
	    .time = softmax_time,                                              \
	    .in_place = 1u,                                                    \
	    .prepare = softmax_prepare,                                        \
	    .infer = softmax_infer,                                            \
	    .scratch = softmax_scratch,                                        \
	    .forward = id##_forward,                                           \
	};

SOFTMAX(softmax, "Softmax")
SOFTMAX(logsoftmax, "LogSoftmax")

static const struct mel_op hardmax = {
    .name = "Hardmax",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct softmax),
    .time = softmax_time,
    .prepare = softmax_prepare,
    .infer = softmax_infer,
    .forward = hardmax_forward,
};

const struct mel_op *const mel_ops_softmax[] = {
    &softmax, &logsoftmax, &hardmax, NULL};
