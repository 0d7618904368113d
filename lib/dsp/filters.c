/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/filters.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "dsp/contract.h"
#include "dsp/loops.h"

double
mel_from_hertz(int scale, double f)
{
	switch (scale) {
	case MEL_SCALE_HTK:
		return 2595 * log10(1 + f / 700);
	case MEL_SCALE_KALDI:
		return 1127 * log(1 + f / 700);
	default:
		return f < 1000 ? 3 * f / 200
				: 15 + 27 * log(f / 1000) / log(6.4);
	}
}

double
mel_to_hertz(int scale, double mel)
{
	switch (scale) {
	case MEL_SCALE_HTK:
		return 700 * (pow(10, mel / 2595) - 1);
	case MEL_SCALE_KALDI:
		return 700 * (exp(mel / 1127) - 1);
	default:
		return mel < 15 ? 200 * mel / 3
				: 1000 * exp((mel - 15) * log(6.4) / 27);
	}
}

/* Edge i of bands + 2 [mel]. */
static double
edge(const struct mel_contract *c, int64_t i)
{
	double low = mel_from_hertz(c->scale, c->fmin);
	double high = mel_from_hertz(c->scale, c->fmax);

	return low + (high - low) * (double)i / (double)(c->bands + 1);
}

/* One triangle: its corners on the axis on which it is linear, its height. */
struct triangle {
	double low, peak, high, height;
	int from; /* no bin below this one is inside */
};

static struct triangle
triangle(const struct mel_contract *c, int b)
{
	struct triangle t = {edge(c, b), edge(c, b + 1), edge(c, b + 2), 1, 0};
	double low = mel_to_hertz(c->scale, t.low);
	double high = mel_to_hertz(c->scale, t.high);

	t.from = (int)(low * (double)c->n_fft / (double)c->rate);
	if (c->norm == MEL_NORM_SLANEY)
		t.height = 2 / (high - low);
	if (c->scale == MEL_SCALE_KALDI)
		return t;
	t.low = low;
	t.peak = mel_to_hertz(c->scale, t.peak);
	t.high = high;
	return t;
}

static double
weight_at(const struct mel_contract *c, const struct triangle *t, int bin)
{
	double f = (double)bin * (double)c->rate / (double)c->n_fft;
	double up, down;

	if (c->scale == MEL_SCALE_KALDI) {
		/* Kaldi leaves the highest bin out. */
		if (bin == c->n_fft / 2)
			return 0;
		f = mel_from_hertz(c->scale, f);
	}
	up = (f - t->low) / (t->peak - t->low);
	down = (t->high - f) / (t->high - t->peak);
	up = up < down ? up : down;
	return up > 0 ? up * t->height : 0;
}

/* First bin and number of bins of the triangle; weights to w if not NULL. */
static int
fill(const struct mel_contract *c, int b, int *first, double *w)
{
	struct triangle t = triangle(c, b);
	int n = 0;

	for (int k = t.from; k <= c->n_fft / 2; k++) {
		double v = weight_at(c, &t, k);

		if (v <= 0 && (n || k > t.from + 1))
			break;
		if (v <= 0)
			continue;
		if (!n)
			*first = k;
		if (w)
			w[n] = v;
		n++;
	}
	return n;
}

static int
allocate(struct mel_filters *f, struct mel_err *err)
{
	size_t n = (size_t)f->bands;

	f->first = mel_alloc(n, sizeof(int), err);
	f->count = mel_alloc(n, sizeof(int), err);
	f->at = mel_alloc(n, sizeof(int), err);
	return f->first && f->count && f->at ? 0 : -1;
}

int
mel_filters_open(struct mel_filters *f, const struct mel_contract *c,
    enum mel_isa isa, struct mel_err *err)
{
	int total = 0;

	*f = (struct mel_filters){.bands = (int)c->bands,
	    .bins = (int)c->n_fft / 2 + 1,
	    .loops = mel_loops_get(isa, err)};
	if (!f->loops || allocate(f, err)) {
		mel_filters_close(f);
		return -1;
	}
	for (int b = 0; b < f->bands; b++) {
		f->at[b] = total;
		f->count[b] = fill(c, b, &f->first[b], NULL);
		total += f->count[b];
	}
	f->weight = mel_alloc((size_t)total, sizeof(float), err);
	f->exact = mel_alloc((size_t)total, sizeof(double), err);
	if (!f->weight || !f->exact) {
		mel_filters_close(f);
		return -1;
	}
	for (int b = 0; b < f->bands; b++)
		fill(c, b, &f->first[b], f->exact + f->at[b]);
	for (int i = 0; i < total; i++)
		f->weight[i] = (float)f->exact[i];
	return 0;
}

void
mel_filters_close(struct mel_filters *f)
{
	free(f->first);
	free(f->count);
	free(f->at);
	free(f->weight);
	free(f->exact);
	*f = (struct mel_filters){0};
}

int
mel_filters_empty(const struct mel_filters *f, int *bands, int max)
{
	int n = 0;

	for (int b = 0; b < f->bands; b++) {
		if (f->count[b])
			continue;
		if (n < max)
			bands[n] = b;
		n++;
	}
	return n;
}

void
mel_filters_apply(
    const struct mel_filters *f, const float *spectrum, float *mel)
{
	f->loops->apply(f, spectrum, mel);
}

void
mel_filters_spread(
    const struct mel_filters *f, const float *mel, float *spectrum)
{
	f->loops->spread(f, mel, spectrum);
}
