/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <string.h>

#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Parts of tensors, and tensors of parts: any element type will do. Slice,
 * Concat 13, Split 18.
 */

/* A Slice in full: for every axis where it begins, its step, its length. */
struct slice {
	int64_t begin[MEL_MAX_DIMS], step[MEL_MAX_DIMS], len[MEL_MAX_DIMS];
};

static int64_t
clamp(int64_t x, int64_t low, int64_t high)
{
	return x < low ? low : x > high ? high : x;
}

/* One axis of length n; start and end are cut as numpy cuts them. */
static void
slice_axis(struct slice *s, int axis, int64_t n, int64_t start, int64_t end,
    int64_t step)
{
	uint64_t by = step < 0 ? 0 - (uint64_t)step : (uint64_t)step, span;

	start = start < 0 ? (start < -n ? -1 : start + n) : start;
	end = end < 0 ? (end < -n ? -1 : end + n) : end;
	if (step > 0) {
		start = clamp(start, 0, n);
		end = clamp(end, 0, n);
		span = end > start ? (uint64_t)(end - start) : 0;
	} else {
		start = clamp(start, -1, n - 1);
		end = clamp(end, -1, n - 1);
		span = start > end ? (uint64_t)(start - end) : 0;
	}
	s->begin[axis] = start;
	s->len[axis] = (int64_t)(span / by + (span % by != 0));
	/* A step that is never taken may be of any size. */
	s->step[axis] = s->len[axis] > 1 ? step : 1;
}

static int
slice_apply(const struct mel_node *node, const struct mel_tensor *t,
    const int64_t *list[4], const int n[4], struct slice *s,
    struct mel_err *err)
{
	unsigned seen = 0;
	int axis;

	for (int i = 0; i < t->ndim; i++)
		slice_axis(s, i, t->dim[i], 0, INT64_MAX, 1);
	if (n[0] != n[1] || (n[2] && n[2] != n[0]) || (n[3] && n[3] != n[0]))
		return mel_node_fail(node, err,
		    "starts, ends, axes, steps have different lengths");
	for (int i = 0; i < n[0]; i++) {
		int64_t step = n[3] ? list[3][i] : 1;

		if (mel_infer_axis(
			node, n[2] ? list[2][i] : i, t->ndim, &axis, err))
			return -1;
		if (!step || seen >> axis & 1)
			return mel_node_fail(node, err,
			    step ? "axis %d is given twice"
				 : "step of axis %d is 0",
			    axis);
		seen |= 1u << axis;
		slice_axis(s, axis, t->dim[axis], list[0][i], list[1][i], step);
	}
	return 0;
}

static int
slice_read(const struct mel_node *node, const struct mel_tensor *const in[],
    struct slice *s, struct mel_err *err)
{
	static const char *const name[] = {"starts", "ends", "axes", "steps"};
	int64_t list[4][MEL_MAX_DIMS];
	const int64_t *lists[4] = {list[0], list[1], list[2], list[3]};
	int n[4];

	for (int i = 0; i < 4; i++) {
		const struct mel_tensor *t = mel_input(node, in, i + 1);
		int rc = 0;

		n[i] = t ? MEL_MAX_DIMS : 0;
		if (t)
			rc = mel_infer_ints(
			    node, t, name[i], list[i], &n[i], err);
		if (rc)
			return rc;
	}
	return slice_apply(node, in[0], lists, n, s, err);
}

static int
slice_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	struct slice s;
	int rc = slice_read(node, in, &s, err);

	if (rc)
		return rc;
	return mel_infer_shape(
	    node, &out[0], in[0]->dtype, in[0]->ndim, s.len, err);
}

/* Rows behind the last that may be taken; -1: it cannot be said. */
static int64_t
slice_cut(
    const struct mel_node *node, const struct mel_tensor *const in[], int axis)
{
	const struct mel_tensor *axes = mel_input(node, in, 3);
	int64_t end[MEL_MAX_DIMS], at[MEL_MAX_DIMS], length = in[0]->dim[axis];
	int n = MEL_MAX_DIMS, n_axes = MEL_MAX_DIMS, d;

	if (mel_infer_ints(node, in[2], "ends", end, &n, NULL) ||
	    (axes && mel_infer_ints(node, axes, "axes", at, &n_axes, NULL)))
		return -1;
	for (int i = 0; i < n; i++) {
		if (mel_infer_axis(
			node, axes ? at[i] : i, in[0]->ndim, &d, NULL))
			return -1;
		if (d == axis && end[i] < 0)
			return end[i] < -length ? -1 : -end[i];
		if (d == axis)
			return end[i] > length ? 0 : length - end[i];
	}
	return 0;
}

