/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "net/graph.h"
#include "net/infer.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "net/window.h"
#include "tensor/tensor.h"

/*
 * MaxPool 12, AveragePool 19, GlobalMaxPool, GlobalAveragePool 1. A window is
 * walked tap by tap, the last axis fastest: an element is one chain.
 */

#define GRAIN 8192 /* elements of windows that are worth a task */

struct pool {
	struct mel_window window;
	int64_t taps[MEL_WINDOW_AXES];
	int64_t count_pad;    /* AveragePool: zeros count as elements */
	int64_t column_major; /* MaxPool: Indices with the first axis fastest */
	bool max;
};

static int
pool_prepare(struct mel_node *node, struct mel_err *err)
{
	struct pool *p = node->params;

	p->max = !strcmp(node->op->name, "MaxPool");
	if (mel_window_read(node, &p->window, err) ||
	    mel_attr_int(node, "ceil_mode", 0, &p->window.ceil_mode, err) ||
	    mel_attr_int(node, "count_include_pad", 0, &p->count_pad, err) ||
	    mel_attr_int(node, "storage_order", 0, &p->column_major, err))
		return -1;
	switch (mel_window_list(
	    node, &p->window, "kernel_shape", 1, p->taps, err)) {
	case -1:
		return -1;
	case 0:
		return mel_node_fail(node, err, "kernel_shape is missing");
	default:
		return 0;
	}
}

static int
find_axis(const struct mel_node *node, const struct mel_tensor *x, int d,
    struct mel_window_axis *axis, struct mel_err *err)
{
	const struct pool *p = node->params;

	*axis =
	    (struct mel_window_axis){.in = x->dim[2 + d], .taps = p->taps[d]};
	return mel_window_along(node, &p->window, d, axis, err);
}

static int
pool_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct pool *p = node->params;
	const struct mel_tensor *x = in[0];
	int64_t dim[MEL_MAX_DIMS];
	struct mel_window_axis axis;
	double taps = 1;

	if (mel_infer_type(node, x->dtype,
		p->max ? MEL_TYPE_FLOAT | 1u << MEL_U8 : MEL_TYPE_FLOAT, err))
		return -1;
	if (x->ndim != p->window.axes + 2)
		return mel_node_fail(node, err,
		    "data of %d axes, windows of %d", x->ndim, p->window.axes);
	memcpy(dim, x->dim, sizeof(dim));
	for (int d = 0; d < p->window.axes; d++) {
		if (find_axis(node, x, d, &axis, err))
			return -1;
		if (axis.lo >= axis.reach || axis.hi >= axis.reach)
			return mel_node_fail(
			    node, err, "windows that lie in the padding");
		taps *= (double)axis.taps;
		dim[2 + d] = axis.out;
	}
	if (taps > MEL_WINDOW_LARGEST)
		return mel_node_fail(node, err, "windows are too large");
	if (mel_infer_shape(node, &out[0], x->dtype, x->ndim, dim, err))
		return -1;
	if (node->n_out < 2)
		return 0;
	return mel_infer_shape(node, &out[1], MEL_I64, x->ndim, dim, err);
}

/* Indices are numbers of elements of the whole. */
static enum mel_time_kind
pool_time(struct mel_timing *t)
{
	const struct pool *p = t->node->params;
	struct mel_window_axis axis;
	int d = t->in_axis[0] - 2;

	if (!mel_time_same(t) || (t->node->n_out > 1 && t->out[0][1].dtype))
		return MEL_TIME_WHOLE;
	if (d < 0)
		return MEL_TIME_POINT;
	if (mel_window_varies(&p->window, d) ||
	    find_axis(t->node, t->in[0][0], d, &axis, NULL))
		return MEL_TIME_WHOLE;
	if (p->max)
		t->blank = -INFINITY;
	else
		t->no_blank = axis.hi > 0 && !p->count_pad;
	return mel_time_window(t, &axis);
}

