/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/conv.h"

#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "net/graph.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/timing.h"
#include "net/product.h"
#include "net/window.h"
#include "tensor/tensor.h"

#define PIECE 112 /* output frames of a task, if the reach is short */

static bool
is_depthwise(const struct mel_conv *p, const struct mel_tensor *w)
{
	return w->dim[1] == 1 && w->dim[0] == p->group;
}

/* [C, 1, taps] to [taps, C]. */
static int
bind_depthwise(
    struct mel_node *node, const struct mel_tensor *w, struct mel_err *err)
{
	struct mel_conv *p = node->params;
	size_t channels = (size_t)w->dim[0], taps = (size_t)w->dim[2];
	bool filled;

	p->packed =
	    mel_node_room(node, channels * taps * sizeof(float), &filled, err);
	if (!p->packed)
		return -1;
	if (!filled)
		mel_transpose(
		    p->packed, channels, w->data, taps, channels, taps);
	return 0;
}

/* w: [M, C, taps] of one group; column m of row (tap, c) is w[m][c][tap]. */
static void
pack_group(float *out, const struct mel_tensor *w, const float *data, size_t m,
    const struct mel_kernels *kernels)
{
	size_t c = (size_t)w->dim[1], taps = (size_t)w->dim[2];

	struct mel_pack pack = {
	    .out = out,
	    .k = taps * c,
	    .n = m,
	    .rows = taps * c,
	    .taps = taps,
	    .b = data,
	    .row_step = 1,
	    .col_step = c * taps,
	    .scale = 1.0f,
	};

	kernels->pack(&pack);
}

int
mel_conv1d_bind(struct mel_node *node, const struct mel_tensor *w,
    const struct mel_kernels *kernels, struct mel_err *err)
{
	struct mel_conv *p = node->params;
	size_t group = (size_t)p->group, m, k, bytes;
	const float *data = w->data;
	bool filled;

	if (w->dim[0] % p->group)
		return mel_node_fail(node, err, "%lld filters in %lld groups",
		    (long long)w->dim[0], (long long)p->group);
	if (!mel_tensor_count(w))
		return 0;
	if (is_depthwise(p, w))
		return bind_depthwise(node, w, err);
	m = (size_t)w->dim[0] / group;
	k = (size_t)(w->dim[1] * w->dim[2]);
	p->packed_size = kernels->packed_size(k, m);
	/* Narrow groups become up to a panel wider than the weights are. */
	if (!mel_size_mul(&bytes, p->packed_size, group) ||
	    !mel_size_mul(&bytes, bytes, sizeof(float)))
		return mel_node_fail(node, err, "too many groups");
	p->packed = mel_node_room(node, bytes, &filled, err);
	if (!p->packed)
		return -1;
	for (size_t g = 0; !filled && g < group; g++)
		pack_group(p->packed + g * p->packed_size, w, data + g * m * k,
		    m, kernels);
	return 0;
}

/* Output frames of a task: a piece brings reach - stride more of input. */
static size_t
piece_length(const struct mel_window_axis *axis)
{
	size_t reach = 4 * (size_t)(axis->reach / axis->stride);
	size_t piece = reach > PIECE ? reach : PIECE;

	return piece < (size_t)axis->out ? piece : (size_t)axis->out;
}

static size_t
window_length(const struct mel_window_axis *axis, size_t piece)
{
	return (piece - 1) * (size_t)axis->stride + (size_t)axis->reach;
}

