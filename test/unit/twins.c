/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/err.h"
#include "base/pool.h"
#include "net/graph.h"
#include "base/isa.h"
#include "nodetest.h"
#include "tap.h"
#include "tensor/tensor.h"

/*
 * Operators against their definitions in double, element by element: random
 * shapes, strides and broadcasts, axes of length 0, NaN and infinities; on
 * every instruction set, with constant inputs and without, on 1 and 3 threads
 * with the same bytes. What is tested so elsewhere is not here.
 */

#define ROUNDS      300
#define MOST_INPUTS 5

struct trial {
	struct rnd r;
	const char *kind;
	struct mel_tensor in[MOST_INPUTS]; /* [n_in] owned; {0}: absent */
	int n_in;
	unsigned constant; /* bit i: may be bound */

	/* What the family needs to know. */
	int64_t a[8];
	int64_t stride[2], dilation[2], pads[4];
	int axes;
	char text[32];

	void (*attributes)(const struct trial *t, struct mel_node *n);
	/* Element i of out[0]; *error: how far it may be from that. */
	double (*want)(const struct trial *t, const struct mel_tensor *out,
	    size_t i, double *error);
};

#define ROUNDING 0x1p-22 /* of a number near 1, and some room */
#define DENORMAL 1e-43   /* roundings of the smallest numbers there are */

static double
f32_at(const struct mel_tensor *t, size_t i)
{
	return (double)((const float *)t->data)[i];
}

/* One of a few lengths, now and then 0. */
static int64_t
length(struct trial *t, int64_t most)
{
	static const int64_t some[] = {1, 1, 2, 3, 4, 5, 7, 16, 17, 33, 70};
	int64_t n;

	if (!rnd(&t->r, 30))
		return 0;
	do
		n = some[rnd(&t->r, 11)];
	while (n > most);
	return n;
}

/* Numbers in [-1, 1), and now and then something else. */
static struct mel_tensor
numbers(struct trial *t, int ndim, const int64_t *dim, bool special)
{
	static const float odd[] = {NAN, INFINITY, -INFINITY, -0.0f, 1e-42f};
	struct mel_tensor x = {0};
	bool some = special && !rnd(&t->r, 3);

	if (mel_tensor_new(&x, MEL_F32, ndim, dim, NULL))
		abort();
	for (size_t i = 0; i < mel_tensor_count(&x); i++) {
		float v = (float)rnd(&t->r, 1 << 20) / (1 << 19) - 1;

		((float *)x.data)[i] =
		    some && !rnd(&t->r, 20) ? odd[rnd(&t->r, 5)] : v;
	}
	return x;
}

/* ---- products ---- */

static double
want_matmul(const struct trial *t, const struct mel_tensor *out, size_t i,
    double *error)
{
	const struct mel_tensor *a = &t->in[0], *b = &t->in[1];
	int64_t at[MEL_MAX_DIMS], x[MEL_MAX_DIMS] = {0}, y[MEL_MAX_DIMS] = {0};
	int64_t k = a->dim[a->ndim - 1];
	int rows = a->ndim > 1, cols = b->ndim > 1;
	int batch = out->ndim - rows - cols;
	double sum = 0, size = 0;

	unravel(out, i, at);
	for (int d = 0; d < a->ndim - 2; d++)
		x[d] = a->dim[d] == 1 ? 0 : at[batch - (a->ndim - 2) + d];
	for (int d = 0; d < b->ndim - 2; d++)
		y[d] = b->dim[d] == 1 ? 0 : at[batch - (b->ndim - 2) + d];
	if (rows)
		x[a->ndim - 2] = at[batch];
	if (cols)
		y[b->ndim - 1] = at[batch + rows];
	for (int64_t q = 0; q < k; q++) {
		double v;

		x[a->ndim - 1] = q;
		y[cols ? b->ndim - 2 : 0] = q;
		v = f32_at(a, ravel(a, x)) * f32_at(b, ravel(b, y));
		sum += v;
		size += fabs(v);
	}
	*error = size * (double)(k + 1) * ROUNDING;
	return sum;
}

