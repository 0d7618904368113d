/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>

#include "net/isa/vec.h"

#define UNROLL 4
#define SHARE  3

/* Loops over sums, which must be registers before all else is done. */
#define UNROLLED _Pragma("GCC unroll 64")

#define FETCHERS 2  /* tiles that fetch the next block of b between them */
#define LINE     16 /* floats of the cache's */

/* Products of one tile between load and store of its sums: 32 to 96 kB of b. */
#define BLOCK_K 384

/* Rows that stay in the second-level cache while all panels pass. */
#define BLOCK_M (ROWS * 16)

/* ROWS x PANEL of the result, or less: what one micro-kernel computes. */
struct tile {
	const float *a;
	size_t lda, tap;
	size_t taps, k;
	const float *b;
	size_t stride_b;   /* floats from one panel to the next */
	const float *init; /* whole vectors */
	size_t ldinit;
	float *c; /* whole vectors */
	size_t ldc;
	uintptr_t ahead; /* address of what is fetched meanwhile */
	size_t fetch;    /* floats of it in UNROLL steps */
};

/* How many vectors and panels a micro-kernel has at once: constants. */
struct shape {
	int rows, vecs, panels;
};

/* What sums begin with if nothing is given: of the widest tile. */
static const float zeros[4 * PANEL];

/* Sums of the largest shape. */
#define SUMS (ROWS * VECS > 4 * VECS ? ROWS * VECS : 4 * VECS)

/* Step i of the sums: element i of each row times line i of the panels. */
INLINE void
step(vf *acc, const float *const a[], const struct tile *t, const float *b,
    const struct shape s, const int i)
{
	const int wide = s.vecs * s.panels;
	vf col[4 * VECS];

	UNROLLED
	for (int v = 0; v < wide; v++)
		col[v] = load(b + v / s.vecs * t->stride_b +
			      (i * s.vecs + v % s.vecs) * VL);
	UNROLLED
	for (int r = 0; r < s.rows; r++) {
		vf row = splat(a[r / SHARE][r % SHARE * t->lda + i]);

		UNROLLED
		for (int v = 0; v < wide; v++)
			acc[r * wide + v] =
			    vfma(row, col[v], acc[r * wide + v]);
	}
}

/* All steps of tap j, whose panels begin at b. */
INLINE void
tap_steps(vf *acc, const struct tile *t, size_t j, const float *b,
    const struct shape s)
{
	const float *a[(ROWS + SHARE - 1) / SHARE];
	uintptr_t ahead = t->ahead + j * t->k / UNROLL * t->fetch * sizeof(*b);
	size_t i = 0;

	UNROLLED
	for (int r = 0; r < s.rows; r += SHARE) {
		a[r / SHARE] = t->a + j * t->tap + r * t->lda;
		/* Or the compiler makes one pointer a row of it. */
		__asm__("" : "+r"(a[r / SHARE]));
	}
	for (; i + UNROLL <= t->k; i += UNROLL) {
		for (size_t f = 0; f < t->fetch; f += LINE)
			__builtin_prefetch((const float *)ahead + f);
		ahead += t->fetch * sizeof(*b);
		UNROLLED
		for (int u = 0; u < UNROLL; u++)
			step(acc, a, t, b, s, u);
		UNROLLED
		for (int r = 0; r < s.rows; r += SHARE)
			a[r / SHARE] += UNROLL;
		b += UNROLL * s.vecs * VL;
	}
	for (; i < t->k; i++) {
		step(acc, a, t, b, s, 0);
		UNROLLED
		for (int r = 0; r < s.rows; r += SHARE)
			a[r / SHARE]++;
		b += s.vecs * VL;
	}
}

/*
 * The micro-kernel. After inlining all sums live in registers. Address
 * arithmetic takes slots from the products, so a pointer serves SHARE rows
 * and UNROLL steps.
 */
INLINE void
micro(const struct tile *t, const struct shape s)
{
	const int wide = s.vecs * s.panels;
	vf acc[SUMS];

	UNROLLED
	for (int r = 0; r < s.rows; r++) {
		UNROLLED
		for (int v = 0; v < wide; v++)
			acc[r * wide + v] =
			    load(t->init + r * t->ldinit + v * VL);
	}
	for (size_t j = 0; j < t->taps; j++)
		tap_steps(acc, t, j, t->b + j * t->k * s.vecs * VL, s);
	UNROLLED
	for (int r = 0; r < s.rows; r++) {
		UNROLLED
		for (int v = 0; v < wide; v++)
			store(t->c + r * t->ldc + v * VL, acc[r * wide + v]);
	}
}

typedef void micro_fn(const struct tile *t);

#define MICRO(rows)                                                            \
	static void micro_##rows##_1(const struct tile *t)                     \
	{                                                                      \
		micro(t, (struct shape){rows, 1, 1});                          \
	}                                                                      \
	static void micro_##rows##_2(const struct tile *t)                     \
	{                                                                      \
		micro(t, (struct shape){rows, VECS, 1});                       \
	}
#define MICRO_ENTRY(rows) {micro_##rows##_1, micro_##rows##_2},

EACH_ROW_COUNT(MICRO)

static micro_fn *const micros[ROWS][2] = {EACH_ROW_COUNT(MICRO_ENTRY)};

/* One or two rows need several panels to keep the adders busy. */
static void
micro_wide_1(const struct tile *t)
{
	micro(t, (struct shape){1, VECS, 4});
}