/* An aligned number of floats. */
static size_t
round_up(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

struct job {
	const struct mel_conv *p;
	struct mel_window_axis axis;
	size_t group, in_channels, out_channels;
	struct mel_cut cut; /* of a sequence */
	const float *x, *bias;
	float *y;
	const struct mel_run *run;
};

/* Input frames [from, from + n) to time-major, zeros where there are none. */
static void
load_window(
    const struct job *j, float *to, const float *x, int64_t from, size_t n)
{
	size_t width = j->in_channels, len = (size_t)j->axis.in;
	size_t front = from < 0 ? (size_t)-from : 0, back;

	if (front > n)
		front = n;
	memset(to, 0, front * width * sizeof(*to));
	to += front * width;
	n -= front;
	back = from + (int64_t)front >= (int64_t)len
		   ? 0
		   : len - (size_t)(from + (int64_t)front);
	if (back > n)
		back = n;
	if (back)
		mel_transpose(
		    to, width, x + from + (int64_t)front, len, width, back);
	memset(to + back * width, 0, (n - back) * width * sizeof(*to));
}

/* Frames [0, m) of c from the window. */
static void
multiply(const struct job *j, const float *window, float *c, size_t m)
{
	const struct mel_kernels *kernels = j->run->kernels;
	size_t in = j->in_channels / j->group;
	size_t out = j->out_channels / j->group;
	struct mel_gemm g = {
	    .m = m,
	    .n = out,
	    .taps = (size_t)j->axis.taps,
	    .k = in,
	    .lda = (size_t)j->axis.stride * j->in_channels,
	    .tap = (size_t)j->axis.dilation * j->in_channels,
	    .ldc = j->out_channels,
	};

	if (!j->p->packed_size) {
		g.n = j->out_channels;
		g.a = window;
		g.b = j->p->packed;
		g.init = j->bias;
		g.c = c;
		kernels->depthwise(&g);
		return;
	}
	for (size_t i = 0; i < j->group; i++) {
		g.a = window + i * in;
		g.b = j->p->packed + i * j->p->packed_size;
		g.init = j->bias ? j->bias + i * out : NULL;
		g.c = c + i * out;
		kernels->gemm(&g);
	}
}

static void
do_piece(void *ctx, size_t index, int worker)
{
	const struct job *j = ctx;
	size_t len = (size_t)j->axis.out;
	size_t batch = index / j->cut.pieces;
	size_t t = index % j->cut.pieces * j->cut.piece;
	size_t m = len - t < j->cut.piece ? len - t : j->cut.piece;
	float *window =
	    (float *)(j->run->scratch + (size_t)worker * j->run->stride);
	float *c = window + round_up(window_length(&j->axis, j->cut.piece) *
				     j->in_channels);

	load_window(j, window,
	    j->x + batch * j->in_channels * (size_t)j->axis.in,
	    (int64_t)t * j->axis.stride - j->axis.lo,
	    window_length(&j->axis, m));
	multiply(j, window, c, m);
	mel_transpose(j->y + batch * j->out_channels * len + t, len, c,
	    j->out_channels, m, j->out_channels);
}

size_t
mel_conv1d_scratch(const struct mel_node *node,
    const struct mel_tensor *const in[], const struct mel_tensor *out)
{
	struct mel_window_axis axis;
	size_t piece, window;

	if (!mel_tensor_count(out) ||
	    mel_conv_axis(node, 0, in[0]->dim[2], in[1]->dim[2], &axis, NULL))
		return 0;
	axis.out = out->dim[2]; /* also of a part */
	piece = piece_length(&axis);
	window = window_length(&axis, piece) * (size_t)in[0]->dim[1];
	return (round_up(window) + piece * (size_t)out->dim[1]) * sizeof(float);
}

int
mel_conv1d_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor *out,
    const struct mel_run *run, struct mel_err *err)
{
	const struct mel_conv *p = node->params;
	size_t batch = (size_t)in[0]->dim[0];
	struct job j = {
	    .p = p,
	    .group = (size_t)p->group,
	    .in_channels = (size_t)in[0]->dim[1],
	    .out_channels = (size_t)out->dim[1],
	    .x = in[0]->data,
	    .bias = node->n_in > 2 && in[2] ? in[2]->data : NULL,
	    .y = out->data,
	    .run = run,
	};

	if (mel_conv_axis(node, 0, in[0]->dim[2], in[1]->dim[2], &j.axis, err))
		return -1;
	if (run->part && run->part->in_axis == 2)
		mel_part_window(run->part, &j.axis, out->dim[2]);
	j.cut = mel_pool_cut(run->pool, batch, (size_t)out->dim[2], PIECE / 2,
	    piece_length(&j.axis));
	mel_pool_run(run->pool, batch * j.cut.pieces, do_piece, &j);
	return 0;
}
