/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/mel.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "dsp/contract.h"
#include "dsp/filters.h"
#include "dsp/loops.h"
#include "dsp/stft.h"

/*
 * All positions are those of the padded signal: 0 is the first sample of the
 * left pad, `pad` is x[0].
 */
struct mel_analysis {
	struct mel_contract c;
	struct mel_stft stft;
	struct mel_stft_work work;
	struct mel_filters filters;
	float *power;    /* [lanes, stride] one frame a row */
	float *spectrum; /* [stride x lanes] */
	float *mel;      /* [bands x lanes] */
	float *frame;    /* [2, n] frames with mean and pre-emphasis done */

	float *buf;    /* [cap]; positions start .. start + len - 1 */
	size_t cap;    /* [samples] */
	size_t len;    /* [samples] */
	int64_t start; /* position of buf[0] */
	int64_t given; /* samples pushed */
	int64_t next;  /* frame to be computed */
	bool begun;    /* the left pad is in place */
	bool finished;

	float *held;        /* [max_frames, bands], contracts with a range */
	size_t held_cap;    /* [frames] */
	int64_t n_held;     /* [frames] */
	int64_t max_frames; /* [frames] */
	int64_t told;       /* held frames already given */
	double top;         /* greatest value held */
};

static int
allocate(struct mel_analysis *a, enum mel_isa isa, struct mel_err *err)
{
	size_t lanes = MEL_LANES * sizeof(float);

	if (mel_stft_open(&a->stft, &a->c, isa, err) ||
	    mel_stft_work_open(&a->stft, &a->work, err) ||
	    mel_filters_open(&a->filters, &a->c, isa, err))
		return -1;
	a->power = mel_alloc_aligned((size_t)a->stft.stride * lanes, err);
	a->spectrum = mel_alloc_aligned((size_t)a->stft.stride * lanes, err);
	a->mel = mel_alloc_aligned((size_t)a->c.bands * lanes, err);
	a->frame = mel_alloc((size_t)a->stft.n * 2, sizeof(float), err);
	return a->power && a->spectrum && a->mel && a->frame ? 0 : -1;
}

int
mel_analysis_open(struct mel_analysis **out,
    const struct mel_contract *contract, enum mel_isa isa, int64_t max_frames,
    struct mel_err *err)
{
	struct mel_analysis *a = mel_alloc(1, sizeof(*a), err);

	if (!a)
		return -1;
	a->c = *contract;
	a->max_frames = max_frames;
	if (mel_contract_check(&a->c, err) || allocate(a, isa, err)) {
		mel_analysis_close(a);
		return -1;
	}
	/* The lanes of frames that are not there are computed, too. */
	memset(a->power, 0, (size_t)a->stft.stride * MEL_LANES * sizeof(float));
	mel_analysis_reset(a);
	*out = a;
	return 0;
}

void
mel_analysis_close(struct mel_analysis *a)
{
	if (!a)
		return;
	mel_stft_close(&a->stft);
	mel_stft_work_close(&a->work);
	mel_filters_close(&a->filters);
	free(a->power);
	free(a->spectrum);
	free(a->mel);
	free(a->frame);
	free(a->buf);
	free(a->held);
	free(a);
}

void
mel_analysis_reset(struct mel_analysis *a)
{
	a->len = 0;
	a->start = a->given = a->next = 0;
	a->begun = a->finished = false;
	a->n_held = a->told = 0;
	a->top = -HUGE_VAL;
}

int
mel_analysis_empty_bands(const struct mel_analysis *a, int *bands, int max)
{
	return mel_filters_empty(&a->filters, bands, max);
}

/* The left pad is put in front of the samples, which are all in buf. */
static int
begin(struct mel_analysis *a, struct mel_err *err)
{
	size_t pad = (size_t)a->c.pad;
	float *x;

	if (mel_reserve(&a->buf, &a->cap, a->len + pad, sizeof(float), err))
		return -1;
	memmove(a->buf + pad, a->buf, a->len * sizeof(float));
	x = a->buf + pad;
	for (size_t i = 0; i < pad; i++) {
		int64_t from = mel_pad_index(
		    a->c.pad_mode, (int64_t)i - (int64_t)pad, a->given);

		a->buf[i] = from < 0 ? 0 : x[from];
	}
	a->len += pad;
	a->begun = true;
	return 0;
}

/* Samples that decide the left pad; fewer only if the signal ends there. */
static int64_t
lead(const struct mel_contract *c)
{
	return c->pad_mode == MEL_PAD_REFLECT ? c->pad + 1 : 1;
}

int
mel_analysis_push(
    struct mel_analysis *a, const float *samples, size_t n, struct mel_err *err)
{
	assert(!a->finished);
	for (size_t i = a->stft.loops->finite(samples, n) ? n : 0; i < n; i++) {
		if (!isfinite(samples[i]))
			return mel_fail(err, "sample %lld is not finite",
			    (long long)a->given + (long long)i);
	}
	if (mel_reserve(&a->buf, &a->cap, a->len + n, sizeof(float), err))
		return -1;
	/* n = 0 may come with no memory on either side. */
	if (n)
		memcpy(a->buf + a->len, samples, n * sizeof(float));
	a->len += n;
	a->given += (int64_t)n;
	if (!a->begun && a->given >= lead(&a->c))
		return begin(a, err);
	return 0;
}

