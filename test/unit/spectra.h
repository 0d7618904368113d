/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SPECTRA_H
#define SPECTRA_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "dsp/contract.h"
#include "dsp/stft.h"

/* |STFT| of x over the contract's geometry [frames, bins]. */
__attribute__((unused)) static float *
magnitudes(const struct mel_contract *c, const float *x, int64_t n)
{
	int64_t frames = mel_contract_frames(c, n);
	struct mel_stft stft;
	struct mel_stft_work work;
	struct mel_spectra s;
	float *out, *padded, *parts;
	struct mel_err err;

	if (mel_stft_open(&stft, c, MEL_ISA_AUTO, &err) ||
	    mel_stft_work_open(&stft, &work, &err))
		exit(1);
	out = malloc((size_t)frames * (size_t)stft.bins * sizeof(float));
	padded = calloc((size_t)(n + 2 * c->pad), sizeof(float));
	parts = calloc(4 * (size_t)stft.stride, sizeof(float));
	s = (struct mel_spectra){parts, parts + stft.stride,
	    parts + 2 * stft.stride, parts + 3 * stft.stride};
	for (int64_t i = 0; i < n + 2 * c->pad; i++)
		padded[i] = x[mel_pad_index(c->pad_mode, i - c->pad, n)];
	for (int64_t f = 0; f < frames; f++) {
		mel_stft_load(&stft, &work, padded + f * c->hop, NULL);
		mel_stft_forward(&stft, &work);
		mel_stft_part(&stft, &work, &s);
		for (int k = 0; k < stft.bins; k++)
			out[f * stft.bins + k] = hypotf(s.a_re[k], s.a_im[k]);
	}
	mel_stft_work_close(&work);
	mel_stft_close(&stft);
	free(padded);
	free(parts);
	return out;
}

/* || a - b || / || b || */
__attribute__((unused)) static double
distance(const float *a, const float *b, int64_t n)
{
	double sum = 0, all = 0;

	for (int64_t i = 0; i < n; i++) {
		sum += (a[i] - b[i]) * (double)(a[i] - b[i]);
		all += b[i] * (double)b[i];
	}
	return all > 0 ? sqrt(sum / all) : 0;
}

#endif
