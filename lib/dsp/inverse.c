/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/inverse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "dsp/contract.h"
#include "dsp/filters.h"
#include "dsp/loops.h"
#include "dsp/mel.h"

#define TOO_LARGE 1e20 /* under the logarithm; 16-bit units squared: 1e15 */

/*
 * Only neighbouring triangles overlap, so filters * transposed filters has
 * three diagonals: it is factored once as L D L', each frame is then a solve
 * of 3 * bands operations.
 */
struct mel_inverse {
	struct mel_contract c;
	struct mel_filters filters;
	struct mel_pool *pool; /* the caller's */
	int updates;
	double *pivot;  /* [bands] D */
	double *lower;  /* [bands] L[b][b-1] */
	float *scratch; /* [threads, per_thread] */
	size_t per_thread;
};

static double
overlap(const struct mel_filters *f, int a, int b)
{
	int low = f->first[a] > f->first[b] ? f->first[a] : f->first[b];
	int end_a = f->first[a] + f->count[a],
	    end_b = f->first[b] + f->count[b];
	int high = end_a < end_b ? end_a : end_b;
	double sum = 0;

	for (int k = low; k < high; k++)
		sum += f->exact[f->at[a] + k - f->first[a]] *
		       f->exact[f->at[b] + k - f->first[b]];
	return sum;
}

static void
factor(struct mel_inverse *inv)
{
	const struct mel_filters *f = &inv->filters;
	double most = 0;

	for (int b = 0; b < f->bands; b++) {
		double own = overlap(f, b, b);

		most = own > most ? own : most;
	}
	for (int b = 0; b < f->bands; b++) {
		double off = b ? overlap(f, b, b - 1) : 0;

		/*
		 * The small addition decides where filters depend on each
		 * other or are empty: their part of the solution stays small.
		 */
		inv->pivot[b] = overlap(f, b, b) + 1e-6 * most;
		if (!b)
			continue;
		inv->lower[b] = off / inv->pivot[b - 1];
		inv->pivot[b] -= off * inv->lower[b];
	}
}

int
mel_inverse_open(struct mel_inverse **out, const struct mel_contract *contract,
    int updates, enum mel_isa isa, struct mel_pool *pool, struct mel_err *err)
{
	struct mel_inverse *inv = mel_alloc(1, sizeof(*inv), err);

	if (!inv)
		return -1;
	inv->c = *contract;
	inv->updates = updates;
	inv->pool = pool;
	if (mel_contract_check(&inv->c, err) ||
	    mel_filters_open(&inv->filters, &inv->c, isa, err))
		goto fail;
	inv->pivot = mel_alloc((size_t)inv->c.bands, sizeof(double), err);
	inv->lower = mel_alloc((size_t)inv->c.bands, sizeof(double), err);
	inv->per_thread = MEL_LANES * (3 * (size_t)inv->filters.bins +
					  2 * (size_t)inv->filters.bands);
	inv->scratch = mel_alloc_aligned(
	    (size_t)mel_pool_threads(pool) * inv->per_thread * sizeof(float),
	    err);
	if (!inv->pivot || !inv->lower || !inv->scratch)
		goto fail;
	factor(inv);
	*out = inv;
	return 0;
fail:
	mel_inverse_close(inv);
	return -1;
}

void
mel_inverse_close(struct mel_inverse *inv)
{
	if (!inv)
		return;
	mel_filters_close(&inv->filters);
	free(inv->pivot);
	free(inv->lower);
	free(inv->scratch);
	free(inv);
}

struct job {
	const struct mel_inverse *inv;
	const float *mel;
	float *magnitude;
	int64_t frames;
};

/* y becomes the solution of (F F') y = m for one lane. */
static void
solve(const struct mel_inverse *inv, const float *m, float *y)
{
	double t[MEL_CONTRACT_BANDS];
	int n = inv->filters.bands;

	t[0] = m[0];
	for (int b = 1; b < n; b++)
		t[b] = m[(size_t)b * MEL_LANES] - inv->lower[b] * t[b - 1];
	t[n - 1] /= inv->pivot[n - 1];
	for (int b = n - 2; b >= 0; b--)
		t[b] = t[b] / inv->pivot[b] - inv->lower[b + 1] * t[b + 1];
	for (int b = 0; b < n; b++)
		y[(size_t)b * MEL_LANES] = (float)t[b];
}

static void
update(const struct mel_filters *f, float *h, const float *up, float *down,
    float *mel)
{
	mel_filters_apply(f, h, mel);
	mel_filters_spread(f, mel, down);
	f->loops->update(h, up, down, f->bins * MEL_LANES);
}

/* MEL_LANES frames, fewer at the end. */
static void
invert(void *ctx, size_t index, int worker)
{
	struct job *job = ctx;
	const struct mel_inverse *inv = job->inv;
	const struct mel_filters *f = &inv->filters;
	int64_t at = (int64_t)index * MEL_LANES, left = job->frames - at;
	int lanes = left < MEL_LANES ? (int)left : MEL_LANES;
	size_t bins = (size_t)f->bins * MEL_LANES;
	size_t bands = (size_t)f->bands * MEL_LANES;
	float *h = inv->scratch + (size_t)worker * inv->per_thread;
	float *up = h + bins, *down = up + bins, *m = down + bins;
	float *y = m + bands;

	memset(m, 0, 2 * bands * sizeof(float));
	for (int l = 0; l < lanes; l++) {
		const float *row = job->mel + (at + l) * f->bands;

		for (int b = 0; b < f->bands; b++)
			m[b * MEL_LANES + l] =
			    (float)mel_output_inverse(&inv->c, b, row[b]);
		solve(inv, m + l, y + l);
	}
	mel_filters_spread(f, y, h);
	for (size_t i = 0; i < bins; i++)
		h[i] = h[i] > 0 ? h[i] : 0;
	mel_filters_spread(f, m, up);
	for (int i = 0; i < inv->updates; i++)
		update(f, h, up, down, y);
	for (int l = 0; l < lanes; l++) {
		float *out = job->magnitude + (at + l) * f->bins;

		for (int k = 0; k < f->bins; k++) {
			float v = h[k * MEL_LANES + l];

			out[k] = inv->c.spectrum == MEL_SPECTRUM_POWER
				     ? sqrtf(v)
				     : v;
		}
	}
}

static int
check_mel(const struct mel_contract *c, const float *mel, int64_t frames,
    int64_t first, struct mel_err *err)
{
	for (int64_t i = 0; i < frames * c->bands; i++) {
		long long row = first + i / c->bands;
		int b = (int)(i % c->bands);

		if (!isfinite(mel[i]))
			return mel_fail(
			    err, "row %lld, band %d is not finite", row, b);
		if (!(mel_output_inverse(c, b, mel[i]) <= TOO_LARGE))
			return mel_fail(err,
			    "row %lld, band %d: %g is too large for this mel "
			    "contract",
			    row, b, (double)mel[i]);
	}
	return 0;
}

int
mel_inverse_run(struct mel_inverse *inv, const float *mel, int64_t frames,
    int64_t first, float *magnitude, struct mel_err *err)
{
	struct job job = {
	    .inv = inv, .mel = mel, .magnitude = magnitude, .frames = frames};
	size_t n = (size_t)(frames + MEL_LANES - 1) / MEL_LANES;

	if (check_mel(&inv->c, mel, frames, first, err))
		return -1;
	mel_pool_run(inv->pool, n, invert, &job);
	return 0;
}
