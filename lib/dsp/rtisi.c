/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/rtisi.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "dsp/contract.h"
#include "dsp/loops.h"
#include "dsp/stft.h"
#include "dsp/synthesis.h"

#define RANDOM 0.01f /* share of random phases in the first ones */

/*
 * Frames first .. frames - 1 are in work. Frame f has row f % rows of the
 * arrays; one more row stands for the silent partner of an odd one. The
 * sound's arrays begin where frame `first` does, and move on with it.
 */
struct mel_rtisi {
	struct mel_contract c;
	struct mel_stft stft;
	struct mel_pool *pool;               /* the caller's */
	struct mel_synthesis_worker *worker; /* [threads] */
	struct mel_rtisi_options options;
	int64_t slots;  /* frames in work, at most */
	int64_t reach;  /* hops that a frame touches */
	int64_t rows;   /* frames that are remembered */
	int64_t length; /* samples that the frames in work reach */
	int rounds;     /* after each frame that comes */
	float pull;     /* m / (1 + m) */
	float least;    /* bound of the sum of squared windows */

	int64_t steps;         /* frames pushed, and steps after them */
	int64_t frames, first; /* pushed, settled */
	int64_t given;         /* samples */
	double last;           /* of mel_deemphasise */
	double error[2];       /* of mel_spectral_error */

	float *magnitude;             /* [rows + 1, stride] S */
	float *before_re, *before_im; /* [rows + 1, stride] c_previous */
	float *piece;                 /* [rows + 1, n] windowed frames */
	float *square;                /* [span] window squared */
	float *full;                  /* [hop] sum of all squared windows */
	float *base;                  /* [length] sum of settled frames */
	float *weight;                /* [length] sum of squared windows */
	float *factor;                /* [length] 1 / weight, bounded */
	float *x;                     /* [length] */
	float *settled;               /* [reach * hop] x before `first` */
	float *memory;                /* of all these */
	int64_t size;                 /* [floats] */
};

/* The next rows of n floats; counts them while there is no memory yet. */
static float *
part(struct mel_rtisi *r, int64_t rows, int64_t n)
{
	int64_t at = r->size;

	r->size += (rows * n + 15) / 16 * 16;
	return r->memory ? r->memory + at : NULL;
}

static void
divide(struct mel_rtisi *r)
{
	r->size = 0;
	r->magnitude = part(r, r->rows + 1, r->stft.stride);
	r->before_re = part(r, r->rows + 1, r->stft.stride);
	r->before_im = part(r, r->rows + 1, r->stft.stride);
	r->piece = part(r, r->rows + 1, r->stft.n);
	r->square = part(r, 1, r->stft.span);
	r->full = part(r, 1, r->c.hop);
	r->base = part(r, 1, r->length);
	r->weight = part(r, 1, r->length);
	r->factor = part(r, 1, r->length);
	r->x = part(r, 1, r->length);
	r->settled = part(r, r->reach, r->c.hop);
}

/* 64 bits hold the size: no number of a contract has more than 17. */
static int
open_memory(struct mel_rtisi *r, struct mel_err *err)
{
	r->length = (r->slots - 1) * r->c.hop + r->stft.span;
	r->reach = (r->stft.span + r->c.hop - 1) / r->c.hop;
	r->rows = r->slots + (r->options.measure ? r->reach : 0);
	divide(r);
	if ((uint64_t)r->size > SIZE_MAX / sizeof(float))
		return mel_fail(err, "out of memory");
	r->memory = mel_alloc_aligned((size_t)r->size * sizeof(float), err);
	if (!r->memory)
		return -1;
	memset(r->memory, 0, (size_t)r->size * sizeof(float));
	divide(r);
	return 0;
}

static void
measure_window(struct mel_rtisi *r)
{
	float most = 0;

	for (int j = 0; j < r->stft.span; j++)
		r->square[j] = r->stft.window[j] * r->stft.window[j];
	for (int64_t i = 0; i < r->c.hop; i++) {
		for (int64_t j = i; j < r->stft.span; j += r->c.hop)
			r->full[i] += r->square[j];
		most = r->full[i] > most ? r->full[i] : most;
	}
	r->least = 1e-3f * most;
	for (int64_t i = 0; i < r->c.hop; i++)
		r->full[i] = r->full[i] > r->least ? r->full[i] : r->least;
}

/* No sample may go out before it is sure that there is one. */
static int
check_pad(const struct mel_rtisi *r, struct mel_err *err)
{
	const struct mel_contract *c = &r->c;
	int64_t most = mel_contract_span(c) + (r->slots - 2 + c->drop) * c->hop;

	if (c->pad > most)
		return mel_fail(err,
		    "pad %lld is more than a look-ahead of %d frames can "
		    "bridge (%lld)",
		    (long long)c->pad, r->options.look_ahead, (long long)most);
	return 0;
}

