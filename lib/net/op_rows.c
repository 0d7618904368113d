/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/pool.h"
#include "net/conv.h"
#include "net/epilogue.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/product.h"
#include "net/timing.h"
#include "net/window.h"
#include "tensor/tensor.h"

/*
 * Operators that no file has: made by net/relay.c and net/absorb.c.
 *	(conv)		Conv 11 along one axis with constant weights, but of x
 *			[N, T, C] to [N, T', M]
 *	(product)	MatMul with a constant matrix on the right
 * Both end with an epilogue, whose operands are the inputs behind their own.
 * The chain of an element is that of Conv and MatMul, and so are the bytes.
 */

#define PIECE 112 /* rows of a task */

struct conv_rows {
	struct mel_conv conv; /* first: Conv's functions look at it */
	struct mel_epilogue epilogue;
};

struct product_rows {
	float *packed; /* by bind */
	struct mel_epilogue epilogue;
};

/* ---- (conv) ---- */

static void
swap_axes(struct mel_tensor *t)
{
	int64_t length = t->dim[1];

	t->dim[1] = t->dim[2];
	t->dim[2] = length;
}

static int
conv_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct conv_rows *p = node->params;
	struct mel_tensor x = *in[0];
	const struct mel_tensor *turned[3] = {&x, in[1], NULL};

	turned[2] = mel_input(node, in, 2);
	if (x.ndim != 3)
		return mel_node_fail(node, err, "data of %d axes", x.ndim);
	swap_axes(&x);
	if (mel_conv_infer(node, turned, out, err))
		return -1;
	swap_axes(&out[0]);
	return mel_epilogue_check(node, &p->epilogue, in, &out[0], err);
}

static void
conv_release(struct mel_node *node)
{
	struct conv_rows *p = node->params;

	mel_epilogue_clear(&p->epilogue);
}

/* Operands of the epilogue have their rows where the result has them. */
static bool
operands_follow(const struct mel_timing *t)
{
	for (int i = 1; i < t->node->n_in; i++) {
		if (t->in_axis[i] != MEL_AXIS_NONE &&
		    (!mel_time_has(t, i) || t->in_axis[i] != t->out_axis[0]))
			return false;
	}
	return mel_time_has(t, 0) && t->out_axis[0] == t->in_axis[0];
}

static enum mel_time_kind
conv_time(struct mel_timing *t)
{
	const struct conv_rows *p = t->node->params;
	struct mel_window_axis axis;

	if (!operands_follow(t) || t->in_axis[0] > 1)
		return MEL_TIME_WHOLE;
	if (!t->in_axis[0])
		return MEL_TIME_POINT; /* time where the batch is */
	if (mel_window_varies(&p->conv.window, 0) ||
	    mel_conv_axis(t->node, 0, t->in[0][0]->dim[1], t->in[0][1]->dim[2],
		&axis, NULL))
		return MEL_TIME_WHOLE;
	return mel_time_window(t, &axis);
}

struct conv_job {
	const struct conv_rows *p;
	struct mel_window_axis axis;
	size_t in_channels, out_channels;
	size_t items;
	struct mel_cut cut; /* of an item */
	const struct mel_tensor *const *in;
	const float *bias; /* may be NULL */
	float *y;
	const struct mel_run *run;
};

/* Input rows that `piece` rows of output see. */
static size_t
window_rows(const struct mel_window_axis *axis, size_t piece)
{
	return (piece - 1) * (size_t)axis->stride + (size_t)axis->reach;
}

static size_t
conv_scratch(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	struct mel_window_axis axis;
	size_t piece = (size_t)out[0].dim[1];

	if (!mel_tensor_count(&out[0]) ||
	    mel_conv_axis(node, 0, in[0]->dim[1], in[1]->dim[2], &axis, NULL) ||
	    (!axis.lo && !axis.hi))
		return 0;
	piece = piece < PIECE ? piece : PIECE;
	return window_rows(&axis, piece) * (size_t)in[0]->dim[2] *
	       sizeof(float);
}

/* Rows [from, from + n) of x[len, width], zeros where there are none. */
static void
copy_window(
    float *to, const float *x, int64_t from, size_t n, size_t len, size_t width)
{
	size_t lo = from < 0 ? (size_t)-from : 0, hi = n;

	if (lo > n)
		lo = n;
	if (from + (int64_t)n > (int64_t)len)
		hi = from >= (int64_t)len ? lo : (size_t)((int64_t)len - from);
	if (hi < lo)
		hi = lo;
	memset(to, 0, lo * width * sizeof(*to));
	if (hi > lo)
		memcpy(to + lo * width,
		    x + (size_t)(from + (int64_t)lo) * width,
		    (hi - lo) * width * sizeof(*to));
	memset(to + hi * width, 0, (n - hi) * width * sizeof(*to));
}

