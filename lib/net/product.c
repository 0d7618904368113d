/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/product.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "net/graph.h"
#include "net/kernels.h"
#include "net/op.h"

#define MIN_ROWS 56     /* of a part: fewer, and loading b dominates */
#define MIN_WORK 200000 /* multiplications that pay for waking a thread */

size_t
mel_product_bound(size_t k, size_t n)
{
	size_t rest = n % MEL_PANEL_MAX;

	return k * (rest ? n - rest + MEL_PANEL_MAX : n);
}

float *
mel_product_pack(struct mel_node *node, const struct mel_pack *pack,
    const struct mel_kernels *kernels, struct mel_err *err)
{
	struct mel_pack p = *pack;
	size_t bytes;
	bool filled;

	/* A panel more than n never overflows: n columns are in memory. */
	if (!mel_size_mul(&bytes, p.k, p.n + MEL_PANEL_MAX) ||
	    !mel_size_mul(&bytes, bytes, sizeof(*p.out))) {
		mel_fail(err, "matrix too large");
		return NULL;
	}
	bytes = kernels->packed_size(p.k, p.n) * sizeof(*p.out);
	p.out = mel_node_room(node, bytes ? bytes : 1, &filled, err);
	if (p.out && !filled)
		kernels->pack(&p);
	return p.out;
}

struct split {
	const struct mel_gemm *g;
	const struct mel_kernels *kernels;
	struct mel_cut rows, cols; /* parts one below the other, side by side */
};

static void
do_part(void *ctx, size_t index, int worker)
{
	const struct split *s = ctx;
	struct mel_gemm g = *s->g;
	size_t r = index / s->cols.pieces * s->rows.piece;
	size_t j = index % s->cols.pieces * s->cols.piece;

	(void)worker;
	g.m = g.m - r < s->rows.piece ? g.m - r : s->rows.piece;
	g.n = g.n - j < s->cols.piece ? g.n - j : s->cols.piece;
	g.a += r * g.lda;
	g.b += j * g.taps * g.k;
	g.c += r * g.ldc + j;
	if (g.init)
		g.init += r * g.ldinit + j;
	s->kernels->gemm(&g);
}

/* Rows if there are enough of them, else columns, in whole panels. */
static void
set_parts(struct split *s, const struct mel_pool *pool)
{
	size_t panel = s->kernels->panel, n = s->g->n;
	size_t panels = (n + panel - 1) / panel;

	s->rows = mel_pool_cut(pool, 1, s->g->m, MIN_ROWS, s->g->m);
	s->cols = mel_pool_cut(pool, s->rows.pieces, panels,
	    s->rows.pieces > 1 ? panels : 1, panels);
	s->cols.piece *= panel;
}

void
mel_product_run(const struct mel_gemm *g, const struct mel_run *run)
{
	struct split s = {.g = g, .kernels = run->kernels};

	if (!g->m || !g->n)
		return;
	if (mel_pool_threads(run->pool) == 1 ||
	    (double)g->m * (double)g->n * (double)g->taps * (double)g->k <
		MIN_WORK) {
		run->kernels->gemm(g);
		return;
	}
	set_parts(&s, run->pool);
	mel_pool_run(run->pool, s.rows.pieces * s.cols.pieces, do_part, &s);
}

typedef float v4 __attribute__((vector_size(16)));
static v4
load4(const float *p)
{
	v4 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void
transpose_4x4(float *dst, size_t ldd, const float *src, size_t lds)
{
	v4 a = load4(src), b = load4(src + lds);
	v4 c = load4(src + 2 * lds), d = load4(src + 3 * lds);
	v4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
	v4 cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
	v4 out[4];

	out[0] = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
	out[1] = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
	ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
	cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
	out[2] = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
	out[3] = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
	for (int i = 0; i < 4; i++)
		memcpy(dst + i * ldd, &out[i], sizeof(out[i]));
}

/* Columns [j, j + cols) of all rows, cols <= 16: a line of dst at a time. */
static void
transpose_strip(float *dst, size_t ldd, const float *src, size_t lds,
    size_t rows, size_t cols)
{
	size_t i = 0;

	for (; i + 4 <= rows; i += 4) {
		size_t j = 0;

		for (; j + 4 <= cols; j += 4)
			transpose_4x4(
			    dst + j * ldd + i, ldd, src + i * lds + j, lds);
		for (; j < cols; j++) {
			for (size_t n = i; n < i + 4; n++)
				dst[j * ldd + n] = src[n * lds + j];
		}
	}
	for (; i < rows; i++) {
		for (size_t j = 0; j < cols; j++)
			dst[j * ldd + i] = src[i * lds + j];
	}
}

void
mel_transpose(float *dst, size_t ldd, const float *src, size_t lds, size_t rows,
    size_t cols)
{
	/* Strips as wide as a cache line: each line is touched once. */
	for (size_t j = 0; j < cols; j += 16)
		transpose_strip(dst + j * ldd, ldd, src + j, lds, rows,
		    cols - j < 16 ? cols - j : 16);
}