static void
try_matmul(struct trial *t)
{
	int64_t batch[2], a[4], b[4], m = length(t, 70), n = length(t, 70);
	int64_t k = length(t, 70);
	int na, nb;

	for (int d = 0; d < 2; d++)
		batch[d] = length(t, 4);
	na = weaker_shape(&t->r, 2, batch, a);
	nb = weaker_shape(&t->r, 2, batch, b);
	a[na++] = m;
	a[na++] = k;
	b[nb++] = k;
	b[nb++] = n;
	if (!rnd(&t->r, 8)) {
		na = 1;
		a[0] = k;
	}
	if (!rnd(&t->r, 8)) {
		nb = 1;
		b[0] = k;
	}
	t->kind = "MatMul";
	t->n_in = 2;
	t->constant = 2;
	t->in[0] = numbers(t, na, a, true);
	t->in[1] = numbers(t, nb, b, true);
	t->want = want_matmul;
}

static void
set_gemm(const struct trial *t, struct mel_node *n)
{
	mel_node_add_int(n, "transA", t->a[0], NULL);
	mel_node_add_int(n, "transB", t->a[1], NULL);
	mel_node_add_float(n, "alpha", (float)t->a[2] / 4, NULL);
	mel_node_add_float(n, "beta", (float)t->a[3] / 4, NULL);
}

static double
want_gemm(const struct trial *t, const struct mel_tensor *out, size_t i,
    double *error)
{
	const struct mel_tensor *a = &t->in[0], *b = &t->in[1];
	int64_t at[MEL_MAX_DIMS], k = a->dim[!t->a[0]];
	double sum = 0, size = 0, c = 0;

	unravel(out, i, at);
	for (int64_t q = 0; q < k; q++) {
		int64_t x[MEL_MAX_DIMS] = {
		    t->a[0] ? q : at[0], t->a[0] ? at[0] : q};
		int64_t y[MEL_MAX_DIMS] = {
		    t->a[1] ? at[1] : q, t->a[1] ? q : at[1]};
		double v = f32_at(a, ravel(a, x)) * f32_at(b, ravel(b, y));

		sum += v;
		size += fabs(v);
	}
	if (t->in[2].dtype)
		c = f32_at(&t->in[2], broadcast_at(&t->in[2], out, i)) *
		    (double)t->a[3] / 4;
	*error = (size * fabs((double)t->a[2]) + fabs(c)) * (double)(k + 2) *
		 ROUNDING;
	return sum * (double)t->a[2] / 4 + c;
}

static void
try_gemm(struct trial *t)
{
	int64_t m = length(t, 70), k = length(t, 70), n = length(t, 70), c[2];
	int64_t mn[2] = {m, n};
	int nc = weaker_shape(&t->r, 2, mn, c);

	t->a[0] = rnd(&t->r, 2);
	t->a[1] = rnd(&t->r, 2);
	t->a[2] = (int64_t)rnd(&t->r, 9) - 4;
	t->a[3] = (int64_t)rnd(&t->r, 9) - 4;
	t->kind = "Gemm";
	t->n_in = 3;
	t->constant = 2 + 4 * rnd(&t->r, 2);
	t->in[0] = numbers(
	    t, 2, t->a[0] ? (int64_t[]){k, m} : (int64_t[]){m, k}, true);
	/* alpha goes into the packed weights: 0 times infinity is not asked. */
	t->in[1] = numbers(
	    t, 2, t->a[1] ? (int64_t[]){n, k} : (int64_t[]){k, n}, false);
	if (rnd(&t->r, 4))
		t->in[2] = numbers(t, nc, c, false);
	if (!t->a[2])
		t->a[2] = 4;
	t->attributes = set_gemm;
	t->want = want_gemm;
}

/* ---- convolutions along one and two axes ---- */

static void
set_conv(const struct trial *t, struct mel_node *n)
{
	size_t axes = (size_t)t->axes;

	mel_node_add_ints(n, "strides", t->stride, axes, NULL);
	mel_node_add_ints(n, "dilations", t->dilation, axes, NULL);
	mel_node_add_ints(n, "pads", t->pads, 2 * axes, NULL);
	mel_node_add_int(n, "group", t->a[0], NULL);
}

