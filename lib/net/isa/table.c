/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/isa/vec.h"

#include <math.h>

/* Loops that the compiler turns into vectors by itself. */

static void
do_sqrt(float *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = sqrtf(x[i]);
}

static void
do_relu(float *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

static void
do_add(float *y, const float *a, const float *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = a[i] + b[i];
}

static void
do_sub(float *y, const float *a, const float *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = a[i] - b[i];
}

static void
do_mul(float *y, const float *a, const float *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = a[i] * b[i];
}

static void
do_div(float *y, const float *a, const float *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = a[i] / b[i];
}

static void
do_addc(float *y, const float *x, float c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] + c;
}

static void
do_mulc(float *y, const float *x, float c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] * c;
}

#define ISA_ID_portable MEL_ISA_PORTABLE
#define ISA_ID_avx2     MEL_ISA_AVX2
#define ISA_ID_avx512   MEL_ISA_AVX512
#define ISA_QUOTE(name) ISA_TEXT(name)

const struct mel_kernels mel_kernels_isa = {
    .name = ISA_QUOTE(MEL_ISA_NAME),
    .isa = ISA(ISA_ID),
    .exp = mel_isa_exp,
    .expm1 = mel_isa_expm1,
    .log = mel_isa_log,
    .log1p = mel_isa_log1p,
    .tanh = mel_isa_tanh,
    .sigmoid = mel_isa_sigmoid,
    .softplus = mel_isa_softplus,
    .erf = mel_isa_erf,
    .sin = mel_isa_sin,
    .cos = mel_isa_cos,
    .sqrt = do_sqrt,
    .relu = do_relu,
    .add = do_add,
    .sub = do_sub,
    .mul = do_mul,
    .div = do_div,
    .addc = do_addc,
    .mulc = do_mulc,
    .sum = mel_isa_sum,
    .max = mel_isa_max,
    .sumsq = mel_isa_sumsq,
    .layernorm = mel_isa_layernorm,
    .softmax = mel_isa_softmax,
    .logsoftmax = mel_isa_logsoftmax,
    .softmax_part = mel_isa_softmax_part,
    .panel = VL * VECS,
    .packed_size = mel_isa_packed_size,
    .pack = mel_isa_pack,
    .gemm = mel_isa_gemm,
    .gemm_plain = mel_isa_gemm_plain,
    .depthwise = mel_isa_depthwise,
};
