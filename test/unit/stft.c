/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "dsp/contract.h"
#include "dsp/fft.h"
#include "dsp/stft.h"
#include "tap.h"

static struct mel_err err;

static float *
array(int n)
{
	float *p = mel_alloc_aligned((size_t)n * sizeof(float) + 64, &err);

	if (!p)
		exit(1);
	memset(p, 0, (size_t)n * sizeof(float));
	return p;
}

/*
 * Against the sum of the definition, for sizes with all kinds of factors. A
 * rounding at each of log2 n steps, of the size of half a unit in the last
 * place (6e-8), gives 6e-8 sqrt(log2 n) of the spectrum; the page promises
 * 3e-7.
 */
static void
test_fft(void)
{
	static const int sizes[] = {1, 2, 5, 14, 64, 97, 400, 1024, 2048};

	for (int s = 0; s < 9; s++) {
		int n = sizes[s];
		size_t part = mel_fft_part(n);
		float *a = array((int)mel_fft_block(n)), *b = a + part;
		float *c = b + part, *d = c + part;
		double worst = 0, wrong = 0, all = 0;
		struct mel_fft *fft;

		if (mel_fft_open(&fft, n, MEL_ISA_AUTO, &err))
			exit(1);
		for (int j = 0; j < n; j++) {
			a[j] = mel_rng_normal(1, 0, (uint64_t)j);
			b[j] = mel_rng_normal(1, 1, (uint64_t)j);
		}
		mel_fft_forward(fft, a);
		for (int k = 0; k < n; k++) {
			double re = 0, im = 0;

			for (int j = 0; j < n; j++) {
				double t = -2 * M_PI * ((long)j * k % n) / n;

				re += a[j] * cos(t) - b[j] * sin(t);
				im += a[j] * sin(t) + b[j] * cos(t);
			}
			wrong += (re - c[k]) * (re - c[k]) +
				 (im - d[k]) * (im - d[k]);
			all += re * re + im * im;
		}
		ok(wrong <= 9e-14 * all,
		    "FFT of %d: root mean square error %.1e of the spectrum's",
		    n, sqrt(wrong / all));
		mel_fft_backward(fft, a);
		for (int j = 0; j < n; j++)
			worst = fmax(worst,
			    fabs(a[j] / n - mel_rng_normal(1, 0, (uint64_t)j)));
		ok(worst < 2e-6, "and back: %.1e", worst);
		mel_fft_close(fft);
		free(a);
	}
}

/* Analysis, synthesis, overlap-add: the samples come back. */
static void
round_trip(const char *name)
{
	struct mel_stft stft;
	struct mel_stft_work work;
	struct mel_spectra s;
	struct mel_contract c;
	int64_t frames = 21, total, edge;
	float *x, *y, *back, *factor;
	double worst = 0;

	mel_contract_named(&c, name, &err);
	if (mel_stft_open(&stft, &c, MEL_ISA_AUTO, &err) ||
	    mel_stft_work_open(&stft, &work, &err))
		exit(1);
	total = (frames - 1) * c.hop + stft.span;
	x = array((int)total);
	y = array((int)total);
	back = array(2 * stft.n);
	factor = array((int)total);
	s = (struct mel_spectra){array(stft.stride), array(stft.stride),
	    array(stft.stride), array(stft.stride)};
	for (int64_t i = 0; i < total; i++)
		x[i] = mel_rng_normal(2, 0, (uint64_t)i);
	mel_stft_envelope(&stft, c.hop, frames, factor);
	for (int64_t f = 0; f < frames; f += 2) {
		const float *a = x + f * c.hop;
		bool two = f + 1 < frames;

		mel_stft_load(&stft, &work, a, two ? a + c.hop : NULL);
		mel_stft_balance(&stft, &work);
		mel_stft_forward(&stft, &work);
		mel_stft_part(&stft, &work, &s);
		mel_stft_backward(
		    &stft, &work, &s, back, two ? back + stft.n : NULL);
		for (int j = 0; j < stft.span; j++) {
			y[f * c.hop + j] += back[j];
			if (two)
				y[(f + 1) * c.hop + j] += back[stft.n + j];
		}
	}
	/* The samples between the pads, as every consumer takes them. */
	edge = c.pad ? c.pad : c.hop;
	for (int64_t i = edge; i < total - edge; i++)
		worst = fmax(worst, fabs(y[i] * factor[i] - x[i]));
	ok(worst < 1e-5, "%s: inverse of forward gives the samples (%.1e)",
	    name, worst);
	mel_stft_work_close(&work);
	mel_stft_close(&stft);
	free(x);
	free(y);
	free(back);
	free(factor);
	free(s.a_re);
	free(s.a_im);
	free(s.b_re);
	free(s.b_im);
}

