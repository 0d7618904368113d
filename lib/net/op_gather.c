/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/graph.h"
#include "net/index.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Elements picked by index: any element type will do. Gather, GatherElements,
 * GatherND 13.
 */

struct axis {
	int64_t axis;
};

static int
axis_prepare(struct mel_node *node, struct mel_err *err)
{
	struct axis *p = node->params;

	return mel_attr_int(node, "axis", 0, &p->axis, err);
}

static int
gather_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct axis *p = node->params;
	int64_t dim[2 * MEL_MAX_DIMS];
	int axis, n = 0;

	if (mel_index_type(node, in[1], err) ||
	    mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err))
		return -1;
	for (int i = 0; i < axis; i++)
		dim[n++] = in[0]->dim[i];
	for (int i = 0; i < in[1]->ndim; i++)
		dim[n++] = in[1]->dim[i];
	for (int i = axis + 1; i < in[0]->ndim; i++)
		dim[n++] = in[0]->dim[i];
	return mel_infer_shape(node, &out[0], in[0]->dtype, n, dim, err);
}

/* Time is among the axes of the indices, or beside the axis of the data. */
static enum mel_time_kind
gather_time(struct mel_timing *t)
{
	const struct axis *p = t->node->params;
	int axis, at = t->in_axis[0];

	if (mel_infer_axis(t->node, p->axis, t->in[0][0]->ndim, &axis, NULL))
		return MEL_TIME_WHOLE;
	if (!mel_time_has(t, 0))
		at = axis + t->in_axis[1];
	else if (t->in_axis[1] != MEL_AXIS_NONE || at == axis)
		return MEL_TIME_WHOLE;
	else if (at > axis)
		at += t->in[0][1]->ndim - 1;
	return at == t->out_axis[0] ? MEL_TIME_POINT : MEL_TIME_WHOLE;
}

struct gather_job {
	const struct mel_tensor *in, *index;
	unsigned char *out;
	int64_t n;    /* length of the axis */
	size_t count; /* indices */
	size_t inner; /* bytes behind one index */
};

static void
gather_slices(void *ctx, size_t lo, size_t hi)
{
	const struct gather_job *job = ctx;

	for (size_t i = lo; i < hi; i++) {
		size_t outer = i / job->count;
		int64_t at = mel_index_in(job->index, i % job->count, job->n);
		size_t from = outer * (size_t)job->n + (size_t)at;

		memcpy(job->out + i * job->inner,
		    (const char *)job->in->data + from * job->inner,
		    job->inner);
	}
}

static int
gather_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct axis *p = node->params;
	struct gather_job job = {in[0], in[1], out[0].data, 0, 0, 0};
	struct mel_range range = {gather_slices, &job, 0, 0};
	size_t inner;
	int axis;

	if (mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err))
		return -1;
	job.n = in[0]->dim[axis];
	job.count = mel_tensor_count(in[1]);
	if (mel_index_check(node, in[1], job.n, err))
		return -1;
	if (!mel_tensor_count(&out[0]))
		return 0;
	inner = (size_t)mel_dims_product(in[0], axis + 1, in[0]->ndim);
	job.inner = inner * mel_dtype_size(in[0]->dtype);
	range.n = mel_tensor_count(&out[0]) / inner;
	range.grain = 1 + MEL_GRAIN_COPY / inner;
	mel_range_run(&range, run->pool);
	return 0;
}

static int
elements_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct axis *p = node->params;
	int axis;

	if (mel_index_type(node, in[1], err) ||
	    mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err))
		return -1;
	if (in[1]->ndim != in[0]->ndim)
		return mel_node_fail(node, err,
		    "indices have %d axes, the data %d", in[1]->ndim,
		    in[0]->ndim);
	for (int i = 0; i < in[0]->ndim; i++) {
		if (i != axis && in[1]->dim[i] > in[0]->dim[i])
			return mel_node_fail(
			    node, err, "axis %d: more indices than data", i);
	}
	return mel_infer_shape(
	    node, &out[0], in[0]->dtype, in[1]->ndim, in[1]->dim, err);
}

struct elements {
	const struct mel_tensor *index;
	int64_t n, stride; /* of the axis in the data */
};

