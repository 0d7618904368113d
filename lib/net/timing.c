/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/timing.h"

#include "net/graph.h"
#include "net/infer.h"
#include "net/window.h"

bool
mel_time_has(const struct mel_timing *t, int i)
{
	return i < t->node->n_in && t->in_axis[i] >= 0;
}

bool
mel_time_alone(const struct mel_timing *t)
{
	for (int i = 1; i < t->node->n_in; i++) {
		if (t->in_axis[i] != MEL_AXIS_NONE)
			return false;
	}
	return mel_time_has(t, 0);
}

enum mel_time_kind
mel_time_broadcast(struct mel_timing *t)
{
	int from_end = t->out[0][0].ndim - t->out_axis[0];

	for (int i = 0; i < t->node->n_in; i++) {
		if (mel_time_has(t, i) &&
		    t->in[0][i]->ndim - t->in_axis[i] != from_end)
			return MEL_TIME_WHOLE;
	}
	return MEL_TIME_POINT;
}

enum mel_time_kind
mel_time_same(struct mel_timing *t)
{
	if (!mel_time_alone(t))
		return MEL_TIME_WHOLE;
	for (int k = 0; k < t->node->n_out; k++) {
		if (t->out[0][k].dtype && t->out_axis[k] != t->in_axis[0])
			return MEL_TIME_WHOLE;
	}
	return MEL_TIME_POINT;
}

/* Elements of one row, in each of the blocks that lie around time. */
static int64_t
row_size(const struct mel_tensor *t, int axis)
{
	return mel_dims_product(t, axis + 1, t->ndim);
}

enum mel_time_kind
mel_time_alias(struct mel_timing *t)
{
	const struct mel_tensor *in = t->in[0][0], *out = &t->out[0][0];
	int64_t from, to;

	t->lengths = ~1u; /* the shape wanted: that of the part is known */
	if (!mel_time_has(t, 0) || mel_dims_product(in, 0, t->in_axis[0]) !=
				       mel_dims_product(out, 0, t->out_axis[0]))
		return MEL_TIME_WHOLE;
	from = row_size(in, t->in_axis[0]);
	to = row_size(out, t->out_axis[0]);
	if (from == to)
		return MEL_TIME_POINT;
	if (!from || !to || (from % to && to % from))
		return MEL_TIME_WHOLE;
	t->reach[0] = (struct mel_reach){.num = 1, .den = 1};
	if (from > to) {
		t->reach[0].num = from / to;
		t->reach[0].first = 1 - from / to;
	} else {
		t->reach[0].den = to / from;
		t->reach[0].last = to / from - 1;
	}
	return MEL_TIME_WINDOW;
}

enum mel_time_kind
mel_time_fill(struct mel_timing *t)
{
	t->lengths = ~1u;
	return mel_time_broadcast(t);
}

enum mel_time_kind
mel_time_reduce(struct mel_timing *t, unsigned mask, bool keep)
{
	int axis = t->in_axis[0];

	if (!mel_time_alone(t) || mask >> axis & 1)
		return MEL_TIME_WHOLE;
	for (int d = 0; !keep && d < t->in_axis[0]; d++)
		axis -= mask >> d & 1;
	for (int k = 0; k < t->node->n_out; k++) {
		if (t->out[0][k].dtype && t->out_axis[k] != axis)
			return MEL_TIME_WHOLE;
	}
	return MEL_TIME_POINT;
}

enum mel_time_kind
mel_time_window(struct mel_timing *t, const struct mel_window_axis *a)
{
	t->reach[0] = (struct mel_reach){
	    .num = 1,
	    .den = a->stride,
	    .first = -a->lo,
	    .last = a->reach - 1 - a->lo,
	    .more = a->lo + a->hi - a->reach + a->stride,
	};
	return MEL_TIME_WINDOW;
}

void
mel_part_window(
    const struct mel_part *part, struct mel_window_axis *a, int64_t out)
{
	bool ends = part->in_first + a->in == part->in_total;

	a->lo += part->in_first - part->out_first * a->stride;
	a->hi = ends ? a->hi : 0;
	a->out = out;
}

void
mel_part_spread(
    const struct mel_part *part, struct mel_window_axis *a, int64_t out)
{
	a->lo += part->out_first - part->in_first * a->stride;
	a->out = out;
}
