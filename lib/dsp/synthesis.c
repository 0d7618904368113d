/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/synthesis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "dsp/contract.h"

int
mel_synthesis_check(const struct mel_contract *c, struct mel_err *err)
{
	if (c->hop > c->window)
		return mel_fail(err,
		    "hop %lld is longer than the window (%lld): no samples "
		    "can be made between the frames",
		    (long long)c->hop, (long long)c->window);
	return 0;
}

static int
open_worker(struct mel_synthesis_worker *w, const struct mel_stft *stft,
    struct mel_err *err)
{
	size_t stride = (size_t)stft->stride;
	float *all;

	if (mel_stft_work_open(stft, &w->work, err))
		return -1;
	all = mel_alloc_aligned(4 * stride * sizeof(float), err);
	if (!all)
		return -1;
	memset(all, 0, 4 * stride * sizeof(float));
	w->s = (struct mel_spectra){
	    all, all + stride, all + 2 * stride, all + 3 * stride};
	return 0;
}

struct mel_synthesis_worker *
mel_synthesis_workers(const struct mel_stft *stft, int n, struct mel_err *err)
{
	struct mel_synthesis_worker *worker =
	    mel_alloc((size_t)n, sizeof(*worker), err);

	for (int i = 0; worker && i < n; i++) {
		if (open_worker(&worker[i], stft, err)) {
			mel_synthesis_workers_close(worker, n);
			return NULL;
		}
	}
	return worker;
}

void
mel_synthesis_workers_close(struct mel_synthesis_worker *worker, int n)
{
	for (int i = 0; worker && i < n; i++) {
		mel_stft_work_close(&worker[i].work);
		free(worker[i].s.a_re);
	}
	free(worker);
}

void
mel_random_phases(const float *magnitude, int bins, uint64_t seed,
    int64_t frame, float *re, float *im)
{
	uint32_t r[4] = {0};

	for (int k = 0; k < bins; k++) {
		float a, b, size;

		if (!(k & 1))
			mel_rng_block(
			    seed, (uint64_t)frame, (uint64_t)k / 2, r);
		a = (float)(r[2 * (k & 1)] >> 8) * 0x1p-24f;
		b = (float)(r[2 * (k & 1) + 1] >> 8) * 0x1p-24f;
		size = sqrtf(a * a + b * b) + 1e-16f;
		re[k] = magnitude[k] * a / size;
		im[k] = magnitude[k] * b / size;
	}
}

/* y[n] = x[n] + p y[n-1] undoes the pre-emphasis; then the gain. */
void
mel_deemphasise(const struct mel_contract *c, double *last, const float *x,
    int64_t n, float *samples)
{
	double gain = 1 / c->gain;

	for (int64_t i = 0; i < n; i++) {
		*last = x[i] + c->preemphasis * *last;
		samples[i] = (float)(*last * gain);
	}
}

void
mel_spectral_error(const float *magnitude, const float *re, const float *im,
    int bins, double sums[2])
{
	for (int k = 0; k < bins; k++) {
		double s = magnitude[k];
		double d =
		    s - sqrt((double)re[k] * re[k] + (double)im[k] * im[k]);

		sums[0] += d * d;
		sums[1] += s * s;
	}
}
