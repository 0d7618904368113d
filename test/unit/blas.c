/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/isa.h"
#include "net/graph.h"
#include "net/kernels.h"
#include "net/network.h"
#include "net/product.h"
#include "tap.h"

/*
 * The packed products against another implementation, and what
 * mel_blas_prepare does for those who call BLAS.
 */

enum {
	M = 70,
	N = 90,
	K = 300
};

static float *
noise(size_t n, uint64_t stream)
{
	float *x = malloc(n * sizeof(*x));

	for (size_t i = 0; i < n; i++)
		x[i] = mel_rng_uniform(1, stream, i) - 0.5f;
	return x;
}

static double
difference(const struct mel_kernels *k, const float *a, const float *b,
    const float *want)
{
	struct mel_pack pack = {.k = K,
	    .n = N,
	    .rows = K,
	    .b = b,
	    .row_step = N,
	    .col_step = 1,
	    .scale = 1.0f};
	struct mel_node node = {0};
	float *packed = mel_product_pack(&node, &pack, k, NULL);
	float *c = malloc(sizeof(*c) * M * N);
	struct mel_gemm g = {.m = M,
	    .n = N,
	    .taps = 1,
	    .k = K,
	    .a = a,
	    .lda = K,
	    .b = packed,
	    .c = c,
	    .ldc = N};
	double worst = 0;

	k->gemm(&g);
	for (int i = 0; i < M * N; i++)
		worst = fmax(worst, fabsf(c[i] - want[i]));
	mel_node_clear(&node);
	free(c);
	return worst;
}

int
main(void)
{
	float *a = noise((size_t)M * K, 1), *b = noise((size_t)K * N, 2);
	float *c = malloc(sizeof(*c) * M * N);

	mel_blas_prepare();
	ok(openblas_get_num_threads() == 1, "BLAS has one thread");
	ok(!mel_isa_available(MEL_ISA_AVX2) ||
		strcmp(openblas_get_corename(), "Prescott"),
	    "a processor with AVX2 does not get kernels of 2004: %s",
	    openblas_get_corename());
	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, M, N, K, 1.0f, a,
	    K, b, N, 0.0f, c, N);
	for (int isa = MEL_ISA_PORTABLE; isa <= MEL_ISA_AVX512; isa++) {
		const struct mel_kernels *k =
		    mel_kernels_get((enum mel_isa)isa);

		if (k)
			ok(difference(k, a, b, c) < 1e-5, "%s agrees with BLAS",
			    k->name);
	}
	free(a);
	free(b);
	free(c);
	return tap_done();
}