/* What is cut off must not hang on the length; along time, what is cut off
 * behind is. */
static enum mel_time_kind
slice_time(struct mel_timing *t)
{
	int axis = t->out_axis[0];
	struct slice first = {.len = {0}}, s = first;
	int64_t cut = -1, now;

	t->lengths = ~1u;
	for (int k = 0; k < t->trials; k++) {
		const struct mel_tensor *x = t->in[k][0];

		if (slice_read(t->node, t->in[k], &s, NULL))
			return MEL_TIME_WHOLE;
		if (!k)
			first = s;
		for (int d = 0; d < x->ndim; d++) {
			if (s.begin[d] != first.begin[d] ||
			    (d != axis && s.len[d] != first.len[d]))
				return MEL_TIME_WHOLE;
		}
		now = slice_cut(t->node, t->in[k], axis);
		if (k && now != cut && mel_time_has(t, 0))
			return MEL_TIME_WHOLE;
		cut = now;
	}
	if (s.step[axis] < 1)
		return MEL_TIME_WHOLE;
	if (!mel_time_has(t, 0)) /* rows of a table */
		return MEL_TIME_POINT;
	if (t->in_axis[0] != axis || cut < 0)
		return MEL_TIME_WHOLE;
	t->reach[0] = (struct mel_reach){
	    .num = 1,
	    .den = s.step[axis],
	    .first = s.begin[axis],
	    .last = s.begin[axis] + cut,
	    .more = s.step[axis] - 1 - s.begin[axis] - cut,
	};
	return MEL_TIME_WINDOW;
}

#define ENDLESS ((int64_t)1 << 60)

/* Where a part of the output begins in the rows of the input at hand. */
static int
slice_part(const struct mel_node *node, const struct mel_part *part,
    const struct mel_tensor *const in[], const struct mel_tensor *out,
    struct slice *s, struct mel_err *err)
{
	const struct mel_tensor *all[5] = {0};
	struct mel_tensor endless = *in[0];
	int axis = part->out_axis;
	int64_t n = out->dim[axis], last;

	memcpy(all, in, (size_t)node->n_in * sizeof(*in));
	all[0] = &endless;
	if (part->in >= 0)
		endless.dim[axis] = ENDLESS;
	if (slice_read(node, all, s, err))
		return -1;
	if (s->begin[axis] > ENDLESS / 2) /* counted from the end, cut to 0 */
		s->begin[axis] = 0;
	s->begin[axis] += part->out_first * s->step[axis] - part->in_first;
	last = s->begin[axis] + (n - 1) * s->step[axis];
	if (n && (s->begin[axis] < 0 || last >= in[0]->dim[axis]))
		return mel_node_fail(node, err,
		    "row %lld of a table of %lld is asked for", (long long)last,
		    (long long)in[0]->dim[axis]);
	return 0;
}

static int
slice_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	int64_t stride[MEL_MAX_DIMS], offset = 0;
	struct slice s;

	if (slice_read(node, in, &s, err) ||
	    (run->part && slice_part(node, run->part, in, &out[0], &s, err)))
		return -1;
	mel_strides(in[0]->ndim, in[0]->dim, stride);
	for (int i = 0; i < in[0]->ndim && mel_tensor_count(&out[0]); i++) {
		offset += s.begin[i] * stride[i];
		stride[i] *= s.step[i];
	}
	mel_walk_strided(&out[0], in[0], offset, stride, run);
	return 0;
}

struct axis {
	int64_t axis;
};

static int
concat_prepare(struct mel_node *node, struct mel_err *err)
{
	struct axis *p = node->params;

	if (!mel_node_attr(node, "axis"))
		return mel_node_fail(node, err, "axis is missing");
	return mel_attr_int(node, "axis", 0, &p->axis, err);
}

static int
concat_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct axis *p = node->params;
	struct mel_tensor sum = *in[0];
	int axis;

	if (mel_infer_axis(node, p->axis, sum.ndim, &axis, err))
		return -1;
	for (int k = 1; k < node->n_in; k++) {
		struct mel_tensor t;

		if (!in[k])
			return mel_node_fail(
			    node, err, "input %d is missing", k);
		t = *in[k];
		t.dim[axis] = sum.dim[axis];
		if (!mel_tensor_same_shape(&t, &sum)) {
			char a[128], b[128];

			return mel_node_fail(node, err,
			    "%s behind %s along axis %d",
			    mel_shape_text(in[k], a, sizeof(a)),
			    mel_shape_text(&sum, b, sizeof(b)), axis);
		}
		if (__builtin_add_overflow(
			sum.dim[axis], in[k]->dim[axis], &sum.dim[axis]))
			return mel_node_fail(node, err, "tensor too large");
	}
	return mel_infer_shape(
	    node, &out[0], sum.dtype, sum.ndim, sum.dim, err);
}

