/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/loops.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dsp/filters.h"
#include "dsp/stft.h"

/* Loops that compilers turn into vectors by themselves. */
#define JOIN2(a, b) a##b
#define JOIN(a, b)  JOIN2(a, b)
#define QUOTE2(a)   #a
#define QUOTE(a)    QUOTE2(a)

/* Not below 0, floats are in the order of their bits: an exact maximum. */
static float
do_window(float *restrict out, const float *restrict x, const float *restrict w,
    int n)
{
	int32_t top = 0;
	float most;

	for (int j = 0; j < n; j++) {
		float v = x[j] * w[j];
		int32_t bits;

		out[j] = v;
		memcpy(&bits, &v, sizeof(bits));
		bits &= 0x7fffffff;
		top = bits > top ? bits : top;
	}
	memcpy(&most, &top, sizeof(most));
	return most;
}

static void
do_window_out(float *restrict out, const float *restrict x,
    const float *restrict w, float scale, int n)
{
	for (int j = 0; j < n; j++)
		out[j] = x[j] * (w[j] * scale);
}

static void
do_scale(float *x, float y, int n)
{
	for (int j = 0; j < n; j++)
		x[j] *= y;
}

static void
do_multiply(float *restrict x, const float *restrict y, int n)
{
	for (int j = 0; j < n; j++)
		x[j] *= y[j];
}

static void
do_add(float *restrict x, const float *restrict y, int n)
{
	for (int j = 0; j < n; j++)
		x[j] += y[j];
}

static void
do_zip(float *restrict out, const float *restrict re, const float *restrict im,
    int n)
{
	for (int j = 0; j < n; j++) {
		out[2 * j] = re[j];
		out[2 * j + 1] = im[j];
	}
}

static void
do_unzip(
    float *restrict re, float *restrict im, const float *restrict in, int n)
{
	for (int j = 0; j < n; j++) {
		re[j] = in[2 * j];
		im[j] = in[2 * j + 1];
	}
}

static void
do_power(const struct mel_power *in, float *restrict a, float *restrict b)
{
	const float *restrict re = in->re, *restrict im = in->im;
	float p = in->p, q = in->q;
	int n = in->n, bins = n / 2 + 1;

	for (int k = 1; k < bins; k++) {
		float ar = p * (re[k] + re[n - k]);
		float ai = p * (im[k] - im[n - k]);
		float br = q * (im[k] + im[n - k]);
		float bi = q * (re[n - k] - re[k]);

		a[k] = ar * ar + ai * ai;
		b[k] = br * br + bi * bi;
	}
	a[0] = 4 * p * p * re[0] * re[0];
	b[0] = 4 * q * q * im[0] * im[0];
	for (int k = 0; in->root && k < bins; k++) {
		a[k] = sqrtf(a[k]);
		b[k] = sqrtf(b[k]);
	}
}

/* The first bin and the middle one: real in both frames. */
static void
rephase_real(const struct mel_rephase *r, int k)
{
	float a = r->re[k], b = r->im[k];
	float p = a - r->pull * r->old->a_re[k];
	float q = b - r->pull * r->old->b_re[k];

	r->old->a_re[k] = a;
	r->old->b_re[k] = b;
	r->re[k] = p * (r->a[k] / (fabsf(p) + 1e-16f));
	r->im[k] = q * (r->b[k] / (fabsf(q) + 1e-16f));
}

/* Bins 1 .. n / 2 - 1, and what mirrors them from the end downwards. */
static void
do_rephase(const struct mel_rephase *r)
{
	int half = r->n / 2;
	float pull = r->pull;
	const float *restrict sa = r->a, *restrict sb = r->b;
	float *restrict lo_re = r->re, *restrict lo_im = r->im;
	float *restrict hi_re = r->re + half, *restrict hi_im = r->im + half;
	float *restrict oar = r->old->a_re, *restrict oai = r->old->a_im;
	float *restrict obr = r->old->b_re, *restrict obi = r->old->b_im;

	/* No bin is in both halves, and none is read after it is written. */
#pragma GCC ivdep
	for (int k = 1; k < half; k++) {
		float zr = lo_re[k], zi = lo_im[k];
		float yr = hi_re[half - k], yi = hi_im[half - k];
		float ar = 0.5f * (zr + yr), ai = 0.5f * (zi - yi);
		float br = 0.5f * (zi + yi), bi = 0.5f * (yr - zr);
		float pr = ar - pull * oar[k], pi = ai - pull * oai[k];
		float qr = br - pull * obr[k], qi = bi - pull * obi[k];
		float p = sa[k] / (sqrtf(pr * pr + pi * pi) + 1e-16f);
		float q = sb[k] / (sqrtf(qr * qr + qi * qi) + 1e-16f);

		oar[k] = ar;
		oai[k] = ai;
		obr[k] = br;
		obi[k] = bi;
		pr *= p;
		pi *= p;
		qr *= q;
		qi *= q;
		lo_re[k] = pr - qi;
		lo_im[k] = pi + qr;
		hi_re[half - k] = pr + qi;
		hi_im[half - k] = qr - pi;
	}
	rephase_real(r, 0);
	rephase_real(r, half);
}

