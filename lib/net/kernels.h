/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_KERNELS_H
#define MEL_NET_KERNELS_H

#include <stddef.h>

#include "base/isa.h"

/*
 * The fast loops of one instruction set: plain functions on float arrays, one
 * thread, no allocation, no state. Arrays need no alignment. Every function
 * accepts n = 0, and the output may be the very same array as an input, but
 * must not overlap it in another way.
 *
 * The row law holds for all of them: an element of the result is one fixed
 * chain of operations on its own inputs. It does not change with the length
 * of the array, the place in it, or the number of rows computed together.
 * portable differs from the others by rounding; avx2 and avx512 fuse the same
 * products and give the same bytes.
 */

/* y[i] = f(x[i]), i in [0, n). */
typedef void mel_unary(float *y, const float *x, size_t n);

/* y[i] = f(a[i], b[i]), i in [0, n). */
typedef void mel_binary(float *y, const float *a, const float *b, size_t n);

/* y[i] = f(x[i], c), i in [0, n). */
typedef void mel_scalar(float *y, const float *x, float c, size_t n);

/*
 * A matrix to be packed, or one slice of its rows: rows [k0, k0 + rows) of a
 * matrix of k rows and n columns; element (k0 + i, j) is
 * scale x b[i * row_step + j * col_step]. b needs no alignment at all, not
 * even that of a float: it may lie in a file.
 *
 * With taps > 1 (rows a multiple of it, the filters [n, rows / taps, taps] of
 * a convolution) element (k0 + tap * (rows / taps) + c, j) is
 * scale x b[(c * taps + tap) * row_step + j * col_step].
 */
struct mel_pack {
	float *out;  /* [packed_size(k, n)] floats, by the caller */
	size_t k, n; /* size of the whole matrix */
	size_t k0, rows;
	const float *b;
	size_t row_step, col_step;
	float scale;
	size_t taps; /* 0 is 1 */
};

/*
 * A product along time. With K = taps * k, row r and column j of
 *
 *     c[m, n] = init[m, n] + a[m, K] b[K, n]
 *
 * is one chain: it begins with init, then adds tap by tap, and inside a tap
 * in ascending order, a(r, t, i) * b(t * k + i, j), fused where the
 * instruction set has it. Rows of a may overlap, which makes it a
 * convolution over a padded signal [T, k] without a copy: lda = stride * k,
 * tap = dilation * k.
 */
struct mel_gemm {
	size_t m, n;
	size_t taps, k;    /* each >= 1; or k = 0: c = init */
	const float *a;    /* a(r, t, i) = a[r * lda + t * tap + i] */
	size_t lda, tap;   /* [floats] */
	const float *b;    /* from pack */
	const float *init; /* element (r, j) is init[r * ldinit + j]; NULL: 0.
			      ldinit = 0: one row for all (a bias). May be c
			      with ldinit = ldc. */
	size_t ldinit;
	float *c;
	size_t ldc;
};

/* One row of LayerNormalization (ONNX 17). */
struct mel_layernorm {
	size_t n;           /* length of the row, >= 1 */
	const float *scale; /* [n] or NULL: 1 */
	const float *bias;  /* [n] or NULL: 0 */
	float epsilon;
};

/* The softmax of a row that is taken part by part. */
struct mel_softmax {
	float max; /* of all elements so far, -inf at first */
	float sum; /* of their exp(x - max), 0 at first */
};

#define MEL_PANEL_MAX 32

struct mel_kernels {
	const char *name; /* as mel_isa_parse takes it */
	enum mel_isa isa;

	/*
	 * Elementwise. Within 3 units in the last place for every x;
	 * NaN gives NaN, infinities and denormals as the mathematical
	 * function has them. sigmoid x = 1 / (1 + exp(-x)), softplus
	 * x = log(1 + exp(x)), sin and cos of an infinity are NaN.
	 */
	mel_unary *exp, *expm1, *log, *log1p;
	mel_unary *tanh, *sigmoid, *softplus, *erf;
	mel_unary *sin, *cos;
	mel_unary *sqrt, *relu; /* exact; relu of NaN is NaN */
	mel_binary *add, *sub, *mul, *div;
	mel_scalar *addc, *mulc; /* x + c, x * c */

	/*
	 * Reductions, in 32 lanes (element i goes to lane i mod 32, in
	 * ascending order) that are then added as a tree, so they depend on
	 * the order of x, but not on the instruction set. sum of nothing is
	 * 0; max of nothing is -inf, max with a NaN is NaN.
	 */
	float (*sum)(const float *x, size_t n);
	float (*max)(const float *x, size_t n);
	float (*sumsq)(const float *x, float mean, size_t n); /* (x - mean)^2 */

	/* stats, unless NULL: mean and 1 / sqrt(variance + epsilon). */
	void (*layernorm)(const struct mel_layernorm *p, float *y,
	    const float *x, float stats[2]);

	/* Of a row; one that is -inf throughout, or has a NaN, gives NaN. */
	mel_unary *softmax, *logsoftmax;

	/*
	 * The next n elements of a row: x[i] = exp(x[i] - row->max) with the
	 * new maximum; parts before must be multiplied by the result, and all
	 * of it divided by row->sum at the end. Parts that are -inf throughout
	 * give 0; if all are, the sum stays 0.
	 */
	float (*softmax_part)(float *x, size_t n, struct mel_softmax *row);

	/*
	 * Packed products. Columns lie in panels of `panel`; a packed matrix
	 * of K rows may be entered at column j, a multiple of panel, at
	 * float j * K.
	 */
	size_t panel;                              /* at most MEL_PANEL_MAX */
	size_t (*packed_size)(size_t k, size_t n); /* floats, without check */
	void (*pack)(const struct mel_pack *p);
	void (*gemm)(const struct mel_gemm *g);

	/*
	 * The same numbers from b as it is, [taps * k, n] in rows: for so few
	 * rows of a that packing b would take longer than the product.
	 */
	void (*gemm_plain)(const struct mel_gemm *g);

	/*
	 * A convolution with one filter a channel: as gemm with n channels,
	 * k ignored, b plain [taps, n], and c(r, j) = init(r, j) + the sum of
	 * a[r * lda + t * tap + j] * b[t * n + j].
	 */
	void (*depthwise)(const struct mel_gemm *g);
};

/* NULL if this machine or build does not have it. AUTO: the best one. */
const struct mel_kernels *mel_kernels_get(enum mel_isa isa);

#endif
