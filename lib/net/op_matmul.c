/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
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

/*
 * MatMul 13, Gemm 13. A constant right side is packed once; another one is
 * packed at each run, or used as it is for a few rows. All of it goes through
 * our own kernels: OpenBLAS gives other bits when the number of rows changes,
 * and on every processor.
 */

/* The longest a side may be for gemm_plain to win. */
#define FEW_ROWS 3

struct matmul {
	float *packed; /* the constant right side, or NULL */
};

/* The operands as batches of matrices; rank-1 sides have a length-1 axis. */
struct sides {
	size_t m, k, n;
	int ndim;                  /* batch axes of the result */
	int64_t dim[MEL_MAX_DIMS]; /* [ndim] */
	size_t batch;              /* their product */
	int64_t a_dim[MEL_MAX_DIMS], b_dim[MEL_MAX_DIMS]; /* [ndim], aligned */
};

/* Batch axis d of t, aligned at the last of `ndim`; 1 where t has none. */
static int64_t
batch_dim(const struct mel_tensor *t, int ndim, int d)
{
	int own = t->ndim < 2 ? 0 : t->ndim - 2;

	d -= ndim - own;
	return d < 0 ? 1 : t->dim[d];
}

static int
find_sides(const struct mel_node *node, const struct mel_tensor *a,
    const struct mel_tensor *b, struct sides *s, struct mel_err *err)
{
	if (!a->ndim || !b->ndim)
		return mel_node_fail(node, err, "an operand is a scalar");
	s->m = a->ndim > 1 ? (size_t)a->dim[a->ndim - 2] : 1;
	s->k = (size_t)a->dim[a->ndim - 1];
	s->n = b->ndim > 1 ? (size_t)b->dim[b->ndim - 1] : 1;
	if (b->dim[b->ndim > 1 ? b->ndim - 2 : 0] != (int64_t)s->k)
		return mel_node_fail(node, err, "%lld columns times %lld rows",
		    (long long)s->k,
		    (long long)b->dim[b->ndim > 1 ? b->ndim - 2 : 0]);
	s->ndim = (a->ndim > b->ndim ? a->ndim : b->ndim) - 2;
	if (s->ndim < 0)
		s->ndim = 0;
	s->batch = 1;
	for (int d = 0; d < s->ndim; d++) {
		int64_t x = batch_dim(a, s->ndim, d);
		int64_t y = batch_dim(b, s->ndim, d);

		if (x != y && x != 1 && y != 1)
			return mel_node_fail(node, err,
			    "batch axis %d: %lld and %lld", d, (long long)x,
			    (long long)y);
		s->a_dim[d] = x;
		s->b_dim[d] = y;
		s->dim[d] = x == 1 ? y : x;
		s->batch *= (size_t)s->dim[d];
	}
	return 0;
}

static int
matmul_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	int64_t dim[MEL_MAX_DIMS];
	struct sides s;
	int n;

	if (mel_infer_type(
		node, in[0]->dtype, MEL_TYPE_FLOAT | MEL_TYPE_INT, err))
		return -1;
	if (in[0]->dtype != in[1]->dtype)
		return mel_node_fail(node, err, "operands of different types");
	if (find_sides(node, in[0], in[1], &s, err))
		return -1;
	n = s.ndim;
	memcpy(dim, s.dim, sizeof(dim));
	if (in[0]->ndim > 1)
		dim[n++] = (int64_t)s.m;
	if (in[1]->ndim > 1)
		dim[n++] = (int64_t)s.n;
	return mel_infer_shape(node, &out[0], in[0]->dtype, n, dim, err);
}

static int
matmul_bind(struct mel_node *node, const struct mel_tensor *const constant[],
    const struct mel_kernels *kernels, struct mel_err *err)
{
	struct matmul *p = node->params;
	const struct mel_tensor *b = constant[1];
	struct mel_pack pack = {.scale = 1.0f};

	if (!b || b->dtype != MEL_F32 || b->ndim < 1 || b->ndim > 2)
		return 0;
	pack.b = b->data;
	pack.k = pack.rows = (size_t)b->dim[0];
	pack.n = b->ndim > 1 ? (size_t)b->dim[1] : 1;
	pack.row_step = pack.n;
	pack.col_step = 1;
	p->packed = mel_product_pack(node, &pack, kernels, err);
	node->packed = 1u << 1;
	return p->packed ? 0 : -1;
}

