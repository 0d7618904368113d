/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/stft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dsp/contract.h"
#include "dsp/fft.h"
#include "dsp/loops.h"

static double
window_at(int type, int64_t j, int64_t length)
{
	double period = (double)length;
	double c;

	if (type == MEL_WINDOW_HANN_SYMMETRIC || type == MEL_WINDOW_POVEY)
		period = length > 1 ? (double)(length - 1) : 1;
	c = cos(2 * M_PI * (double)j / period);
	switch (type) {
	case MEL_WINDOW_HAMMING:
		return 0.54 - 0.46 * c;
	case MEL_WINDOW_POVEY:
		return pow(0.5 - 0.5 * c, 0.85);
	case MEL_WINDOW_ONES:
		return 1;
	default:
		return 0.5 - 0.5 * c;
	}
}

void
mel_window(const struct mel_contract *c, double *window)
{
	int64_t at =
	    c->align == MEL_ALIGN_START ? 0 : (c->n_fft - c->window) / 2;

	memset(window, 0, (size_t)c->n_fft * sizeof(*window));
	for (int64_t j = 0; j < c->window; j++)
		window[at + j] = window_at(c->window_type, j, c->window);
}

int
mel_stft_open(struct mel_stft *stft, const struct mel_contract *c,
    enum mel_isa isa, struct mel_err *err)
{
	double *window = mel_alloc((size_t)c->n_fft, sizeof(*window), err);

	*stft = (struct mel_stft){.n = (int)c->n_fft,
	    .bins = (int)c->n_fft / 2 + 1,
	    .stride = ((int)c->n_fft / 2 + 16) / 16 * 16,
	    .span = (int)mel_contract_span(c),
	    .loops = mel_loops_get(isa, err)};
	stft->window = mel_alloc_aligned((size_t)stft->n * sizeof(float), err);
	if (!window || !stft->window || !stft->loops ||
	    mel_fft_open(&stft->fft, stft->n, isa, err)) {
		free(window);
		mel_stft_close(stft);
		return -1;
	}
	mel_window(c, window);
	for (int j = 0; j < stft->n; j++)
		stft->window[j] = (float)window[j];
	free(window);
	return 0;
}

void
mel_stft_close(struct mel_stft *stft)
{
	mel_fft_close(stft->fft);
	free(stft->window);
	*stft = (struct mel_stft){0};
}

int
mel_stft_work_open(const struct mel_stft *stft, struct mel_stft_work *work,
    struct mel_err *err)
{
	size_t part = mel_fft_part(stft->n);
	float *all =
	    mel_alloc_aligned(mel_fft_block(stft->n) * sizeof(float), err);

	if (!all)
		return -1;
	*work = (struct mel_stft_work){
	    all, all + part, all + 2 * part, all + 3 * part, {0, 0}, {1, 1}};
	return 0;
}

void
mel_stft_work_close(struct mel_stft_work *work)
{
	free(work->re);
	*work = (struct mel_stft_work){0};
}

static float
load(const struct mel_stft *stft, const float *x, float *out)
{
	size_t rest = (size_t)(stft->n - stft->span);

	memset(out + stft->span, 0, rest * sizeof(float));
	return stft->loops->window(out, x, stft->window, stft->span);
}

void
mel_stft_load(const struct mel_stft *stft, struct mel_stft_work *work,
    const float *a, const float *b)
{
	work->peak[0] = load(stft, a, work->re);
	work->peak[1] = 0;
	if (b)
		work->peak[1] = load(stft, b, work->im);
	else
		memset(work->im, 0, (size_t)stft->n * sizeof(float));
	work->undo[0] = work->undo[1] = 1;
}

void
mel_stft_balance(const struct mel_stft *stft, struct mel_stft_work *work)
{
	float a = work->peak[0], b = work->peak[1];
	int shift;

	work->undo[0] = a > 0;
	work->undo[1] = b > 0;
	if (!(a > 0) || !(b > 0) || isinf(a) || isinf(b))
		return;
	shift = ilogbf(a) - ilogbf(b);
	/* Both factors must be normal numbers, and small ones are no matter. */
	if (abs(shift) < 3 || abs(shift) > 120)
		return;
	stft->loops->scale(work->im, ldexpf(1, shift), stft->n);
	work->undo[1] = ldexpf(1, -shift);
}