struct job {
	const struct pool *p;
	int axes;
	struct mel_window_axis axis[MEL_WINDOW_AXES];
	int64_t out_dim[MEL_WINDOW_AXES];
	size_t in, out, taps; /* products over the axes */
	enum mel_dtype dtype;
	const void *x;
	void *y;
	int64_t *indices; /* or NULL */
};

/* Offset of what tap touches for output at; -1 outside. *padded: in pads. */
static int64_t
input_offset(
    const struct job *j, const int64_t *at, const int64_t *tap, bool *padded)
{
	int64_t offset = 0;

	*padded = true;
	for (int d = 0; d < j->axes; d++) {
		const struct mel_window_axis *a = &j->axis[d];
		int64_t i = at[d] * a->stride - a->lo + tap[d] * a->dilation;

		*padded = *padded && i < a->in + a->hi;
		offset =
		    i < 0 || i >= a->in || offset < 0 ? -1 : offset * a->in + i;
	}
	return offset;
}

/* What a window has inside the data. */
struct found {
	float sum, max;
	size_t count;   /* elements, with the pads if they count */
	int64_t at_max; /* -1: the window is empty */
};

static float
element(const struct job *j, size_t i)
{
	return j->dtype == MEL_F32 ? ((const float *)j->x)[i]
				   : ((const uint8_t *)j->x)[i];
}

static struct found
look(const struct job *j, size_t base, const int64_t *at)
{
	struct found f = {.max = -INFINITY, .at_max = -1};
	int64_t tap[MEL_WINDOW_AXES] = {0};

	for (size_t t = 0; t < j->taps; t++) {
		bool padded;
		int64_t offset = input_offset(j, at, tap, &padded);

		f.count += j->p->count_pad ? padded : offset >= 0;
		if (offset >= 0) {
			float v = element(j, base + (size_t)offset);

			f.sum += v;
			if (f.at_max < 0 || v > f.max ||
			    (isnan(v) && !isnan(f.max))) {
				f.max = v;
				f.at_max = offset;
			}
		}
		mel_window_step(tap, j->p->taps, j->axes);
	}
	return f;
}

/* An offset of the data in the other order of axes. */
static int64_t
turn_offset(const struct job *j, int64_t offset)
{
	int64_t turned = 0, step = (int64_t)j->in;

	for (int d = j->axes - 1; d >= 0; d--) {
		step /= j->axis[d].in;
		turned += offset % j->axis[d].in * step;
		offset /= j->axis[d].in;
	}
	return turned;
}

static void
put(const struct job *j, size_t channel, size_t i, const int64_t *at)
{
	struct found f = look(j, channel * j->in, at);
	size_t to = channel * j->out + i;

	if (j->dtype == MEL_U8)
		((uint8_t *)j->y)[to] = f.at_max < 0 ? 0 : (uint8_t)f.max;
	else if (j->p->max)
		((float *)j->y)[to] = f.max;
	else
		((float *)j->y)[to] = f.count ? f.sum / (float)f.count : 0;
	if (!j->indices)
		return;
	if (j->p->column_major && f.at_max >= 0)
		f.at_max = turn_offset(j, f.at_max);
	j->indices[to] = (int64_t)(channel * j->in) + f.at_max;
}

static void
pool_channels(void *ctx, size_t lo, size_t hi)
{
	const struct job *j = ctx;

	for (size_t c = lo; c < hi; c++) {
		int64_t at[MEL_WINDOW_AXES] = {0};

		for (size_t i = 0; i < j->out; i++) {
			put(j, c, i, at);
			mel_window_step(at, j->out_dim, j->axes);
		}
	}
}

