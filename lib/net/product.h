/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_PRODUCT_H
#define MEL_NET_PRODUCT_H

#include <stddef.h>

struct mel_err;
struct mel_gemm;
struct mel_kernels;
struct mel_node;
struct mel_pack;
struct mel_run;

/*
 * Products of whole matrices: packing with memory, and one product spread
 * over the pool. The parts change nothing in the result (row law).
 */

/*
 * For op->bind: k rows, n columns, from b as in mel_pack, into the node's
 * room; NULL if there is not enough. Never NULL for an empty matrix.
 */
float *mel_product_pack(struct mel_node *node, const struct mel_pack *pack,
    const struct mel_kernels *kernels, struct mel_err *err);

/* An upper bound of packed_size for every instruction set [floats]. */
size_t mel_product_bound(size_t k, size_t n);

/* kernels->gemm(g), in parts of some rows and panels. */
void mel_product_run(const struct mel_gemm *g, const struct mel_run *run);

/*
 * dst[j * ldd + i] = src[i * lds + j] for i in [0, rows), j in [0, cols).
 * They must not overlap.
 */
void mel_transpose(float *dst, size_t ldd, const float *src, size_t lds,
    size_t rows, size_t cols);

#endif
