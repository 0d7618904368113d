/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/fft.h"

#include <assert.h>
#include <fftw3.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

struct mel_fft {
	fftwf_plan forward, backward;
	size_t part; /* [floats] */
};

/*
 * FFTW's planner writes to tables of its own that are global to the process;
 * only execution is safe in threads. This lock is the one static object of
 * the library: nothing smaller than the process can guard them.
 */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

size_t
mel_fft_part(int n)
{
	return ((size_t)n + 15) / 16 * 16;
}

/* The inverse is the same transform with real and imaginary exchanged. */
static void
plan(struct mel_fft *fft, int n, float *block)
{
	fftwf_iodim dim = {.n = n, .is = 1, .os = 1};
	float *re = block, *im = re + fft->part;
	float *out_re = im + fft->part, *out_im = out_re + fft->part;
	unsigned flags = FFTW_ESTIMATE | FFTW_PRESERVE_INPUT;

	pthread_mutex_lock(&planner);
	fft->forward = fftwf_plan_guru_split_dft(
	    1, &dim, 0, NULL, re, im, out_re, out_im, flags);
	fft->backward = fftwf_plan_guru_split_dft(
	    1, &dim, 0, NULL, out_im, out_re, im, re, flags);
	pthread_mutex_unlock(&planner);
}

int
mel_fft_open(struct mel_fft **out, int n, struct mel_err *err)
{
	struct mel_fft *fft;
	float *block;

	assert(n >= 1);
	fft = mel_alloc(1, sizeof(*fft), err);
	if (!fft)
		return -1;
	fft->part = mel_fft_part(n);
	block = mel_alloc_aligned(4 * fft->part * sizeof(float), err);
	if (!block) {
		free(fft);
		return -1;
	}
	plan(fft, n, block);
	free(block);
	if (!fft->forward || !fft->backward) {
		mel_fft_close(fft);
		return mel_fail(err, "FFTW has no plan for %d points", n);
	}
	*out = fft;
	return 0;
}

void
mel_fft_close(struct mel_fft *fft)
{
	if (!fft)
		return;
	pthread_mutex_lock(&planner);
	if (fft->forward)
		fftwf_destroy_plan(fft->forward);
	if (fft->backward)
		fftwf_destroy_plan(fft->backward);
	pthread_mutex_unlock(&planner);
	free(fft);
}

void
mel_fft_forward(const struct mel_fft *fft, float *block)
{
	fftwf_execute_split_dft(fft->forward, block, block + fft->part,
	    block + 2 * fft->part, block + 3 * fft->part);
}

void
mel_fft_backward(const struct mel_fft *fft, float *block)
{
	fftwf_execute_split_dft(fft->backward, block + 3 * fft->part,
	    block + 2 * fft->part, block + fft->part, block);
}