int
mel_analysis_finish(struct mel_analysis *a, struct mel_err *err)
{
	int64_t pad = a->c.pad;

	a->finished = true;
	if (!a->given)
		return 0;
	if (!a->begun && begin(a, err))
		return -1;
	if (mel_reserve(
		&a->buf, &a->cap, a->len + (size_t)pad, sizeof(float), err))
		return -1;
	for (int64_t i = 0; i < pad; i++) {
		int64_t from =
		    mel_pad_index(a->c.pad_mode, a->given + i, a->given);

		a->buf[a->len] = from < 0 ? 0 : a->buf[pad + from - a->start];
		a->len++;
	}
	return 0;
}

/* Frames that can be computed now; all but the dropped ones at the end. */
static int64_t
ready(const struct mel_analysis *a)
{
	int64_t room = a->start + (int64_t)a->len - a->stft.span;
	int64_t frames;

	if (!a->begun)
		return 0;
	frames = (room < 0 ? 0 : 1 + room / a->c.hop) - a->c.drop;
	/* Pairs are fixed: an odd frame waits for its partner. */
	if (!a->finished)
		frames -= frames & 1;
	return frames < 0 ? 0 : frames;
}

/* Drops what neither the next frame nor the right pad needs. */
static void
forget(struct mel_analysis *a)
{
	int64_t keep = a->next * a->c.hop;
	int64_t tail = a->start + (int64_t)a->len - (a->c.pad + 1);
	size_t gone;

	if (tail < keep)
		keep = tail;
	/* Moving pays when much is gone. */
	if (keep - a->start < (int64_t)a->len / 2)
		return;
	gone = (size_t)(keep - a->start);
	a->len -= gone;
	memmove(a->buf, a->buf + gone, a->len * sizeof(float));
	a->start = keep;
}

/* x with gain, mean and pre-emphasis done, into out. */
static const float *
prepare(const struct mel_analysis *a, const float *x, float *out)
{
	const struct mel_contract *c = &a->c;
	float gain = (float)c->gain, p = (float)c->preemphasis, mean = 0;
	double sum = 0;
	int span = a->stft.span;

	if (c->gain == 1 && !c->remove_dc && c->preemphasis == 0)
		return x;
	for (int j = 0; j < span; j++)
		sum += (double)x[j] * gain;
	if (c->remove_dc)
		mean = (float)(sum / span);
	for (int j = 0; j < span; j++)
		out[j] = x[j] * gain - mean;
	/* Kaldi takes the first sample for the one before it. */
	for (int j = span - 1; j > 0; j--)
		out[j] -= p * out[j - 1];
	out[0] -= p * out[0];
	return out;
}

/* Power or magnitude of a pair into two rows. */
static void
measure(struct mel_analysis *a, int lane)
{
	struct mel_power p = {.n = a->stft.n,
	    .re = a->work.out_re,
	    .im = a->work.out_im,
	    .p = 0.5f * a->work.undo[0],
	    .q = 0.5f * a->work.undo[1],
	    .root = a->c.spectrum == MEL_SPECTRUM_MAGNITUDE};
	float *out = a->power + lane * a->stft.stride;

	a->stft.loops->power(&p, out, out + a->stft.stride);
}

/* Frames next .. next + n - 1 into the lanes of a->mel, n <= MEL_LANES. */
static void
compute(struct mel_analysis *a, int n)
{
	for (int i = 0; i < n; i += 2) {
		const float *x = a->buf + ((a->next + i) * a->c.hop - a->start);
		const float *y = i + 1 < n ? x + a->c.hop : NULL;

		x = prepare(a, x, a->frame);
		if (y)
			y = prepare(a, y, a->frame + a->stft.n);
		mel_stft_load(&a->stft, &a->work, x, y);
		mel_stft_balance(&a->stft, &a->work);
		mel_stft_forward(&a->stft, &a->work);
		measure(a, i);
	}
	a->stft.loops->lanes(
	    a->spectrum, a->power, (size_t)a->stft.stride, a->stft.bins);
	mel_filters_apply(&a->filters, a->spectrum, a->mel);
}

/* The logarithm's part of the output formula, all lanes of a->mel. */
static void
take_log(struct mel_analysis *a)
{
	const struct mel_contract *c = &a->c;
	int n = (int)c->bands * MEL_LANES;
	double factor = 1;

	if (c->log == MEL_LOG_NONE) {
		for (int i = 0; i < n; i++) {
			float m = a->mel[i], floor = (float)c->floor;

			a->mel[i] = (m > floor ? m : floor) + (float)c->add;
		}
		return;
	}
	if (c->log != MEL_LOG_LN)
		factor = M_LOG10E;
	if (c->log == MEL_LOG_DB)
		factor *= c->spectrum == MEL_SPECTRUM_POWER ? 10 : 20;
	a->stft.loops->log(
	    a->mel, (float)c->floor, (float)c->add, (float)factor, n);
}

