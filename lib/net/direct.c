/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/direct.h"

#include "base/pool.h"
#include "net/infer.h"
#include "net/op.h"
#include "tensor/tensor.h"

struct job {
	const struct mel_direct *d;
	int axes;
	size_t in, out, taps; /* products over the axes */
	/* Steps through the weights [floats]. */
	size_t group, filter, channel;
};

/* The input at index i of an axis, for output at and tap; -1: there is none. */
static int64_t
along(const struct mel_window_axis *a, int64_t at, int64_t tap, bool transposed)
{
	int64_t i = at + a->lo - tap * a->dilation;

	if (!transposed)
		i = at * a->stride - a->lo + tap * a->dilation;
	else if (i < 0 || i % a->stride)
		return -1;
	else
		i /= a->stride;
	return i < 0 || i >= a->in ? -1 : i;
}

static int64_t
input_offset(const struct job *j, const int64_t *at, const int64_t *tap)
{
	int64_t offset = 0;

	for (int k = 0; k < j->axes; k++) {
		const struct mel_window_axis *a = &j->d->axis[k];
		int64_t i = along(a, at[k], tap[k], j->d->transposed);

		if (i < 0)
			return -1;
		offset = offset * a->in + i;
	}
	return offset;
}

/* x: the group's first channel; w: its first weight of the filter. */
static float
one(const struct job *j, const float *x, const float *w, float sum,
    const int64_t *at)
{
	int64_t tap[MEL_WINDOW_AXES] = {0};

	for (size_t t = 0; t < j->taps; t++) {
		int64_t offset = input_offset(j, at, tap);

		if (offset >= 0) {
			for (size_t i = 0; i < j->d->channels; i++)
				sum += x[i * j->in + (size_t)offset] *
				       w[i * j->channel + t];
		}
		mel_window_step(tap, j->d->w->dim + 2, j->axes);
	}
	return sum;
}

/* One channel of one item of y. */
static void
channel(void *ctx, size_t index, int worker)
{
	const struct job *j = ctx;
	const struct mel_direct *d = j->d;
	size_t all = (size_t)d->y->dim[1];
	size_t item = index / all, m = index % all, group = m / d->filters;
	const float *x =
	    (const float *)d->x->data +
	    (item * (size_t)d->x->dim[1] + group * d->channels) * j->in;
	const float *w = (const float *)d->w->data + group * j->group +
			 m % d->filters * j->filter;
	float *y = (float *)d->y->data + index * j->out;
	int64_t at[MEL_WINDOW_AXES] = {0};

	(void)worker;
	for (size_t i = 0; i < j->out; i++) {
		y[i] = one(j, x, w, d->bias ? d->bias[m] : 0.0f, at);
		mel_window_step(at, d->y->dim + 2, j->axes);
	}
}

void
mel_direct_run(const struct mel_direct *d, const struct mel_run *run)
{
	struct job j = {.d = d, .axes = d->x->ndim - 2};

	j.in = (size_t)mel_dims_product(d->x, 2, d->x->ndim);
	j.out = (size_t)mel_dims_product(d->y, 2, d->y->ndim);
	j.taps = (size_t)mel_dims_product(d->w, 2, d->w->ndim);
	j.filter = d->transposed ? j.taps : d->channels * j.taps;
	j.channel = d->transposed ? d->filters * j.taps : j.taps;
	j.group = d->filters * d->channels * j.taps;
	mel_pool_run(
	    run->pool, (size_t)(d->y->dim[0] * d->y->dim[1]), channel, &j);
}