static double
want_conv(const struct trial *t, const struct mel_tensor *out, size_t i,
    double *error)
{
	const struct mel_tensor *x = &t->in[0], *w = &t->in[1];
	int64_t at[MEL_MAX_DIMS], from[MEL_MAX_DIMS], tap[MEL_MAX_DIMS];
	int64_t per = w->dim[1], first;
	double sum = 0, size;
	size_t one;

	unravel(out, i, at);
	first = at[1] / (w->dim[0] / t->a[0]) * per;
	if (t->in[2].dtype)
		sum = f32_at(&t->in[2], (size_t)at[1]);
	size = fabs(sum);
	one = mel_tensor_count(w) / (size_t)w->dim[0];
	for (size_t k = 0; k < one; k++) {
		bool inside = true;
		double v;

		unravel(w, (size_t)at[1] * one + k, tap);
		from[0] = at[0];
		from[1] = first + tap[1];
		for (int d = 0; d < t->axes; d++) {
			from[2 + d] = at[2 + d] * t->stride[d] - t->pads[d] +
				      tap[2 + d] * t->dilation[d];
			inside &=
			    from[2 + d] >= 0 && from[2 + d] < x->dim[2 + d];
		}
		if (!inside)
			continue;
		v = f32_at(x, ravel(x, from)) *
		    f32_at(w, (size_t)at[1] * one + k);
		sum += v;
		size += fabs(v);
	}
	*error = size * (double)(one + 1) * ROUNDING;
	return sum;
}

static void
try_conv(struct trial *t)
{
	int64_t x[4] = {1 + rnd(&t->r, 2), 0}, w[4] = {0}, groups, m;

	t->axes = rnd(&t->r, 4) ? 1 : 2;
	groups = rnd(&t->r, 2) ? 1 : 1 + rnd(&t->r, 6);
	w[1] = rnd(&t->r, 3) ? 1 + rnd(&t->r, 20) : 1;
	m = rnd(&t->r, 3) ? 1 + rnd(&t->r, 40) : 1 + rnd(&t->r, 2);
	w[0] = m * groups;
	x[1] = w[1] * groups;
	for (int d = 0; d < t->axes; d++) {
		x[2 + d] = t->axes == 1 ? length(t, 70) : length(t, 7);
		w[2 + d] = 1 + rnd(&t->r, 5);
		t->stride[d] = 1 + (rnd(&t->r, 2) ? 0 : rnd(&t->r, 3));
		t->dilation[d] = 1 + rnd(&t->r, 3);
		t->pads[d] = rnd(&t->r, 6);
		t->pads[t->axes + d] = rnd(&t->r, 6);
	}
	t->a[0] = groups;
	t->kind = "Conv";
	t->n_in = 3;
	t->constant = 2 + 4 * rnd(&t->r, 2);
	t->in[0] = numbers(t, 2 + t->axes, x, true);
	/* Padding times an infinite weight is not asked for. */
	t->in[1] = numbers(t, 2 + t->axes, w, false);
	if (rnd(&t->r, 2))
		t->in[2] = numbers(t, 1, w, true);
	t->attributes = set_conv;
	t->want = want_conv;
}

/* ---- rows: softmax and norms ---- */

/* The elements of x that element i shares axes [lo, hi) with: the first, the
 * distance of two, how many. For axes that follow each other. */
struct run {
	size_t first, step, n;
};

static struct run
run_of(const struct mel_tensor *x, size_t i, int lo, int hi)
{
	struct run run = {0, 1, 1};

	for (int d = hi; d < x->ndim; d++)
		run.step *= (size_t)x->dim[d];
	for (int d = lo; d < hi; d++)
		run.n *= (size_t)x->dim[d];
	run.first = i / (run.step * run.n) * run.step * run.n + i % run.step;
	return run;
}

static void
set_axis(const struct trial *t, struct mel_node *n)
{
	mel_node_add_int(n, "axis", t->a[0], NULL);
}