static int
pool_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct pool *p = node->params;
	struct job j = {.p = p,
	    .axes = p->window.axes,
	    .in = 1,
	    .out = 1,
	    .taps = 1,
	    .dtype = in[0]->dtype,
	    .x = in[0]->data,
	    .y = out[0].data};
	struct mel_range range = {.task = pool_channels, .ctx = &j};

	for (int d = 0; d < j.axes; d++) {
		if (find_axis(node, in[0], d, &j.axis[d], err))
			return -1;
		if (run->part && run->part->in_axis == 2 + d)
			mel_part_window(
			    run->part, &j.axis[d], out[0].dim[2 + d]);
		j.out_dim[d] = j.axis[d].out;
		j.in *= (size_t)j.axis[d].in;
		j.out *= (size_t)j.axis[d].out;
		j.taps *= (size_t)j.axis[d].taps;
	}
	if (node->n_out > 1 && out[1].dtype)
		j.indices = out[1].data;
	range.n = (size_t)(in[0]->dim[0] * in[0]->dim[1]);
	range.grain = GRAIN / (j.out * j.taps + 1) + 1;
	if (j.out)
		mel_range_run(&range, run->pool);
	return 0;
}

/* ---- of a whole channel ---- */

struct global {
	size_t n; /* elements of a channel */
	const float *x;
	float *y;
	bool max;
	const struct mel_kernels *kernels;
};

static int
global_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	int64_t dim[MEL_MAX_DIMS] = {1, 1, 1, 1, 1, 1, 1, 1};

	if (mel_infer_type(node, in[0]->dtype, MEL_TYPE_FLOAT, err))
		return -1;
	if (in[0]->ndim < 2)
		return mel_node_fail(node, err, "data has no channels");
	dim[0] = in[0]->dim[0];
	dim[1] = in[0]->dim[1];
	return mel_infer_shape(node, &out[0], MEL_F32, in[0]->ndim, dim, err);
}

static enum mel_time_kind
global_time(struct mel_timing *t)
{
	return t->in_axis[0] < 2 ? mel_time_same(t) : MEL_TIME_WHOLE;
}

static void
global_channels(void *ctx, size_t lo, size_t hi)
{
	const struct global *g = ctx;

	for (size_t c = lo; c < hi; c++) {
		const float *x = g->x + c * g->n;

		g->y[c] = g->max ? g->kernels->max(x, g->n)
				 : g->kernels->sum(x, g->n) / (float)g->n;
	}
}

static int
global_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	struct global g = {.n = (size_t)mel_dims_product(in[0], 2, in[0]->ndim),
	    .x = in[0]->data,
	    .y = out[0].data,
	    .max = !strcmp(node->op->name, "GlobalMaxPool"),
	    .kernels = run->kernels};
	struct mel_range range = {.task = global_channels,
	    .ctx = &g,
	    .n = mel_tensor_count(&out[0]),
	    .grain = GRAIN / (g.n + 1) + 1};

	(void)err;
	mel_range_run(&range, run->pool);
	return 0;
}

#define POOL(op_name, outputs)                                                 \
	{                                                                      \
		.name = op_name, .min_in = 1, .max_in = 1, .min_out = 1,       \
		.max_out = outputs, .first_out = true,                         \
		.params_size = sizeof(struct pool), .time = pool_time,         \
		.prepare = pool_prepare, .infer = pool_infer,                  \
		.forward = pool_forward                                        \
	}
#define GLOBAL(op_name)                                                        \
	{                                                                      \
		.name = op_name, .min_in = 1, .max_in = 1, .min_out = 1,       \
		.max_out = 1, .time = global_time, .infer = global_infer,      \
		.forward = global_forward                                      \
	}

static const struct mel_op max_pool = POOL("MaxPool", 2);
static const struct mel_op average_pool = POOL("AveragePool", 1);
static const struct mel_op global_max = GLOBAL("GlobalMaxPool");
static const struct mel_op global_average = GLOBAL("GlobalAveragePool");

const struct mel_op *const mel_ops_pool[] = {
    &max_pool, &average_pool, &global_max, &global_average, NULL};
