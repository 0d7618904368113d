/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/hertz.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "plot/ticks.h"

static double
mel_of(enum mel_plot_scale scale, double hz)
{
	if (scale == MEL_PLOT_HTK)
		return 2595 * log10(1 + hz / 700);
	if (hz < 1000)
		return 3 * hz / 200;
	return 15 + 27 * log(hz / 1000) / log(6.4);
}

double
mel_plot_band(const struct mel_plot_contract *c, int bands, double hz)
{
	double lo, hi;

	if (c->scale == MEL_PLOT_LINEAR)
		return 0.5 + (hz - c->fmin) / (c->fmax - c->fmin) * (bands - 1);
	lo = mel_of(c->scale, c->fmin);
	hi = mel_of(c->scale, c->fmax);
	return (mel_of(c->scale, hz) - lo) / (hi - lo) * (bands + 1) - 0.5;
}

/* Adds the tick if it lies on the axis and no other is too near. */
static size_t
offer(const struct mel_plot_contract *c, int bands, double gap, double hz,
    struct mel_tick *tick, size_t n)
{
	/* The outer edges lie half a band outside of what is drawn. */
	if (hz < c->fmin || hz > c->fmax || n == MEL_TICKS_MAX)
		return n;
	for (size_t i = 0; i < n; i++) {
		double d = mel_plot_band(c, bands, tick[i].value) -
			   mel_plot_band(c, bands, hz);

		if (fabs(d) < gap)
			return n;
	}
	tick[n].value = hz;
	mel_tick_text(tick[n].label, hz, 0);
	return n + 1;
}

static int
by_value(const void *a, const void *b)
{
	double x = ((const struct mel_tick *)a)->value;
	double y = ((const struct mel_tick *)b)->value;

	return x < y ? -1 : x > y;
}

static size_t
octaves(const struct mel_plot_contract *c, int bands, double gap,
    struct mel_tick *tick)
{
	static const double hz[] = {0, 1000, 2000, 4000, 8000, 16000, 500, 250,
	    20000, 24000, 12000, 6000, 3000, 1500, 750, 125, 100, 200};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(hz) / sizeof(*hz); i++)
		n = offer(c, bands, gap, hz[i], tick, n);
	qsort(tick, n, sizeof(*tick), by_value);
	return n;
}

static size_t
even(const struct mel_plot_contract *c, int bands, double gap,
    struct mel_tick *tick)
{
	struct mel_tick all[MEL_TICKS_MAX];
	double room = bands / (gap > 0 ? gap : 1);
	size_t most = room < 2 ? 2 : room > 10 ? 10 : (size_t)room, n = 0;
	size_t count = mel_ticks_linear(c->fmin, c->fmax, most, all);

	for (size_t i = 0; i < count; i++)
		n = offer(c, bands, gap, all[i].value, tick, n);
	return n;
}

size_t
mel_hertz_ticks(const struct mel_plot_contract *c, int bands, double gap,
    struct mel_tick *tick)
{
	double room = bands / (gap > 0 ? gap : 1);
	size_t n;

	if (c->scale == MEL_PLOT_BANDS)
		return mel_ticks_linear(0, bands,
		    room < 2   ? 2
		    : room > 8 ? 8
			       : (size_t)room,
		    tick);
	if (c->scale == MEL_PLOT_LINEAR)
		return even(c, bands, gap, tick);
	n = octaves(c, bands, gap, tick);
	return n > 2 ? n : even(c, bands, gap, tick);
}
