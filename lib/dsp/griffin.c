/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/griffin.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "dsp/contract.h"
#include "dsp/loops.h"
#include "dsp/stft.h"

#define PAIRS 4    /* pairs of frames of one task */
#define BLOCK 8192 /* samples of one overlap-add task */

struct mel_griffin {
	struct mel_contract c;
	struct mel_stft stft;
	struct mel_pool *pool; /* the caller's */
	struct worker {
		struct mel_stft_work work;
		struct mel_spectra s; /* [stride] each */
	} * worker;                   /* [threads] */

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

static int
open_workers(struct mel_griffin *g, struct mel_err *err)
{
	int threads = mel_pool_threads(g->pool);
	size_t stride = (size_t)g->stft.stride;

	g->worker = mel_alloc((size_t)threads, sizeof(*g->worker), err);
	if (!g->worker)
		return -1;
	for (int i = 0; i < threads; i++) {
		struct worker *w = &g->worker[i];
		float *all;

		if (mel_stft_work_open(&g->stft, &w->work, err))
			return -1;
		all = mel_alloc_aligned(4 * stride * sizeof(float), err);
		if (!all)
			return -1;
		w->s = (struct mel_spectra){
		    all, all + stride, all + 2 * stride, all + 3 * stride};
		memset(all, 0, 4 * stride * sizeof(float));
	}
	return 0;
}

int
mel_griffin_open(struct mel_griffin **out, const struct mel_contract *contract,
    struct mel_pool *pool, struct mel_err *err)
{
	struct mel_griffin *g;

	if (contract->hop > contract->window)
		return mel_fail(err,
		    "hop %lld is longer than the window (%lld): no samples "
		    "can be made between the frames",
		    (long long)contract->hop, (long long)contract->window);
	g = mel_alloc(1, sizeof(*g), err);
	if (!g)
		return -1;
	g->c = *contract;
	g->pool = pool;
	if (mel_contract_check(&g->c, err) ||
	    mel_stft_open(&g->stft, &g->c, err) || open_workers(g, err)) {
		mel_griffin_close(g);
		return -1;
	}
	*out = g;
	return 0;
}

void
mel_griffin_close(struct mel_griffin *g)
{
	if (!g)
		return;
	for (int i = 0; g->worker && i < mel_pool_threads(g->pool); i++) {
		mel_stft_work_close(&g->worker[i].work);
		free(g->worker[i].s.a_re);
	}
	free(g->worker);
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

/*
 * One frame of S p. Both parts of p are uniform in [0, 1) before it is
 * normalised, as torchaudio has it: one quarter of the circle converges faster
 * than all of it.
 */
static void
first_phases(const struct mel_griffin *g, int64_t frame, float *re, float *im)
{
	const float *s = g->magnitude + frame * g->stft.bins;
	uint32_t r[4] = {0};

	for (int k = 0; k < g->stft.bins; k++) {
		float a = 1, b = 0, size;

		if (!g->zero_phase) {
			if (!(k & 1))
				mel_rng_block(g->seed, (uint64_t)frame,
				    (uint64_t)k / 2, r);
			a = (float)(r[2 * (k & 1)] >> 8) * 0x1p-24f;
			b = (float)(r[2 * (k & 1) + 1] >> 8) * 0x1p-24f;
		}
		size = sqrtf(a * a + b * b) + 1e-16f;
		re[k] = s[k] * a / size;
		im[k] = s[k] * b / size;
	}
}

/* c of this time becomes S p of the next one; c is kept in before. */
static void
next_phases(struct mel_griffin *g, struct worker *w, int64_t frame)
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
analyse(struct mel_griffin *g, struct worker *w, int64_t frame)
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
	struct worker *w = &g->worker[worker];
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
	struct worker *w = &g->worker[worker];
	int64_t frame = (int64_t)index * 2 * PAIRS;

	for (int i = 0; i < PAIRS && frame < g->frames; i++, frame += 2) {
		analyse(g, w, frame);
		next_phases(g, w, frame);
		mel_stft_frames(&g->stft, &w->work,
		    g->piece + frame * g->stft.n, second(g, frame));
	}
}

static void
add_error(const struct mel_griffin *g, int64_t frame, const float *re,
    const float *im, double *sums)
{
	const float *s = g->magnitude + frame * g->stft.bins;

	for (int k = 0; k < g->stft.bins; k++) {
		double d =
		    s[k] - sqrt((double)re[k] * re[k] + (double)im[k] * im[k]);

		sums[0] += d * d;
		sums[1] += (double)s[k] * s[k];
	}
}

static void
compare(void *ctx, size_t index, int worker)
{
	struct mel_griffin *g = ctx;
	struct worker *w = &g->worker[worker];
	int64_t frame = (int64_t)index * 2;
	double *sums = g->error + index * 2;

	analyse(g, w, frame);
	mel_stft_part(&g->stft, &w->work, &w->s);
	sums[0] = sums[1] = 0;
	add_error(g, frame, w->s.a_re, w->s.a_im, sums);
	if (frame + 1 < g->frames)
		add_error(g, frame + 1, w->s.b_re, w->s.b_im, sums);
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

/* y[n] = x[n] + p y[n-1] undoes the pre-emphasis; then the gain. */
static void
finish(const struct mel_griffin *g, float *samples)
{
	const float *x = g->x + g->c.pad;
	double last = 0, gain = 1 / g->c.gain;

	for (int64_t i = 0; i < g->samples; i++) {
		last = x[i] + g->c.preemphasis * last;
		samples[i] = (float)(last * gain);
	}
}

int
mel_griffin_run(struct mel_griffin *g, const float *magnitude, int64_t frames,
    const struct mel_griffin_options *options, float *samples,
    struct mel_err *err)
{
	size_t tasks = (size_t)(frames + 2 * PAIRS - 1) / (2 * PAIRS);

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
	finish(g, samples);
	return 0;
}

double
mel_griffin_convergence(const struct mel_griffin *g)
{
	return g->convergence;
}
