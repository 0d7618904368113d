/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/isa/vmath.h"

#include <math.h>

/*
 * Reductions of a row. The number of lanes is the same for all instruction
 * sets, so that sums are, too.
 */
#define LANES 32
#define PARTS (LANES / VL)

struct lanes {
	vf v[PARTS];
};

/* Elements [i, i + LANES) of x[n], those beyond n as `fill`. */
INLINE struct lanes
lanes_load(const float *x, size_t i, size_t n, float fill)
{
	float part[LANES];
	struct lanes s;

	if (n - i < LANES) {
		for (int j = 0; j < LANES; j++)
			part[j] = i + j < n ? x[i + j] : fill;
		x = part;
		i = 0;
	}
	for (int p = 0; p < PARTS; p++)
		s.v[p] = load(x + i + p * VL);
	return s;
}

typedef float v16 __attribute__((vector_size(64)));
typedef float v8 __attribute__((vector_size(32)));
typedef float v4 __attribute__((vector_size(16)));

/* As a tree: the upper half is added to the lower, until one is left. */
static float
lanes_sum(const struct lanes *s)
{
	v16 a[2];
	v8 b[2];
	v4 c[2];

	memcpy(a, s, sizeof(a));
	a[0] += a[1];
	memcpy(b, a, sizeof(b));
	b[0] += b[1];
	memcpy(c, b, sizeof(c));
	c[0] += c[1];
	return (c[0][0] + c[0][2]) + (c[0][1] + c[0][3]);
}

float
mel_isa_sum(const float *x, size_t n)
{
	struct lanes acc = {0}, s;

	for (size_t i = 0; i < n; i += LANES) {
		s = lanes_load(x, i, n, 0.0f);
		for (int p = 0; p < PARTS; p++)
			acc.v[p] += s.v[p];
	}
	return lanes_sum(&acc);
}

float
mel_isa_sumsq(const float *x, float mean, size_t n)
{
	struct lanes acc = {0}, s;

	for (size_t i = 0; i < n; i += LANES) {
		s = lanes_load(x, i, n, mean);
		for (int p = 0; p < PARTS; p++) {
			s.v[p] -= mean;
			acc.v[p] += s.v[p] * s.v[p];
		}
	}
	return lanes_sum(&acc);
}

/* The larger one; NaN if either is. */
INLINE vf
larger(vf a, vf b)
{
	return pick((vu)(a > b) | (vu)(a != a), a, b);
}

float
mel_isa_max(const float *x, size_t n)
{
	const float least = -INFINITY;
	struct lanes acc, s;
	float t[LANES], max = least;

	for (int p = 0; p < PARTS; p++)
		acc.v[p] = splat(least);
	for (size_t i = 0; i < n; i += LANES) {
		s = lanes_load(x, i, n, least);
		for (int p = 0; p < PARTS; p++)
			acc.v[p] = larger(s.v[p], acc.v[p]);
	}
	memcpy(t, &acc, sizeof(t));
	for (int j = 0; j < LANES; j++) {
		if (t[j] > max || t[j] != t[j])
			max = t[j];
	}
	return max;
}

void
mel_isa_layernorm(
    const struct mel_layernorm *p, float *y, const float *x, float stats[2])
{
	size_t n = p->n;
	float mean = mel_isa_sum(x, n) / (float)n;
	float var = mel_isa_sumsq(x, mean, n) / (float)n;
	float inv = 1.0f / sqrtf(var + p->epsilon);

	/* Usually there are both, and that is one loop. */
	if (p->scale && p->bias) {
		for (size_t i = 0; i < n; i++)
			y[i] = (x[i] - mean) * inv * p->scale[i] + p->bias[i];
	} else {
		for (size_t i = 0; i < n; i++)
			y[i] = (x[i] - mean) * inv *
			       (p->scale ? p->scale[i] : 1.0f);
		for (size_t i = 0; p->bias && i < n; i++)
			y[i] += p->bias[i];
	}
	if (stats) {
		stats[0] = mean;
		stats[1] = inv;
	}
}

void
mel_isa_softmax(float *y, const float *x, size_t n)
{
	float max = mel_isa_max(x, n), sum;

	for (size_t i = 0; i < n; i++)
		y[i] = x[i] - max;
	mel_isa_exp(y, y, n);
	sum = mel_isa_sum(y, n);
	for (size_t i = 0; i < n; i++)
		y[i] /= sum;
}

/* exp(x) for x <= 0; 0 where that is below the normal range. */
INLINE vf
exp_below(vf x)
{
	const vf least = splat(-87.0f);
	vu under = (vu)(x < least);

	return pick(under, splat(0.0f), exp_normal(pick(under, least, x)));
}

/* x = exp(x - max); the sum, in lanes as above. */
static float
exp_from(float *x, size_t n, float max)
{
	struct lanes acc = {0}, s;

	for (size_t i = 0; i < n; i += LANES) {
		size_t left = n - i < LANES ? n - i : LANES;

		s = lanes_load(x, i, n, -INFINITY);
		for (int p = 0; p < PARTS; p++) {
			s.v[p] = exp_below(s.v[p] - max);
			acc.v[p] += s.v[p];
		}
		if (left == LANES)
			memcpy(x + i, &s, sizeof(s));
		else
			memcpy(x + i, &s, left * sizeof(*x));
	}
	return lanes_sum(&acc);
}

/* The largest number that is none of NaN; -inf if there is none. */
static float
max_number(const float *x, size_t n)
{
	const float least = -INFINITY;
	float t[4 * VL], max = least;
	vf acc[4], v;
	size_t i = 0;

	for (int p = 0; p < 4; p++)
		acc[p] = splat(least);
	for (; i + 4 * VL <= n; i += 4 * VL) {
		for (int p = 0; p < 4; p++) {
			v = load(x + i + p * VL);
			acc[p] = pick((vu)(v > acc[p]), v, acc[p]);
		}
	}
	memcpy(t, acc, sizeof(t));
	for (int j = 0; j < 4 * VL; j++)
		max = t[j] > max ? t[j] : max;
	for (; i < n; i++)
		max = x[i] > max ? x[i] : max;
	return max;
}

float
mel_isa_softmax_part(float *x, size_t n, struct mel_softmax *row)
{
	float max = max_number(x, n), factor = 1.0f;

	if (!(max > row->max)) /* a NaN shows in the sum */
		max = row->max;
	if (max == -INFINITY && mel_isa_max(x, n) == max) {
		memset(x, 0, n * sizeof(*x)); /* x - max would be NaN */
		return factor;
	}
	if (row->max != max) {
		factor = row->max - max;
		mel_isa_exp(&factor, &factor, 1);
	}
	row->max = max;
	row->sum = row->sum * factor + exp_from(x, n, max);
	return factor;
}

void
mel_isa_logsoftmax(float *y, const float *x, size_t n)
{
	float max = mel_isa_max(x, n), part[LANES * 8], sum = 0.0f;

	/* In pieces, since y is needed for x - max. */
	for (size_t i = 0; i < n; i += LANES * 8) {
		size_t len = n - i < LANES * 8 ? n - i : LANES * 8;

		for (size_t j = 0; j < len; j++)
			part[j] = x[i + j] - max;
		mel_isa_exp(part, part, len);
		sum += mel_isa_sum(part, len);
	}
	mel_isa_log(&sum, &sum, 1);
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] - max - sum;
}