/* So few rows that they are one piece are spread over the pool by columns. */
static void
multiply(const struct conv_job *j, const struct mel_gemm *g)
{
	if (j->cut.pieces * j->items == 1)
		mel_product_run(g, j->run);
	else
		j->run->kernels->gemm(g);
}

static void
conv_groups(const struct conv_job *j, struct mel_gemm *g)
{
	const struct mel_conv *p = &j->p->conv;
	size_t group = (size_t)p->group;
	const float *a = g->a;
	float *c = g->c;

	g->b = p->packed;
	g->init = j->bias;
	if (!p->packed_size) {
		g->n = j->out_channels;
		j->run->kernels->depthwise(g);
		return;
	}
	g->k = j->in_channels / group;
	g->n = j->out_channels / group;
	for (size_t i = 0; i < group; i++) {
		g->a = a + i * g->k;
		g->b = p->packed + i * p->packed_size;
		g->init = j->bias ? j->bias + i * g->n : NULL;
		g->c = c + i * g->n;
		multiply(j, g);
	}
}

static void
conv_piece(void *ctx, size_t index, int worker)
{
	const struct conv_job *j = ctx;
	size_t in_len = (size_t)j->axis.in, len = (size_t)j->axis.out;
	size_t item = index / j->cut.pieces;
	size_t t = index % j->cut.pieces * j->cut.piece;
	size_t m = len - t < j->cut.piece ? len - t : j->cut.piece;
	size_t need = window_rows(&j->axis, m);
	int64_t from = (int64_t)t * j->axis.stride - j->axis.lo;
	const float *x =
	    (const float *)j->in[0]->data + item * in_len * j->in_channels;
	struct mel_epilogue_rows rows = {
	    .in = j->in,
	    .kernels = j->run->kernels,
	    .c = j->y + (item * len + t) * j->out_channels,
	    .m = m,
	    .n = j->out_channels,
	    .first = item * len + t,
	};
	struct mel_gemm g = {
	    .m = m,
	    .taps = (size_t)j->axis.taps,
	    .lda = (size_t)j->axis.stride * j->in_channels,
	    .tap = (size_t)j->axis.dilation * j->in_channels,
	    .c = rows.c,
	    .ldc = j->out_channels,
	};

	if (from >= 0 && from + (int64_t)need <= j->axis.in) {
		g.a = x + (size_t)from * j->in_channels;
	} else {
		float *copy = (float *)(j->run->scratch +
					(size_t)worker * j->run->stride);

		copy_window(copy, x, from, need, in_len, j->in_channels);
		g.a = copy;
	}
	conv_groups(j, &g);
	mel_epilogue_run(&j->p->epilogue, &rows);
}

static int
conv_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	size_t len = (size_t)out[0].dim[1];
	const struct mel_tensor *bias = mel_input(node, in, 2);
	struct conv_job j = {
	    .p = node->params,
	    .in_channels = (size_t)in[0]->dim[2],
	    .out_channels = (size_t)out[0].dim[2],
	    .items = (size_t)out[0].dim[0],
	    .in = in,
	    .bias = bias ? bias->data : NULL,
	    .y = out[0].data,
	    .run = run,
	};

	if (!mel_tensor_count(&out[0]))
		return 0;
	if (mel_conv_axis(node, 0, in[0]->dim[1], in[1]->dim[2], &j.axis, err))
		return -1;
	if (run->part && run->part->in_axis == 1)
		mel_part_window(run->part, &j.axis, out[0].dim[1]);
	j.cut = mel_pool_cut(run->pool, j.items, len, PIECE / 2, PIECE);
	mel_pool_run(run->pool, j.items * j.cut.pieces, conv_piece, &j);
	return 0;
}

static const struct mel_op conv_op = {
    .name = "(conv)",
    .min_in = 2,
    .max_in = 3 + MEL_EPILOGUE_MAX,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct conv_rows),
    .time = conv_time,
    .prepare = mel_conv_prepare,
    .bind = mel_conv_bind,
    .release = conv_release,
    .infer = conv_infer,
    .scratch = conv_scratch,
    .forward = conv_forward,
    .work = mel_conv_work,
};

/* ---- (product) ---- */

