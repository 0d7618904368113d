/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ISA_VEC_H
#define MEL_NET_ISA_VEC_H

#include <string.h>

#include "net/kernels.h"

/*
 * What the files here share. Each is compiled once per instruction set, whose
 * name is MEL_ISA_NAME; VL, VECS, ROWS, vf and vfma come from NAME.h, and
 * NAME is added to all that is visible outside of a file.
 */
#define ISA_TEXT(x)     #x
#define ISA_FILE(name)  ISA_TEXT(name.h)
#define ISA_JOIN(f, n)  f##_##n
#define ISA_NAMED(f, n) ISA_JOIN(f, n)
#define ISA(f)          ISA_NAMED(f, MEL_ISA_NAME)

#include ISA_FILE(MEL_ISA_NAME)

#define mel_kernels_isa      ISA(mel_kernels)
#define mel_isa_exp          ISA(mel_isa_exp)
#define mel_isa_expm1        ISA(mel_isa_expm1)
#define mel_isa_log          ISA(mel_isa_log)
#define mel_isa_log1p        ISA(mel_isa_log1p)
#define mel_isa_tanh         ISA(mel_isa_tanh)
#define mel_isa_sigmoid      ISA(mel_isa_sigmoid)
#define mel_isa_softplus     ISA(mel_isa_softplus)
#define mel_isa_erf          ISA(mel_isa_erf)
#define mel_isa_sin          ISA(mel_isa_sin)
#define mel_isa_cos          ISA(mel_isa_cos)
#define mel_isa_sum          ISA(mel_isa_sum)
#define mel_isa_max          ISA(mel_isa_max)
#define mel_isa_sumsq        ISA(mel_isa_sumsq)
#define mel_isa_layernorm    ISA(mel_isa_layernorm)
#define mel_isa_softmax      ISA(mel_isa_softmax)
#define mel_isa_logsoftmax   ISA(mel_isa_logsoftmax)
#define mel_isa_softmax_part ISA(mel_isa_softmax_part)
#define mel_isa_packed_size  ISA(mel_isa_packed_size)
#define mel_isa_pack         ISA(mel_isa_pack)
#define mel_isa_gemm         ISA(mel_isa_gemm)
#define mel_isa_gemm_plain   ISA(mel_isa_gemm_plain)
#define mel_isa_depthwise    ISA(mel_isa_depthwise)

/* As struct mel_kernels says. */
extern const struct mel_kernels mel_kernels_isa;
mel_unary mel_isa_exp, mel_isa_expm1, mel_isa_log, mel_isa_log1p;
mel_unary mel_isa_tanh, mel_isa_sigmoid, mel_isa_softplus, mel_isa_erf;
mel_unary mel_isa_sin, mel_isa_cos, mel_isa_softmax, mel_isa_logsoftmax;
float mel_isa_sum(const float *x, size_t n);
float mel_isa_max(const float *x, size_t n);
float mel_isa_sumsq(const float *x, float mean, size_t n);
void mel_isa_layernorm(
    const struct mel_layernorm *p, float *y, const float *x, float stats[2]);
float mel_isa_softmax_part(float *x, size_t n, struct mel_softmax *row);
size_t mel_isa_packed_size(size_t k, size_t n);
void mel_isa_pack(const struct mel_pack *p);
void mel_isa_gemm(const struct mel_gemm *g);
void mel_isa_gemm_plain(const struct mel_gemm *g);
void mel_isa_depthwise(const struct mel_gemm *g);

#define INLINE static inline __attribute__((always_inline))

/*
 * Packed layout: panels of VECS x VL columns, each K rows one after another;
 * the last panel is one vector wide if that is enough, and filled with zeros.
 */
#define PANEL (VECS * VL)

/* Vectors that the panel with `left` columns from its first on has. */
INLINE size_t
panel_vecs(size_t left)
{
	return left > VL ? VECS : 1;
}

INLINE vf
splat(float x)
{
	return x - (vf){0};
}

INLINE vf
load(const float *x)
{
	vf v;

	memcpy(&v, x, sizeof(v));
	return v;
}

INLINE void
store(float *y, vf v)
{
	memcpy(y, &v, sizeof(v));
}

/* The first n < VL floats; the other lanes are 0 or not written. */
INLINE vf
load_part(const float *x, size_t n)
{
	vf v = {0};

	memcpy(&v, x, n * sizeof(*x));
	return v;
}

INLINE void
store_part(float *y, vf v, size_t n)
{
	memcpy(y, &v, n * sizeof(*y));
}

/* Lane by lane: mask ? a : b. mask is what a comparison of vf gives. */
INLINE vf
pick(vu mask, vf a, vf b)
{
	return (vf)((mask & (vu)a) | (~mask & (vu)b));
}

INLINE vf
vabs(vf x)
{
	return (vf)((vu)x & 0x7fffffffu);
}

/* |x| with the sign of s. */
INLINE vf
with_sign(vf x, vf s)
{
	return (vf)(((vu)x & 0x7fffffffu) | ((vu)s & 0x80000000u));
}

#endif
