/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Pad (ONNX 19): constant, reflect (without the edge, again and again where
 * the pad is longer than the axis), edge, wrap. Negative pads crop.
 */

enum mode {
	CONSTANT,
	REFLECT,
	EDGE,
	WRAP,
};

struct pad {
	enum mode mode;
};

static int
pad_prepare(struct mel_node *node, struct mel_err *err)
{
	static const char *const names[] = {
	    "constant", "reflect", "edge", "wrap"};
	struct pad *p = node->params;
	const char *mode;

	if (mel_attr_string(node, "mode", "constant", &mode, err))
		return -1;
	for (int i = 0; i < 4; i++) {
		if (!strcmp(mode, names[i])) {
			p->mode = (enum mode)i;
			return 0;
		}
	}
	return mel_node_fail(node, err, "mode = %s is not supported", mode);
}

/* The pads before and behind every axis. */
static int
read_pads(const struct mel_node *node, const struct mel_tensor *const in[],
    int64_t *begin, int64_t *end, struct mel_err *err)
{
	const struct mel_tensor *axes_in = mel_input(node, in, 3);
	int64_t pads[2 * MEL_MAX_DIMS], axes[MEL_MAX_DIMS];
	int n = 2 * MEL_MAX_DIMS, n_axes = in[0]->ndim, axis, rc = 0;

	for (int i = 0; i < n_axes; i++) {
		axes[i] = i;
		begin[i] = end[i] = 0;
	}
	if (axes_in) {
		n_axes = MEL_MAX_DIMS;
		rc = mel_infer_ints(node, axes_in, "axes", axes, &n_axes, err);
	}
	if (!rc)
		rc = mel_infer_ints(node, in[1], "pads", pads, &n, err);
	if (rc)
		return rc;
	if (n != 2 * n_axes)
		return mel_node_fail(
		    node, err, "%d pads for %d axes", n, n_axes);
	for (int i = 0; i < n_axes; i++) {
		if (mel_infer_axis(node, axes[i], in[0]->ndim, &axis, err))
			return -1;
		begin[axis] = pads[i];
		end[axis] = pads[n_axes + i];
	}
	return 0;
}

static int
check_value(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_err *err)
{
	const struct mel_tensor *value = mel_input(node, in, 2);

	if (!value ||
	    (value->dtype == in[0]->dtype && mel_tensor_count(value) == 1))
		return 0;
	return mel_node_fail(node, err, "the value must be one %s",
	    mel_dtype_name(in[0]->dtype));
}

static int
pad_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct pad *p = node->params;
	int64_t begin[MEL_MAX_DIMS], end[MEL_MAX_DIMS], dim[MEL_MAX_DIMS];
	int rc = read_pads(node, in, begin, end, err);

	if (rc)
		return rc;
	if (check_value(node, in, err))
		return -1;
	for (int i = 0; i < in[0]->ndim; i++) {
		int64_t n = in[0]->dim[i];

		if (__builtin_add_overflow(n, begin[i], &dim[i]) ||
		    __builtin_add_overflow(dim[i], end[i], &dim[i]))
			return mel_node_fail(node, err, "tensor too large");
		if (dim[i] < 0 || begin[i] < -n || end[i] < -n)
			return mel_node_fail(node, err,
			    "axis %d: more is cropped than there is", i);
		if (p->mode != CONSTANT && !n && dim[i])
			return mel_node_fail(
			    node, err, "axis %d: nothing to repeat", i);
	}
	return mel_infer_shape(
	    node, &out[0], in[0]->dtype, in[0]->ndim, dim, err);
}

/* Rows behind the end are what pads there are made of. */
static void
set_blank(struct mel_timing *t, int64_t end)
{
	const struct pad *p = t->node->params;
	const struct mel_tensor *value = mel_input(t->node, t->in[0], 2);

	if (end <= 0)
		return;
	t->no_blank = p->mode != CONSTANT ||
		      (value && (!value->data || value->dtype != MEL_F32));
	if (!t->no_blank && value)
		t->blank = *(const float *)value->data;
}

static enum mel_time_kind
pad_time(struct mel_timing *t)
{
	const struct pad *p = t->node->params;
	int64_t begin[MEL_MAX_DIMS], end[MEL_MAX_DIMS], b = 0, e = 0;
	int axis = t->in_axis[0];

	t->lengths = 1u << 1;
	if (!mel_time_same(t) || p->mode == WRAP)
		return MEL_TIME_WHOLE;
	for (int k = 0; k < t->trials; k++) {
		if (read_pads(t->node, t->in[k], begin, end, NULL) ||
		    (k && (begin[axis] != b || end[axis] != e)))
			return MEL_TIME_WHOLE;
		b = begin[axis];
		e = end[axis];
	}
	if (!b && !e)
		return MEL_TIME_POINT;
	if (p->mode != CONSTANT && (b < 0 || e < 0))
		return MEL_TIME_WHOLE;
	set_blank(t, e);
	t->reach[0] = (struct mel_reach){
	    .num = 1,
	    .den = 1,
	    .first = -b,
	    .last = e < 0 ? -b - e : -b,
	    .more = b + e,
	    .head = p->mode == REFLECT ? b : 0,
	    .tail = p->mode == REFLECT ? 2 * e
		    : e < 0            ? 0
				       : e,
	};
	return MEL_TIME_WINDOW;
}

