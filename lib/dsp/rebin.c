/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/rebin.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "dsp/contract.h"
#include "dsp/filters.h"
#include "dsp/inverse.h"
#include "dsp/mel.h"
#include "dsp/stft.h"

#define PIECE 64 /* rows inverted at once */

/* A place between two bins of the source, for one bin of the target. */
struct between {
	int low;         /* bin */
	double fraction; /* of the bin above it, [0, 1] */
	double gain;     /* of the magnitude there */
};

struct mel_rebin {
	struct mel_contract from, to;
	struct mel_filters source, target;
	double *factor;              /* [bands] exact: sum by sum; or NULL */
	struct mel_inverse *inverse; /* NULL if exact */
	struct between *bin;         /* [target.bins] */
	float *magnitude;            /* [PIECE, source.bins] */
	double *spectrum;            /* [most bins of the two] */
	double squares;              /* of differences [dB^2] */
	double compared;             /* how many */
};

static double
centre_of(const struct mel_contract *c, int64_t band)
{
	double low = mel_from_hertz(c->scale, c->fmin);
	double high = mel_from_hertz(c->scale, c->fmax);

	return mel_to_hertz(c->scale,
	    low + (high - low) * (double)(band + 1) / (double)(c->bands + 1));
}

/* Nothing can be said of frequencies that no source band has heard. */
static int
check_range(const struct mel_contract *from, const struct mel_contract *to,
    struct mel_err *err)
{
	double low = centre_of(to, 0), high = centre_of(to, to->bands - 1);

	if (low < from->fmin)
		return mel_fail(err,
		    "fmin: band 0 of %s is at %.0f Hz, and %s begins at %g Hz",
		    mel_contract_title(to), low, mel_contract_title(from),
		    from->fmin);
	if (high > from->fmax)
		return mel_fail(err,
		    "fmax: band %lld of %s is at %.0f Hz, and %s ends at %g Hz",
		    (long long)to->bands - 1, mel_contract_title(to), high,
		    mel_contract_title(from), from->fmax);
	return 0;
}

/* The keys that say what a spectrum is, and where its triangles stand. */
static bool
same_spectrum(const struct mel_contract *a, const struct mel_contract *b)
{
	return a->rate == b->rate && a->n_fft == b->n_fft &&
	       a->window == b->window && a->window_type == b->window_type &&
	       a->preemphasis == b->preemphasis &&
	       a->remove_dc == b->remove_dc && a->spectrum == b->spectrum &&
	       a->bands == b->bands && a->fmin == b->fmin &&
	       a->fmax == b->fmax && a->scale == b->scale;
}

/* All weights of a band differ by one factor, its norm's and the gain's. */
static int
find_factors(struct mel_rebin *r, struct mel_err *err)
{
	double gain = r->to.gain / r->from.gain;

	r->factor = mel_alloc((size_t)r->to.bands, sizeof(double), err);
	if (!r->factor)
		return -1;
	if (r->to.spectrum == MEL_SPECTRUM_POWER)
		gain *= gain;
	for (int b = 0; b < r->target.bands; b++) {
		const double *to = r->target.exact + r->target.at[b];
		const double *from = r->source.exact + r->source.at[b];

		r->factor[b] = r->source.count[b] ? gain * to[0] / from[0] : 0;
	}
	return 0;
}

static int
window_sums(const struct mel_contract *c, double sum[2], struct mel_err *err)
{
	double *w = mel_alloc((size_t)c->n_fft, sizeof(*w), err);

	if (!w)
		return -1;
	mel_window(c, w);
	sum[0] = sum[1] = 0;
	for (int64_t i = 0; i < c->n_fft; i++) {
		sum[0] += w[i];
		sum[1] += w[i] * w[i];
	}
	free(w);
	return 0;
}

/*
 * A tone's magnitude grows with the sum of the window, that of noise with the
 * root of the sum of its squares. Speech is both: the geometric mean.
 */
static int
window_gain(const struct mel_rebin *r, double *gain, struct mel_err *err)
{
	double from[2], to[2];

	if (window_sums(&r->from, from, err) || window_sums(&r->to, to, err))
		return -1;
	*gain = sqrt(to[0] / from[0] * sqrt(to[1] / from[1]));
	return 0;
}

/* |1 - p exp(-iw)|, not below 1/1000. */
static double
emphasis(const struct mel_contract *c, double hertz)
{
	double p = c->preemphasis, w = 2 * M_PI * hertz / (double)c->rate;
	double a = sqrt(1 - 2 * p * cos(w) + p * p);

	return a > 1e-3 ? a : 1e-3;
}

static int
place_bins(struct mel_rebin *r, struct mel_err *err)
{
	double step = (double)r->from.rate / (double)r->from.n_fft, gain;
	int last = r->source.bins - 1;

	r->bin = mel_alloc((size_t)r->target.bins, sizeof(*r->bin), err);
	if (!r->bin || window_gain(r, &gain, err))
		return -1;
	gain *= r->to.gain / r->from.gain;
	/* The mean of squares is 4 / pi times the square of the mean. */
	if (r->to.spectrum != r->from.spectrum)
		gain *= r->to.spectrum == MEL_SPECTRUM_POWER ? sqrt(4 / M_PI)
							     : sqrt(M_PI / 4);
	for (int k = 0; k < r->target.bins; k++) {
		double hertz = k * (double)r->to.rate / (double)r->to.n_fft;
		double at = hertz / step;
		struct between *bin = &r->bin[k];

		bin->low = at < last ? (int)at : last;
		bin->fraction = at < last ? at - bin->low : 0;
		bin->gain =
		    gain * emphasis(&r->to, hertz) / emphasis(&r->from, hertz);
	}
	return 0;
}

