/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "tensor/tensor.h"

/*
 * Where the largest are (ArgMax, ArgMin 13, TopK 11), and where anything is
 * (NonZero 13). NaN counts as larger than all numbers for ArgMax and TopK of
 * the largest, as smaller than all for ArgMin and TopK of the smallest.
 */

struct select {
	int64_t axis, keepdims, last, largest;
};

static int
arg_prepare(struct mel_node *node, struct mel_err *err)
{
	struct select *p = node->params;

	if (mel_attr_int(node, "axis", 0, &p->axis, err) ||
	    mel_attr_int(node, "keepdims", 1, &p->keepdims, err) ||
	    mel_attr_int(node, "select_last_index", 0, &p->last, err))
		return -1;
	p->largest = !strcmp(node->op->name, "ArgMax");
	return 0;
}

static int
arg_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct select *p = node->params;
	int64_t dim[MEL_MAX_DIMS];
	int axis, n = 0;

	if (mel_infer_type(
		node, in[0]->dtype, MEL_TYPE_INT | MEL_TYPE_FLOAT, err) ||
	    mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err))
		return -1;
	for (int i = 0; i < in[0]->ndim; i++) {
		if (i != axis)
			dim[n++] = in[0]->dim[i];
		else if (p->keepdims)
			dim[n++] = 1;
	}
	if (mel_infer_shape(node, &out[0], MEL_I64, n, dim, err))
		return -1;
	if (!in[0]->dim[axis] && mel_tensor_count(&out[0]))
		return mel_node_fail(node, err, "axis %d is empty", axis);
	return 0;
}

/* One line of a tensor along the axis. */
struct line {
	const struct mel_tensor *t;
	size_t base, step; /* [elements] */
	bool largest;
};

static struct line
line_at(const struct mel_tensor *t, int axis, size_t i, bool largest)
{
	size_t n = (size_t)t->dim[axis];
	size_t inner = (size_t)mel_dims_product(t, axis + 1, t->ndim);

	return (struct line){
	    t, i / inner * n * inner + i % inner, inner, largest};
}

/* > 0: element a comes before element b; 0: they are equal. */
static int
compare(const struct line *line, size_t a, size_t b)
{
	const void *data = line->t->data;
	int order;

	a = line->base + a * line->step;
	b = line->base + b * line->step;
	if (line->t->dtype == MEL_F32) {
		float x = ((const float *)data)[a],
		      y = ((const float *)data)[b];

		if (isnan(x) || isnan(y))
			return !!isnan(x) - !!isnan(y);
		order = (x > y) - (x < y);
	} else if (line->t->dtype == MEL_I64) {
		int64_t x = ((const int64_t *)data)[a];
		int64_t y = ((const int64_t *)data)[b];

		order = (x > y) - (x < y);
	} else {
		int32_t x = ((const int32_t *)data)[a];
		int32_t y = ((const int32_t *)data)[b];

		order = (x > y) - (x < y);
	}
	return line->largest ? order : -order;
}

static int
arg_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct select *p = node->params;
	size_t count = mel_tensor_count(&out[0]);
	int64_t *to = out[0].data;
	int axis;

	(void)run;
	if (mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err))
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct line line = line_at(in[0], axis, i, p->largest);
		size_t best = 0;

		for (size_t k = 1; k < (size_t)in[0]->dim[axis]; k++) {
			int order = compare(&line, k, best);

			if (order > 0 || (!order && p->last))
				best = k;
		}
		to[i] = (int64_t)best;
	}
	return 0;
}

static int
topk_prepare(struct mel_node *node, struct mel_err *err)
{
	struct select *p = node->params;

	/* Sorted output serves sorted = 0 as well. */
	if (mel_attr_int(node, "axis", -1, &p->axis, err) ||
	    mel_attr_int(node, "largest", 1, &p->largest, err))
		return -1;
	return 0;
}

static int
topk_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct select *p = node->params;
	struct mel_tensor shape = *in[0];
	int64_t k;
	int axis, rc;

	if (mel_infer_type(
		node, in[0]->dtype, MEL_TYPE_INT | MEL_TYPE_FLOAT, err) ||
	    mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err))
		return -1;
	rc = mel_infer_int(node, in[1], "k", &k, err);
	if (rc)
		return rc;
	if (k < 0 || k > shape.dim[axis])
		return mel_node_fail(node, err, "k = %lld of %lld",
		    (long long)k, (long long)shape.dim[axis]);
	shape.dim[axis] = k;
	for (int i = 0; i < node->n_out; i++)
		mel_infer_like(&out[i], &shape);
	if (node->n_out > 1)
		out[1].dtype = MEL_I64;
	return 0;
}

static size_t
topk_scratch(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	const struct select *p = node->params;
	int axis;

	(void)out;
	if (mel_infer_axis(node, p->axis, in[0]->ndim, &axis, NULL))
		return 0;
	/* The axis is at least as long as k, and its elements exist. */
	return (size_t)in[0]->dim[axis] * sizeof(size_t);
}

/* Is a to come before b? Of equal ones the first. */
static bool
before(const struct line *line, size_t a, size_t b)
{
	int order = compare(line, a, b);

	return order > 0 || (!order && a < b);
}

