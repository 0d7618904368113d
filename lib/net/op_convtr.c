/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "net/convtr.h"
#include "net/direct.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "tensor/tensor.h"

/*
 * ConvTranspose 11. Along one axis with constant weights it is a few packed
 * products (net/convtr1d.c); any other number of axes is computed directly,
 * output by output, in one order: bias, then taps, then channels.
 */

static int
convtr_prepare(struct mel_node *node, struct mel_err *err)
{
	struct mel_convtr *p = node->params;
	int given;

	if (mel_window_read(node, &p->window, err) ||
	    mel_attr_int(node, "group", 1, &p->group, err) ||
	    mel_window_list(
		node, &p->window, "output_padding", 0, p->more, err) < 0)
		return -1;
	given = mel_window_list(
	    node, &p->window, "output_shape", 0, p->length, err);
	if (given < 0)
		return -1;
	if (p->group < 1 || p->group > MEL_WINDOW_LARGEST)
		return mel_node_fail(
		    node, err, "group = %lld", (long long)p->group);
	for (int d = 0; d < given; d++) {
		if (!p->length[d])
			return mel_node_fail(node, err, "output_shape has a 0");
	}
	return 0;
}

/* The ends of what the windows write are cut to reach a wanted length. */
static void
cut_to(struct mel_window_axis *axis, int64_t full, int64_t want, bool upper)
{
	int64_t pads = full - want < 0 ? 0 : full - want;

	axis->out = want;
	axis->lo = upper ? pads / 2 : pads - pads / 2;
}

int
mel_convtr_axis(const struct mel_node *node, int d,
    const struct mel_tensor *const in[], struct mel_window_axis *axis,
    struct mel_err *err)
{
	const struct mel_convtr *p = node->params;
	const struct mel_window *w = &p->window;
	bool upper = w->pad == MEL_WINDOW_UPPER;
	int64_t full;

	*axis = (struct mel_window_axis){
	    .in = in[0]->dim[2 + d],
	    .taps = in[1]->dim[2 + d],
	    .lo = w->pad == MEL_WINDOW_EXPLICIT ? w->lo[d] : 0,
	    .hi = w->pad == MEL_WINDOW_EXPLICIT ? w->hi[d] : 0,
	    .stride = w->stride[d],
	    .dilation = w->dilation[d],
	};
	if (axis->taps < 1 || axis->taps > MEL_WINDOW_LARGEST)
		return mel_node_fail(
		    node, err, "a kernel of %lld taps", (long long)axis->taps);
	axis->reach = (axis->taps - 1) * axis->dilation + 1;
	if (axis->reach > MEL_WINDOW_LARGEST || axis->in > (int64_t)1 << 38)
		return mel_node_fail(node, err, "lengths are too large");
	full = (axis->in - 1) * axis->stride + axis->reach + p->more[d];
	if (p->length[d])
		cut_to(axis, full, p->length[d], upper);
	else if (upper || w->pad == MEL_WINDOW_LOWER)
		cut_to(axis, full, axis->in * axis->stride, upper);
	else
		axis->out = full - axis->lo - axis->hi;
	if (!axis->in || axis->out < 0)
		axis->out = 0;
	return 0;
}

static int
check_inputs(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_err *err)
{
	const struct mel_convtr *p = node->params;
	const struct mel_tensor *x = in[0], *w = in[1];
	const struct mel_tensor *b = mel_input(node, in, 2);

	if (mel_infer_type(node, x->dtype, MEL_TYPE_FLOAT, err) ||
	    mel_infer_type(node, w->dtype, MEL_TYPE_FLOAT, err))
		return -1;
	if (x->ndim < 3 || w->ndim != x->ndim)
		return mel_node_fail(node, err,
		    "data of %d and weights of %d axes", x->ndim, w->ndim);
	if (p->window.axes && p->window.axes != x->ndim - 2)
		return mel_node_fail(
		    node, err, "attributes for %d axes", p->window.axes);
	if (x->dim[1] != w->dim[0] || x->dim[1] % p->group)
		return mel_node_fail(node, err,
		    "%lld channels, weights for %lld, %lld groups",
		    (long long)x->dim[1], (long long)w->dim[0],
		    (long long)p->group);
	if (b && (b->dtype != MEL_F32 || b->ndim != 1 ||
		     b->dim[0] / p->group != w->dim[1] || b->dim[0] % p->group))
		return mel_node_fail(node, err, "the bias does not fit");
	return 0;
}

