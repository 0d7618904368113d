/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/rng.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/kernels.h"
#include "net/network.h"
#include "net/product.h"

/*
 * The packed products against OpenBLAS at the sizes of acoustic models, one
 * thread, in turns. The clock of a machine moves by 10 % and other programs
 * take more, so what counts is the ratio inside a line.
 */

enum {
	TURNS = 15,
	N_ISAS = MEL_ISA_AVX512 + 1
};

struct size {
	size_t m, n, k, taps;
};

struct arrays {
	float *a, *b, *c, *packed[N_ISAS];
	struct mel_node node[N_ISAS]; /* own what is packed */
};

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *
noise(size_t n)
{
	float *x = mel_alloc_aligned(n * sizeof(*x), NULL);

	if (!x)
		exit(1);
	for (size_t i = 0; i < n; i++)
		x[i] = mel_rng_uniform(1, n, i) - 0.5f;
	return x;
}

/* Weights (tap, channel) x n of a convolution over m + taps - 1 frames. */
static void
prepare(struct arrays *x, const struct size *s)
{
	size_t k = s->taps * s->k;
	struct mel_pack pack = {.k = k,
	    .n = s->n,
	    .rows = k,
	    .row_step = s->n,
	    .col_step = 1,
	    .scale = 1.0f};

	x->a = noise((s->m + s->taps - 1) * s->k);
	pack.b = x->b = noise(k * s->n);
	x->c = noise(s->m * s->n);
	for (int i = MEL_ISA_PORTABLE; i < N_ISAS; i++) {
		const struct mel_kernels *kernels =
		    mel_kernels_get((enum mel_isa)i);

		if (kernels)
			x->packed[i] =
			    mel_product_pack(&x->node[i], &pack, kernels, NULL);
	}
}

/* One product; isa 0 is BLAS, one product a tap. */
static void
once(const struct arrays *x, const struct size *s, int isa)
{
	struct mel_gemm g = {.m = s->m,
	    .n = s->n,
	    .taps = s->taps,
	    .k = s->k,
	    .a = x->a,
	    .lda = s->k,
	    .tap = s->k,
	    .b = x->packed[isa],
	    .c = x->c,
	    .ldc = s->n};

	if (isa) {
		mel_kernels_get((enum mel_isa)isa)->gemm(&g);
		return;
	}
	for (size_t t = 0; t < s->taps; t++)
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans,
		    (int)s->m, (int)s->n, (int)s->k, 1.0f, x->a + t * s->k,
		    (int)s->k, x->b + t * s->k * s->n, (int)s->n,
		    t ? 1.0f : 0.0f, x->c, (int)s->n);
}

static void
measure(const struct size *s)
{
	double work = 2e-9 * (double)(s->m * s->n * s->k * s->taps);
	double best[N_ISAS] = {0};
	int times = (int)(0.1 / work) + 1;
	struct arrays x = {0};

	prepare(&x, s);
	for (int turn = 0; turn < TURNS; turn++) {
		for (int isa = 0; isa < N_ISAS; isa++) {
			double t = seconds(), rate;

			if (isa && !x.packed[isa])
				continue;
			for (int i = 0; i < times; i++)
				once(&x, s, isa);
			rate = work * times / (seconds() - t);
			if (rate > best[isa])
				best[isa] = rate;
		}
	}
	printf("%5zu x %4zu x %4zu x %zu", s->m, s->n, s->k, s->taps);
	for (int i = MEL_ISA_PORTABLE; i < N_ISAS; i++)
		printf("%10.0f", best[i]);
	printf("%10.0f\n", best[0]);
	for (int i = MEL_ISA_PORTABLE; i < N_ISAS; i++)
		free(x.node[i].room);
	free(x.a);
	free(x.b);
	free(x.c);
}

int
main(void)
{
	static const struct size sizes[] = {
	    {1, 256, 1280, 1},
	    {14, 256, 1280, 1},
	    {64, 256, 1280, 1},
	    {600, 256, 1280, 1},
	    {64, 256, 256, 5},
	    {600, 256, 256, 5},
	    {600, 192, 768, 1},
	    {600, 768, 192, 1},
	    {600, 80, 256, 1},
	    {600, 600, 64, 1},
	    {600, 64, 600, 1},
	};

	mel_blas_prepare();
	printf("GFLOP/s, rows x columns x channels x taps (BLAS: %s)\n",
	    openblas_get_corename());
	printf(
	    "%24s%10s%10s%10s%10s\n", "", "portable", "avx2", "avx512", "BLAS");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		measure(&sizes[i]);
	return 0;
}
