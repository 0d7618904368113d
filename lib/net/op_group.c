/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "net/graph.h"
#include "net/infer.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * GroupNormalization 21 (18: scale and bias one a group), x is [N, C, rest];
 * MeanVarianceNormalization 13.
 */

#define GRAIN 8192 /* elements that are worth a task */

struct group {
	int64_t groups;
	float epsilon;
};

static int
group_prepare(struct mel_node *node, struct mel_err *err)
{
	struct group *p = node->params;

	if (mel_attr_int(node, "num_groups", 0, &p->groups, err) ||
	    mel_attr_float(node, "epsilon", 1e-5f, &p->epsilon, err))
		return -1;
	if (p->groups < 1)
		return mel_node_fail(
		    node, err, "num_groups = %lld", (long long)p->groups);
	return 0;
}

static int
group_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct group *p = node->params;
	const struct mel_tensor *x = in[0];
	int64_t factors = node->opset < 21 ? p->groups : 0;

	if (mel_infer_type(node, x->dtype, MEL_TYPE_FLOAT, err))
		return -1;
	if (x->ndim < 2 || x->dim[1] % p->groups)
		return mel_node_fail(node, err,
		    "the channels do not make %lld groups",
		    (long long)p->groups);
	factors = factors ? factors : x->dim[1];
	for (int i = 1; i < 3; i++) {
		if (in[i]->dtype != MEL_F32 || in[i]->ndim != 1 ||
		    in[i]->dim[0] != factors)
			return mel_node_fail(node, err,
			    "scale or bias is not %lld f32",
			    (long long)factors);
	}
	mel_infer_like(&out[0], x);
	return 0;
}

struct job {
	size_t groups, channels, rest; /* channels of a group */
	size_t factors;                /* elements of scale and bias */
	float epsilon;
	const float *x, *scale, *bias;
	float *y;
	const struct mel_kernels *kernels;
};

static void
group_rows(void *ctx, size_t lo, size_t hi)
{
	const struct job *j = ctx;
	struct mel_layernorm norm = {
	    .n = j->channels * j->rest, .epsilon = j->epsilon};

	for (size_t r = lo; r < hi; r++) {
		size_t group = r % j->groups;
		float *y = j->y + r * norm.n;

		j->kernels->layernorm(&norm, y, j->x + r * norm.n, NULL);
		for (size_t c = 0; c < j->channels; c++, y += j->rest) {
			size_t i = j->factors == j->groups
				       ? group
				       : group * j->channels + c;

			j->kernels->mulc(y, y, j->scale[i], j->rest);
			j->kernels->addc(y, y, j->bias[i], j->rest);
		}
	}
}

static int
group_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct group *p = node->params;
	struct job j = {.groups = (size_t)p->groups,
	    .channels = (size_t)(in[0]->dim[1] / p->groups),
	    .rest = (size_t)mel_dims_product(in[0], 2, in[0]->ndim),
	    .factors = mel_tensor_count(in[1]),
	    .epsilon = p->epsilon,
	    .x = in[0]->data,
	    .scale = in[1]->data,
	    .bias = in[2]->data,
	    .y = out[0].data,
	    .kernels = run->kernels};
	struct mel_range range = {.task = group_rows,
	    .ctx = &j,
	    .n = (size_t)in[0]->dim[0] * j.groups,
	    .grain = GRAIN / (j.channels * j.rest + 1) + 1};

	(void)err;
	if (j.channels && j.rest)
		mel_range_run(&range, run->pool);
	return 0;
}

/* ---- (x - mean) / (deviation + 1e-9), over some axes ---- */

struct moments {
	const int64_t *axes;
	size_t n;
};

static int
moments_prepare(struct mel_node *node, struct mel_err *err)
{
	static const int64_t preset[] = {0, 2, 3};
	struct moments *p = node->params;

	if (mel_attr_ints(node, "axes", &p->axes, &p->n, err))
		return -1;
	if (!p->axes) {
		p->axes = preset;
		p->n = 3;
	}
	return 0;
}

static int
moments_axes(const struct mel_node *node, const struct mel_tensor *x,
    unsigned *mask, struct mel_err *err)
{
	const struct moments *p = node->params;
	int axis;

	*mask = 0;
	for (size_t i = 0; i < p->n; i++) {
		if (mel_infer_axis(node, p->axes[i], x->ndim, &axis, err))
			return -1;
		*mask |= 1u << axis;
	}
	return 0;
}

static int
moments_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	unsigned mask;

	if (mel_infer_type(node, in[0]->dtype, MEL_TYPE_FLOAT, err) ||
	    moments_axes(node, in[0], &mask, err))
		return -1;
	mel_infer_like(&out[0], in[0]);
	return 0;
}

/* The elements that share a mean: those of the masked axes. */
struct area {
	int ndim;
	int64_t dim[MEL_MAX_DIMS];
	size_t stride[MEL_MAX_DIMS];
	size_t count;
};

static size_t
next(const struct area *a, int64_t *at, size_t offset)
{
	for (int d = a->ndim - 1; d >= 0; d--) {
		offset += a->stride[d];
		if (++at[d] < a->dim[d])
			return offset;
		offset -= (size_t)a->dim[d] * a->stride[d];
		at[d] = 0;
	}
	return offset;
}

static void
normalise_area(const struct area *a, float *y, const float *x, size_t base)
{
	int64_t at[MEL_MAX_DIMS] = {0};
	double sum = 0, square = 0, mean, scale;
	size_t offset = base;

	for (size_t i = 0; i < a->count; i++, offset = next(a, at, offset))
		sum += (double)x[offset];
	mean = sum / (double)a->count;
	for (size_t i = 0; i < a->count; i++, offset = next(a, at, offset)) {
		double v = (double)x[offset] - mean;

		square += v * v;
	}
	scale = 1 / (sqrt(square / (double)a->count) + 1e-9);
	for (size_t i = 0; i < a->count; i++, offset = next(a, at, offset))
		y[offset] = (float)(((double)x[offset] - mean) * scale);
}

static int
moments_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	struct area area = {.count = 1}, rest = {.count = 1};
	int64_t at[MEL_MAX_DIMS] = {0};
	unsigned mask;
	size_t base = 0, step = 1;

	(void)run;
	if (moments_axes(node, in[0], &mask, err))
		return -1;
	for (int d = in[0]->ndim - 1; d >= 0; d--) {
		struct area *a = mask >> d & 1 ? &area : &rest;

		a->dim[a->ndim] = in[0]->dim[d];
		a->stride[a->ndim++] = step;
		a->count *= (size_t)in[0]->dim[d];
		step *= (size_t)in[0]->dim[d];
	}
	if (!area.count)
		return 0;
	for (size_t i = 0; i < rest.count; i++) {
		normalise_area(&area, out[0].data, in[0]->data, base);
		base = next(&rest, at, base);
	}
	return 0;
}

static enum mel_time_kind
group_time(struct mel_timing *t)
{
	return t->in_axis[0] ? MEL_TIME_WHOLE : mel_time_same(t);
}

static const struct mel_op op_group = {
    .name = "GroupNormalization",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct group),
    .time = group_time,
    .in_place = 1u,
    .prepare = group_prepare,
    .infer = group_infer,
    .forward = group_forward,
};

static const struct mel_op op_moments = {
    .name = "MeanVarianceNormalization",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct moments),
    .in_place = 1u,
    .prepare = moments_prepare,
    .infer = moments_infer,
    .forward = moments_forward,
};

const struct mel_op *const mel_ops_group[] = {&op_group, &op_moments, NULL};