static int
convtr_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct mel_convtr *p = node->params;
	int64_t dim[MEL_MAX_DIMS];
	struct mel_window_axis axis;

	if (check_inputs(node, in, err))
		return -1;
	dim[0] = in[0]->dim[0];
	if (__builtin_mul_overflow(in[1]->dim[1], p->group, &dim[1]))
		return mel_node_fail(node, err, "too many groups");
	for (int d = 2; d < in[0]->ndim; d++) {
		if (mel_convtr_axis(node, d - 2, in, &axis, err))
			return -1;
		dim[d] = axis.out;
	}
	return mel_infer_shape(node, &out[0], MEL_F32, in[0]->ndim, dim, err);
}

static enum mel_time_kind
convtr_time(struct mel_timing *t)
{
	const struct mel_convtr *p = t->node->params;
	struct mel_window_axis a;
	int d = t->in_axis[0] - 2;
	int64_t more;

	if (!mel_time_alone(t) || t->out_axis[0] != t->in_axis[0])
		return MEL_TIME_WHOLE;
	if (d == -2)
		return MEL_TIME_POINT;
	if (d < 0 || p->length[d] ||
	    mel_convtr_axis(t->node, d, t->in[0], &a, NULL))
		return MEL_TIME_WHOLE;
	more = a.out - a.in * a.stride;
	t->reach[0] = (struct mel_reach){
	    .num = a.stride,
	    .den = 1,
	    .first = a.lo - a.reach + 1,
	    /* What the padding behind may cut off has to wait. */
	    .last = a.lo < -more ? -more : a.lo,
	    .more = more,
	    .nothing = true,
	};
	return MEL_TIME_WINDOW;
}

static int
convtr_bind(struct mel_node *node, const struct mel_tensor *const constant[],
    const struct mel_kernels *kernels, struct mel_err *err)
{
	const struct mel_tensor *w = constant[1];

	if (!w || w->dtype != MEL_F32 || w->ndim != 3)
		return 0;
	if (mel_convtr1d_bind(node, w, kernels, err))
		return -1;
	if (((struct mel_convtr *)node->params)->packed)
		node->packed = 1u << 1;
	return 0;
}

static size_t
convtr_scratch(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	const struct mel_convtr *p = node->params;

	return p->packed ? mel_convtr1d_scratch(node, in, &out[0]) : 0;
}

static int
convtr_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct mel_convtr *p = node->params;
	const struct mel_tensor *bias = mel_input(node, in, 2);
	struct mel_direct d = {.x = in[0], .w = in[1], .y = &out[0]};

	if (!mel_tensor_count(&out[0]))
		return 0;
	if (p->packed)
		return mel_convtr1d_forward(node, in, &out[0], run, err);
	for (int i = 0; i < in[0]->ndim - 2; i++) {
		if (mel_convtr_axis(node, i, in, &d.axis[i], err))
			return -1;
		if (run->part && run->part->in_axis == 2 + i)
			mel_part_spread(
			    run->part, &d.axis[i], out[0].dim[2 + i]);
	}
	d.bias = bias ? bias->data : NULL;
	d.channels = (size_t)(in[0]->dim[1] / p->group);
	d.filters = (size_t)in[1]->dim[1];
	d.transposed = true;
	mel_direct_run(&d, run);
	return 0;
}

static double
convtr_work(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	(void)node;
	(void)out;
	/* Every input goes to as many outputs as its filters have weights. */
	return 2.0 * (double)mel_tensor_count(in[0]) *
	       (double)mel_tensor_count(in[1]) / (double)in[1]->dim[0];
}

static const struct mel_op convtr = {
    .name = "ConvTranspose",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct mel_convtr),
    .time = convtr_time,
    .prepare = convtr_prepare,
    .bind = convtr_bind,
    .work = convtr_work,
    .infer = convtr_infer,
    .scratch = convtr_scratch,
    .forward = convtr_forward,
};

const struct mel_op *const mel_ops_convtr[] = {&convtr, NULL};
