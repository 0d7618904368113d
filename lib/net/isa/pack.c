/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/isa/vec.h"

/* Packing: nearly a copy where rows lie in b, else blocks turned around. */

#define BLOCK 4   /* rows and columns of a block that is turned at once */
#define AHEAD 256 /* [bytes] */
#define FEW   8   /* rows */

typedef float v4 __attribute__((vector_size(16)));

size_t
mel_isa_packed_size(size_t k, size_t n)
{
	size_t full = n / PANEL, rest = n % PANEL;

	return k * (full * PANEL + (rest ? panel_vecs(rest) * VL : 0));
}

/* b may be at any address. */
INLINE float
float_at(const float *b)
{
	float x;

	memcpy(&x, b, sizeof(x));
	return x;
}

INLINE v4
load4(const float *b)
{
	v4 v;

	memcpy(&v, b, sizeof(v));
	return v;
}

/* One panel: `cols` columns of b, the lines of `out` are `width` floats. */
struct panel {
	const struct mel_pack *p;
	const float *b;
	float *out;
	size_t cols, width;
	size_t taps, channels; /* rows = taps x channels */
};

/* The line of the panel that row i of b becomes. */
INLINE float *
line(const struct panel *s, size_t i)
{
	if (s->taps == 1)
		return s->out + i * s->width;
	return s->out + (i % s->taps * s->channels + i / s->taps) * s->width;
}

/* Rows [from, to) whose columns are neighbours. */
static void
copy_rows(const struct panel *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const float *b = s->b + i * s->p->row_step;
		float *out = line(s, i);

		if (s->p->scale == 1.0f) {
			memcpy(out, b, s->cols * sizeof(*out));
			continue;
		}
		for (size_t j = 0; j < s->cols; j++)
			out[j] = s->p->scale * float_at(b + j);
	}
}

/* Four neighbouring rows of four columns. */
INLINE void
turn_block(
    const struct panel *s, float *const to[BLOCK], const float *b, size_t j)
{
	size_t step = s->p->col_step;
	float scale = s->p->scale;
	v4 x0 = load4(b), x1 = load4(b + step);
	v4 x2 = load4(b + 2 * step), x3 = load4(b + 3 * step);
	v4 lo = __builtin_shufflevector(x0, x1, 0, 4, 1, 5);
	v4 hi = __builtin_shufflevector(x2, x3, 0, 4, 1, 5);
	v4 y[BLOCK];

	y[0] = __builtin_shufflevector(lo, hi, 0, 1, 4, 5);
	y[1] = __builtin_shufflevector(lo, hi, 2, 3, 6, 7);
	lo = __builtin_shufflevector(x0, x1, 2, 6, 3, 7);
	hi = __builtin_shufflevector(x2, x3, 2, 6, 3, 7);
	y[2] = __builtin_shufflevector(lo, hi, 0, 1, 4, 5);
	y[3] = __builtin_shufflevector(lo, hi, 2, 3, 6, 7);
	for (int r = 0; r < BLOCK; r++) {
		y[r] *= scale;
		memcpy(to[r] + j, &y[r], sizeof(y[r]));
	}
}

/* Rows [i, i + rows) one element at a time. */
INLINE void
gather_rows(const struct panel *s, size_t i, size_t rows, size_t from)
{
	for (size_t r = i; r < i + rows; r++) {
		const float *b = s->b + r * s->p->row_step;
		float *out = line(s, r);

		for (size_t j = from; j < s->cols; j++)
			out[j] = s->p->scale * float_at(b + j * s->p->col_step);
	}
}

/* Columns are too many for the machine to see where each goes on. */
INLINE void
prefetch(const struct panel *s, size_t i)
{
	const char *b = (const char *)(s->b + i);

	for (size_t j = 0; j < s->cols; j++)
		__builtin_prefetch(
		    b + j * s->p->col_step * sizeof(float) + AHEAD);
}

/* Columns whose rows are neighbours. */
static void
turn_rows(const struct panel *s)
{
	size_t whole = s->cols / BLOCK * BLOCK, i = 0;

	for (; i + BLOCK <= s->p->rows; i += BLOCK) {
		if (i % 16 == 0)
			prefetch(s, i);
		float *const to[BLOCK] = {
		    line(s, i), line(s, i + 1), line(s, i + 2), line(s, i + 3)};

		for (size_t j = 0; j < whole; j += BLOCK)
			turn_block(s, to, s->b + i + j * s->p->col_step, j);
		if (whole < s->cols)
			gather_rows(s, i, BLOCK, whole);
	}
	gather_rows(s, i, s->p->rows - i, 0);
}

/* Rows [from, to) of all panels. */
static void
pack_rows(const struct mel_pack *p, size_t from, size_t to)
{
	struct panel s = {.p = p, .taps = p->taps ? p->taps : 1};

	s.channels = p->rows / s.taps;
	for (size_t j = 0; j < p->n; j += PANEL) {
		size_t left = p->n - j;

		s.b = p->b + j * p->col_step;
		s.width = panel_vecs(left) * VL;
		s.cols = left < s.width ? left : s.width;
		s.out = p->out + j * p->k + p->k0 * s.width;
		for (size_t i = from; s.cols < s.width && i < to; i++)
			memset(s.out + i * s.width + s.cols, 0,
			    (s.width - s.cols) * sizeof(*s.out));
		if (p->col_step == 1)
			copy_rows(&s, from, to);
		else if (p->row_step == 1)
			turn_rows(&s);
		else
			gather_rows(&s, 0, p->rows, 0);
	}
}

void
mel_isa_pack(const struct mel_pack *p)
{
	/* A few rows that are copied are read along; else all at once. */
	size_t step = p->col_step == 1 ? FEW : p->rows;

	for (size_t i = 0; i < p->rows; i += step)
		pack_rows(p, i, p->rows - i < step ? p->rows : i + step);
}