static int
open_search(struct mel_rebin *r, enum mel_isa isa, struct mel_err *err)
{
	int most =
	    r->source.bins > r->target.bins ? r->source.bins : r->target.bins;

	if (check_range(&r->from, &r->to, err) || place_bins(r, err) ||
	    mel_inverse_open(
		&r->inverse, &r->from, MEL_INVERSE_UPDATES, isa, NULL, err))
		return -1;
	r->magnitude = mel_alloc(
	    PIECE, (size_t)r->source.bins * sizeof(*r->magnitude), err);
	r->spectrum = mel_alloc((size_t)most, sizeof(*r->spectrum), err);
	return r->magnitude && r->spectrum ? 0 : -1;
}

int
mel_rebin_open(struct mel_rebin **out, const struct mel_contract *from,
    const struct mel_contract *to, enum mel_isa isa, struct mel_err *err)
{
	struct mel_rebin *r = mel_alloc(1, sizeof(*r), err);

	if (!r)
		return -1;
	r->from = *from;
	r->to = *to;
	if (mel_contract_check(&r->from, err) ||
	    mel_contract_check(&r->to, err) ||
	    mel_filters_open(&r->source, &r->from, isa, err) ||
	    mel_filters_open(&r->target, &r->to, isa, err) ||
	    (same_spectrum(from, to) ? find_factors(r, err)
				     : open_search(r, isa, err))) {
		mel_rebin_close(r);
		return -1;
	}
	*out = r;
	return 0;
}

void
mel_rebin_close(struct mel_rebin *r)
{
	if (!r)
		return;
	mel_filters_close(&r->source);
	mel_filters_close(&r->target);
	mel_inverse_close(r->inverse);
	free(r->factor);
	free(r->bin);
	free(r->magnitude);
	free(r->spectrum);
	free(r);
}

bool
mel_rebin_exact(const struct mel_rebin *r)
{
	return r->factor != NULL;
}

static int
scale_row(struct mel_rebin *r, const float *mel, int64_t row, double *sums,
    struct mel_err *err)
{
	for (int b = 0; b < r->target.bands; b++) {
		if (!isfinite(mel[b]))
			return mel_fail(err, "row %lld, band %d is not finite",
			    (long long)row, b);
		sums[b] =
		    r->factor[b] * mel_output_inverse(&r->from, b, mel[b]);
	}
	return 0;
}

/* The filters' sum over a magnitude, or its square. */
static double
sum_band(
    const struct mel_filters *f, int b, const double *magnitude, int spectrum)
{
	const double *weight = f->exact + f->at[b];
	const double *x = magnitude + f->first[b];
	double sum = 0;

	for (int k = 0; k < f->count[b]; k++)
		sum += weight[k] *
		       (spectrum == MEL_SPECTRUM_POWER ? x[k] * x[k] : x[k]);
	return sum;
}

static void
compare(struct mel_rebin *r, const float *mel, const float *magnitude)
{
	double scale = r->from.spectrum == MEL_SPECTRUM_POWER ? 10 : 20;
	double least = r->from.floor > 1e-20 ? r->from.floor : 1e-20;

	for (int k = 0; k < r->source.bins; k++)
		r->spectrum[k] = magnitude[k];
	for (int b = 0; b < r->source.bands; b++) {
		double want = mel_output_inverse(&r->from, b, mel[b]), got, d;

		/* A stored floor may be rounded to a little more than it. */
		if (!r->source.count[b] || want <= least * 1.001)
			continue;
		got = sum_band(&r->source, b, r->spectrum, r->from.spectrum);
		d = scale * log10((got > least ? got : least) / want);
		r->squares += d * d;
		r->compared++;
	}
}

static void
carry_over(struct mel_rebin *r, const float *magnitude, double *sums)
{
	for (int k = 0; k < r->target.bins; k++) {
		const struct between *bin = &r->bin[k];
		const float *x = magnitude + bin->low;
		double v = x[0];

		if (bin->fraction > 0)
			v += bin->fraction * ((double)x[1] - x[0]);
		r->spectrum[k] = bin->gain * v;
	}
	for (int b = 0; b < r->target.bands; b++)
		sums[b] = sum_band(&r->target, b, r->spectrum, r->to.spectrum);
}

static int
search_rows(struct mel_rebin *r, const float *mel, int64_t n, int64_t first,
    double *sums, struct mel_err *err)
{
	if (mel_inverse_run(r->inverse, mel, n, first, r->magnitude, err))
		return -1;
	for (int64_t i = 0; i < n; i++) {
		const float *found = r->magnitude + i * r->source.bins;

		compare(r, mel + i * r->source.bands, found);
		carry_over(r, found, sums + i * r->target.bands);
	}
	return 0;
}

int
mel_rebin_run(struct mel_rebin *r, const float *mel, int64_t n, int64_t first,
    double *sums, struct mel_err *err)
{
	for (int64_t i = 0; r->factor && i < n; i++) {
		if (scale_row(r, mel + i * r->source.bands, first + i,
			sums + i * r->target.bands, err))
			return -1;
	}
	for (int64_t i = 0; !r->factor && i < n; i += PIECE) {
		if (search_rows(r, mel + i * r->source.bands,
			n - i < PIECE ? n - i : PIECE, first + i,
			sums + i * r->target.bands, err))
			return -1;
	}
	return 0;
}

double
mel_rebin_loss(const struct mel_rebin *r)
{
	return r->compared > 0 ? sqrt(r->squares / r->compared) : 0;
}
