/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ISA_AVX2_H
#define MEL_NET_ISA_AVX2_H

#include <immintrin.h>

#define VL                8 /* floats in a vector */
#define VECS              2 /* vectors in a panel */
#define ROWS              6 /* 12 sums, 2 columns, 1 row: 15 of 16 registers */
#define EACH_ROW_COUNT(M) M(1) M(2) M(3) M(4) M(5) M(6)

#include "net/isa/types.h"

static inline vf
vfma(vf a, vf b, vf c)
{
	return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

#endif