static bool
is_zero(const struct mel_tensor *t)
{
	const unsigned char *x = t->data;
	size_t n = mel_tensor_bytes(t);

	while (x && n && !x[n - 1])
		n--;
	return x && !n;
}

/* Along time: rows before and behind those of one input. */
static enum mel_time_kind
concat_time(struct mel_timing *t)
{
	const struct axis *p = t->node->params;
	int ndim = t->out[0][0].ndim, axis, timed = -1;
	int64_t before = 0, behind = 0;

	if (mel_infer_axis(t->node, p->axis, ndim, &axis, NULL))
		return MEL_TIME_WHOLE;
	if (axis != t->out_axis[0])
		return mel_time_broadcast(t);
	for (int k = 0; k < t->node->n_in; k++) {
		if (!mel_time_has(t, k)) {
			*(timed < 0 ? &before : &behind) +=
			    t->in[0][k]->dim[axis];
			t->no_blank |= timed >= 0 && !is_zero(t->in[0][k]);
			continue;
		}
		if (timed >= 0 || t->in_axis[k] != axis)
			return MEL_TIME_WHOLE;
		timed = k;
	}
	if (timed < 0)
		return MEL_TIME_WHOLE;
	t->reach[timed] = (struct mel_reach){.num = 1,
	    .den = 1,
	    .first = -before,
	    .last = -before,
	    .more = before + behind};
	return MEL_TIME_WINDOW;
}

/* The part of `whole` from `at` on along axis, as long as `part`. */
static struct mel_walk
part_walk(const struct mel_tensor *whole, const struct mel_tensor *part,
    int axis, int64_t at)
{
	struct mel_walk walk = {.ndim = part->ndim};
	int64_t stride[MEL_MAX_DIMS];

	memcpy(walk.dim, part->dim, sizeof(part->dim));
	mel_strides(whole->ndim, whole->dim, stride);
	mel_walk_add(&walk, whole, at * stride[axis], stride);
	return walk;
}

/*
 * Rows out_first on. Input k holds rows [at, at + its length) of the output,
 * the one with time those from in_first + at on, and how many there will be in
 * the end is known when it is asked for what is behind them.
 */
static void
concat_part(const struct mel_tensor *const in[], struct mel_tensor *out,
    int n_in, const struct mel_run *run)
{
	const struct mel_part *part = run->part;
	int axis = part->out_axis;
	int64_t at = 0, end = part->out_first + out->dim[axis];

	for (int k = 0; k < n_in && at < end; k++) {
		bool timed = k == part->in;
		int64_t lo = at + (timed ? part->in_first : 0);
		int64_t hi = lo + in[k]->dim[axis], from, stride[MEL_MAX_DIMS];
		struct mel_tensor some = *in[k];
		struct mel_walk walk;

		at = timed ? at + part->in_total : hi;
		from = lo < part->out_first ? part->out_first : lo;
		some.dim[axis] = (hi < end ? hi : end) - from;
		if (some.dim[axis] <= 0 || !mel_tensor_count(&some))
			continue;
		walk = part_walk(out, &some, axis, from - part->out_first);
		mel_strides(in[k]->ndim, in[k]->dim, stride);
		mel_walk_add(&walk, in[k], (from - lo) * stride[axis], stride);
		mel_walk_copy(&walk, run);
	}
}

static int
concat_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct axis *p = node->params;
	int64_t stride[MEL_MAX_DIMS], at = 0;
	int axis;

	if (mel_infer_axis(node, p->axis, out[0].ndim, &axis, err))
		return -1;
	if (run->part && run->part->out_axis == axis) {
		concat_part(in, &out[0], node->n_in, run);
		return 0;
	}
	for (int k = 0; k < node->n_in; k++) {
		struct mel_walk walk;

		if (!mel_tensor_count(in[k]))
			continue;
		walk = part_walk(&out[0], in[k], axis, at);
		mel_strides(in[k]->ndim, in[k]->dim, stride);
		mel_walk_add(&walk, in[k], 0, stride);
		mel_walk_copy(&walk, run);
		at += in[k]->dim[axis];
	}
	return 0;
}

struct split {
	int64_t axis;
	int64_t parts; /* attribute num_outputs, 0 if absent */
};

static int
split_prepare(struct mel_node *node, struct mel_err *err)
{
	struct split *p = node->params;

	if (mel_attr_int(node, "axis", 0, &p->axis, err) ||
	    mel_attr_int(node, "num_outputs", 0, &p->parts, err))
		return -1;
	if (p->parts && p->parts != node->n_out)
		return mel_node_fail(node, err,
		    "num_outputs = %lld, but %d outputs", (long long)p->parts,
		    node->n_out);
	return 0;
}

