/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/isa/vmath.h"

#include <math.h>

/* The tail goes through the same vector code as the body. */
#define MAP(name, f)                                                           \
	void name(float *y, const float *x, size_t n)                          \
	{                                                                      \
		size_t i = 0;                                                  \
                                                                               \
		for (; i + VL <= n; i += VL)                                   \
			store(y + i, f(load(x + i)));                          \
		if (i < n)                                                     \
			store_part(y + i, f(load_part(x + i, n - i)), n - i);  \
	}

MAP(mel_isa_exp, vexp)
MAP(mel_isa_expm1, vexpm1)
MAP(mel_isa_log, vlog)
MAP(mel_isa_log1p, vlog1p)
MAP(mel_isa_tanh, vtanh)
MAP(mel_isa_sigmoid, vsigmoid)
MAP(mel_isa_softplus, vsoftplus)
MAP(mel_isa_erf, verf)

/* Lanes whose argument is too large for the vector code. */
INLINE vf
replace_large(vf y, vf x, float (*f)(float))
{
	for (int i = 0; i < VL; i++) {
		if (fabsf(x[i]) > SIN_LIMIT)
			y[i] = f(x[i]);
	}
	return y;
}

INLINE vf
vsin(vf x)
{
	vf y = pick((vu)(vabs(x) < 0x1p-12f), x, vsin_turned(x, 0));

	return replace_large(y, x, sinf);
}

INLINE vf
vcos(vf x)
{
	return replace_large(vsin_turned(x, 1), x, cosf);
}

MAP(mel_isa_sin, vsin)
MAP(mel_isa_cos, vcos)
