/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ISA_VMATH_H
#define MEL_NET_ISA_VMATH_H

#include "net/isa/vec.h"

/*
 * Elementary functions of a vector, lane by lane. Range reduction as usual
 * (Cody and Waite, "Software Manual for the Elementary Functions", 1980); the
 * polynomials were fitted for the least largest relative error over the
 * reduced range, which is below 0.1 unit in the last place of a float.
 */

/* n = round(x / ln 2), as float and as integer; r = x - n ln 2. */
struct reduced {
	vf r;
	vu n; /* two's complement */
};

INLINE struct reduced
reduce_ln2(vf x)
{
	/* Adding 1.5 x 2^23 rounds to an integer in the low bits. */
	const vf magic = splat(0x1.8p23f);
	vf t = vfma(x, splat(0x1.715476p0f), magic), n = t - magic;
	struct reduced q;

	q.n = (vu)t - (vu)magic;
	/* The first part of ln 2 is short: its product with n is exact. */
	q.r = vfma(n, splat(-0x1.63p-1f), x);
	q.r = vfma(n, splat(0x1.bd0106p-13f), q.r);
	return q;
}

/* exp(r) - 1 for |r| <= ln(2) / 2. */
INLINE vf
expm1_poly(vf r)
{
	vf p = splat(0x1.6db426p-10f);

	p = vfma(p, r, splat(0x1.123b56p-7f));
	p = vfma(p, r, splat(0x1.55545ep-5f));
	p = vfma(p, r, splat(0x1.55548ep-3f));
	p = vfma(p, r, splat(0.5f));
	return vfma(p, r * r, r);
}

/* 2^n for n in [-126, 127]. */
INLINE vf
pow2(vu n)
{
	return (vf)((n + 127) << 23);
}

/* exp x for x in [-87, 88], so that the result is a normal number; NaN stays.
 */
INLINE vf
exp_normal(vf x)
{
	struct reduced q = reduce_ln2(x);

	return (1.0f + expm1_poly(q.r)) * pow2(q.n);
}

INLINE vf
vexp(vf x)
{
	struct reduced q;
	vu half;
	vf y;

	/* Outside, the result is 0 or infinity anyway; NaN stays. */
	x = pick((vu)(x < -104.0f), splat(-104.0f), x);
	x = pick((vu)(x > 89.0f), splat(89.0f), x);
	q = reduce_ln2(x);
	y = 1.0f + expm1_poly(q.r);
	/* In two steps, for results beyond the normal range. */
	half = (vu)((q.n + 256) >> 1) - 128;
	return y * pow2(half) * pow2(q.n - half);
}

INLINE vf
vexpm1(vf x)
{
	vf tiny = x, p, s;
	struct reduced q;

	x = pick((vu)(x < -20.0f), splat(-20.0f), x);
	x = pick((vu)(x > 89.0f), splat(89.0f), x);
	q = reduce_ln2(x);
	p = expm1_poly(q.r);
	/* Half of it first: 2^128 is no float. */
	s = pow2(q.n - 1);
	p = vfma(p, s, s - 0.5f) * 2.0f;
	/* Keeps -0 and what half of it would lose. */
	return pick((vu)(vabs(tiny) < 0x1p-30f), tiny, p);
}

/* log of m x 2^n, with m in [sqrt(1/2), sqrt(2)). */
INLINE vf
log_parts(vf m, vf n)
{
	vf f = m - 1.0f, ff = f * f, p = splat(-0x1.38b4ccp-4f);

	p = vfma(p, f, splat(0x1.055b46p-3f));
	p = vfma(p, f, splat(-0x1.0d8552p-3f));
	p = vfma(p, f, splat(0x1.22da22p-3f));
	p = vfma(p, f, splat(-0x1.547244p-3f));
	p = vfma(p, f, splat(0x1.99a008p-3f));
	p = vfma(p, f, splat(-0x1.000228p-2f));
	p = vfma(p, f, splat(0x1.555554p-2f));
	p = p * ff * f;
	p = vfma(n, splat(-0x1.bd0106p-13f), p);
	p = vfma(splat(-0.5f), ff, p);
	return vfma(n, splat(0x1.63p-1f), f + p);
}

INLINE vf
vlog(vf x)
{
	const float inf = __builtin_inff();
	vu denormal = (vu)(x < 0x1p-126f), bits, e;
	vf y = pick(denormal, x * 0x1p23f, x), n;

	/* e rises by one where the mantissa passes sqrt(2). */
	bits = (vu)y + (0x3f800000u - 0x3f3504f3u);
	e = bits >> 23;
	y = (vf)((bits & 0x7fffffu) + 0x3f3504f3u);
	/* As float: 2^23 + e is exact. */
	n = (vf)(e | 0x4b000000u) - (0x1p23f + 127.0f);
	n = pick(denormal, n - 23.0f, n);
	y = log_parts(y, n);
	y = pick((vu)(x == inf) | (vu)(x != x), x, y);
	y = pick((vu)(x == 0.0f), splat(-inf), y);
	return pick((vu)(x < 0.0f), splat(__builtin_nanf("")), y);
}