/* Where index i of an axis of length n comes from; -1: the constant. */
static int64_t
source(enum mode mode, int64_t i, int64_t n)
{
	int64_t period = mode == REFLECT ? 2 * (n - 1) : n;

	if (i >= 0 && i < n)
		return i;
	if (mode == CONSTANT)
		return -1;
	if (mode == EDGE)
		return i < 0 ? 0 : n - 1;
	if (!period) /* one element, reflected */
		return 0;
	i %= period;
	if (i < 0)
		i += period;
	return i < n ? i : period - i;
}

struct pad_job {
	enum mode mode;
	const struct mel_tensor *in, *out;
	int64_t begin[MEL_MAX_DIMS];
	int64_t stride[MEL_MAX_DIMS]; /* of in [elements] */
	size_t size;
	const void *value;
	const struct mel_part *part; /* or NULL */
};

/*
 * Where index i of axis d of the output comes from, in the rows at hand; -1:
 * the constant.
 */
static int64_t
place(const struct pad_job *job, int d, int64_t i)
{
	const struct mel_part *part = job->part;

	if (!part || part->in_axis != d)
		return source(job->mode, i - job->begin[d], job->in->dim[d]);
	i = source(
	    job->mode, i + part->out_first - job->begin[d], part->in_total);
	return i < 0 ? -1 : i - part->in_first;
}

/* One piece of the last axis, element by element. */
static void
pad_piece(const struct pad_job *job, unsigned char *out,
    const unsigned char *row, int64_t lo, int64_t hi)
{
	int last = job->in->ndim - 1;

	for (int64_t j = lo; j < hi; j++) {
		int64_t s = place(job, last, j);

		memcpy(out + (size_t)j * job->size,
		    s < 0 ? job->value : row + (size_t)s * job->size,
		    job->size);
	}
}

static void
pad_row(const struct pad_job *job, unsigned char *out, const unsigned char *row)
{
	int last = job->in->ndim - 1;
	int64_t n = job->in->dim[last], b = job->begin[last];

	if (job->part && job->part->in_axis == last)
		b += job->part->in_first - job->part->out_first;
	int64_t len = job->out->dim[last];
	int64_t lo = b < 0 ? 0 : b > len ? len : b;
	int64_t hi = b + n > len ? len : b + n;

	if (!row) {
		mel_fill(out, job->value, job->size, (size_t)len);
		return;
	}
	hi = hi < lo ? lo : hi;
	pad_piece(job, out, row, 0, lo);
	if (hi > lo)
		memcpy(out + (size_t)lo * job->size,
		    row + (size_t)(lo - b) * job->size,
		    (size_t)(hi - lo) * job->size);
	pad_piece(job, out, row, hi, len);
}

/* Rows lo to hi - 1 of the output. */
static void
pad_rows(void *ctx, size_t lo, size_t hi)
{
	const struct pad_job *job = ctx;
	const struct mel_tensor *out = job->out;
	size_t bytes = (size_t)out->dim[out->ndim - 1] * job->size;

	for (size_t r = lo; r < hi; r++) {
		const unsigned char *row = job->in->data;
		size_t rest = r;

		for (int d = out->ndim - 2; d >= 0; d--) {
			size_t len = (size_t)out->dim[d];
			int64_t s = place(job, d, (int64_t)(rest % len));

			rest /= len;
			if (s < 0)
				row = NULL;
			else if (row)
				row += s * job->stride[d] * (int64_t)job->size;
		}
		pad_row(job, (unsigned char *)out->data + r * bytes, row);
	}
}

static int
pad_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	static const unsigned char zero[8];
	const struct pad *p = node->params;
	const struct mel_tensor *value = mel_input(node, in, 2);
	struct pad_job job = {
	    .mode = p->mode, .in = in[0], .out = &out[0], .part = run->part};
	struct mel_range range = {pad_rows, &job, 0, 0};
	int64_t end[MEL_MAX_DIMS];
	size_t last;

	if (!mel_tensor_count(&out[0]))
		return 0;
	job.size = mel_dtype_size(in[0]->dtype);
	job.value = value ? value->data : zero;
	if (!in[0]->ndim) {
		memcpy(out[0].data, in[0]->data, job.size);
		return 0;
	}
	if (read_pads(node, in, job.begin, end, err))
		return -1;
	mel_strides(in[0]->ndim, in[0]->dim, job.stride);
	last = (size_t)out[0].dim[out[0].ndim - 1];
	range.n = mel_tensor_count(&out[0]) / last;
	range.grain = 1 + MEL_GRAIN_COPY / last;
	mel_range_run(&range, run->pool);
	return 0;
}

static const struct mel_op op_pad = {
    .name = "Pad",
    .min_in = 2,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct pad),
    .time = pad_time,
    .prepare = pad_prepare,
    .infer = pad_infer,
    .forward = pad_forward,
};

const struct mel_op *const mel_ops_pad[] = {&op_pad, NULL};