/* One right side for all: the batch axes of the left are rows, too. */
static bool
one_right(const struct sides *s)
{
	for (int d = 0; d < s->ndim; d++) {
		if (s->b_dim[d] != 1)
			return false;
	}
	return true;
}

static size_t
matmul_scratch(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	const struct matmul *p = node->params;
	struct sides s;

	(void)out;
	if (p->packed || in[0]->dtype != MEL_F32 ||
	    find_sides(node, in[0], in[1], &s, NULL))
		return 0;
	return mel_product_bound(s.k, s.n) * sizeof(float);
}

/* The matrix of batch `index` of an operand with `size` elements in each. */
static size_t
batch_offset(
    const struct sides *s, const int64_t *dim, size_t size, size_t index)
{
	size_t offset = 0, step = size;

	for (int d = s->ndim - 1; d >= 0; d--) {
		size_t i = index % (size_t)s->dim[d];

		index /= (size_t)s->dim[d];
		if (dim[d] != 1)
			offset += i * step;
		step *= (size_t)dim[d];
	}
	return offset;
}

/* One product with a right side that is not packed yet. */
struct batches {
	const struct sides *s;
	const float *a, *b;
	float *c;
	const struct mel_run *run;
};

static void
describe(const struct batches *t, size_t index, struct mel_gemm *g)
{
	const struct sides *s = t->s;

	*g = (struct mel_gemm){
	    .m = s->m,
	    .n = s->n,
	    .taps = 1,
	    .k = s->k,
	    .a = t->a + batch_offset(s, s->a_dim, s->m * s->k, index),
	    .lda = s->k,
	    .b = t->b + batch_offset(s, s->b_dim, s->k * s->n, index),
	    .c = t->c + index * s->m * s->n,
	    .ldc = s->n,
	};
}

static void
pack_right(struct mel_gemm *g, float *to, const struct mel_kernels *kernels)
{
	struct mel_pack pack = {
	    .out = to,
	    .k = g->k,
	    .n = g->n,
	    .rows = g->k,
	    .b = g->b,
	    .row_step = g->n,
	    .col_step = 1,
	    .scale = 1.0f,
	};

	kernels->pack(&pack);
	g->b = to;
}

static void
do_batch(void *ctx, size_t index, int worker)
{
	const struct batches *t = ctx;
	const struct mel_run *run = t->run;
	struct mel_gemm g;

	describe(t, index, &g);
	if (g.m <= FEW_ROWS) {
		run->kernels->gemm_plain(&g);
		return;
	}
	pack_right(&g, (float *)(run->scratch + (size_t)worker * run->stride),
	    run->kernels);
	run->kernels->gemm(&g);
}

/* Many matrices: one a task. Few: each spread over the pool. */
static void
run_batches(struct batches *t)
{
	const struct mel_run *run = t->run;
	size_t batch = t->s->batch;
	struct mel_gemm g;

	if (batch >= (size_t)mel_pool_threads(run->pool) ||
	    t->s->m <= FEW_ROWS) {
		mel_pool_run(run->pool, batch, do_batch, t);
		return;
	}
	for (size_t i = 0; i < batch; i++) {
		describe(t, i, &g);
		pack_right(&g, (float *)run->scratch, run->kernels);
		mel_product_run(&g, run);
	}
}

#define INT_PRODUCT(name, T, U)                                                \
	static void name(const struct sides *s, T *c, const T *a, const T *b)  \
	{                                                                      \
		for (size_t r = 0; r < s->m; r++) {                            \
			for (size_t j = 0; j < s->n; j++) {                    \
				U sum = 0;                                     \
                                                                               \
				for (size_t i = 0; i < s->k; i++)              \
					sum += (U)a[r * s->k + i] *            \
					       (U)b[i * s->n + j];             \
				c[r * s->n + j] = (T)sum;                      \
			}                                                      \
		}                                                              \
	}

INT_PRODUCT(product_i32, int32_t, uint32_t)
INT_PRODUCT(product_i64, int64_t, uint64_t)

static void
run_ints(const struct sides *s, const struct mel_tensor *const in[],
    const struct mel_tensor *out)
{
	for (size_t i = 0; i < s->batch; i++) {
		size_t a = batch_offset(s, s->a_dim, s->m * s->k, i);
		size_t b = batch_offset(s, s->b_dim, s->k * s->n, i);
		size_t c = i * s->m * s->n;

		if (out->dtype == MEL_I32)
			product_i32(s, (int32_t *)out->data + c,
			    (const int32_t *)in[0]->data + a,
			    (const int32_t *)in[1]->data + b);
		else
			product_i64(s, (int64_t *)out->data + c,
			    (const int64_t *)in[0]->data + a,
			    (const int64_t *)in[1]->data + b);
	}
}