INLINE vf
vlog1p(vf x)
{
	vf w = 1.0f + x, lost = x - (w - 1.0f), y;

	/* What 1 + x rounds away is put back to first order. */
	y = vlog(w) + lost / w;
	y = pick((vu)(w == __builtin_inff()) | (vu)(w <= 0.0f), vlog(w), y);
	return pick((vu)(vabs(x) < 0x1p-24f), x, y);
}

INLINE vf
vtanh(vf x)
{
	vf t = vabs(x), e;

	t = pick((vu)(t > 10.0f), splat(10.0f), t);
	e = vexpm1(t + t);
	return with_sign(e / (e + 2.0f), x);
}

INLINE vf
vsigmoid(vf x)
{
	vf e = vexp(-vabs(x));

	return pick((vu)(x < 0.0f), e, splat(1.0f)) / (1.0f + e);
}

INLINE vf
vsoftplus(vf x)
{
	vf top = pick((vu)(x < 0.0f), splat(0.0f), x);

	return top + vlog1p(vexp(-vabs(x)));
}

/* erf x for |x| < 0.93. */
INLINE vf
erf_small(vf x)
{
	vf s = x * x, p = splat(0x1.5cd18ap-14f);

	p = vfma(p, s, splat(-0x1.aa3e10p-11f));
	p = vfma(p, s, splat(0x1.54c7cep-8f));
	p = vfma(p, s, splat(-0x1.b80e8cp-6f));
	p = vfma(p, s, splat(0x1.ce2e08p-4f));
	p = vfma(p, s, splat(-0x1.812742p-2f));
	p = vfma(p, s, splat(0x1.06eba8p-3f));
	return vfma(p, x, x);
}

INLINE vf
verf(vf x)
{
	vf t = vabs(x), p = splat(0x1.9d858ap-13f);

	/* log(1 - erf t) for t in [0.9, 3.95]; beyond, erf rounds to 1. */
	t = pick((vu)(t > 3.95f), splat(3.95f), t);
	p = vfma(p, t, splat(-0x1.908170p-9f));
	p = vfma(p, t, splat(0x1.6cfd00p-6f));
	p = vfma(p, t, splat(-0x1.aa2322p-4f));
	p = vfma(p, t, splat(-0x1.462cb0p-1f));
	p = vfma(p, t, splat(-0x1.20b432p0f));
	p = vfma(p, t, splat(-0x1.7437e0p-13f));
	p = with_sign(1.0f - exp_normal(p), x);
	return pick((vu)(t < 0.93f), erf_small(x), p);
}

/* Reduction by pi / 2 in double keeps its accuracy up to this |x|. */
#define SIN_LIMIT 0x1p20f

/* sin(x + turn pi / 2) for |x| <= SIN_LIMIT, NaN beyond and for NaN. */
INLINE vf
vsin_turned(vf x, unsigned turn)
{
	const double magic = 0x1.8p52;
	vf inside = pick((vu)(vabs(x) <= SIN_LIMIT), x, splat(0.0f));
	vd d = __builtin_convertvector(inside, vd);
	vd t = d * 0x1.45f306dc9c883p-1 + magic, n = t - magic;
	vu quarter = __builtin_convertvector((vq)t, vu) + turn;
	vf r, s, p, q;

	/* pi / 2 in two parts; n times the first is exact. */
	d = (d - n * 0x1.921fb544p0) - n * 0x1.0b4611a626331p-34;
	r = __builtin_convertvector(d, vf);
	s = r * r;
	p = vfma(splat(0x1.6cd1b2p-19f), s, splat(-0x1.a00f7ep-13f));
	p = vfma(p, s, splat(0x1.111108p-7f));
	p = vfma(p, s, splat(-0x1.555556p-3f));
	p = vfma(p * s, r, r);
	q = vfma(splat(-0x1.241e6ep-22f), s, splat(0x1.a010dep-16f));
	q = vfma(q, s, splat(-0x1.6c16b8p-10f));
	q = vfma(q, s, splat(0x1.555556p-5f));
	q = vfma(q * s, s, vfma(splat(-0.5f), s, splat(1.0f)));
	p = pick((vu)((quarter & 1) != 0), q, p);
	p = (vf)((vu)p ^ ((quarter & 2) << 30));
	return pick((vu)(vabs(x) <= SIN_LIMIT), p, splat(__builtin_nanf("")));
}

#endif
