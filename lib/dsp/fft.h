/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_FFT_H
#define MEL_DSP_FFT_H

#include <stddef.h>

#include "base/isa.h"

struct mel_err;

/*
 * The complex Fourier transform of n points in single precision, by FFTW.
 * Two real signals go through one complex transform: one as its real, one as
 * its imaginary part. That is 2 to 3 times faster than FFTW's real transform;
 * the price is that rounding of the louder signal (about 1e-7 of it) reaches
 * the quieter one.
 *
 * A transform works in a block of its caller: four arrays of n floats, time
 * re, time im, frequency re, frequency im, each mel_fft_part(n) floats behind
 * the one before (FFTW asks for the distances it planned with), then scratch,
 * mel_fft_block(n) floats in all, in memory of mel_alloc_aligned. A plan is not
 * changed by use: one serves any number of threads, each with its own block.
 */
struct mel_fft;

/* n: 1 or more points. Planned by estimate: fast, and the same every time. */
int mel_fft_open(
    struct mel_fft **fft, int n, enum mel_isa isa, struct mel_err *err);
void mel_fft_close(struct mel_fft *fft);

/* From array to array [floats], a multiple of 64 bytes. */
size_t mel_fft_part(int n);

/* All of a block [floats]. */
size_t mel_fft_block(int n);

/* frequency[k] = sum_j time[j] exp(-2 pi i j k / n); time is kept. */
void mel_fft_forward(const struct mel_fft *fft, float *block);

/* time[j] = sum_k frequency[k] exp(2 pi i j k / n), not scaled. */
void mel_fft_backward(const struct mel_fft *fft, float *block);

#endif