static float
take_affine(const struct mel_contract *c, int b, float v)
{
	v = v * (float)c->out_gain + (float)c->out_offset;
	if (c->normalised)
		v = (v - (float)c->mean[b]) / (float)c->std[b];
	return v;
}

static int
check_finite(const struct mel_analysis *a, int n, struct mel_err *err)
{
	size_t all = (size_t)a->c.bands * MEL_LANES;

	if (a->stft.loops->finite(a->mel, all))
		return 0;
	for (int l = 0; l < n; l++) {
		for (int b = 0; b < a->c.bands; b++) {
			if (!isfinite(a->mel[b * MEL_LANES + l]))
				return mel_fail(err,
				    "frame %lld: samples too large for single "
				    "precision",
				    (long long)a->next + l);
		}
	}
	return 0;
}

/* Lane l of a->mel to a row. */
static void
write_row(struct mel_analysis *a, int lane, float *row)
{
	const struct mel_contract *c = &a->c;
	bool plain = c->out_gain == 1 && c->out_offset == 0 && !c->normalised;

	for (int b = 0; b < c->bands; b++)
		row[b] = a->mel[b * MEL_LANES + lane];
	if (c->range <= 0 && plain)
		return;
	for (int b = 0; b < c->bands; b++) {
		if (c->range > 0)
			a->top = row[b] > a->top ? row[b] : a->top;
		else
			row[b] = take_affine(c, b, row[b]);
	}
}

/* The next frames into rows [max, bands]; returns how many. */
static int64_t
frames(struct mel_analysis *a, float *rows, int64_t max, struct mel_err *err)
{
	int64_t done = 0, n = ready(a) - a->next;

	if (n > max)
		n = max - (max & 1);
	while (done < n) {
		int64_t now = n - done < MEL_LANES ? n - done : MEL_LANES;

		compute(a, (int)now);
		if (check_finite(a, (int)now, err))
			return -1;
		take_log(a);
		for (int l = 0; l < now; l++, done++)
			write_row(a, l, rows + done * a->c.bands);
		a->next += now;
	}
	forget(a);
	return done;
}

/* All frames that are ready into a->held. */
static int
hold(struct mel_analysis *a, struct mel_err *err)
{
	int64_t n = ready(a) - a->next, got;
	size_t row = (size_t)a->c.bands * sizeof(float);

	if (a->n_held + n > a->max_frames)
		return mel_fail(err,
		    "longer than %g s (%lld frames), and this contract needs "
		    "the whole of it (range %g)",
		    (double)a->max_frames * (double)a->c.hop /
			(double)a->c.rate,
		    (long long)a->max_frames, a->c.range);
	if (mel_reserve(
		&a->held, &a->held_cap, (size_t)(a->n_held + n), row, err))
		return -1;
	/* + 1: an odd last frame must not be cut off as half a pair. */
	got = frames(a, a->held + a->n_held * a->c.bands, n + 1, err);
	if (got < 0)
		return -1;
	a->n_held += got;
	return 0;
}

/* Held rows with what needed the whole clip. */
static int64_t
release(struct mel_analysis *a, float *rows, int64_t max)
{
	const struct mel_contract *c = &a->c;
	const float *from = a->held + a->told * c->bands;
	float least = (float)(a->top - c->range);
	int64_t n = a->n_held - a->told;

	if (n > max)
		n = max;
	for (int64_t i = 0; i < n * c->bands; i++) {
		float v = from[i] > least ? from[i] : least;

		rows[i] = take_affine(c, (int)(i % c->bands), v);
	}
	a->told += n;
	return n;
}

int64_t
mel_analysis_pull(
    struct mel_analysis *a, float *rows, int64_t max, struct mel_err *err)
{
	assert(max >= 2);
	if (a->c.range <= 0)
		return frames(a, rows, max, err);
	if (hold(a, err))
		return -1;
	return a->finished && a->n_held ? release(a, rows, max) : 0;
}

double
mel_output(const struct mel_contract *c, int b, double m)
{
	m = (m > c->floor ? m : c->floor) + c->add;
	if (c->log == MEL_LOG_LN)
		m = log(m);
	else if (c->log == MEL_LOG_LOG10)
		m = log10(m);
	else if (c->log == MEL_LOG_DB)
		m = (c->spectrum == MEL_SPECTRUM_POWER ? 10 : 20) * log10(m);
	m = m * c->out_gain + c->out_offset;
	return c->normalised ? (m - c->mean[b]) / c->std[b] : m;
}

double
mel_output_inverse(const struct mel_contract *c, int b, double v)
{
	if (c->normalised)
		v = v * c->std[b] + c->mean[b];
	v = (v - c->out_offset) / c->out_gain;
	if (c->log == MEL_LOG_LN)
		v = exp(v);
	else if (c->log == MEL_LOG_LOG10)
		v = pow(10, v);
	else if (c->log == MEL_LOG_DB)
		v = pow(10, v / (c->spectrum == MEL_SPECTRUM_POWER ? 10 : 20));
	v -= c->add;
	return v > 0 ? v : 0;
}
