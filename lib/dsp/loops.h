/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_LOOPS_H
#define MEL_DSP_LOOPS_H

#include <stddef.h>

#include "base/isa.h"

struct mel_err;
struct mel_filters;
struct mel_spectra;

/*
 * The loops in which signal processing spends its time, compiled once per
 * instruction set. They add and multiply without fusing and in the same
 * order everywhere, so all tables give the same bytes; what differs between
 * machines is FFTW. Plain functions on arrays: one thread, no state, n >= 0,
 * no alignment asked for; arrays must not overlap.
 */

/*
 * One step of Griffin-Lim on the mixed transform of two frames (see stft.h),
 * in place: parts it into c, takes pull * c of the last time from it, gives it
 * the wanted magnitude and mixes again.
 */
struct mel_rephase {
	int n;                   /* n_fft, even */
	float *re, *im;          /* [n] frequency */
	const float *a, *b;      /* [n / 2 + 1] magnitudes; b of zeros: one */
	struct mel_spectra *old; /* c of the last time; becomes this one */
	float pull;              /* m / (1 + m) */
};

/* What the mixed transform of two frames holds of each. */
struct mel_power {
	int n;                /* n_fft, even */
	const float *re, *im; /* [n] frequency */
	float p, q;           /* half the factors of the two spectra */
	int root;             /* magnitude, not power */
};

struct mel_loops {
	const char *name; /* of the instruction set */

	/* out = x * w; returns the largest magnitude, NaN above all. */
	float (*window)(float *out, const float *x, const float *w, int n);

	/* out = x * w * scale */
	void (*window_out)(
	    float *out, const float *x, const float *w, float scale, int n);

	/* x *= y; x += y */
	void (*scale)(float *x, float y, int n);
	void (*multiply)(float *x, const float *y, int n);
	void (*add)(float *x, const float *y, int n);

	/* a, b: [n / 2 + 1], of the first and the second frame */
	void (*power)(const struct mel_power *p, float *a, float *b);

	void (*rephase)(const struct mel_rephase *r);

	/* out[2 j] = re[j], out[2 j + 1] = im[j]; and back */
	void (*zip)(float *out, const float *re, const float *im, int n);
	void (*unzip)(float *re, float *im, const float *in, int n);

	/* out[i * 8 + l] = x[l * stride + i], i in [0, n); n up to 8 more. */
	void (*lanes)(float *out, const float *x, size_t stride, int n);

	/*
	 * x = factor * ln(max(x, floor) + add), within 2 units in the last
	 * place of the logarithm; NaN gives the floor's.
	 */
	void (*log)(float *x, float floor, float add, float factor, int n);

	/* See mel_filters_apply and mel_filters_spread. */
	void (*apply)(const struct mel_filters *f, const float *s, float *mel);
	void (*spread)(const struct mel_filters *f, const float *mel, float *s);

	/* h *= up / (down + 1e-30) */
	void (*update)(float *h, const float *up, const float *down, int n);

	/* Whether all n are finite. */
	int (*finite)(const float *x, size_t n);
};

/* NULL: this machine does not have it. */
const struct mel_loops *mel_loops_get(enum mel_isa isa, struct mel_err *err);

#endif
