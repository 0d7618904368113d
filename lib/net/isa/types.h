/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ISA_TYPES_H
#define MEL_NET_ISA_TYPES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Vectors of VL floats (VL is defined by the file of the instruction set that
 * includes this one), by the vector extension that GCC and Clang share.
 */
typedef float vf __attribute__((vector_size(VL * 4)));
typedef uint32_t vu __attribute__((vector_size(VL * 4)));
typedef double vd __attribute__((vector_size(VL * 8)));
typedef uint64_t vq __attribute__((vector_size(VL * 8)));

#endif
