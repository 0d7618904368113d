/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/alignment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int
mel_alignment_begin(
    struct mel_alignment *a, int64_t tokens, int64_t reach, struct mel_err *err)
{
	bool *seen = a->seen;
	size_t cap = a->cap;

	if (mel_reserve(&seen, &cap, (size_t)tokens + 1, sizeof(*seen), err))
		return -1;
	memset(seen, 0, (size_t)tokens * sizeof(*seen));
	*a = (struct mel_alignment){
	    .tokens = tokens, .reach = reach, .seen = seen, .cap = cap};
	return 0;
}

static int64_t
find_peak(const float *weights, int64_t n)
{
	int64_t peak = 0;

	for (int64_t i = 1; i < n; i++) {
		if (weights[i] > weights[peak])
			peak = i;
	}
	return peak;
}

/* Of the weights made to add up to one, as a share of the greatest. */
static double
entropy_of(const float *weights, int64_t n)
{
	double sum = 0, bits = 0;

	for (int64_t i = 0; i < n; i++)
		sum += (double)fmaxf(weights[i], 0);
	for (int64_t i = 0; i < n; i++) {
		double p = sum > 0 ? (double)weights[i] / sum : 0;

		if (p > 0)
			bits -= p * log(p);
	}
	return n > 1 ? bits / log((double)n) : 0;
}

static void
move_to(struct mel_alignment *a, int64_t position)
{
	int64_t step = position - a->position;

	if (!a->frames)
		step = position; /* as if from the first token */
	a->run = a->frames && !step ? a->run + 1 : 1;
	if (a->run > a->stuck)
		a->stuck = a->run;
	a->jumps += step > a->reach || step < -a->reach;
	a->repeats += a->farthest - position > a->reach;
	if (position > a->farthest)
		a->farthest = position;
	a->position = position;
	a->covered += !a->seen[position];
	a->seen[position] = true;
}

void
mel_alignment_add(struct mel_alignment *a, const float *weights,
    float measures[MEL_ALIGNMENT_COLUMNS])
{
	int64_t peak = find_peak(weights, a->tokens);
	double entropy = entropy_of(weights, a->tokens);
	double tokens = (double)a->tokens;

	move_to(a, peak);
	a->frames++;
	measures[MEL_ALIGNMENT_POSITION] = (float)((double)peak / tokens);
	measures[MEL_ALIGNMENT_PEAK] = weights[peak];
	measures[MEL_ALIGNMENT_ENTROPY] = (float)entropy;
	measures[MEL_ALIGNMENT_COVERAGE] = (float)((double)a->covered / tokens);
}

void
mel_alignment_free(struct mel_alignment *a)
{
	free(a->seen);
	*a = (struct mel_alignment){0};
}