static double
want_softmax(const struct trial *t, const struct mel_tensor *out, size_t i,
    double *error)
{
	const struct mel_tensor *x = &t->in[0];
	int axis = (int)(t->a[0] < 0 ? t->a[0] + x->ndim : t->a[0]);
	struct run run = run_of(out, i, axis, axis + 1);
	double max = -INFINITY, sum = 0, v = f32_at(x, i);

	for (size_t k = 0; k < run.n; k++) {
		double e = f32_at(x, run.first + k * run.step);

		max = e > max || isnan(e) ? e : max;
	}
	for (size_t k = 0; k < run.n; k++)
		sum += exp(f32_at(x, run.first + k * run.step) - max);
	if (t->kind[0] == 'L') {
		*error = (fabs(v - max) + log(sum) + 1) * 4 * ROUNDING;
		return v - max - log(sum);
	}
	*error = 2e-6;
	return exp(v - max) / sum;
}

static void
try_softmax(struct trial *t)
{
	int64_t dim[4];
	int n = 1 + (int)rnd(&t->r, 4);

	for (int d = 0; d < n; d++)
		dim[d] = length(t, 17);
	t->kind = rnd(&t->r, 2) ? "Softmax" : "LogSoftmax";
	t->a[0] = (int64_t)rnd(&t->r, (uint32_t)(2 * n)) - n;
	t->n_in = 1;
	t->in[0] = numbers(t, n, dim, true);
	t->attributes = set_axis;
	t->want = want_softmax;
}

#define EPSILON 0.01f /* so that roundings grow by 10 at most */

static void
set_norm(const struct trial *t, struct mel_node *n)
{
	mel_node_add_float(n, "epsilon", EPSILON, NULL);
	if (t->kind[0] == 'L')
		mel_node_add_int(n, "axis", t->a[0], NULL);
}

static double
normal(const struct mel_tensor *x, size_t i, const struct run *run)
{
	double mean = 0, var = 0;

	for (size_t k = 0; k < run->n; k++)
		mean += f32_at(x, run->first + k * run->step) / (double)run->n;
	for (size_t k = 0; k < run->n; k++) {
		double d = f32_at(x, run->first + k * run->step) - mean;

		var += d * d / (double)run->n;
	}
	return (f32_at(x, i) - mean) / sqrt(var + (double)EPSILON);
}

static double
want_layer(const struct trial *t, const struct mel_tensor *out, size_t i,
    double *error)
{
	const struct mel_tensor *x = &t->in[0], *s = &t->in[1], *b = &t->in[2];
	int axis = (int)(t->a[0] < 0 ? t->a[0] + x->ndim : t->a[0]);
	struct run run = run_of(x, i, axis, x->ndim);
	double y = normal(x, i, &run) * f32_at(s, broadcast_at(s, out, i));

	*error = (fabs(y) + 20) * ROUNDING;
	return y + (b->dtype ? f32_at(b, broadcast_at(b, out, i)) : 0);
}

static void
try_layer(struct trial *t)
{
	static const int64_t most[] = {0, 70, 33, 7, 5};
	int64_t dim[4];
	int n = 1 + (int)rnd(&t->r, 4), axis = (int)rnd(&t->r, (uint32_t)n);

	for (int d = 0; d < n; d++)
		dim[d] = length(t, most[n]);
	t->kind = "LayerNormalization";
	t->a[0] = rnd(&t->r, 2) ? axis : axis - n;
	t->n_in = 3;
	t->constant = 6;
	t->in[0] = numbers(t, n, dim, true);
	t->in[1] = numbers(t, n - axis, dim + axis, false);
	if (rnd(&t->r, 2))
		t->in[2] = numbers(t, n - axis, dim + axis, false);
	t->attributes = set_norm;
	t->want = want_layer;
}

static size_t
channel_of(const struct mel_tensor *x, size_t i)
{
	size_t inner = 1;

	for (int d = 2; d < x->ndim; d++)
		inner *= (size_t)x->dim[d];
	return i / inner % (size_t)x->dim[1];
}

