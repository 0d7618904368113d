/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_FFT_H
#define MEL_NET_FFT_H

#include <stddef.h>

/*
 * Discrete Fourier transforms of any length, in double: Cooley and Tukey's
 * way through the prime factors, so n x (sum of factors) steps. For the
 * operators DFT and STFT; the front end's own transforms are fftw's.
 */

/* A complex number. */
struct mel_complex {
	double re, im;
};

/* root[k] = exp(-2 pi i k / n), or its conjugate if inverse. [n] */
void mel_fft_roots(struct mel_complex *root, size_t n, int inverse);

/*
 * out[k] = sum over j of in[j] root[j k mod n], k in [0, n). work: [n]; none
 * of the arrays may overlap another. There is no factor 1 / n.
 */
void mel_fft(struct mel_complex *out, const struct mel_complex *in,
    const struct mel_complex *root, struct mel_complex *work, size_t n);

#endif
