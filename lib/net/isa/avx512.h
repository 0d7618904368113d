/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ISA_AVX512_H
#define MEL_NET_ISA_AVX512_H

#include <immintrin.h>

#define VL   16 /* floats in a vector */
#define VECS 2  /* vectors in a panel */
#define ROWS 14 /* 28 sums, 2 columns, 1 row: 31 of 32 registers */
#define EACH_ROW_COUNT(M)                                                      \
	M(1)                                                                   \
	M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14)

#include "net/isa/types.h"

static inline vf
vfma(vf a, vf b, vf c)
{
	return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

#endif
