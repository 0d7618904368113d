/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ISA_PORTABLE_H
#define MEL_NET_ISA_PORTABLE_H

#define VL                4 /* floats in a vector */
#define VECS              2 /* vectors in a panel */
#define ROWS              4 /* 8 sums, 2 columns, 2 for products */
#define EACH_ROW_COUNT(M) M(1) M(2) M(3) M(4)

#include "net/isa/types.h"

/* Rounded twice: not every machine has a fused one. */
static inline vf
vfma(vf a, vf b, vf c)
{
	return a * b + c;
}

#endif
