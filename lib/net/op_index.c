/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/graph.h"
#include "net/index.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/walk.h"
#include "net/weights.h"
#include "tensor/tensor.h"

/* OneHot 11, EyeLike 9, ReverseSequence 10, Compress 11: by index, any type. */

#define ANY_INDEX (MEL_TYPE_INT | MEL_TYPE_FLOAT | 1u << MEL_U8)

struct axis {
	int64_t axis;
	bool none; /* Compress without axis: of the data as one line */
};

static int
axis_prepare(struct mel_node *node, struct mel_err *err)
{
	struct axis *p = node->params;
	bool one_hot = !strcmp(node->op->name, "OneHot");

	p->none = !mel_node_attr(node, "axis");
	return mel_attr_int(node, "axis", one_hot ? -1 : 0, &p->axis, err);
}

/* A number that may be stored as a float, too. */
static int64_t
number_at(const struct mel_tensor *t, size_t i)
{
	float f;

	if (t->dtype == MEL_U8)
		return ((const uint8_t *)t->data)[i];
	if (t->dtype != MEL_F32)
		return mel_index_at(t, i);
	f = ((const float *)t->data)[i];
	return f > -0x1p40f && f < 0x1p40f ? (int64_t)f : INT64_MIN;
}

static int
one_hot_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct axis *p = node->params;
	int64_t dim[MEL_MAX_DIMS], depth;
	int axis;

	if (mel_infer_type(node, in[0]->dtype, ANY_INDEX, err) ||
	    mel_infer_type(node, in[1]->dtype, ANY_INDEX, err) ||
	    mel_infer_axis(node, p->axis, in[0]->ndim + 1, &axis, err))
		return -1;
	if (mel_tensor_count(in[1]) != 1 || in[2]->ndim != 1 ||
	    in[2]->dim[0] != 2)
		return mel_node_fail(
		    node, err, "depth is not one number, or values not two");
	if (in[0]->ndim == MEL_MAX_DIMS)
		return mel_node_fail(node, err, "too many axes");
	if (!in[1]->data)
		return MEL_INFER_LATER;
	depth = number_at(in[1], 0);
	if (depth < 0)
		return mel_node_fail(
		    node, err, "depth = %lld", (long long)depth);
	for (int d = 0; d <= in[0]->ndim; d++)
		dim[d] = d == axis ? depth : in[0]->dim[d - (d > axis)];
	return mel_infer_shape(
	    node, &out[0], in[2]->dtype, in[0]->ndim + 1, dim, err);
}

static int
one_hot_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	const struct axis *p = node->params;
	size_t size = mel_dtype_size(out[0].dtype), inner;
	const char *values = in[2]->data;
	int64_t depth;
	int axis;

	(void)run;
	if (mel_infer_axis(node, p->axis, out[0].ndim, &axis, err))
		return -1;
	depth = out[0].dim[axis];
	inner = (size_t)mel_dims_product(&out[0], axis + 1, out[0].ndim);
	mel_fill(out[0].data, values, size, mel_tensor_count(&out[0]));
	for (size_t i = 0; depth && i < mel_tensor_count(in[0]); i++) {
		int64_t at = number_at(in[0], i);
		size_t to;

		if (at < -depth || at >= depth)
			continue; /* off everywhere */
		at = at < 0 ? at + depth : at;
		to = (i / inner * (size_t)depth + (size_t)at) * inner +
		     i % inner;
		memcpy((char *)out[0].data + to * size, values + size, size);
	}
	return 0;
}

struct eye {
	int64_t k;
	enum mel_dtype dtype; /* MEL_NONE: the input's */
};

static int
eye_prepare(struct mel_node *node, struct mel_err *err)
{
	struct eye *p = node->params;
	int64_t number;

	if (mel_attr_int(node, "k", 0, &p->k, err) ||
	    mel_attr_int(node, "dtype", 0, &number, err))
		return -1;
	p->dtype = number > 0 && number < 256 ? mel_onnx_dtype((int32_t)number)
					      : MEL_NONE;
	if (number && !p->dtype)
		return mel_node_fail(node, err, "dtype = %lld is not supported",
		    (long long)number);
	return 0;
}

static int
eye_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct eye *p = node->params;
	enum mel_dtype dtype = p->dtype ? p->dtype : in[0]->dtype;

	if (mel_infer_type(node, dtype,
		MEL_TYPE_INT | 1u << MEL_F32 | 1u << MEL_F64 | 1u << MEL_U8 |
		    1u << MEL_BOOL,
		err))
		return -1;
	if (in[0]->ndim != 2)
		return mel_node_fail(node, err, "data has not two axes");
	return mel_infer_shape(node, &out[0], dtype, 2, in[0]->dim, err);
}

static int
eye_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct eye *p = node->params;
	size_t size = mel_dtype_size(out[0].dtype);
	int64_t rows = out[0].dim[0], cols = out[0].dim[1];
	const struct {
		float f;
		double d;
		int64_t i;
		int32_t j;
		uint8_t u;
	} one = {1, 1, 1, 1, 1};
	const void *value = out[0].dtype == MEL_F32   ? (const void *)&one.f
			    : out[0].dtype == MEL_F64 ? (const void *)&one.d
			    : out[0].dtype == MEL_I64 ? (const void *)&one.i
			    : out[0].dtype == MEL_I32 ? (const void *)&one.j
						      : (const void *)&one.u;

	(void)in;
	(void)run;
	(void)err;
	if (!rows || !cols)
		return 0;
	memset(out[0].data, 0, mel_tensor_bytes(&out[0]));
	for (int64_t r = 0; r < rows; r++) {
		/* r + k without overflow */
		if (p->k < -r || p->k >= cols - r)
			continue;
		memcpy(
		    (char *)out[0].data + (size_t)(r * cols + r + p->k) * size,
		    value, size);
	}
	return 0;
}

