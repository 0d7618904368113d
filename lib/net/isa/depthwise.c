/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/isa/vec.h"

#define TOGETHER 8 /* rows that share a loaded column of b */

/* Channels [j, j + VL), or `part` < VL of them if that is not 0. */
INLINE void
block(const struct mel_gemm *g, size_t r, size_t j, int rows, size_t part)
{
	const float *a = g->a + r * g->lda + j, *b = g->b + j;
	vf acc[TOGETHER];

	for (int i = 0; i < rows; i++) {
		const float *init =
		    g->init ? g->init + (r + i) * g->ldinit + j : NULL;

		acc[i] = !init  ? splat(0.0f)
			 : part ? load_part(init, part)
				: load(init);
	}
	for (size_t t = 0; t < g->taps; t++, a += g->tap, b += g->n) {
		vf w = part ? load_part(b, part) : load(b);

		for (int i = 0; i < rows; i++) {
			const float *x = a + i * g->lda;

			acc[i] = vfma(
			    part ? load_part(x, part) : load(x), w, acc[i]);
		}
	}
	for (int i = 0; i < rows; i++) {
		float *c = g->c + (r + i) * g->ldc + j;

		if (part)
			store_part(c, acc[i], part);
		else
			store(c, acc[i]);
	}
}

void
mel_isa_depthwise(const struct mel_gemm *g)
{
	size_t whole = g->n - g->n % VL, part = g->n % VL, r = 0;

	for (; r + TOGETHER <= g->m; r += TOGETHER) {
		for (size_t j = 0; j < whole; j += VL)
			block(g, r, j, TOGETHER, 0);
		if (part)
			block(g, r, whole, TOGETHER, part);
	}
	for (; r < g->m; r++) {
		for (size_t j = 0; j < whole; j += VL)
			block(g, r, j, 1, 0);
		if (part)
			block(g, r, whole, 1, part);
	}
}
