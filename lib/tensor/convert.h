/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_CONVERT_H
#define MEL_TENSOR_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

struct mel_err;

/* IEEE 754 binary16 and bfloat16 as bits, exactly; NaN stays NaN. */
float mel_f16_value(uint16_t bits);
float mel_bf16_value(uint16_t bits);

/*
 * Element i [0..count), counted row by row, of any type. Exact but for i64
 * beyond 2^53, which is rounded to even.
 */
double mel_tensor_value(const struct mel_tensor *t, size_t i);

/*
 * The smaller of MEL_F32 and MEL_F64 that holds every value of the type, for
 * i64 MEL_F64.
 */
enum mel_dtype mel_dtype_float(enum mel_dtype dtype);

/*
 * A new tensor `out` of the same shape as `dtype`, MEL_F32 or MEL_F64, from
 * any type; values are rounded to nearest, ties to even. From the same type
 * the bytes are copied.
 */
int mel_tensor_convert(struct mel_tensor *out, const struct mel_tensor *t,
    enum mel_dtype dtype, struct mel_err *err);

#endif
