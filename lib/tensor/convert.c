/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/convert.h"

#include <assert.h>
#include <math.h>
#include <string.h>

float
mel_f16_value(uint16_t bits)
{
	int exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
	float v;

	if (exponent == 31)
		v = fraction ? NAN : INFINITY;
	else if (exponent)
		v = ldexpf((float)(fraction | 0x400), exponent - 25);
	else
		v = ldexpf((float)fraction, -24);
	return copysignf(v, bits & 0x8000 ? -1 : 1);
}

float
mel_bf16_value(uint16_t bits)
{
	uint32_t wide = (uint32_t)bits << 16;
	float v;

	memcpy(&v, &wide, sizeof(v));
	return v;
}

double
mel_tensor_value(const struct mel_tensor *t, size_t i)
{
	const void *p = t->data;

	switch (t->dtype) {
	case MEL_F32:
		return ((const float *)p)[i];
	case MEL_F64:
		return ((const double *)p)[i];
	case MEL_F16:
		return mel_f16_value(((const uint16_t *)p)[i]);
	case MEL_BF16:
		return mel_bf16_value(((const uint16_t *)p)[i]);
	case MEL_I64:
		return (double)((const int64_t *)p)[i];
	case MEL_I32:
		return ((const int32_t *)p)[i];
	case MEL_I16:
		return ((const int16_t *)p)[i];
	case MEL_U8:
	case MEL_BOOL:
		return ((const uint8_t *)p)[i];
	case MEL_NONE:
		break;
	}
	assert(!"an element of no tensor");
	return NAN;
}

enum mel_dtype
mel_dtype_float(enum mel_dtype dtype)
{
	return dtype == MEL_F64 || dtype == MEL_I64 || dtype == MEL_I32
		   ? MEL_F64
		   : MEL_F32;
}

int
mel_tensor_convert(struct mel_tensor *out, const struct mel_tensor *t,
    enum mel_dtype dtype, struct mel_err *err)
{
	size_t n = mel_tensor_count(t);

	assert(dtype == MEL_F32 || dtype == MEL_F64);
	if (t->dtype == dtype)
		return mel_tensor_copy(out, t, err);
	if (mel_tensor_room(out, dtype, t->ndim, t->dim, err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		double v = mel_tensor_value(t, i);

		if (dtype == MEL_F32)
			((float *)out->data)[i] = (float)v;
		else
			((double *)out->data)[i] = v;
	}
	return 0;
}
