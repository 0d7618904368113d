/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/conv.h"
#include "net/direct.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/window.h"
#include "tensor/tensor.h"

/*
 * Conv 11. Along one axis with constant weights it is a packed product
 * (net/conv1d.c); any other number of axes is computed directly, output by
 * output, in the same order: bias, then taps, then channels.
 */

int
mel_conv_prepare(struct mel_node *node, struct mel_err *err)
{
	struct mel_conv *p = node->params;

	if (mel_window_read(node, &p->window, err) ||
	    mel_attr_int(node, "group", 1, &p->group, err))
		return -1;
	if (p->group < 1 || p->group > MEL_WINDOW_LARGEST)
		return mel_node_fail(
		    node, err, "group = %lld", (long long)p->group);
	return 0;
}

int
mel_conv_axis(const struct mel_node *node, int d, int64_t in, int64_t taps,
    struct mel_window_axis *axis, struct mel_err *err)
{
	const struct mel_conv *p = node->params;

	*axis = (struct mel_window_axis){.in = in, .taps = taps};
	return mel_window_along(node, &p->window, d, axis, err);
}

/* kernel_shape may be left out; if it is there it must be true. */
static int
check_kernel(const struct mel_node *node, const struct mel_tensor *w,
    struct mel_err *err)
{
	const int64_t *shape;
	size_t n;

	if (mel_attr_ints(node, "kernel_shape", &shape, &n, err))
		return -1;
	if (!shape)
		return 0;
	if (n != (size_t)w->ndim - 2 ||
	    memcmp(shape, w->dim + 2, n * sizeof(*shape)))
		return mel_node_fail(
		    node, err, "kernel_shape is not that of the weights");
	return 0;
}

static int
check_inputs(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_err *err)
{
	const struct mel_conv *p = node->params;
	const struct mel_tensor *x = in[0], *w = in[1];
	const struct mel_tensor *b = mel_input(node, in, 2);

	if (mel_infer_type(node, x->dtype, MEL_TYPE_FLOAT, err) ||
	    mel_infer_type(node, w->dtype, MEL_TYPE_FLOAT, err))
		return -1;
	if (x->ndim < 3 || w->ndim != x->ndim)
		return mel_node_fail(node, err,
		    "data of %d and weights of "
		    "%d axes",
		    x->ndim, w->ndim);
	if (p->window.axes && p->window.axes != x->ndim - 2)
		return mel_node_fail(
		    node, err, "attributes for %d axes", p->window.axes);
	if (w->dim[0] % p->group || x->dim[1] % p->group ||
	    x->dim[1] / p->group != w->dim[1])
		return mel_node_fail(node, err,
		    "%lld channels, %lld filters of %lld, %lld groups",
		    (long long)x->dim[1], (long long)w->dim[0],
		    (long long)w->dim[1], (long long)p->group);
	if (b &&
	    (b->dtype != MEL_F32 || b->ndim != 1 || b->dim[0] != w->dim[0]))
		return mel_node_fail(node, err, "the bias does not fit");
	return check_kernel(node, w, err);
}

int
mel_conv_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	int64_t dim[MEL_MAX_DIMS];
	struct mel_window_axis axis;

	if (check_inputs(node, in, err))
		return -1;
	dim[0] = in[0]->dim[0];
	dim[1] = in[1]->dim[0];
	for (int d = 2; d < in[0]->ndim; d++) {
		if (mel_conv_axis(
			node, d - 2, in[0]->dim[d], in[1]->dim[d], &axis, err))
			return -1;
		dim[d] = axis.out;
	}
	return mel_infer_shape(node, &out[0], MEL_F32, in[0]->ndim, dim, err);
}

static enum mel_time_kind
conv_time(struct mel_timing *t)
{
	const struct mel_conv *p = t->node->params;
	const struct mel_tensor *x = t->in[0][0], *w = t->in[0][1];
	struct mel_window_axis axis;
	int d = t->in_axis[0] - 2;

	if (!mel_time_alone(t) || t->out_axis[0] != t->in_axis[0])
		return MEL_TIME_WHOLE;
	if (d == -2)
		return MEL_TIME_POINT; /* time where the batch is */
	if (d < 0 || mel_window_varies(&p->window, d) ||
	    mel_conv_axis(
		t->node, d, x->dim[2 + d], w->dim[2 + d], &axis, NULL))
		return MEL_TIME_WHOLE;
	return mel_time_window(t, &axis);
}

int
mel_conv_bind(struct mel_node *node, const struct mel_tensor *const constant[],
    const struct mel_kernels *kernels, struct mel_err *err)
{
	const struct mel_tensor *w = constant[1];

	if (!w || w->dtype != MEL_F32 || w->ndim != 3)
		return 0;
	if (mel_conv1d_bind(node, w, kernels, err))
		return -1;
	if (((struct mel_conv *)node->params)->packed)
		node->packed = 1u << 1;
	return 0;
}

static size_t
conv_scratch(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	const struct mel_conv *p = node->params;

	return p->packed ? mel_conv1d_scratch(node, in, &out[0]) : 0;
}

static int
conv_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct mel_conv *p = node->params;
	const struct mel_tensor *bias = mel_input(node, in, 2);
	struct mel_direct d = {.x = in[0], .w = in[1], .y = &out[0]};

	if (!mel_tensor_count(&out[0]))
		return 0;
	if (p->packed)
		return mel_conv1d_forward(node, in, &out[0], run, err);
	for (int i = 0; i < in[0]->ndim - 2; i++) {
		if (mel_conv_axis(node, i, in[0]->dim[2 + i], in[1]->dim[2 + i],
			&d.axis[i], err))
			return -1;
		if (run->part && run->part->in_axis == 2 + i)
			mel_part_window(
			    run->part, &d.axis[i], out[0].dim[2 + i]);
	}
	d.bias = bias ? bias->data : NULL;
	d.channels = (size_t)in[1]->dim[1];
	d.filters = (size_t)(in[1]->dim[0] / p->group);
	mel_direct_run(&d, run);
	return 0;
}

double
mel_conv_work(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	(void)node;
	/* A filter has as many weights as an output has terms. */
	return 2.0 * (double)mel_tensor_count(&out[0]) *
	       (double)mel_tensor_count(in[1]) / (double)in[1]->dim[0];
}

static const struct mel_op conv = {
    .name = "Conv",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct mel_conv),
    .time = conv_time,
    .prepare = mel_conv_prepare,
    .bind = mel_conv_bind,
    .work = mel_conv_work,
    .infer = mel_conv_infer,
    .scratch = conv_scratch,
    .forward = conv_forward,
};

const struct mel_op *const mel_ops_conv[] = {&conv, NULL};
