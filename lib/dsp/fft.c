/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/fft.h"

#include <assert.h>
#include <fftw3.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

struct mel_fft {
	fftwf_plan plan;
};

/*
 * FFTW's planner writes to tables of its own that are global to the process;
 * only execution is safe in threads. This lock is the one static object of
 * the library: nothing smaller than the process can guard them.
 */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

int
mel_fft_open(struct mel_fft **out, int n, struct mel_err *err)
{
	fftwf_iodim dim = {.n = n, .is = 1, .os = 1};
	struct mel_fft *fft;
	size_t part = ((size_t)n * sizeof(float) + 63) / 64 * 64;
	char *work;

	assert(n >= 1);
	fft = mel_alloc(1, sizeof(*fft), err);
	work = fft ? mel_alloc_aligned(4 * part, err) : NULL;
	if (!work) {
		free(fft);
		return -1;
	}
	pthread_mutex_lock(&planner);
	fft->plan = fftwf_plan_guru_split_dft(1, &dim, 0, NULL, (float *)work,
	    (float *)(work + part), (float *)(work + 2 * part),
	    (float *)(work + 3 * part), FFTW_ESTIMATE);
	pthread_mutex_unlock(&planner);
	free(work);
	if (!fft->plan) {
		free(fft);
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
	fftwf_destroy_plan(fft->plan);
	pthread_mutex_unlock(&planner);
	free(fft);
}

void
mel_fft_run(const struct mel_fft *fft, float *in_re, float *in_im,
    float *out_re, float *out_im)
{
	fftwf_execute_split_dft(fft->plan, in_re, in_im, out_re, out_im);
}
