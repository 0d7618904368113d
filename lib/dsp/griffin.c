/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/griffin.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "dsp/contract.h"
#include "dsp/loops.h"
#include "dsp/stft.h"
#include "dsp/synthesis.h"

#define PAIRS 4    /* pairs of frames of one task */
#define BLOCK 8192 /* samples of one overlap-add task */

struct mel_griffin {
	struct mel_contract c;
	struct mel_stft stft;
	struct mel_pool *pool;               /* the caller's */
	struct mel_synthesis_worker *worker; /* [threads] */

	/* of the present run */
	int64_t frames, samples, total; /* total: padded samples */
	const float *magnitude;         /* [frames, bins] */
	float *before_re, *before_im;   /* [frames, stride] c of last time */
	float *piece;                   /* [frames, n] windowed frames */
	float *x;                       /* [total] padded samples */
	float *factor;                  /* [total] see mel_stft_envelope */
	float *silence;                 /* [stride] zeros */
	double *error;                  /* [pairs, 2] squared sums */
	float pull;                     /* m / (1 + m) */
	uint64_t seed;
	bool zero_phase;
	double convergence;

	char *memory;
	size_t memory_size;
};

int
mel_griffin_open(struct mel_griffin **out, const struct mel_contract *contract,
    enum mel_isa isa, struct mel_pool *pool, struct mel_err *err)
{
	struct mel_griffin *g;

	g = mel_alloc(1, sizeof(*g), err);
	if (!g)
		return -1;
	g->c = *contract;
	g->pool = pool;
	if (mel_contract_check(&g->c, err) || mel_synthesis_check(&g->c, err) ||
	    mel_stft_open(&g->stft, &g->c, isa, err))
		goto fail;
	g->worker =
	    mel_synthesis_workers(&g->stft, mel_pool_threads(pool), err);
	if (!g->worker)
		goto fail;
	*out = g;
	return 0;
fail:
	mel_griffin_close(g);
	return -1;
}

void
mel_griffin_close(struct mel_griffin *g)
{
	if (!g)
		return;
	mel_synthesis_workers_close(g->worker, mel_pool_threads(g->pool));
	mel_stft_close(&g->stft);
	free(g->memory);
	free(g);
}

/* Adds room for n objects; false if the size does not fit. */
static bool
room(size_t *size, size_t n, size_t object)
{
	size_t bytes;

	return mel_size_mul(&bytes, n, object) &&
	       mel_size_add(&bytes, bytes, 63) &&
	       mel_size_add(size, *size, bytes / 64 * 64);
}

static void *
part(struct mel_griffin *g, size_t *at, size_t bytes)
{
	void *p = g->memory + *at;

	*at += (bytes + 63) / 64 * 64;
	return p;
}

/* One block for all arrays of the run, kept if it is large enough. */
static int
make_room(struct mel_griffin *g, struct mel_err *err)
{
	size_t frames = (size_t)g->frames, total = (size_t)g->total;
	size_t row, piece, size = 0, at = 0, f = sizeof(float);

	/* One frame more: an odd last one has a partner of silence. */
	if (!mel_size_mul(&row, frames + 1, (size_t)g->stft.stride) ||
	    !mel_size_mul(&piece, frames, (size_t)g->stft.n) ||
	    !room(&size, row, f) || !room(&size, row, f) ||
	    !room(&size, piece, f) || !room(&size, total, f) ||
	    !room(&size, total, f) || !room(&size, (size_t)g->stft.stride, f) ||
	    !room(&size, frames + 1, sizeof(double)))
		return mel_fail(err, "%zu frames: too many", frames);
	if (size > g->memory_size) {
		free(g->memory);
		g->memory_size = 0;
		g->memory = mel_alloc_aligned(size, err);
		if (!g->memory)
			return -1;
		g->memory_size = size;
	}
	g->before_re = part(g, &at, row * f);
	g->before_im = part(g, &at, row * f);
	g->piece = part(g, &at, piece * f);
	g->x = part(g, &at, total * f);
	g->factor = part(g, &at, total * f);
	g->silence = part(g, &at, (size_t)g->stft.stride * f);
	g->error = part(g, &at, (frames + 1) * sizeof(double));
	memset(g->before_re, 0, row * f);
	memset(g->before_im, 0, row * f);
	memset(g->silence, 0, (size_t)g->stft.stride * f);
	memset(g->x, 0, total * f);
	memset(g->factor, 0, total * f);
	return 0;
}