/*
 * Eight lanes at any address: left to itself the compiler makes its vectors of
 * something else, and exchanges elements all the time.
 */
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));

/* Eight rows of eight to eight columns, in three rounds of exchanges. */
static void
turn(float *restrict out, const float *restrict x, size_t stride)
{
	v8 r[8], t[8];

	for (int l = 0; l < 8; l++)
		r[l] = *(const v8 *)(x + (size_t)l * stride);
	for (int l = 0; l < 8; l += 2) {
		t[l] = __builtin_shufflevector(
		    r[l], r[l + 1], 0, 8, 2, 10, 4, 12, 6, 14);
		t[l + 1] = __builtin_shufflevector(
		    r[l], r[l + 1], 1, 9, 3, 11, 5, 13, 7, 15);
	}
	for (int l = 0; l < 8; l++) {
		int a = (l & 4) | (l & 1), b = a + 2;

		r[l] = l & 2 ? __builtin_shufflevector(
				   t[a], t[b], 2, 3, 10, 11, 6, 7, 14, 15)
			     : __builtin_shufflevector(
				   t[a], t[b], 0, 1, 8, 9, 4, 5, 12, 13);
	}
	for (int l = 0; l < 4; l++) {
		*(v8 *)(out + 8 * l) = __builtin_shufflevector(
		    r[l], r[l + 4], 0, 1, 2, 3, 8, 9, 10, 11);
		*(v8 *)(out + 8 * l + 32) = __builtin_shufflevector(
		    r[l], r[l + 4], 4, 5, 6, 7, 12, 13, 14, 15);
	}
}

static void
do_lanes(float *out, const float *x, size_t stride, int n)
{
	for (int i = 0; i < n; i += 8)
		turn(out + (size_t)i * 8, x + i, stride);
}

/*
 * ln(m 2^e) = e ln 2 + 2 atanh(s), s = (m - 1) / (m + 1), m between the roots
 * of 1/2 and 2: |s| < 0.172, so that the series' fifth term is the last one
 * which counts.
 */
static float
logarithm(float x)
{
	int small = x < FLT_MIN;
	uint32_t bits, e;
	float m, n, s, z;

	x = small ? x * 0x1p23f : x;
	memcpy(&bits, &x, sizeof(bits));
	bits += 0x3f800000u - 0x3f3504f3u;
	e = bits >> 23;
	bits = (bits & 0x7fffffu) + 0x3f3504f3u;
	memcpy(&m, &bits, sizeof(m));
	n = (float)(int32_t)e - (small ? 150.0f : 127.0f);
	m -= 1;
	s = m / (2 + m);
	z = s * s;
	z = z * (2 / 3.0f + z * (2 / 5.0f + z * (2 / 7.0f + z * (2 / 9.0f))));
	/* ln 2 in two parts, the first short: its product with n is exact. */
	return n * 0x1.62ep-1f + (2 * s + (s * z + n * 0x1.0bfbe8p-15f));
}

static void
do_log(float *x, float floor, float add, float factor, int n)
{
	for (int j = 0; j < n; j++) {
		float m = (x[j] > floor ? x[j] : floor) + add;

		x[j] = factor * logarithm(m);
	}
}

static void
do_apply(const struct mel_filters *f, const float *spectrum, float *mel)
{
	for (int b = 0; b < f->bands; b++) {
		const float *w = f->weight + f->at[b];
		const v8 *s = (const v8 *)spectrum + f->first[b];
		v8 sum = {0};

		for (int k = 0; k < f->count[b]; k++)
			sum += w[k] * s[k];
		((v8 *)mel)[b] = sum;
	}
}

static void
do_spread(const struct mel_filters *f, const float *restrict mel,
    float *restrict spectrum)
{
	memset(spectrum, 0, (size_t)f->bins * sizeof(v8));
	for (int b = 0; b < f->bands; b++) {
		const float *w = f->weight + f->at[b];
		v8 *s = (v8 *)spectrum + f->first[b];
		v8 m = ((const v8 *)mel)[b];

		for (int k = 0; k < f->count[b]; k++)
			s[k] += w[k] * m;
	}
}

static void
do_update(float *restrict h, const float *restrict up,
    const float *restrict down, int n)
{
	for (int i = 0; i < n; i++)
		h[i] *= up[i] / (down[i] + 1e-30f);
}

static int
do_finite(const float *x, size_t n)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++)
		bad |= !(fabsf(x[i]) <= FLT_MAX);
	return !bad;
}

const struct mel_loops JOIN(mel_loops_, MEL_ISA_NAME) = {
    .name = QUOTE(MEL_ISA_NAME),
    .window = do_window,
    .window_out = do_window_out,
    .scale = do_scale,
    .multiply = do_multiply,
    .add = do_add,
    .zip = do_zip,
    .unzip = do_unzip,
    .power = do_power,
    .rephase = do_rephase,
    .lanes = do_lanes,
    .log = do_log,
    .apply = do_apply,
    .spread = do_spread,
    .update = do_update,
    .finite = do_finite,
};