static double
want_batch(const struct trial *t, const struct mel_tensor *out, size_t i,
    double *error)
{
	size_t c = channel_of(out, i);
	double y = (f32_at(&t->in[0], i) - f32_at(&t->in[3], c)) /
		   sqrt(f32_at(&t->in[4], c) + (double)EPSILON) *
		   f32_at(&t->in[1], c);

	*error = (fabs(y) + 20) * ROUNDING;
	return y + f32_at(&t->in[2], c);
}

static double
want_instance(const struct trial *t, const struct mel_tensor *out, size_t i,
    double *error)
{
	struct run run = run_of(out, i, 2, out->ndim);
	size_t c = channel_of(out, i);
	double y = normal(&t->in[0], i, &run) * f32_at(&t->in[1], c);

	*error = (fabs(y) + 20) * ROUNDING;
	return y + f32_at(&t->in[2], c);
}

static void
try_channels(struct trial *t)
{
	int64_t dim[4];
	bool batch = rnd(&t->r, 2);
	int n = 3 + (int)rnd(&t->r, 2);

	for (int d = 0; d < n; d++)
		dim[d] = length(t, d < 2 ? 17 : n == 3 ? 70 : 7);
	t->kind = batch ? "BatchNormalization" : "InstanceNormalization";
	t->n_in = batch ? 5 : 3;
	t->constant = batch ? 30 : 6;
	t->in[0] = numbers(t, n, dim, true);
	for (int k = 1; k < t->n_in; k++)
		t->in[k] = numbers(t, 1, dim + 1, false);
	for (int64_t c = 0; batch && c < dim[1]; c++)
		((float *)t->in[4].data)[c] += 1; /* a variance */
	t->attributes = set_norm;
	t->want = batch ? want_batch : want_instance;
}

/* ---- sums that go on ---- */

static void
set_scan(const struct trial *t, struct mel_node *n)
{
	mel_node_add_int(n, "exclusive", t->a[1], NULL);
	mel_node_add_int(n, "reverse", t->a[2], NULL);
}

static double
want_scan(const struct trial *t, const struct mel_tensor *out, size_t i,
    double *error)
{
	const struct mel_tensor *x = &t->in[0];
	int axis = (int)t->a[0];
	struct run run = run_of(out, i, axis, axis + 1);
	size_t own = (i - run.first) / run.step;
	double sum = 0, size = 0;

	for (size_t k = 0; k < run.n; k++) {
		bool before = t->a[2] ? k > own : k < own;

		if (!before && (k != own || t->a[1]))
			continue;
		sum += value_at(x, run.first + k * run.step);
		size += fabs(value_at(x, run.first + k * run.step));
	}
	*error = x->dtype == MEL_F32 ? size * (double)run.n * ROUNDING : 0;
	return sum;
}

static void
try_scan(struct trial *t)
{
	int64_t dim[4], axis;
	int n = 1 + (int)rnd(&t->r, 4);

	for (int d = 0; d < n; d++)
		dim[d] = length(t, 17);
	t->kind = "CumSum";
	t->a[0] = rnd(&t->r, (uint32_t)n);
	t->a[1] = rnd(&t->r, 2);
	t->a[2] = rnd(&t->r, 2);
	t->n_in = 2;
	t->in[0] = rnd(&t->r, 3) ? numbers(t, n, dim, true)
				 : random_tensor(&t->r, MEL_I64, n, dim, 99);
	axis = rnd(&t->r, 2) ? t->a[0] : t->a[0] - n;
	if (mel_tensor_new(&t->in[1], MEL_I64, 0, NULL, NULL))
		abort();
	*(int64_t *)t->in[1].data = axis;
	t->attributes = set_scan;
	t->want = want_scan;
}

/* ---- by tuples of indices ---- */

/* Indices into the axes of x behind `batch`, negative ones, too. */
static struct mel_tensor
tuples(struct trial *t, const struct mel_tensor *x, int batch, int ndim,
    const int64_t *dim)
{
	struct mel_tensor index = {0};
	size_t depth = (size_t)dim[ndim - 1];

	if (mel_tensor_new(&index, MEL_I64, ndim, dim, NULL))
		abort();
	for (size_t i = 0; i < mel_tensor_count(&index); i++) {
		int64_t len = x->dim[(size_t)batch + i % depth];

		((int64_t *)index.data)[i] =
		    (int64_t)rnd(&t->r, (uint32_t)(2 * len)) - len;
	}
	return index;
}