static int
product_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct product_rows *p = node->params;
	const struct mel_tensor *x = in[0], *w = in[1];
	int64_t dim[MEL_MAX_DIMS];

	if (mel_infer_type(node, x->dtype, MEL_TYPE_FLOAT, err))
		return -1;
	if (!x->ndim || x->dim[x->ndim - 1] != w->dim[0])
		return mel_node_fail(node, err, "%lld columns times %lld rows",
		    x->ndim ? (long long)x->dim[x->ndim - 1] : 0,
		    (long long)w->dim[0]);
	memcpy(dim, x->dim, sizeof(dim));
	dim[x->ndim - 1] = w->dim[1];
	if (mel_infer_shape(node, &out[0], MEL_F32, x->ndim, dim, err))
		return -1;
	return mel_epilogue_check(node, &p->epilogue, in, &out[0], err);
}

static int
product_bind(struct mel_node *node, const struct mel_tensor *const constant[],
    const struct mel_kernels *kernels, struct mel_err *err)
{
	struct product_rows *p = node->params;
	const struct mel_tensor *b = constant[1];
	struct mel_pack pack = {
	    .k = (size_t)b->dim[0],
	    .n = (size_t)b->dim[1],
	    .rows = (size_t)b->dim[0],
	    .b = b->data,
	    .row_step = (size_t)b->dim[1],
	    .col_step = 1,
	    .scale = 1.0f,
	};

	p->packed = mel_product_pack(node, &pack, kernels, err);
	node->packed = 1u << 1;
	return p->packed ? 0 : -1;
}

static void
product_release(struct mel_node *node)
{
	struct product_rows *p = node->params;

	mel_epilogue_clear(&p->epilogue);
}

static enum mel_time_kind
product_time(struct mel_timing *t)
{
	if (!operands_follow(t) || t->in_axis[0] == t->in[0][0]->ndim - 1)
		return MEL_TIME_WHOLE;
	return MEL_TIME_POINT;
}

struct product_job {
	const struct product_rows *p;
	struct mel_gemm g; /* of all rows */
	const struct mel_tensor *const *in;
	const struct mel_kernels *kernels;
	struct mel_cut cut;
};

static void
product_finish(const struct product_job *j, size_t first, size_t m)
{
	struct mel_epilogue_rows rows = {
	    .in = j->in,
	    .kernels = j->kernels,
	    .c = j->g.c + first * j->g.n,
	    .m = m,
	    .n = j->g.n,
	    .first = first,
	};

	mel_epilogue_run(&j->p->epilogue, &rows);
}

static void
product_piece(void *ctx, size_t index, int worker)
{
	const struct product_job *j = ctx;
	size_t r = index * j->cut.piece;
	struct mel_gemm g = j->g;

	(void)worker;
	g.m = g.m - r < j->cut.piece ? g.m - r : j->cut.piece;
	g.a += r * g.lda;
	g.c += r * g.ldc;
	j->kernels->gemm(&g);
	product_finish(j, r, g.m);
}

static int
product_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	const struct product_rows *p = node->params;
	size_t k = (size_t)in[1]->dim[0], n = (size_t)in[1]->dim[1];
	struct product_job j = {
	    .p = p,
	    .g = {.n = n,
		.taps = 1,
		.k = k,
		.a = in[0]->data,
		.lda = k,
		.b = p->packed,
		.c = out[0].data,
		.ldc = n},
	    .in = in,
	    .kernels = run->kernels,
	};

	(void)err;
	if (!mel_tensor_count(&out[0]))
		return 0;
	j.g.m = mel_tensor_count(&out[0]) / n;
	j.cut = mel_pool_cut(run->pool, 1, j.g.m, PIECE / 2, PIECE);
	if (j.cut.pieces == 1) { /* by columns */
		mel_product_run(&j.g, run);
		product_finish(&j, 0, j.g.m);
	} else {
		mel_pool_run(run->pool, j.cut.pieces, product_piece, &j);
	}
	return 0;
}

static double
product_work(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	(void)node;
	return 2.0 * (double)mel_tensor_count(&out[0]) * (double)in[1]->dim[0];
}

static const struct mel_op product_op = {
    .name = "(product)",
    .min_in = 2,
    .max_in = 2 + MEL_EPILOGUE_MAX,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct product_rows),
    .time = product_time,
    .bind = product_bind,
    .release = product_release,
    .infer = product_infer,
    .forward = product_forward,
    .work = product_work,
};

struct mel_epilogue *
mel_node_epilogue(const struct mel_node *node)
{
	if (node->op == &conv_op)
		return &((struct conv_rows *)node->params)->epilogue;
	if (node->op == &product_op)
		return &((struct product_rows *)node->params)->epilogue;
	return NULL;
}

const struct mel_op *const mel_ops_rows[] = {&conv_op, &product_op, NULL};