/* heap[0..n-1]: every element comes behind its children. */
static void
sink(const struct line *line, size_t *heap, size_t n, size_t i)
{
	for (;;) {
		size_t child = 2 * i + 1, top = heap[i];

		if (child >= n)
			return;
		if (child + 1 < n && before(line, heap[child], heap[child + 1]))
			child++;
		if (!before(line, top, heap[child]))
			return;
		heap[i] = heap[child];
		heap[child] = top;
		i = child;
	}
}

/* heap becomes the k first of n elements, in order. k > 0. */
static void
select_first(const struct line *line, size_t *heap, size_t n, size_t k)
{
	for (size_t i = 0; i < k; i++)
		heap[i] = i;
	for (size_t i = k; i-- > 0;)
		sink(line, heap, k, i);
	for (size_t i = k; i < n; i++) {
		if (before(line, i, heap[0])) {
			heap[0] = i;
			sink(line, heap, k, 0);
		}
	}
	for (size_t i = k; i-- > 1;) {
		size_t last = heap[0];

		heap[0] = heap[i];
		heap[i] = last;
		sink(line, heap, i, 0);
	}
}

static int
topk_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct select *p = node->params;
	const struct mel_tensor *shape = out[0].dtype ? &out[0] : &out[1];
	size_t *heap = (size_t *)(void *)run->scratch;
	size_t size = mel_dtype_size(in[0]->dtype), k, lines;
	int axis;

	if (mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err))
		return -1;
	k = (size_t)shape->dim[axis];
	lines = k ? mel_tensor_count(shape) / k : 0;
	for (size_t i = 0; i < lines; i++) {
		struct line from = line_at(in[0], axis, i, p->largest);
		struct line to = line_at(shape, axis, i, false);

		select_first(&from, heap, (size_t)in[0]->dim[axis], k);
		for (size_t j = 0; j < k; j++) {
			size_t at = to.base + j * to.step;

			if (out[0].dtype)
				memcpy((char *)out[0].data + at * size,
				    (const char *)in[0]->data +
					(from.base + heap[j] * from.step) *
					    size,
				    size);
			if (node->n_out > 1 && out[1].dtype)
				((int64_t *)out[1].data)[at] = (int64_t)heap[j];
		}
	}
	return 0;
}

static bool
is_zero(const struct mel_tensor *t, size_t i)
{
	static const unsigned char zero[8];
	size_t size = mel_dtype_size(t->dtype);

	if (t->dtype == MEL_F32) /* -0 is one, too */
		return ((const float *)t->data)[i] == 0;
	return !memcmp((const char *)t->data + i * size, zero, size);
}

static int
nonzero_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	size_t count = mel_tensor_count(in[0]);
	int64_t dim[2] = {in[0]->ndim, 0};

	if (mel_infer_type(node, in[0]->dtype,
		MEL_TYPE_INT | MEL_TYPE_FLOAT | 1u << MEL_U8 | 1u << MEL_BOOL,
		err))
		return -1;
	if (count && !in[0]->data)
		return MEL_INFER_LATER;
	for (size_t i = 0; i < count; i++)
		dim[1] += !is_zero(in[0], i);
	return mel_infer_shape(node, &out[0], MEL_I64, 2, dim, err);
}

static int
nonzero_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	size_t count = mel_tensor_count(in[0]), at = 0;
	size_t n = (size_t)out[0].dim[1];
	int64_t *to = out[0].data;

	(void)node;
	(void)run;
	(void)err;
	for (size_t i = 0; i < count; i++) {
		size_t rest = i;

		if (is_zero(in[0], i))
			continue;
		for (int d = in[0]->ndim - 1; d >= 0; d--) {
			size_t len = (size_t)in[0]->dim[d];

			to[(size_t)d * n + at] = (int64_t)(rest % len);
			rest /= len;
		}
		at++;
	}
	return 0;
}

static enum mel_time_kind
arg_time(struct mel_timing *t)
{
	const struct select *p = t->node->params;
	int axis;

	if (mel_infer_axis(t->node, p->axis, t->in[0][0]->ndim, &axis, NULL))
		return MEL_TIME_WHOLE;
	return mel_time_reduce(t, 1u << axis, p->keepdims);
}

static enum mel_time_kind
topk_time(struct mel_timing *t)
{
	const struct select *p = t->node->params;
	int axis;

	if (mel_infer_axis(t->node, p->axis, t->in[0][0]->ndim, &axis, NULL))
		return MEL_TIME_WHOLE;
	return mel_time_reduce(t, 1u << axis, true);
}

#define ARG(op_name)                                                           \
	{                                                                      \
		.name = op_name, .min_in = 1, .max_in = 1, .min_out = 1,       \
		.max_out = 1, .params_size = sizeof(struct select),            \
		.time = arg_time, .prepare = arg_prepare, .infer = arg_infer,  \
		.forward = arg_forward                                         \
	}

static const struct mel_op op_argmax = ARG("ArgMax");
static const struct mel_op op_argmin = ARG("ArgMin");

static const struct mel_op op_topk = {
    .name = "TopK",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 2,
    .params_size = sizeof(struct select),
    .time = topk_time,
    .prepare = topk_prepare,
    .infer = topk_infer,
    .scratch = topk_scratch,
    .forward = topk_forward,
};

static const struct mel_op op_nonzero = {
    .name = "NonZero",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = nonzero_infer,
    .forward = nonzero_forward,
};

const struct mel_op *const mel_ops_select[] = {
    &op_argmax, &op_argmin, &op_topk, &op_nonzero, NULL};