void
mel_stft_forward(const struct mel_stft *stft, struct mel_stft_work *work)
{
	mel_fft_forward(stft->fft, work->re);
}

/*
 * Real signals a + ib: A[k] = (Z[k] + conj Z[n-k]) / 2,
 * B[k] = (Z[k] - conj Z[n-k]) / 2i.
 */
void
mel_stft_part(const struct mel_stft *stft, const struct mel_stft_work *work,
    const struct mel_spectra *s)
{
	const float *re = work->out_re, *im = work->out_im;
	float a = 0.5f * work->undo[0], b = 0.5f * work->undo[1];

	for (int k = 0; k < stft->bins; k++) {
		int m = k ? stft->n - k : 0;

		s->a_re[k] = a * (re[k] + re[m]);
		s->a_im[k] = a * (im[k] - im[m]);
		s->b_re[k] = b * (im[k] + im[m]);
		s->b_im[k] = b * (re[m] - re[k]);
	}
}

static void
mix_pair(const struct mel_stft *stft, struct mel_stft_work *work,
    const struct mel_spectra *s)
{
	float *re = work->out_re, *im = work->out_im;
	int n = stft->n, half = n / 2;

	re[0] = s->a_re[0];
	im[0] = s->b_re[0];
	re[half] = s->a_re[half];
	im[half] = s->b_re[half];
	for (int k = 1; k < half; k++) {
		re[k] = s->a_re[k] - s->b_im[k];
		im[k] = s->a_im[k] + s->b_re[k];
		re[n - k] = s->a_re[k] + s->b_im[k];
		im[n - k] = s->b_re[k] - s->a_im[k];
	}
}

static void
mix_one(const struct mel_stft *stft, struct mel_stft_work *work,
    const struct mel_spectra *s)
{
	float *re = work->out_re, *im = work->out_im;
	int n = stft->n, half = n / 2;

	re[0] = s->a_re[0];
	im[0] = 0;
	re[half] = s->a_re[half];
	im[half] = 0;
	for (int k = 1; k < half; k++) {
		re[k] = re[n - k] = s->a_re[k];
		im[k] = s->a_im[k];
		im[n - k] = -s->a_im[k];
	}
}

void
mel_stft_frames(
    const struct mel_stft *stft, struct mel_stft_work *work, float *a, float *b)
{
	const float scale = 1 / (float)stft->n;

	mel_fft_backward(stft->fft, work->re);
	stft->loops->window_out(a, work->re, stft->window, scale, stft->n);
	if (b)
		stft->loops->window_out(
		    b, work->im, stft->window, scale, stft->n);
}

void
mel_stft_backward(const struct mel_stft *stft, struct mel_stft_work *work,
    const struct mel_spectra *s, float *a, float *b)
{
	if (b)
		mix_pair(stft, work, s);
	else
		mix_one(stft, work, s);
	mel_stft_frames(stft, work, a, b);
}

void
mel_stft_envelope(
    const struct mel_stft *stft, int64_t hop, int64_t frames, float *factor)
{
	int64_t n = (frames - 1) * hop + stft->span;
	double most = 0;

	for (int64_t i = 0; i < n; i++) {
		int64_t first = i < stft->span ? 0 : (i - stft->span) / hop + 1;
		double sum = 0;

		for (int64_t f = first; f < frames && f * hop <= i; f++) {
			double w = stft->window[i - f * hop];

			sum += w * w;
		}
		factor[i] = (float)sum;
		if (sum > most)
			most = sum;
	}
	for (int64_t i = 0; i < n; i++) {
		double sum = factor[i] > 1e-3 * most ? factor[i] : 1e-3 * most;

		factor[i] = sum > 0 ? (float)(1 / sum) : 0;
	}
}

int64_t
mel_pad_index(int pad_mode, int64_t i, int64_t n)
{
	int64_t period = 2 * (n - 1);

	if (i >= 0 && i < n)
		return i;
	if (pad_mode == MEL_PAD_CONSTANT)
		return -1;
	if (pad_mode == MEL_PAD_REPLICATE || !period)
		return i < 0 ? 0 : n - 1;
	i %= period;
	if (i < 0)
		i += period;
	return i < n ? i : period - i;
}