static void
micro_wide_2(const struct tile *t)
{
	micro(t, (struct shape){2, VECS, 2});
}

static size_t
panels_at_once(size_t m)
{
	return m == 1 ? 4 : m == 2 ? 2 : 1;
}

static micro_fn *
find_micro(size_t rows, size_t cols)
{
	if (cols > PANEL)
		return rows == 1 ? micro_wide_1 : micro_wide_2;
	return micros[rows - 1][panel_vecs(cols) - 1];
}

/* A tile with fewer columns than its vectors: through a copy of c. */
static void
partial_tile(micro_fn *run, const struct tile *t, size_t rows, size_t cols)
{
	float part[ROWS * PANEL] = {0};
	struct tile whole = *t;

	whole.c = part;
	whole.ldc = PANEL;
	for (size_t r = 0; r < rows; r++)
		memcpy(part + r * PANEL, t->init + r * t->ldinit,
		    cols * sizeof(*part));
	whole.init = part;
	whole.ldinit = PANEL;
	run(&whole);
	for (size_t r = 0; r < rows; r++)
		memcpy(
		    t->c + r * t->ldc, part + r * PANEL, cols * sizeof(*part));
}

/*
 * What tile number `tile` of so many fetches: its part of the block of b behind
 * t's, which is the next to be used. Weights come from far away, and the
 * machine does not see by itself that they go on behind a page.
 */
static void
set_ahead(struct tile *t, size_t tile, size_t tiles)
{
	size_t parts = tiles < FETCHERS ? tiles : FETCHERS;
	size_t block = t->taps * t->k * PANEL;

	t->fetch = tile < parts ? UNROLL * PANEL / parts : 0;
	t->ahead =
	    (uintptr_t)t->b + (block + block / parts * tile) * sizeof(*t->b);
}

/*
 * All m rows of one panel of `cols` columns, or of several whole ones; t
 * describes the first row.
 */
static void
panel_rows(struct tile t, size_t m, size_t cols)
{
	size_t tiles = (m + ROWS - 1) / ROWS, rows;

	/* Tiles of about equal height: a last one of one row would crawl. */
	for (size_t i = 0; i < tiles; i++, m -= rows) {
		micro_fn *run;

		rows = (m + tiles - i - 1) / (tiles - i);
		if (cols <= PANEL) /* several are too much at once */
			set_ahead(&t, i, tiles);
		run = find_micro(rows, cols);
		if (cols % VL)
			partial_tile(run, &t, rows, cols);
		else
			run(&t);
		t.a += rows * t.lda;
		t.c += rows * t.ldc;
		t.init += rows * t.ldinit;
	}
}

/* The same in steps of about BLOCK_K products. */
static void
panel_blocks(struct tile t, const struct mel_gemm *g, size_t m, size_t cols)
{
	size_t width = panel_vecs(cols) * VL;
	size_t step_k = g->k < BLOCK_K ? g->k : BLOCK_K;
	size_t step_taps = BLOCK_K / step_k;
	const float *a = t.a;

	for (size_t j = 0; j < g->taps; j += t.taps) {
		t.taps = g->taps - j < step_taps ? g->taps - j : step_taps;
		for (size_t i = 0; i < g->k; i += t.k) {
			t.k = g->k - i < step_k ? g->k - i : step_k;
			if (t.k < g->k)
				t.taps = 1;
			t.a = a + j * g->tap + i;
			panel_rows(t, m, cols);
			t.b += t.taps * t.k * width;
			t.init = t.c;
			t.ldinit = t.ldc;
		}
	}
}

static void
copy_init(const struct mel_gemm *g)
{
	for (size_t r = 0; r < g->m; r++) {
		for (size_t j = 0; j < g->n; j++)
			g->c[r * g->ldc + j] =
			    g->init ? g->init[r * g->ldinit + j] : 0.0f;
	}
}

/* Rows [r, r + m). */
static void
row_block(const struct mel_gemm *g, size_t r, size_t m)
{
	size_t k = g->taps * g->k, cols;

	for (size_t j = 0; j < g->n; j += cols) {
		struct tile t = {
		    .a = g->a + r * g->lda,
		    .lda = g->lda,
		    .tap = g->tap,
		    .b = g->b + j * k,
		    .stride_b = k * PANEL,
		    .init = g->init ? g->init + r * g->ldinit + j : zeros,
		    .ldinit = g->init ? g->ldinit : 0,
		    .c = g->c + r * g->ldc + j,
		    .ldc = g->ldc,
		};
		size_t left = g->n - j;

		cols = PANEL * panels_at_once(m);
		if (cols > left)
			cols = left < PANEL ? left : PANEL;
		panel_blocks(t, g, m, cols);
	}
}

void
mel_isa_gemm(const struct mel_gemm *wanted)
{
	struct mel_gemm g = *wanted;
	size_t k = g.taps * g.k;

	if (!k) {
		copy_init(&g);
		return;
	}
	/* Taps without gaps are one long row. */
	if (g.tap == g.k || g.taps == 1) {
		g.k = k;
		g.taps = 1;
	}
	for (size_t r = 0; r < g.m; r += BLOCK_M) {
		size_t m = g.m - r < BLOCK_M ? g.m - r : BLOCK_M;

		row_block(&g, r, m);
	}
}
