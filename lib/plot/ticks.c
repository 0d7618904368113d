/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/ticks.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* printf would ask the locale for the point; integers do not. */
void
mel_tick_text(char label[24], double value, int decimals)
{
	double unit = pow(10, decimals), scaled = round(fabs(value) * unit);
	uint64_t whole, part;

	if (!(scaled < 1e15)) {
		int e = isfinite(value) ? (int)floor(log10(fabs(value))) : 0;

		snprintf(label, 24, "%s%de%+d", value < 0 ? "-" : "",
		    (int)(fabs(value) / pow(10, e) + 0.5), e);
		return;
	}
	whole = (uint64_t)(scaled / unit);
	part = (uint64_t)(scaled - (double)whole * unit + 0.5);
	snprintf(label, 24, "%s%llu", value < 0 && scaled > 0 ? "-" : "",
	    (unsigned long long)whole);
	if (decimals > 0) {
		size_t n = strlen(label);

		snprintf(label + n, 24 - n, ".%0*llu", decimals,
		    (unsigned long long)part);
	}
}

/* The least of 1, 2, 5, 10, 20 ... times 10^e that is at least `least`. */
static double
nice_step(double least, int *decimals)
{
	static const double nice[] = {1, 2, 5, 10};
	int e = (int)floor(log10(least));
	size_t i = 0;

	while (i < 3 && nice[i] * pow(10, e) < least * (1 - 1e-9))
		i++;
	*decimals = i == 3 ? -(e + 1) : -e;
	if (*decimals < 0)
		*decimals = 0;
	if (*decimals > 15)
		*decimals = 15;
	return nice[i] * pow(10, e);
}

/* The first and the last multiple; a hair of tolerance at both ends. */
static size_t
multiples(double lo, double hi, double step, double *first)
{
	double a = ceil(lo / step - 1e-9), b = floor(hi / step + 1e-9);

	*first = a;
	return b < a                    ? 0
	       : b - a >= MEL_TICKS_MAX ? SIZE_MAX
					: (size_t)(b - a) + 1;
}

size_t
mel_ticks_linear(
    double lo, double hi, size_t most, struct mel_tick tick[MEL_TICKS_MAX])
{
	double step, first = 0;
	int decimals;
	size_t n;

	if (!isfinite(lo) || !isfinite(hi) || lo > hi || !most)
		return 0;
	if (most > MEL_TICKS_MAX)
		most = MEL_TICKS_MAX;
	if (hi - lo <= 1e-12 * fmax(fabs(lo), fabs(hi)) || !isnormal(hi - lo)) {
		tick[0].value = lo;
		mel_tick_text(tick[0].label, lo, 2);
		return 1;
	}
	step = nice_step((hi - lo) / (double)most, &decimals);
	while ((n = multiples(lo, hi, step, &first)) > most)
		step = nice_step(step * 1.5, &decimals);
	for (size_t i = 0; i < n; i++) {
		tick[i].value = (first + (double)i) * step;
		mel_tick_text(tick[i].label, tick[i].value, decimals);
	}
	return n;
}