/* A quiet frame beside a loud one keeps its own precision. */
static void
test_balance(void)
{
	struct mel_stft stft;
	struct mel_stft_work work;
	struct mel_spectra s, alone;
	struct mel_contract c;
	double worst = 0, size = 0;
	float *a, *b;

	mel_contract_named(&c, "hifigan22k", &err);
	if (mel_stft_open(&stft, &c, MEL_ISA_AUTO, &err) ||
	    mel_stft_work_open(&stft, &work, &err))
		exit(1);
	s = (struct mel_spectra){array(stft.stride), array(stft.stride),
	    array(stft.stride), array(stft.stride)};
	alone = (struct mel_spectra){array(stft.stride), array(stft.stride),
	    array(stft.stride), array(stft.stride)};
	a = array(stft.n);
	b = array(stft.n);
	for (int j = 0; j < stft.n; j++) {
		a[j] = mel_rng_normal(3, 0, (uint64_t)j);
		b[j] = 1e-6f * mel_rng_normal(3, 1, (uint64_t)j);
	}
	mel_stft_load(&stft, &work, a, b);
	mel_stft_balance(&stft, &work);
	mel_stft_forward(&stft, &work);
	mel_stft_part(&stft, &work, &s);
	mel_stft_load(&stft, &work, b, NULL);
	mel_stft_forward(&stft, &work);
	mel_stft_part(&stft, &work, &alone);
	for (int k = 0; k < stft.bins; k++) {
		worst = fmax(worst, hypot(s.b_re[k] - alone.a_re[k],
					s.b_im[k] - alone.a_im[k]));
		size = fmax(size, hypot(alone.a_re[k], alone.a_im[k]));
	}
	ok(worst < 2e-6 * size, "a frame 120 dB below its partner (%.1e)",
	    worst / size);
	memset(b, 0, (size_t)stft.n * sizeof(float));
	mel_stft_load(&stft, &work, a, b);
	mel_stft_balance(&stft, &work);
	mel_stft_forward(&stft, &work);
	mel_stft_part(&stft, &work, &s);
	worst = 0;
	for (int k = 0; k < stft.bins; k++)
		worst = fmax(worst, hypot(s.b_re[k], s.b_im[k]));
	ok(worst == 0, "a silent frame stays exactly silent");
	mel_stft_work_close(&work);
	mel_stft_close(&stft);
	free(a);
	free(b);
	free(s.a_re);
	free(s.a_im);
	free(s.b_re);
	free(s.b_im);
	free(alone.a_re);
	free(alone.a_im);
	free(alone.b_re);
	free(alone.b_im);
}

static void
test_pads(void)
{
	static const int reflected[] = {
	    1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2};
	bool same = true;

	for (int i = 0; i < 14; i++)
		same = same &&
		       mel_pad_index(MEL_PAD_REFLECT, i - 5, 4) == reflected[i];
	ok(same, "reflection repeats periodically");
	ok(mel_pad_index(MEL_PAD_REFLECT, -3, 1) == 0 &&
		mel_pad_index(MEL_PAD_REFLECT, 9, 1) == 0,
	    "one sample reflects itself");
	ok(mel_pad_index(MEL_PAD_CONSTANT, -1, 4) == -1 &&
		mel_pad_index(MEL_PAD_REPLICATE, -9, 4) == 0 &&
		mel_pad_index(MEL_PAD_REPLICATE, 9, 4) == 3,
	    "constant and replicate");
}

int
main(void)
{
	test_fft();
	for (int i = 0; mel_contract_names[i]; i++)
		round_trip(mel_contract_names[i]);
	test_balance();
	test_pads();
	return tap_done();
}