static size_t
size_from(const struct mel_tensor *x, int axis)
{
	size_t size = 1;

	for (int d = axis; d < x->ndim; d++)
		size *= (size_t)x->dim[d];
	return size;
}

/* The place in x of tuple number i, in its last axes `rest`; batch: 0 or 1. */
static size_t
place_of(const struct mel_tensor *x, const struct mel_tensor *index, int batch,
    size_t i, size_t rest)
{
	int depth = (int)index->dim[index->ndim - 1];
	const int64_t *tuple = (const int64_t *)index->data + i * (size_t)depth;
	size_t at = batch ? i * (size_t)depth / size_from(index, 1) : 0;

	for (int d = 0; d < depth; d++) {
		int64_t len = x->dim[batch + d], k = tuple[d];

		at = at * (size_t)len + (size_t)(k < 0 ? k + len : k);
	}
	return at * size_from(x, batch + depth) + rest;
}

static void
set_batch(const struct trial *t, struct mel_node *n)
{
	mel_node_add_int(n, "batch_dims", t->a[0], NULL);
}

static double
want_gather(const struct trial *t, const struct mel_tensor *out, size_t i,
    double *error)
{
	const struct mel_tensor *x = &t->in[0], *index = &t->in[1];
	int batch = (int)t->a[0];
	size_t rest = size_from(x, batch + (int)index->dim[index->ndim - 1]);

	(void)out;
	*error = 0;
	return value_at(x, place_of(x, index, batch, i / rest, i % rest));
}

/* Lengths of x, of which none is 0: there is nothing to take then. */
static int
lengths_of(struct trial *t, int64_t *dim)
{
	int n = 2 + (int)rnd(&t->r, 3);

	for (int d = 0; d < n; d++)
		dim[d] = 1 + rnd(&t->r, 5);
	return n;
}

static void
try_gather(struct trial *t)
{
	int64_t dim[MEL_MAX_DIMS], of[MEL_MAX_DIMS];
	int n = lengths_of(t, dim), m = 0;

	t->a[0] = rnd(&t->r, 2);
	t->kind = "GatherND";
	t->n_in = 2;
	t->in[0] =
	    random_tensor(&t->r, rnd(&t->r, 2) ? MEL_F32 : MEL_I64, n, dim, 99);
	if (t->a[0])
		of[m++] = dim[0];
	for (int more = (int)rnd(&t->r, 3); more; more--)
		of[m++] = length(t, 5);
	of[m++] = 1 + rnd(&t->r, (uint32_t)(n - t->a[0]));
	t->in[1] = tuples(t, &t->in[0], (int)t->a[0], m, of);
	t->attributes = set_batch;
	t->want = want_gather;
}

static const char *const reductions[] = {"none", "add", "mul", "max", "min"};

static void
set_reduction(const struct trial *t, struct mel_node *n)
{
	mel_node_add_string(n, "reduction", reductions[t->a[0]], NULL);
}

/* All updates of the element, one after another. */
static double
want_scatter(const struct trial *t, const struct mel_tensor *out, size_t i,
    double *error)
{
	const struct mel_tensor *index = &t->in[1], *new = &t->in[2];
	int depth = (int)index->dim[index->ndim - 1];
	size_t rest = size_from(out, depth);
	double y = value_at(&t->in[0], i);

	for (size_t k = 0; k < mel_tensor_count(new); k++) {
		double v = value_at(new, k);

		if (place_of(out, index, 0, k / rest, k % rest) != i)
			continue;
		switch (t->a[0]) {
		case 0:
			y = v;
			break;
		case 1:
			y += v;
			break;
		case 2:
			y *= v;
			break;
		case 3:
			y = v > y ? v : y;
			break;
		default:
			y = v < y ? v : y;
		}
		if (out->dtype == MEL_F32)
			y = (double)(float)y;
	}
	*error = 0;
	return y;
}

