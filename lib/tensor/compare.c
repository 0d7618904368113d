/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/compare.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/convert.h"
#include "tensor/tensor.h"

/* What the relative part refers to. */
static double
scale(const struct mel_tensor *t)
{
	size_t n = mel_tensor_count(t);
	double most = 0;

	for (size_t i = 0; i < n; i++) {
		double v = fabs(mel_tensor_value(t, i));

		if (isfinite(v) && v > most)
			most = v;
	}
	return most;
}

/* |a - b|; 0 for two NaN and for equal infinities, never NaN. */
static double
distance(const struct mel_tensor *a, const struct mel_tensor *b, size_t i)
{
	double x, y;

	/* Beyond 2^53 neighbours are the same double. */
	if (a->dtype == MEL_I64 && b->dtype == MEL_I64) {
		int64_t v = ((const int64_t *)a->data)[i];
		int64_t w = ((const int64_t *)b->data)[i];

		return v > w ? (double)((uint64_t)v - (uint64_t)w)
			     : (double)((uint64_t)w - (uint64_t)v);
	}
	x = mel_tensor_value(a, i);
	y = mel_tensor_value(b, i);
	if (x == y || (isnan(x) && isnan(y)))
		return 0;
	return isnan(x) || isnan(y) ? INFINITY : fabs(x - y);
}

static bool
same_element(const struct mel_tensor *a, const struct mel_tensor *b, size_t i)
{
	size_t size = mel_dtype_size(a->dtype);

	return !memcmp((const char *)a->data + i * size,
	    (const char *)b->data + i * size, size);
}

/* Enough digits to tell any two of the type apart. */
static void
number(const struct mel_tensor *t, size_t i, char *buf, size_t size)
{
	if (t->dtype == MEL_I64)
		snprintf(buf, size, "%lld",
		    (long long)((const int64_t *)t->data)[i]);
	else
		snprintf(buf, size, "%.*g", t->dtype == MEL_F64 ? 17 : 9,
		    mel_tensor_value(t, i));
}

/* Adds what differs; the first element is number `at` of the tensor. */
static void
compare_elements(const struct mel_tensor *a, const struct mel_tensor *b,
    const struct mel_tolerance *tolerance, size_t at, struct mel_difference *d)
{
	size_t n = mel_tensor_count(a);

	for (size_t i = 0; i < n; i++) {
		double far = distance(a, b, i);

		if (tolerance->exact ? same_element(a, b, i)
				     : far <= tolerance->abs)
			continue;
		if (!d->count++) {
			d->first = d->worst = at + i;
			number(a, i, d->number[0], sizeof(d->number[0]));
			number(b, i, d->number[1], sizeof(d->number[1]));
		}
		if (far > d->most) {
			d->most = far;
			d->worst = at + i;
		}
	}
}

bool
mel_tensor_compare(const struct mel_tensor *a, const struct mel_tensor *b,
    const struct mel_tolerance *tolerance, struct mel_difference *d)
{
	struct mel_tolerance bound = *tolerance;
	struct mel_difference none, *out = d ? d : &none;

	*out = (struct mel_difference){0};
	out->shape = !mel_tensor_same_dims(a, b) ||
		     (tolerance->exact && a->dtype != b->dtype);
	if (out->shape)
		return false;
	if (!tolerance->exact && tolerance->rel > 0)
		bound.abs += tolerance->rel * scale(b);
	compare_elements(a, b, &bound, 0, out);
	return !out->count;
}

void
mel_tensor_compare_more(const struct mel_tensor *a, const struct mel_tensor *b,
    const struct mel_tolerance *tolerance, size_t at, struct mel_difference *d)
{
	assert(!(tolerance->rel > 0) && mel_tensor_same_dims(a, b));
	compare_elements(a, b, tolerance, at, d);
}

/* "row 3, column 7", "row 3" of a vector, "" of a scalar. */
static void
place(const struct mel_tensor *t, size_t i, char *buf, size_t size)
{
	size_t width = 1;

	for (int k = 1; k < t->ndim; k++)
		width *= (size_t)t->dim[k];
	buf[0] = '\0';
	if (t->ndim == 1)
		snprintf(buf, size, "row %zu", i);
	else if (t->ndim > 1)
		snprintf(
		    buf, size, "row %zu, column %zu", i / width, i % width);
}

char *
mel_difference_text(const struct mel_difference *d, const struct mel_tensor *a,
    const struct mel_tensor *b, char *buf, size_t size)
{
	char x[128], y[128], first[64], worst[64];

	if (d->shape) {
		snprintf(buf, size, "%s and %s",
		    mel_shape_text(a, x, sizeof(x)),
		    mel_shape_text(b, y, sizeof(y)));
		return buf;
	}
	place(a, d->first, first, sizeof(first));
	place(a, d->worst, worst, sizeof(worst));
	snprintf(buf, size, "%s%s%s and %s; %zu of %zu differ, by %.6g%s%s",
	    first, *first ? ": " : "", d->number[0], d->number[1], d->count,
	    mel_tensor_count(a), d->most, *worst ? " at " : "", worst);
	return buf;
}