struct reverse {
	int64_t batch, time;
};

static int
reverse_prepare(struct mel_node *node, struct mel_err *err)
{
	struct reverse *p = node->params;

	if (mel_attr_int(node, "batch_axis", 1, &p->batch, err) ||
	    mel_attr_int(node, "time_axis", 0, &p->time, err))
		return -1;
	if (p->batch < 0 || p->batch > 1 || p->time != 1 - p->batch)
		return mel_node_fail(
		    node, err, "batch_axis and time_axis must be 0 and 1");
	return 0;
}

static int
reverse_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct reverse *p = node->params;

	if (in[0]->ndim < 2 || in[1]->dtype != MEL_I64 || in[1]->ndim != 1 ||
	    in[1]->dim[0] != in[0]->dim[p->batch])
		return mel_node_fail(node, err,
		    "sequence_lens are not one i64 for each of a batch");
	mel_infer_like(&out[0], in[0]);
	return 0;
}

static int
reverse_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	const struct reverse *p = node->params;
	int64_t steps = in[0]->dim[p->time], batch = in[0]->dim[p->batch];
	size_t bytes = (size_t)mel_dims_product(in[0], 2, in[0]->ndim) *
		       mel_dtype_size(in[0]->dtype);

	(void)run;
	for (int64_t b = 0; b < batch; b++) {
		int64_t len = ((const int64_t *)in[1]->data)[b];

		if (len < 0 || len > steps)
			return mel_node_fail(node, err,
			    "sequence_lens: %lld of %lld", (long long)len,
			    (long long)steps);
		for (int64_t t = 0; bytes && t < steps; t++) {
			int64_t s = t < len ? len - 1 - t : t;
			size_t to =
			    (size_t)(p->time ? b * steps + t : t * batch + b);
			size_t from =
			    (size_t)(p->time ? b * steps + s : s * batch + b);

			memcpy((char *)out[0].data + to * bytes,
			    (const char *)in[0]->data + from * bytes, bytes);
		}
	}
	return 0;
}

/* Slices of data that the condition speaks of, and how many it keeps. */
struct slices {
	size_t outer, n, inner; /* data as [outer, n, inner] */
	int64_t kept;
};

static int
find_slices(const struct mel_node *node, const struct mel_tensor *const in[],
    struct slices *s, int *axis, struct mel_err *err)
{
	const struct axis *p = node->params;
	const uint8_t *keep = in[1]->data;

	*axis = 0;
	*s = (struct slices){1, mel_tensor_count(in[0]), 1, 0};
	if (!p->none) {
		if (mel_infer_axis(node, p->axis, in[0]->ndim, axis, err))
			return -1;
		s->outer = (size_t)mel_dims_product(in[0], 0, *axis);
		s->n = (size_t)in[0]->dim[*axis];
		s->inner =
		    (size_t)mel_dims_product(in[0], *axis + 1, in[0]->ndim);
	}
	if (in[1]->dtype != MEL_BOOL || in[1]->ndim != 1 ||
	    mel_tensor_count(in[1]) > s->n)
		return mel_node_fail(
		    node, err, "condition is not at most %zu bool", s->n);
	if (!keep)
		return MEL_INFER_LATER;
	for (size_t i = 0; i < mel_tensor_count(in[1]); i++)
		s->kept += !!keep[i];
	return 0;
}

static int
compress_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct axis *p = node->params;
	struct slices s;
	int axis, rc = find_slices(node, in, &s, &axis, err);

	if (rc)
		return rc;
	mel_infer_like(&out[0], in[0]);
	if (p->none)
		out[0].ndim = 1;
	out[0].dim[axis] = s.kept;
	return 0;
}

static int
compress_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	const uint8_t *keep = in[1]->data;
	char *to = out[0].data;
	struct slices s;
	size_t bytes;
	int axis;

	(void)run;
	if (find_slices(node, in, &s, &axis, err))
		return -1;
	bytes = s.inner * mel_dtype_size(in[0]->dtype);
	for (size_t o = 0; bytes && o < s.outer; o++) {
		const char *from = (const char *)in[0]->data + o * s.n * bytes;

		for (size_t i = 0; i < mel_tensor_count(in[1]); i++) {
			if (!keep[i])
				continue;
			memcpy(to, from + i * bytes, bytes);
			to += bytes;
		}
	}
	return 0;
}

#define INDEX(op_name, inputs, params, prep, shape_rule, value)                \
	{                                                                      \
		.name = op_name, .min_in = inputs, .max_in = inputs,           \
		.min_out = 1, .max_out = 1, .params_size = sizeof(params),     \
		.prepare = prep, .infer = shape_rule, .forward = value         \
	}

static const struct mel_op one_hot = INDEX(
    "OneHot", 3, struct axis, axis_prepare, one_hot_infer, one_hot_forward);
static const struct mel_op eye =
    INDEX("EyeLike", 1, struct eye, eye_prepare, eye_infer, eye_forward);
static const struct mel_op reverse = INDEX("ReverseSequence", 2, struct reverse,
    reverse_prepare, reverse_infer, reverse_forward);
static const struct mel_op compress = INDEX(
    "Compress", 2, struct axis, axis_prepare, compress_infer, compress_forward);

const struct mel_op *const mel_ops_index[] = {
    &one_hot, &eye, &reverse, &compress, NULL};
