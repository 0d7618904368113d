/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "net/broadcast.h"
#include "net/elementwise.h"
#include "net/kernels.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Functions of one number. Integers wrap around (Neg and Abs of the lowest
 * one), computed unsigned.
 *
 * Abs, Neg, Ceil, Floor, Sqrt, Reciprocal, Exp, Log, Tanh, Erf, Sign 13, Round
 * 11, Sin, Cos, Tan, Asin, Acos, Atan 7, Sinh, Cosh, Asinh, Acosh, Atanh 9.
 */

#define VECTOR_ROW(name)                                                       \
	static void name##_f32(const struct mel_row *row)                      \
	{                                                                      \
		row->kernels->name(row->p[0], row->p[1], row->n);              \
	}

MEL_ROW1(neg_f32, float, float, -x)
MEL_ROW1(neg_i64, uint64_t, uint64_t, 0 - x)
MEL_ROW1(neg_i32, uint32_t, uint32_t, 0 - x)
MEL_ROW1(abs_f32, float, float, fabsf(x))
MEL_ROW1(abs_i64, int64_t, uint64_t, x < 0 ? 0 - (uint64_t)x : (uint64_t)x)
MEL_ROW1(abs_i32, int32_t, uint32_t, x < 0 ? 0 - (uint32_t)x : (uint32_t)x)
MEL_ROW1(abs_u8, uint8_t, uint8_t, x)
MEL_ROW1(sign_f32, float, float, x > 0 ? 1 : x < 0 ? -1 : x)
MEL_ROW1(sign_i64, int64_t, int64_t, (x > 0) - (x < 0))
MEL_ROW1(sign_i32, int32_t, int32_t, (x > 0) - (x < 0))
MEL_ROW1(sign_u8, uint8_t, uint8_t, x > 0)
VECTOR_ROW(sqrt)
MEL_ROW1(reciprocal_f32, float, float, 1 / x)
VECTOR_ROW(exp)
VECTOR_ROW(log)
VECTOR_ROW(erf)
VECTOR_ROW(sin)
VECTOR_ROW(cos)
MEL_ROW1(tan_f32, float, float, tanf(x))
MEL_ROW1(asin_f32, float, float, asinf(x))
MEL_ROW1(acos_f32, float, float, acosf(x))
MEL_ROW1(atan_f32, float, float, atanf(x))
MEL_ROW1(sinh_f32, float, float, sinhf(x))
MEL_ROW1(cosh_f32, float, float, coshf(x))
MEL_ROW1(asinh_f32, float, float, asinhf(x))
MEL_ROW1(acosh_f32, float, float, acoshf(x))
MEL_ROW1(atanh_f32, float, float, atanhf(x))
VECTOR_ROW(tanh)
MEL_ROW1(floor_f32, float, float, floorf(x))
MEL_ROW1(ceil_f32, float, float, ceilf(x))
/* Half to even: the rounding mode is never changed. */
MEL_ROW1(round_f32, float, float, nearbyintf(x))

#define UNARY(op_name, cost, ...)                                              \
	{                                                                      \
		.op = {.name = op_name,                                        \
		    .min_in = 1,                                               \
		    .max_in = 1,                                               \
		    .min_out = 1,                                              \
		    .max_out = 1,                                              \
		    .in_place = 1,                                             \
		    .time = mel_time_same,                                     \
		    .infer = mel_elementwise_infer,                            \
		    .forward = mel_elementwise_forward},                       \
		.grain = cost, .row = {__VA_ARGS__},                           \
	}
#define CHEAP MEL_GRAIN_COPY
#define DEAR  MEL_GRAIN_MATH

static const struct mel_elementwise ops[] = {
    UNARY("Neg",
	CHEAP, [MEL_F32] = neg_f32, [MEL_I64] = neg_i64, [MEL_I32] = neg_i32),
    UNARY("Abs", CHEAP, [MEL_F32] = abs_f32, [MEL_I64] = abs_i64,
	[MEL_I32] = abs_i32, [MEL_U8] = abs_u8),
    UNARY("Sign", CHEAP, [MEL_F32] = sign_f32, [MEL_I64] = sign_i64,
	[MEL_I32] = sign_i32, [MEL_U8] = sign_u8),
    UNARY("Sqrt", CHEAP, [MEL_F32] = sqrt_f32),
    UNARY("Reciprocal", CHEAP, [MEL_F32] = reciprocal_f32),
    UNARY("Exp", DEAR, [MEL_F32] = exp_f32),
    UNARY("Log", DEAR, [MEL_F32] = log_f32),
    UNARY("Erf", DEAR, [MEL_F32] = erf_f32),
    UNARY("Sin", DEAR, [MEL_F32] = sin_f32),
    UNARY("Cos", DEAR, [MEL_F32] = cos_f32),
    UNARY("Tan", DEAR, [MEL_F32] = tan_f32),
    UNARY("Asin", DEAR, [MEL_F32] = asin_f32),
    UNARY("Acos", DEAR, [MEL_F32] = acos_f32),
    UNARY("Atan", DEAR, [MEL_F32] = atan_f32),
    UNARY("Sinh", DEAR, [MEL_F32] = sinh_f32),
    UNARY("Cosh", DEAR, [MEL_F32] = cosh_f32),
    UNARY("Asinh", DEAR, [MEL_F32] = asinh_f32),
    UNARY("Acosh", DEAR, [MEL_F32] = acosh_f32),
    UNARY("Atanh", DEAR, [MEL_F32] = atanh_f32),
    UNARY("Tanh", DEAR, [MEL_F32] = tanh_f32),
    UNARY("Floor", CHEAP, [MEL_F32] = floor_f32),
    UNARY("Ceil", CHEAP, [MEL_F32] = ceil_f32),
    UNARY("Round", CHEAP, [MEL_F32] = round_f32),
};

const struct mel_op *const mel_ops_unary[] = {
    &ops[0].op,
    &ops[1].op,
    &ops[2].op,
    &ops[3].op,
    &ops[4].op,
    &ops[5].op,
    &ops[6].op,
    &ops[7].op,
    &ops[8].op,
    &ops[9].op,
    &ops[10].op,
    &ops[11].op,
    &ops[12].op,
    &ops[13].op,
    &ops[14].op,
    &ops[15].op,
    &ops[16].op,
    &ops[17].op,
    &ops[18].op,
    &ops[19].op,
    &ops[20].op,
    &ops[21].op,
    &ops[22].op,
    NULL,
};