static int
matmul_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct matmul *p = node->params;
	struct batches t;
	struct sides s;

	if (find_sides(node, in[0], in[1], &s, err))
		return -1;
	if (!mel_tensor_count(&out[0]))
		return 0;
	if (out[0].dtype != MEL_F32) {
		run_ints(&s, in, &out[0]);
		return 0;
	}
	if (one_right(&s)) {
		s.m *= s.batch;
		s.batch = 1;
		s.ndim = 0;
	}
	t = (struct batches){&s, in[0]->data,
	    p->packed ? p->packed : in[1]->data, out[0].data, run};
	if (p->packed) {
		struct mel_gemm g;

		describe(&t, 0, &g);
		mel_product_run(&g, run);
	} else {
		run_batches(&t);
	}
	return 0;
}

static double
matmul_work(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	(void)node;
	return 2.0 * (double)mel_tensor_count(&out[0]) *
	       (double)in[0]->dim[in[0]->ndim - 1];
}

/*
 * Rows of the left operand, columns of the right one, or the batch; never the
 * axis that the sum goes over. Vectors have no such axes beside it.
 */
static enum mel_time_kind
matmul_time(struct mel_timing *t)
{
	for (int i = 0; i < 2; i++) {
		int from_end = t->in[0][i]->ndim - t->in_axis[i];

		if (!mel_time_has(t, i))
			continue;
		if (t->in[0][i]->ndim < 2 || from_end == (i ? 2 : 1) ||
		    (mel_time_has(t, !i) && from_end < 3) ||
		    t->in[0][!i]->ndim < 2)
			return MEL_TIME_WHOLE;
	}
	return mel_time_broadcast(t);
}

static const struct mel_op matmul = {
    .name = "MatMul",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct matmul),
    .time = matmul_time,
    .bind = matmul_bind,
    .work = matmul_work,
    .infer = matmul_infer,
    .scratch = matmul_scratch,
    .forward = matmul_forward,
};

struct gemm {
	float alpha, beta;
	int64_t trans_a, trans_b;
	float *packed; /* alpha times the constant B, or NULL */
};

static int
gemm_prepare(struct mel_node *node, struct mel_err *err)
{
	struct gemm *p = node->params;

	if (mel_attr_float(node, "alpha", 1.0f, &p->alpha, err) ||
	    mel_attr_float(node, "beta", 1.0f, &p->beta, err) ||
	    mel_attr_int(node, "transA", 0, &p->trans_a, err) ||
	    mel_attr_int(node, "transB", 0, &p->trans_b, err))
		return -1;
	return 0;
}

static struct mel_pack
gemm_pack(const struct gemm *p, const struct mel_tensor *b)
{
	size_t k = (size_t)b->dim[p->trans_b ? 1 : 0];
	size_t n = (size_t)b->dim[p->trans_b ? 0 : 1];

	return (struct mel_pack){
	    .k = k,
	    .n = n,
	    .rows = k,
	    .b = b->data,
	    .row_step = p->trans_b ? 1 : n,
	    .col_step = p->trans_b ? k : 1,
	    .scale = p->alpha,
	};
}

static int
gemm_bind(struct mel_node *node, const struct mel_tensor *const constant[],
    const struct mel_kernels *kernels, struct mel_err *err)
{
	struct gemm *p = node->params;
	struct mel_pack pack;

	if (!constant[1] || constant[1]->dtype != MEL_F32 ||
	    constant[1]->ndim != 2)
		return 0;
	pack = gemm_pack(p, constant[1]);
	p->packed = mel_product_pack(node, &pack, kernels, err);
	node->packed = 1u << 1;
	return p->packed ? 0 : -1;
}

/* C may have any shape that broadcasts to [m, n], and to that only. */
static int
check_c(const struct mel_node *node, const struct mel_tensor *c,
    const int64_t dim[2], struct mel_err *err)
{
	bool fits = c->dtype == MEL_F32 && c->ndim <= 2;

	for (int d = 0; fits && d < c->ndim; d++) {
		int64_t want = dim[2 - c->ndim + d];

		fits = c->dim[d] == want || c->dim[d] == 1;
	}
	if (!fits)
		return mel_node_fail(node, err, "C does not fit the product");
	return 0;
}