/* Length of part k of an axis of length n if no lengths are given. */
static int64_t
even_part(int64_t n, int parts, int k)
{
	int64_t len = n / parts + (n % parts != 0);
	/* Before multiplying: k * len <= n + len, which fits. */
	int64_t begin = k && len > n / k ? n : k * len;

	return n - begin < len ? n - begin : len;
}

/* One length of the split input. */
static int
given_part(const struct mel_node *node, const struct mel_tensor *t, int k,
    int64_t *len, struct mel_err *err)
{
	if ((t->dtype != MEL_I64 && t->dtype != MEL_I32) ||
	    mel_tensor_count(t) != (size_t)node->n_out)
		return mel_node_fail(node, err,
		    "split must be %d integers, one for each output",
		    node->n_out);
	if (!t->data)
		return MEL_INFER_LATER;
	*len = t->dtype == MEL_I64 ? ((const int64_t *)t->data)[k]
				   : ((const int32_t *)t->data)[k];
	return 0;
}

/* The way along the axis: part k begins where `left` of n are left. */
struct cut {
	int64_t n, left, len; /* of the axis, of what is to come, of part k */
	int k;
};

/* Sets len and takes it from left. */
static int
split_part(const struct mel_node *node, const struct mel_tensor *const in[],
    struct cut *c, struct mel_err *err)
{
	const struct split *p = node->params;
	const struct mel_tensor *given = mel_input(node, in, 1);
	int rc = 0;

	if (!given && !p->parts && c->n % node->n_out)
		return mel_node_fail(node, err,
		    "%lld cannot be split in %d equal parts", (long long)c->n,
		    node->n_out);
	c->len = even_part(c->n, node->n_out, c->k);
	if (given)
		rc = given_part(node, given, c->k, &c->len, err);
	if (rc)
		return rc;
	if (c->len < 0 || c->len > c->left ||
	    (c->k == node->n_out - 1 && c->len != c->left))
		return mel_node_fail(node, err,
		    "part %d is %lld long, %lld are left", c->k,
		    (long long)c->len, (long long)c->left);
	c->left -= c->len;
	return 0;
}

static int
split_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct split *p = node->params;
	struct mel_tensor part = *in[0];
	struct cut c = {0};
	int axis, rc;

	if (mel_infer_axis(node, p->axis, part.ndim, &axis, err))
		return -1;
	c.n = c.left = part.dim[axis];
	for (int k = 0; k < node->n_out; k++) {
		c.k = k;
		rc = split_part(node, in, &c, err);
		if (rc)
			return rc;
		part.dim[axis] = c.len;
		mel_infer_like(&out[k], &part);
	}
	return 0;
}

/* Sizes are those of the parts: time must not be what is split. */
static enum mel_time_kind
split_time(struct mel_timing *t)
{
	const struct split *p = t->node->params;
	int axis;

	if (mel_infer_axis(t->node, p->axis, t->in[0][0]->ndim, &axis, NULL) ||
	    axis == t->in_axis[0])
		return MEL_TIME_WHOLE;
	return mel_time_same(t);
}

static int
split_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct split *p = node->params;
	int64_t stride[MEL_MAX_DIMS];
	struct cut c = {0};
	int axis;

	if (mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err))
		return -1;
	mel_strides(in[0]->ndim, in[0]->dim, stride);
	c.n = c.left = in[0]->dim[axis];
	for (int k = 0; k < node->n_out; k++) {
		int64_t at = c.n - c.left;

		c.k = k;
		if (split_part(node, in, &c, err))
			return -1;
		if (out[k].dtype)
			mel_walk_strided(
			    &out[k], in[0], at * stride[axis], stride, run);
	}
	return 0;
}

static const struct mel_op op_slice = {
    .name = "Slice",
    .min_in = 3,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .time = slice_time,
    .infer = slice_infer,
    .forward = slice_forward,
};

static const struct mel_op op_concat = {
    .name = "Concat",
    .min_in = 1,
    .max_in = INT_MAX,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct axis),
    .time = concat_time,
    .prepare = concat_prepare,
    .infer = concat_infer,
    .forward = concat_forward,
};

static const struct mel_op op_split = {
    .name = "Split",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = INT_MAX,
    .params_size = sizeof(struct split),
    .time = split_time,
    .prepare = split_prepare,
    .infer = split_infer,
    .forward = split_forward,
};

const struct mel_op *const mel_ops_slice[] = {
    &op_slice, &op_concat, &op_split, NULL};