/* One frame of S p. */
static void
first_phases(const struct mel_griffin *g, int64_t frame, float *re, float *im)
{
	const float *s = g->magnitude + frame * g->stft.bins;
	size_t size = (size_t)g->stft.bins * sizeof(float);

	if (!g->zero_phase) {
		mel_random_phases(s, g->stft.bins, g->seed, frame, re, im);
		return;
	}
	memcpy(re, s, size);
	memset(im, 0, size);
}

/* c of this time becomes S p of the next one; c is kept in before. */
static void
next_phases(
    struct mel_griffin *g, struct mel_synthesis_worker *w, int64_t frame)
{
	int64_t at = frame * g->stft.stride, next = at + g->stft.stride;
	struct mel_spectra old = {g->before_re + at, g->before_im + at,
	    g->before_re + next, g->before_im + next};
	struct mel_rephase r = {.n = g->stft.n,
	    .re = w->work.out_re,
	    .im = w->work.out_im,
	    .a = g->magnitude + frame * g->stft.bins,
	    .b = g->silence,
	    .old = &old,
	    .pull = g->pull};

	if (frame + 1 < g->frames)
		r.b = r.a + g->stft.bins;
	g->stft.loops->rephase(&r);
}

/* Where the frame behind this one goes; NULL: this is the last. */
static float *
second(const struct mel_griffin *g, int64_t frame)
{
	return frame + 1 < g->frames ? g->piece + (frame + 1) * g->stft.n
				     : NULL;
}

static void
analyse(struct mel_griffin *g, struct mel_synthesis_worker *w, int64_t frame)
{
	const float *x = g->x + frame * g->c.hop;
	bool two = frame + 1 < g->frames;

	mel_stft_load(&g->stft, &w->work, x, two ? x + g->c.hop : NULL);
	mel_stft_forward(&g->stft, &w->work);
}

static void
start(void *ctx, size_t index, int worker)
{
	struct mel_griffin *g = ctx;
	struct mel_synthesis_worker *w = &g->worker[worker];
	int64_t frame = (int64_t)index * 2 * PAIRS;

	for (int i = 0; i < PAIRS && frame < g->frames; i++, frame += 2) {
		first_phases(g, frame, w->s.a_re, w->s.a_im);
		if (frame + 1 < g->frames)
			first_phases(g, frame + 1, w->s.b_re, w->s.b_im);
		mel_stft_backward(&g->stft, &w->work, &w->s,
		    g->piece + frame * g->stft.n, second(g, frame));
	}
}

static void
iterate(void *ctx, size_t index, int worker)
{
	struct mel_griffin *g = ctx;
	struct mel_synthesis_worker *w = &g->worker[worker];
	int64_t frame = (int64_t)index * 2 * PAIRS;

	for (int i = 0; i < PAIRS && frame < g->frames; i++, frame += 2) {
		analyse(g, w, frame);
		next_phases(g, w, frame);
		mel_stft_frames(&g->stft, &w->work,
		    g->piece + frame * g->stft.n, second(g, frame));
	}
}

