/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/fft.h"

#include <assert.h>
#include <fftw3.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "dsp/loops.h"

/*
 * FFTW has vector code for real and imaginary parts in arrays of their own, as
 * our loops want them, for powers of two only; for numbers in pairs it has it
 * for others, too. There pairs are made and parted again: with that, 400 points
 * take a quarter of the time, and planning a tenth.
 */
struct mel_fft {
	fftwf_plan forward, backward;
	int n;
	size_t part; /* [floats] */
	bool pairs;  /* the plans are for pairs, out of place */
	const struct mel_loops *loops;
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

size_t
mel_fft_block(int n)
{
	return 6 * mel_fft_part(n);
}

#define FLAGS (FFTW_ESTIMATE | FFTW_PRESERVE_INPUT)

static void
plan_pairs(struct mel_fft *fft, float *block)
{
	fftwf_complex *in = (fftwf_complex *)(block + 2 * fft->part);
	fftwf_complex *out = (fftwf_complex *)(block + 4 * fft->part);

	fft->forward = fftwf_plan_dft_1d(fft->n, in, out, FFTW_FORWARD, FLAGS);
	fft->backward =
	    fftwf_plan_dft_1d(fft->n, in, out, FFTW_BACKWARD, FLAGS);
}

/* The inverse is the same transform with real and imaginary exchanged. */
static void
plan_arrays(struct mel_fft *fft, float *block)
{
	fftwf_iodim dim = {.n = fft->n, .is = 1, .os = 1};
	float *re = block, *im = re + fft->part;
	float *out_re = im + fft->part, *out_im = out_re + fft->part;

	fft->forward = fftwf_plan_guru_split_dft(
	    1, &dim, 0, NULL, re, im, out_re, out_im, FLAGS);
	fft->backward = fftwf_plan_guru_split_dft(
	    1, &dim, 0, NULL, out_im, out_re, im, re, FLAGS);
}

int
mel_fft_open(struct mel_fft **out, int n, enum mel_isa isa, struct mel_err *err)
{
	struct mel_fft *fft;
	float *block;

	assert(n >= 1);
	fft = mel_alloc(1, sizeof(*fft), err);
	if (!fft)
		return -1;
	fft->n = n;
	fft->part = mel_fft_part(n);
	fft->pairs = n & (n - 1);
	fft->loops = mel_loops_get(isa, err);
	block = mel_alloc_aligned(mel_fft_block(n) * sizeof(float), err);
	if (!fft->loops || !block) {
		free(block);
		free(fft);
		return -1;
	}
	pthread_mutex_lock(&planner);
	if (fft->pairs)
		plan_pairs(fft, block);
	else
		plan_arrays(fft, block);
	pthread_mutex_unlock(&planner);
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

/* From one half of the block to the other, which holds the pairs meanwhile. */
static void
transform_pairs(const struct mel_fft *fft, const fftwf_plan plan,
    const float *from, float *to, float *scratch)
{
	fft->loops->zip(to, from, from + fft->part, fft->n);
	fftwf_execute_dft(plan, (fftwf_complex *)to, (fftwf_complex *)scratch);
	fft->loops->unzip(to, to + fft->part, scratch, fft->n);
}

void
mel_fft_forward(const struct mel_fft *fft, float *block)
{
	float *out = block + 2 * fft->part, *scratch = out + 2 * fft->part;

	if (fft->pairs)
		transform_pairs(fft, fft->forward, block, out, scratch);
	else
		fftwf_execute_split_dft(fft->forward, block, block + fft->part,
		    out, out + fft->part);
}

void
mel_fft_backward(const struct mel_fft *fft, float *block)
{
	float *in = block + 2 * fft->part, *scratch = in + 2 * fft->part;

	if (fft->pairs)
		transform_pairs(fft, fft->backward, in, block, scratch);
	else
		fftwf_execute_split_dft(fft->backward, in + fft->part, in,
		    block + fft->part, block);
}