#define ELEMENTS_ROW(name, T)                                                  \
	static void name(const struct mel_row *row)                            \
	{                                                                      \
		const struct elements *e = row->params;                        \
		const T *data = row->p[2];                                     \
		T *out = row->p[0];                                            \
                                                                               \
		for (size_t i = 0; i < row->n; i++) {                          \
			int64_t at = e->index->dtype == MEL_I64                \
					 ? ((const int64_t *)row->p[1])[i]     \
					 : ((const int32_t *)row->p[1])[i];    \
			at = at < 0 ? at + e->n : at;                          \
			out[i] =                                               \
			    data[(int64_t)i * row->step[2] + at * e->stride];  \
		}                                                              \
	}

ELEMENTS_ROW(elements_1, uint8_t)
ELEMENTS_ROW(elements_2, uint16_t)
ELEMENTS_ROW(elements_4, uint32_t)
ELEMENTS_ROW(elements_8, uint64_t)

static int
elements_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	static mel_row_fn *const by_size[] = {[1] = elements_1,
	    [2] = elements_2,
	    [4] = elements_4,
	    [8] = elements_8};
	const struct axis *p = node->params;
	int64_t own[MEL_MAX_DIMS], stride[MEL_MAX_DIMS];
	struct mel_walk walk = {.ndim = out[0].ndim};
	struct elements e = {.index = in[1]};
	int axis;

	if (mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err) ||
	    mel_index_check(node, in[1], in[0]->dim[axis], err))
		return -1;
	memcpy(walk.dim, out[0].dim, sizeof(out[0].dim));
	mel_strides(out[0].ndim, out[0].dim, own);
	mel_strides(in[0]->ndim, in[0]->dim, stride);
	e.n = in[0]->dim[axis];
	e.stride = stride[axis];
	stride[axis] = 0;
	mel_walk_add(&walk, &out[0], 0, own);
	mel_walk_add(&walk, in[1], 0, own);
	mel_walk_add(&walk, in[0], 0, stride);
	mel_walk_run(&walk,
	    &(struct mel_loop){
		by_size[mel_dtype_size(in[0]->dtype)], &e, MEL_GRAIN_COPY},
	    run);
	return 0;
}

static int
nd_prepare(struct mel_node *node, struct mel_err *err)
{
	struct axis *p = node->params;

	if (mel_attr_int(node, "batch_dims", 0, &p->axis, err))
		return -1;
	if (p->axis < 0 || p->axis > MEL_MAX_DIMS)
		return mel_node_fail(
		    node, err, "batch_dims = %lld", (long long)p->axis);
	return 0;
}

static int
nd_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct axis *p = node->params;
	int64_t dim[2 * MEL_MAX_DIMS];
	struct mel_tuples tuples;
	int n = 0;

	if (mel_tuples_init(&tuples, node, in[0], in[1], (int)p->axis, err))
		return -1;
	for (int i = 0; i < in[1]->ndim - 1; i++)
		dim[n++] = in[1]->dim[i];
	for (int i = tuples.batch + tuples.len; i < in[0]->ndim; i++)
		dim[n++] = in[0]->dim[i];
	return mel_infer_shape(node, &out[0], in[0]->dtype, n, dim, err);
}

static int
nd_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct axis *p = node->params;
	size_t size = mel_dtype_size(in[0]->dtype);
	struct mel_tuples tuples;
	char *to = out[0].data;

	(void)run;
	if (mel_tuples_init(&tuples, node, in[0], in[1], (int)p->axis, err))
		return -1;
	for (size_t i = 0; i < tuples.count; i++) {
		int64_t from = mel_tuples_offset(&tuples, node, i, err);

		if (from < 0)
			return -1;
		if (tuples.slice)
			memcpy(to + i * tuples.slice * size,
			    (const char *)in[0]->data + (size_t)from * size,
			    tuples.slice * size);
	}
	return 0;
}

#define GATHER(op_name, rule, prep, shape_rule, value)                         \
	{                                                                      \
		.name = op_name, .min_in = 2, .max_in = 2, .min_out = 1,       \
		.max_out = 1, .params_size = sizeof(struct axis),              \
		.time = rule, .prepare = prep, .infer = shape_rule,            \
		.forward = value                                               \
	}

static const struct mel_op op_gather =
    GATHER("Gather", gather_time, axis_prepare, gather_infer, gather_forward);
static const struct mel_op op_gather_elements = GATHER(
    "GatherElements", NULL, axis_prepare, elements_infer, elements_forward);
static const struct mel_op op_gather_nd =
    GATHER("GatherND", NULL, nd_prepare, nd_infer, nd_forward);

const struct mel_op *const mel_ops_gather[] = {
    &op_gather, &op_gather_elements, &op_gather_nd, NULL};
