/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NODETEST_H
#define NODETEST_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/kernels.h"
#include "net/op.h"
#include "node.h"
#include "tensor/tensor.h"

struct mel_pool;

/* Random tensors and plain index arithmetic for the twins of operators. */

struct rnd {
	uint64_t n;
};

static inline uint32_t
rnd(struct rnd *r, uint32_t below)
{
	uint32_t x[4];

	mel_rng_block(7, 1, r->n++, x);
	return x[0] % below;
}

/* Up to max axes of lengths that are often 1 and sometimes 0. */
static inline int
random_shape(struct rnd *r, int max, int64_t dim[MEL_MAX_DIMS])
{
	static const int64_t lengths[] = {1, 1, 2, 3, 3, 4, 5, 17};
	int ndim = (int)rnd(r, (uint32_t)max + 1);

	for (int i = 0; i < ndim; i++)
		dim[i] = rnd(r, 25) ? lengths[rnd(r, 8)] : 0;
	return ndim;
}

/* A shape that can be broadcast to dim[ndim]. */
static inline int
weaker_shape(struct rnd *r, int ndim, const int64_t *dim, int64_t *weak)
{
	int drop = rnd(r, 3) && ndim ? (int)rnd(r, (uint32_t)ndim + 1) : 0;

	for (int i = drop; i < ndim; i++)
		weak[i - drop] = rnd(r, 3) ? dim[i] : 1;
	return ndim - drop;
}

static inline float
random_float(struct rnd *r)
{
	static const float special[] = {NAN, INFINITY, -INFINITY, -0.0f, 0.5f,
	    2.5f, 1e-42f, 3e38f, -100, 100};

	if (!rnd(r, 12))
		return special[rnd(r, 10)];
	return (float)rnd(r, 1 << 20) / (1 << 16) - 8;
}

/* Owned. Integers lie in [-9, 9], or [0, 9]; they are never `never`. */
static inline struct mel_tensor
random_tensor(struct rnd *r, enum mel_dtype dtype, int ndim, const int64_t *dim,
    int64_t never)
{
	struct mel_tensor t = {0};
	size_t n;

	if (mel_tensor_new(&t, dtype, ndim, dim, NULL))
		abort();
	n = mel_tensor_count(&t);
	for (size_t i = 0; i < n; i++) {
		int64_t v = (int64_t)rnd(r, 19) - 9;

		v = v == never ? 5 : v;
		if (dtype == MEL_F32)
			((float *)t.data)[i] = random_float(r);
		else if (dtype == MEL_I64)
			((int64_t *)t.data)[i] = v;
		else if (dtype == MEL_I32)
			((int32_t *)t.data)[i] = (int32_t)v;
		else if (dtype == MEL_U8)
			((uint8_t *)t.data)[i] = (uint8_t)(v < 0 ? -v : v);
		else
			((uint8_t *)t.data)[i] = v > 0;
	}
	return t;
}

/* Element i of any type; integers must be exact in double. */
static inline double
value_at(const struct mel_tensor *t, size_t i)
{
	switch (t->dtype) {
	case MEL_F32:
		return (double)((const float *)t->data)[i];
	case MEL_I64:
		return (double)((const int64_t *)t->data)[i];
	case MEL_I32:
		return ((const int32_t *)t->data)[i];
	default:
		return ((const uint8_t *)t->data)[i];
	}
}

static inline void
unravel(const struct mel_tensor *t, size_t flat, int64_t at[MEL_MAX_DIMS])
{
	for (int d = t->ndim - 1; d >= 0; d--) {
		at[d] = (int64_t)(flat % (size_t)t->dim[d]);
		flat /= (size_t)t->dim[d];
	}
}

static inline size_t
ravel(const struct mel_tensor *t, const int64_t at[MEL_MAX_DIMS])
{
	size_t flat = 0;

	for (int d = 0; d < t->ndim; d++)
		flat = flat * (size_t)t->dim[d] + (size_t)at[d];
	return flat;
}

/* The element of t that is broadcast to element i of out. */
static inline size_t
broadcast_at(const struct mel_tensor *t, const struct mel_tensor *out, size_t i)
{
	int64_t at[MEL_MAX_DIMS], own[MEL_MAX_DIMS];
	int lead = out->ndim - t->ndim;

	unravel(out, i, at);
	for (int d = 0; d < t->ndim; d++)
		own[d] = t->dim[d] == 1 ? 0 : at[lead + d];
	return ravel(t, own);
}

/* Equal, both NaN, or nearer than rel times the size of y. */
static inline bool
near(double x, double y, double rel)
{
	if (isnan(x) || isnan(y))
		return isnan(x) && isnan(y);
	return x == y || fabs(x - y) <= rel * fabs(y);
}

static inline bool
same_bytes(const struct mel_tensor *a, const struct mel_tensor *b)
{
	size_t n = mel_tensor_bytes(a);

	return mel_tensor_same_shape(a, b) &&
	       (!n || !memcmp(a->data, b->data, n));
}

/* With the kernels of one instruction set and perhaps a pool. */
static inline int
node_run_on(enum mel_isa isa, struct mel_pool *pool, struct mel_node *node,
    const struct mel_tensor *in, struct mel_tensor *out, struct mel_err *err)
{
	const struct mel_run run = {
	    .pool = pool, .kernels = mel_kernels_get(isa)};

	return node_run_with(node, 0, in, out, &run, err);
}

/* What most tests want: the best kernels, no pool. */
static inline int
node_do(struct mel_node *node, const struct mel_tensor *in,
    struct mel_tensor *out, struct mel_err *err)
{
	return node_run_on(MEL_ISA_AUTO, NULL, node, in, out, err);
}

#endif