static void
try_scatter(struct trial *t)
{
	int64_t dim[MEL_MAX_DIMS], of[MEL_MAX_DIMS];
	int n = lengths_of(t, dim), m = 0, depth;
	bool whole = rnd(&t->r, 2);

	t->a[0] = rnd(&t->r, 5);
	t->kind = "ScatterND";
	t->n_in = 3;
	for (int more = (int)rnd(&t->r, 3); more; more--)
		of[m++] = length(t, 5);
	depth = 1 + (int)rnd(&t->r, (uint32_t)n);
	of[m++] = depth;
	t->in[0] = whole ? random_tensor(&t->r, MEL_I64, n, dim, 99)
			 : numbers(t, n, dim, false);
	t->in[1] = tuples(t, &t->in[0], 0, m, of);
	m--;
	for (int d = depth; d < n; d++)
		of[m++] = dim[d];
	t->in[2] = whole ? random_tensor(&t->r, MEL_I64, m, of, 99)
			 : numbers(t, m, of, false);
	t->attributes = set_reduction;
	t->want = want_scatter;
}

/* ---- Einsum ---- */

static void
set_equation(const struct trial *t, struct mel_node *n)
{
	mel_node_add_string(n, "equation", t->text, NULL);
}

/* Letters 'a' to 'd' have lengths a[0] to a[3]. */
static double
want_einsum(const struct trial *t, const struct mel_tensor *out, size_t i,
    double *error)
{
	const char *part[3] = {
	    t->text, strchr(t->text, ',') + 1, strchr(t->text, '>') + 1};
	int64_t at[MEL_MAX_DIMS], all = 1;
	double sum = 0, size = 0;

	unravel(out, i, at);
	for (int c = 0; c < 4; c++)
		all *= t->a[c];
	for (int64_t k = 0; k < all; k++) {
		int64_t value[4], rest = k;
		bool here = true;
		double v = 1;

		for (int c = 0; c < 4; c++) {
			value[c] = rest % t->a[c];
			rest /= t->a[c];
			/* Letters that are nowhere are summed over once. */
			here &= value[c] == 0 || strchr(t->text, 'a' + c);
		}
		for (int d = 0; d < out->ndim; d++)
			here &= value[part[2][d] - 'a'] == at[d];
		for (int p = 0; here && p < 2; p++) {
			int64_t from[MEL_MAX_DIMS];

			for (int d = 0; d < t->in[p].ndim; d++)
				from[d] = value[part[p][d] - 'a'];
			v *= f32_at(&t->in[p], ravel(&t->in[p], from));
		}
		sum += here ? v : 0;
		size += here ? fabs(v) : 0;
	}
	*error = size * (double)(all + 1) * ROUNDING;
	return sum;
}

static void
try_einsum(struct trial *t)
{
	static const int64_t some[] = {1, 2, 3, 4, 5};
	char side[2][5] = {"", ""}, result[5] = "";
	int n[2] = {0, 0}, m = 0;

	for (int c = 0; c < 4; c++) {
		t->a[c] = some[rnd(&t->r, 5)];
		for (int p = 0; p < 2; p++) {
			if (rnd(&t->r, 2))
				side[p][n[p]++] = (char)('a' + c);
		}
		if ((strchr(side[0], 'a' + c) || strchr(side[1], 'a' + c)) &&
		    rnd(&t->r, 2))
			result[m++] = (char)('a' + c);
	}
	for (int p = 0; p < 3; p++) { /* another order */
		char *s = p < 2 ? side[p] : result;
		int len = p < 2 ? n[p] : m,
		    k = len ? (int)rnd(&t->r, (uint32_t)len) : 0;
		char swap = s[0];

		if (len > 1) {
			s[0] = s[k];
			s[k] = swap;
		}
	}
	snprintf(
	    t->text, sizeof(t->text), "%s,%s->%s", side[0], side[1], result);
	t->kind = "Einsum";
	t->n_in = 2;
	for (int p = 0; p < 2; p++) {
		int64_t dim[4];

		for (int d = 0; d < n[p]; d++)
			dim[d] = t->a[side[p][d] - 'a'];
		t->in[p] = numbers(t, n[p], dim, false);
	}
	t->attributes = set_equation;
	t->want = want_einsum;
}

