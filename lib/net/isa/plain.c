/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/isa/vec.h"

#define WIDE 4 /* vectors of sums */

/* Columns [j, j + WIDE vectors) of row r, or `part` of one vector. */
INLINE void
columns(
    const struct mel_gemm *g, size_t r, size_t j, const int vecs, size_t part)
{
	const float *b = g->b + j;
	const float *init = g->init ? g->init + r * g->ldinit + j : NULL;
	float *c = g->c + r * g->ldc + j;
	vf acc[WIDE];

	for (int v = 0; v < vecs; v++)
		acc[v] = !init  ? splat(0.0f)
			 : part ? load_part(init, part)
				: load(init + v * VL);
	for (size_t t = 0; t < g->taps; t++) {
		const float *a = g->a + r * g->lda + t * g->tap;

		for (size_t i = 0; i < g->k; i++, b += g->n) {
			for (int v = 0; v < vecs; v++) {
				vf col = part ? load_part(b, part)
					      : load(b + v * VL);

				acc[v] = vfma(splat(a[i]), col, acc[v]);
			}
		}
	}
	for (int v = 0; v < vecs; v++) {
		if (part)
			store_part(c, acc[v], part);
		else
			store(c + v * VL, acc[v]);
	}
}

void
mel_isa_gemm_plain(const struct mel_gemm *g)
{
	for (size_t r = 0; r < g->m; r++) {
		size_t j = 0;

		for (; j + WIDE * VL <= g->n; j += WIDE * VL)
			columns(g, r, j, WIDE, 0);
		for (; j + VL <= g->n; j += VL)
			columns(g, r, j, 1, 0);
		if (j < g->n)
			columns(g, r, j, 1, g->n - j);
	}
}