static int
gemm_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct gemm *p = node->params;
	const struct mel_tensor *a = in[0], *b = in[1];
	const struct mel_tensor *c = mel_input(node, in, 2);
	int64_t dim[2];

	if (mel_infer_type(node, a->dtype, MEL_TYPE_FLOAT, err) ||
	    mel_infer_type(node, b->dtype, MEL_TYPE_FLOAT, err))
		return -1;
	if (a->ndim != 2 || b->ndim != 2)
		return mel_node_fail(node, err, "A and B must have two axes");
	if (a->dim[p->trans_a ? 0 : 1] != b->dim[p->trans_b ? 1 : 0])
		return mel_node_fail(node, err, "A and B do not fit");
	dim[0] = a->dim[p->trans_a ? 1 : 0];
	dim[1] = b->dim[p->trans_b ? 0 : 1];
	if (c && check_c(node, c, dim, err))
		return -1;
	return mel_infer_shape(node, &out[0], MEL_F32, 2, dim, err);
}

static size_t
gemm_scratch(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	const struct gemm *p = node->params;
	size_t m = (size_t)out[0].dim[0], n = (size_t)out[0].dim[1];
	size_t k = (size_t)in[0]->dim[p->trans_a ? 0 : 1], need = 0;

	if (!p->packed)
		need += mel_product_bound(k, n);
	if (p->trans_a)
		need += m * k;
	return need * sizeof(float);
}

/* Where the chains begin: NULL, a bias as it is, or beta C in out. */
static void
gemm_init(const struct gemm *p, const struct mel_tensor *c, struct mel_gemm *g)
{
	size_t rows, cols;
	const float *from;

	if (!c || p->beta == 0.0f)
		return;
	rows = c->ndim > 1 ? (size_t)c->dim[0] : 1;
	cols = c->ndim > 0 ? (size_t)c->dim[c->ndim - 1] : 1;
	from = c->data;
	if (rows == 1 && cols == g->n && p->beta == 1.0f) {
		g->init = from;
		return;
	}
	for (size_t r = 0; r < g->m; r++, from += rows == 1 ? 0 : cols) {
		for (size_t j = 0; j < g->n; j++)
			g->c[r * g->ldc + j] =
			    p->beta * from[cols == 1 ? 0 : j];
	}
	g->init = g->c;
	g->ldinit = g->ldc;
}

static int
gemm_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct gemm *p = node->params;
	struct mel_pack pack = gemm_pack(p, in[1]);
	float *scratch = (float *)run->scratch;
	struct mel_gemm g = {
	    .m = (size_t)out[0].dim[0],
	    .n = pack.n,
	    .taps = 1,
	    .k = pack.k,
	    .a = in[0]->data,
	    .lda = pack.k,
	    .b = p->packed,
	    .c = out[0].data,
	    .ldc = pack.n,
	};

	(void)err;
	if (!g.b) {
		pack.out = scratch;
		run->kernels->pack(&pack);
		g.b = scratch;
		scratch += mel_product_bound(pack.k, pack.n);
	}
	if (p->trans_a) {
		mel_transpose(scratch, g.k, g.a, g.m, g.k, g.m);
		g.a = scratch;
	}
	gemm_init(p, mel_input(node, in, 2), &g);
	mel_product_run(&g, run);
	return 0;
}

static double
gemm_work(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	const struct gemm *p = node->params;

	return 2.0 * (double)mel_tensor_count(&out[0]) *
	       (double)in[0]->dim[!p->trans_a];
}

/* Rows of A and C. */
static enum mel_time_kind
gemm_time(struct mel_timing *t)
{
	const struct gemm *p = t->node->params;

	if (!mel_time_has(t, 0) || t->in_axis[1] != MEL_AXIS_NONE ||
	    t->in_axis[0] != (p->trans_a ? 1 : 0) || t->out_axis[0])
		return MEL_TIME_WHOLE;
	if (mel_time_has(t, 2) && t->in[0][2]->ndim - t->in_axis[2] != 2)
		return MEL_TIME_WHOLE;
	return MEL_TIME_POINT;
}

static const struct mel_op gemm = {
    .name = "Gemm",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct gemm),
    .time = gemm_time,
    .prepare = gemm_prepare,
    .bind = gemm_bind,
    .work = gemm_work,
    .infer = gemm_infer,
    .scratch = gemm_scratch,
    .forward = gemm_forward,
};

const struct mel_op *const mel_ops_matmul[] = {&matmul, &gemm, NULL};