/* ---- all of them ---- */

static struct mel_pool *pool;

static bool
agrees(const struct trial *t, const struct mel_tensor *out)
{
	for (size_t i = 0; i < mel_tensor_count(out); i++) {
		double error, want = t->want(t, out, i, &error);
		double got = value_at(out, i);

		if (isnan(want)
			? isnan(got)
			: got == want || fabs(got - want) <= error + DENORMAL)
			continue;
		printf("# [%zu] is %.9g, not %.9g within %g\n", i, got, want,
		    error);
		return false;
	}
	return true;
}

/* The same bytes; but of a NaN the sign and payload may be others. */
static bool
same_numbers(const struct mel_tensor *a, const struct mel_tensor *b)
{
	if (same_bytes(a, b))
		return true;
	for (size_t i = 0; a->dtype == MEL_F32 && i < mel_tensor_count(a);
	     i++) {
		const float *x = a->data, *y = b->data;

		if (memcmp(&x[i], &y[i], sizeof(*x)) &&
		    !(isnan(x[i]) && isnan(y[i])))
			return false;
	}
	return a->dtype == MEL_F32 && mel_tensor_same_shape(a, b);
}

/* With or without constants, on 1 and 3 threads. */
static bool
run_trial(const struct trial *t, enum mel_isa isa, bool bound)
{
	struct mel_node node = node_new(t->kind, t->n_in, 1);
	struct mel_run run = {.kernels = mel_kernels_get(isa)};
	struct mel_tensor out = {0}, again = {0};
	struct mel_err err = {""};
	bool good;

	if (t->attributes)
		t->attributes(t, &node);
	good = !node_run_with(
	    &node, bound ? t->constant : 0, t->in, &out, &run, &err);
	run.pool = pool;
	good = good && !node_run_with(&node, 0, t->in, &again, &run, &err);
	if (err.msg[0])
		printf("# %s\n", err.msg);
	good = good && agrees(t, &out);
	if (good && !same_numbers(&out, &again)) {
		printf("# 3 threads give other bytes\n");
		good = false;
	}
	mel_tensor_free(&out);
	mel_tensor_free(&again);
	mel_node_clear(&node);
	return good;
}

static void
print_trial(const struct trial *t)
{
	char text[160];

	printf("# %s %s", t->kind, t->text);
	for (int i = 0; i < t->n_in; i++)
		printf(" %s", t->in[i].dtype ? mel_shape_text(&t->in[i], text,
						   sizeof(text))
					     : "-");
	printf("\n");
}

static void
test_family(const char *name, void (*make)(struct trial *t))
{
	int bad = 0, runs = 0;

	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct trial t = {.r = {seed << 32}};

		make(&t);
		for (int isa = MEL_ISA_PORTABLE; isa <= MEL_ISA_AVX512; isa++) {
			for (int bound = 0; bound <= (t.constant != 0);
			     bound++) {
				if (!mel_isa_available((enum mel_isa)isa))
					continue;
				runs++;
				if (run_trial(&t, (enum mel_isa)isa, bound))
					continue;
				printf("# seed %d, isa %d, bound %d\n",
				    (int)seed, isa, bound);
				print_trial(&t);
				bad++;
			}
		}
		for (int i = 0; i < t.n_in; i++)
			mel_tensor_free(&t.in[i]);
	}
	ok(!bad && runs >= ROUNDS, "%s: %d runs against the definition", name,
	    runs);
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*make)(struct trial *t);
	} all[] = {
	    {"MatMul", try_matmul},
	    {"Gemm", try_gemm},
	    {"Conv", try_conv},
	    {"Softmax, LogSoftmax", try_softmax},
	    {"LayerNormalization", try_layer},
	    {"BatchNormalization, InstanceNormalization", try_channels},
	    {"CumSum", try_scan},
	    {"GatherND", try_gather},
	    {"ScatterND", try_scatter},
	    {"Einsum", try_einsum},
	};

	if (mel_pool_open(&pool, 3, NULL))
		abort();
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		test_family(all[i].name, all[i].make);
	mel_pool_close(pool);
	return tap_done();
}