static int
open_parts(struct mel_rtisi *r, enum mel_isa isa, struct mel_err *err)
{
	if (mel_contract_check(&r->c, err) || mel_synthesis_check(&r->c, err) ||
	    check_pad(r, err) || mel_stft_open(&r->stft, &r->c, isa, err))
		return -1;
	r->worker =
	    mel_synthesis_workers(&r->stft, mel_pool_threads(r->pool), err);
	if (!r->worker)
		return -1;
	if (open_memory(r, err))
		return -1;
	measure_window(r);
	return 0;
}

int
mel_rtisi_open(struct mel_rtisi **out, const struct mel_contract *contract,
    const struct mel_rtisi_options *options, enum mel_isa isa,
    struct mel_pool *pool, struct mel_err *err)
{
	int ahead = options->look_ahead;
	struct mel_rtisi *r;

	assert(ahead >= 1 && ahead <= 64);
	assert(options->iterations >= 0 && options->iterations <= 10000);
	assert(options->momentum >= 0 && options->momentum < 1);
	r = mel_alloc(1, sizeof(*r), err);
	if (!r)
		return -1;
	r->c = *contract;
	r->pool = pool;
	r->options = *options;
	r->slots = ahead + 1;
	r->rounds = (options->iterations + ahead) / (ahead + 1);
	r->pull = (float)(options->momentum / (1 + options->momentum));
	if (open_parts(r, isa, err)) {
		mel_rtisi_close(r);
		return -1;
	}
	*out = r;
	return 0;
}

void
mel_rtisi_close(struct mel_rtisi *r)
{
	if (!r)
		return;
	mel_synthesis_workers_close(r->worker, mel_pool_threads(r->pool));
	mel_stft_close(&r->stft);
	free(r->memory);
	free(r);
}

int64_t
mel_rtisi_delay(const struct mel_rtisi *r)
{
	return r->slots + r->c.pad / r->c.hop;
}

/* x of all frames there are. */
static void
overlap_add(struct mel_rtisi *r)
{
	const struct mel_loops *loops = r->stft.loops;
	float *x = r->x;

	memcpy(x, r->base, (size_t)r->length * sizeof(float));
	for (int64_t f = r->first; f < r->frames; f++, x += r->c.hop)
		loops->add(x, r->piece + f % r->rows * r->stft.n, r->stft.span);
	loops->multiply(r->x, r->factor, (int)r->length);
}

/* One pair of frames. */
static void
iterate(void *ctx, size_t index, int worker)
{
	struct mel_rtisi *r = ctx;
	const struct mel_stft *stft = &r->stft;
	struct mel_stft_work *work = &r->worker[worker].work;
	int64_t frame = r->first + 2 * (int64_t)index;
	const float *x = r->x + (frame - r->first) * r->c.hop;
	bool two = frame + 1 < r->frames;
	int64_t a = frame % r->rows;
	int64_t b = two ? (frame + 1) % r->rows : r->rows;
	int64_t at = a * stft->stride, next = b * stft->stride;
	struct mel_spectra old = {r->before_re + at, r->before_im + at,
	    r->before_re + next, r->before_im + next};
	struct mel_rephase rephase = {.n = stft->n,
	    .re = work->out_re,
	    .im = work->out_im,
	    .a = r->magnitude + at,
	    .b = r->magnitude + next,
	    .old = &old,
	    .pull = r->pull};

	mel_stft_load(stft, work, x, two ? x + r->c.hop : NULL);
	mel_stft_forward(stft, work);
	stft->loops->rephase(&rephase);
	mel_stft_frames(
	    stft, work, r->piece + a * stft->n, r->piece + b * stft->n);
}

static void
iterate_all(struct mel_rtisi *r)
{
	size_t pairs = (size_t)(r->frames - r->first + 1) / 2;

	for (int i = 0; i < r->rounds; i++) {
		overlap_add(r);
		mel_pool_run(r->pool, pairs, iterate, r);
	}
}

/* s.a becomes the first spectrum of a frame, s.b is scratch. */
static void
first_phases(const struct mel_rtisi *r, const struct mel_stft_work *work,
    const float *magnitude, const struct mel_spectra *s)
{
	mel_stft_part(&r->stft, work, s);
	mel_random_phases(magnitude, r->stft.bins, r->options.seed, r->frames,
	    s->b_re, s->b_im);
	for (int k = 0; k < r->stft.bins; k++) {
		float re = s->a_re[k] + RANDOM * s->b_re[k];
		float im = s->a_im[k] + RANDOM * s->b_im[k];
		float gain = magnitude[k] / (sqrtf(re * re + im * im) + 1e-16f);

		s->a_re[k] = re * gain;
		s->a_im[k] = im * gain;
	}
}