static void
compare(void *ctx, size_t index, int worker)
{
	struct mel_griffin *g = ctx;
	struct mel_synthesis_worker *w = &g->worker[worker];
	int64_t frame = (int64_t)index * 2;
	const float *s = g->magnitude + frame * g->stft.bins;
	double *sums = g->error + index * 2;
	int bins = g->stft.bins;

	analyse(g, w, frame);
	mel_stft_part(&g->stft, &w->work, &w->s);
	sums[0] = sums[1] = 0;
	mel_spectral_error(s, w->s.a_re, w->s.a_im, bins, sums);
	if (frame + 1 < g->frames)
		mel_spectral_error(s + bins, w->s.b_re, w->s.b_im, bins, sums);
}

/* One block of samples: the pieces that reach it, in ascending order. */
static void
overlap_add(void *ctx, size_t index, int worker)
{
	struct mel_griffin *g = ctx;
	int64_t low = g->c.pad + (int64_t)index * BLOCK;
	int64_t high = low + BLOCK, end = g->c.pad + g->samples;
	int64_t span = g->stft.span, hop = g->c.hop, f;
	const struct mel_loops *loops = g->stft.loops;

	(void)worker;
	high = high < end ? high : end;
	memset(g->x + low, 0, (size_t)(high - low) * sizeof(float));
	f = low < span ? 0 : (low - span) / hop + 1;
	for (; f < g->frames && f * hop < high; f++) {
		int64_t from = f * hop > low ? f * hop : low;
		int64_t to = f * hop + span < high ? f * hop + span : high;
		const float *p = g->piece + f * g->stft.n - f * hop;

		loops->add(g->x + from, p + from, (int)(to - from));
	}
	loops->multiply(g->x + low, g->factor + low, (int)(high - low));
}

/* g->x from the pieces, pads included. */
static void
to_samples(struct mel_griffin *g)
{
	float *x = g->x + g->c.pad;

	mel_pool_run(
	    g->pool, (size_t)(g->samples + BLOCK - 1) / BLOCK, overlap_add, g);
	for (int64_t i = 0; i < g->c.pad; i++) {
		int64_t left = i - g->c.pad, right = g->samples + i;
		int64_t from = mel_pad_index(g->c.pad_mode, left, g->samples);

		g->x[i] = from < 0 ? 0 : x[from];
		from = mel_pad_index(g->c.pad_mode, right, g->samples);
		x[right] = from < 0 ? 0 : x[from];
	}
}

static double
convergence_of(struct mel_griffin *g)
{
	size_t pairs = (size_t)(g->frames + 1) / 2;
	double sum = 0, all = 0;

	mel_pool_run(g->pool, pairs, compare, g);
	for (size_t i = 0; i < pairs; i++) {
		sum += g->error[2 * i];
		all += g->error[2 * i + 1];
	}
	return all > 0 ? sqrt(sum / all) : 0;
}

int
mel_griffin_run(struct mel_griffin *g, const float *magnitude, int64_t frames,
    const struct mel_griffin_options *options, float *samples,
    struct mel_err *err)
{
	size_t tasks = (size_t)(frames + 2 * PAIRS - 1) / (2 * PAIRS);
	double last = 0;

	assert(options->momentum >= 0 && options->momentum < 1);
	g->frames = frames;
	g->samples = mel_contract_samples(&g->c, frames);
	g->total = g->samples + 2 * g->c.pad;
	g->convergence = 0;
	if (!g->samples)
		return 0;
	if (make_room(g, err))
		return -1;
	g->magnitude = magnitude;
	g->pull = (float)(options->momentum / (1 + options->momentum));
	g->seed = options->seed;
	g->zero_phase = options->zero_phase;
	mel_stft_envelope(&g->stft, g->c.hop, frames, g->factor);
	mel_pool_run(g->pool, tasks, start, g);
	for (int i = 0; i < options->iterations; i++) {
		to_samples(g);
		mel_pool_run(g->pool, tasks, iterate, g);
	}
	to_samples(g);
	if (options->measure)
		g->convergence = convergence_of(g);
	mel_deemphasise(&g->c, &last, g->x + g->c.pad, g->samples, samples);
	return 0;
}

double
mel_griffin_convergence(const struct mel_griffin *g)
{
	return g->convergence;
}
