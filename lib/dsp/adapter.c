/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/adapter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "dsp/contract.h"
#include "dsp/mel.h"
#include "dsp/rebin.h"

#define TINY 1e-20 /* least sum whose logarithm is interpolated */

struct mel_adapter {
	struct mel_contract from, to;
	struct mel_rebin *rebin;
	bool same_times;
	double *sums;  /* [cap / bands, bands] source frames, target bands */
	size_t cap;    /* doubles */
	int64_t first; /* number of the source frame in row 0 */
	int64_t have;  /* source frames received */
	int64_t next;  /* target row to give next */
	bool ended;
	double least; /* sum that `range` leaves; < 0: not known yet */
};

/* Where the middle of frame 0 is [samples from the first one]. */
static double
middle(const struct mel_contract *c)
{
	return 0.5 * (double)mel_contract_span(c) - (double)c->pad;
}

static bool
same_times(const struct mel_contract *a, const struct mel_contract *b)
{
	return a->rate == b->rate && a->hop == b->hop && a->pad == b->pad &&
	       a->drop == b->drop &&
	       mel_contract_span(a) == mel_contract_span(b);
}

int
mel_adapter_open(struct mel_adapter **out, const struct mel_contract *from,
    const struct mel_contract *to, enum mel_isa isa, struct mel_err *err)
{
	struct mel_adapter *a = mel_alloc(1, sizeof(*a), err);

	if (!a)
		return -1;
	a->from = *from;
	a->to = *to;
	a->same_times = same_times(from, to);
	a->least = -1;
	if (mel_rebin_open(&a->rebin, from, to, isa, err)) {
		free(a);
		return mel_fail_in(err, "%s cannot become %s",
		    mel_contract_title(from), mel_contract_title(to));
	}
	*out = a;
	return 0;
}

void
mel_adapter_close(struct mel_adapter *a)
{
	if (!a)
		return;
	mel_rebin_close(a->rebin);
	free(a->sums);
	free(a);
}

bool
mel_adapter_same_times(const struct mel_adapter *a)
{
	return a->same_times;
}

bool
mel_adapter_exact(const struct mel_adapter *a)
{
	return a->same_times && mel_rebin_exact(a->rebin);
}

/* As many frames as the shortest sound has that gives n of the source. */
int64_t
mel_adapter_rows(const struct mel_adapter *a, int64_t n)
{
	int64_t samples, most = INT64_MAX / 4 / (a->from.hop * a->to.rate);

	if (a->same_times)
		return n;
	n = n < most ? n : most; /* no sound has more, a promise may */
	samples = mel_contract_samples(&a->from, n);
	samples = samples / a->from.rate * a->to.rate +
		  samples % a->from.rate * a->to.rate / a->from.rate;
	return mel_contract_frames(&a->to, samples);
}

int
mel_adapter_push(
    struct mel_adapter *a, const float *rows, int64_t n, struct mel_err *err)
{
	int64_t bands = a->to.bands, held = a->have - a->first;
	size_t need;

	if (a->to.range > 0 && n > MEL_ADAPTER_LIMIT - held)
		return mel_fail(err,
		    "range: more than %d rows would have to be held for %s",
		    MEL_ADAPTER_LIMIT, mel_contract_title(&a->to));
	if (!mel_size_mul(&need, (size_t)(held + n), (size_t)bands) ||
	    mel_reserve(&a->sums, &a->cap, need, sizeof(*a->sums), err) ||
	    mel_rebin_run(
		a->rebin, rows, n, a->have, a->sums + held * bands, err))
		return -1;
	a->have += n;
	return 0;
}

void
mel_adapter_finish(struct mel_adapter *a)
{
	a->ended = true;
}

void
mel_adapter_reset(struct mel_adapter *a)
{
	a->first = a->have = a->next = 0;
	a->ended = false;
	a->least = -1;
}

/* Where target row j lies among source frames; inside of what there is. */
static double
position(const struct mel_adapter *a, int64_t j)
{
	double at = (middle(&a->to) + (double)(j * a->to.hop)) *
		    (double)a->from.rate / (double)a->to.rate;

	if (a->same_times)
		return (double)j;
	at = (at - middle(&a->from)) / (double)a->from.hop;
	return at > 0 ? at : 0;
}

static bool
is_ready(const struct mel_adapter *a, int64_t j)
{
	double at = position(a, j);

	if (j >= mel_adapter_rows(a, a->have))
		return false;
	return a->ended || (a->same_times ? at : at + 1) < (double)a->have;
}

static double
mix(double a, double b, double fraction)
{
	double x = a > TINY ? a : TINY, y = b > TINY ? b : TINY;

	return exp((1 - fraction) * log(x) + fraction * log(y));
}

/* Sum of band b of target row j. */
static double
target_sum(const struct mel_adapter *a, int64_t j, int64_t b)
{
	double at = position(a, j), fraction;
	int64_t low = (int64_t)at, last = a->have - 1;
	const double *x;

	if (low > last)
		low = last;
	fraction = low < last ? at - (double)low : 0;
	x = a->sums + (low - a->first) * a->to.bands + b;
	return fraction > 0 ? mix(x[0], x[a->to.bands], fraction) : x[0];
}

/* What `range` leaves below the greatest value of the whole utterance. */
static void
find_least(struct mel_adapter *a)
{
	struct mel_contract plain = a->to;
	double most = 0;

	plain.out_gain = 1;
	plain.out_offset = 0;
	plain.normalised = false;
	for (int64_t j = 0; is_ready(a, j); j++) {
		for (int64_t b = 0; b < a->to.bands; b++) {
			double m = target_sum(a, j, b);

			most = m > most ? m : most;
		}
	}
	a->least = mel_output_inverse(
	    &plain, 0, mel_output(&plain, 0, most) - a->to.range);
}

/* Drops source frames that no row needs any more. */
static void
forget(struct mel_adapter *a)
{
	int64_t need = (int64_t)position(a, a->next), gone;

	if (need > a->have - 1)
		need = a->have - 1; /* the last one stands for what follows */
	gone = need - a->first;
	if (gone <= 0)
		return;
	memmove(a->sums, a->sums + gone * a->to.bands,
	    (size_t)((a->have - need) * a->to.bands) * sizeof(*a->sums));
	a->first = need;
}

int64_t
mel_adapter_pull(struct mel_adapter *a, float *rows, int64_t max)
{
	int64_t n = 0;

	if (a->to.range > 0 && !a->ended)
		return 0;
	if (a->to.range > 0 && a->least < 0)
		find_least(a);
	for (; n < max && is_ready(a, a->next); n++, a->next++) {
		for (int64_t b = 0; b < a->to.bands; b++, rows++) {
			double m = target_sum(a, a->next, b);

			*rows = (float)mel_output(
			    &a->to, (int)b, m > a->least ? m : a->least);
		}
	}
	forget(a);
	return n;
}

double
mel_adapter_loss(const struct mel_adapter *a)
{
	return mel_rebin_loss(a->rebin);
}