/* After a change of weight. */
static void
weigh(struct mel_rtisi *r)
{
	for (int64_t i = 0; i < r->length; i++)
		r->factor[i] =
		    1 / (r->weight[i] > r->least ? r->weight[i] : r->least);
}

/* One more frame in work. */
static void
enter(struct mel_rtisi *r, const float *magnitude)
{
	const struct mel_stft *stft = &r->stft;
	struct mel_synthesis_worker *w = r->worker;
	int64_t at = (r->frames - r->first) * r->c.hop;
	int64_t slot = r->frames % r->rows, row = slot * stft->stride;
	size_t size = (size_t)stft->bins * sizeof(float);

	overlap_add(r);
	for (int64_t i = 0; i < stft->span; i++)
		r->x[at + i] *=
		    sqrtf(r->weight[at + i] / r->full[i % r->c.hop]);
	mel_stft_load(stft, &w->work, r->x + at, NULL);
	mel_stft_forward(stft, &w->work);
	first_phases(r, &w->work, magnitude, &w->s);
	mel_stft_backward(
	    stft, &w->work, &w->s, r->piece + slot * stft->n, NULL);
	memcpy(r->magnitude + row, magnitude, size);
	memset(r->before_re + row, 0, size);
	memset(r->before_im + row, 0, size);
	stft->loops->add(r->weight + at, r->square, stft->span);
	r->frames++;
	weigh(r);
}

static void
move_on(float *x, int64_t length, int64_t hop)
{
	int64_t rest = length - hop;

	memmove(x, x + hop, (size_t)rest * sizeof(float));
	memset(x + rest, 0, (size_t)hop * sizeof(float));
}

/* The frame whose last sample is settled now. */
static void
measure(struct mel_rtisi *r)
{
	struct mel_synthesis_worker *w = r->worker;
	int64_t frame = r->first - r->reach;

	if (!r->options.measure || frame < 0 || frame >= r->frames)
		return;
	mel_stft_load(&r->stft, &w->work, r->settled, NULL);
	mel_stft_forward(&r->stft, &w->work);
	mel_stft_part(&r->stft, &w->work, &w->s);
	mel_spectral_error(r->magnitude + frame % r->rows * r->stft.stride,
	    w->s.a_re, w->s.a_im, r->stft.bins, r->error);
}

/*
 * Settles the first frame in work, if there is one: then the next hop of the
 * padded sound is as it will be. Gives what of it is in samples
 * 0 .. total - 1.
 */
static int64_t
settle(struct mel_rtisi *r, int64_t total, float *samples)
{
	const struct mel_loops *loops = r->stft.loops;
	int64_t hop = r->c.hop, at = r->first * hop - r->c.pad;
	int64_t low = at < 0 ? -at : 0;
	int64_t high = total < at + hop ? total - at : hop;
	int64_t n = high > low ? high - low : 0;
	float *next = r->settled + (r->reach - 1) * hop;

	if (r->first < r->frames)
		loops->add(r->base, r->piece + r->first % r->rows * r->stft.n,
		    r->stft.span);
	move_on(r->settled, r->reach * hop, hop);
	memcpy(next, r->base, (size_t)hop * sizeof(float));
	loops->multiply(next, r->factor, (int)hop);
	if (n)
		mel_deemphasise(&r->c, &r->last, next + low, n, samples);
	move_on(r->base, r->length, hop);
	move_on(r->weight, r->length, hop);
	weigh(r);
	r->first++;
	r->given += n;
	measure(r);
	return n;
}

static int64_t
step(struct mel_rtisi *r, int64_t total, float *samples)
{
	if (r->first < r->frames)
		iterate_all(r);
	return ++r->steps < r->slots ? 0 : settle(r, total, samples);
}

int64_t
mel_rtisi_push(struct mel_rtisi *r, const float *magnitude, float *samples)
{
	enter(r, magnitude);
	return step(r, INT64_MAX, samples);
}

int64_t
mel_rtisi_finish(struct mel_rtisi *r, float *samples)
{
	int64_t total = mel_contract_samples(&r->c, r->frames), n = 0;
	int64_t end = r->frames + r->reach - 1;

	/* To the end of the last frame, even if that is pad: see measure. */
	while (!n && (r->given < total || r->first < end))
		n = step(r, total, samples);
	return n;
}

double
mel_rtisi_convergence(const struct mel_rtisi *r)
{
	return r->error[1] > 0 ? sqrt(r->error[0] / r->error[1]) : 0;
}

void
mel_rtisi_reset(struct mel_rtisi *r)
{
	size_t size = (size_t)r->length * sizeof(float);

	r->steps = r->frames = r->first = r->given = 0;
	r->last = r->error[0] = r->error[1] = 0;
	memset(r->base, 0, size);
	memset(r->weight, 0, size);
}
