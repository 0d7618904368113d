/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_FFT_H
#define MEL_DSP_FFT_H

#include "base/err.h"

/*
 * The complex Fourier transform of n points in single precision, by FFTW.
 * Two real signals go through one complex transform: one as its real, one as
 * its imaginary part. That is 2 to 3 times faster than FFTW's real transform;
 * the price is that rounding of the louder signal (about 1e-7 of it) reaches
 * the quieter one.
 *
 * A plan is not changed by use: one serves any number of threads. All arrays
 * are aligned to 64 bytes (mel_alloc_aligned) and do not overlap.
 */
struct mel_fft;

/* n: 1 or more points. Planned by estimate: fast, and the same every time. */
int mel_fft_open(struct mel_fft **fft, int n, struct mel_err *err);
void mel_fft_close(struct mel_fft *fft);

/*
 * out[k] = sum_j in[j] exp(-2 pi i j k / n), not scaled, all [n]. The inverse
 * (not scaled) is the same call with real and imaginary parts exchanged on
 * both sides.
 */
void mel_fft_run(const struct mel_fft *fft, float *in_re, float *in_im,
    float *out_re, float *out_im);

#endif
