/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "tensor/tensor.h"

/*
 * What asks for a shape (Shape, Size 21), and what changes the shape but not
 * the data (Reshape, Squeeze, Unsqueeze, Flatten, Identity 21).
 */

static int
alias_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	size_t bytes = mel_tensor_bytes(&out[0]);

	(void)node;
	(void)run;
	(void)err;
	if (bytes && out[0].data != in[0]->data)
		memcpy(out[0].data, in[0]->data, bytes);
	return 0;
}

static int
identity_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	(void)node;
	(void)err;
	mel_infer_like(&out[0], in[0]);
	return 0;
}

struct shape {
	int64_t start, end;
};

static int
shape_prepare(struct mel_node *node, struct mel_err *err)
{
	struct shape *p = node->params;

	if (mel_attr_int(node, "start", 0, &p->start, err) ||
	    mel_attr_int(node, "end", INT64_MAX, &p->end, err))
		return -1;
	return 0;
}

/* i counted from the end if negative, then cut to [0, n]. */
static int
clamp_index(int64_t i, int n)
{
	if (i < 0)
		i = i < -n ? 0 : i + n;
	return i > n ? n : (int)i;
}

static int
shape_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct shape *p = node->params;
	int lo = clamp_index(p->start, in[0]->ndim);
	int hi = clamp_index(p->end, in[0]->ndim);
	int64_t n = hi > lo ? hi - lo : 0;

	return mel_infer_shape(node, &out[0], MEL_I64, 1, &n, err);
}

static int
shape_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct shape *p = node->params;
	int64_t *to = out[0].data;
	int lo = clamp_index(p->start, in[0]->ndim);

	(void)run;
	(void)err;
	for (int i = 0; i < out[0].dim[0]; i++)
		to[i] = in[0]->dim[lo + i];
	return 0;
}

static int
size_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	(void)in;
	return mel_infer_shape(node, &out[0], MEL_I64, 0, NULL, err);
}

static int
size_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	(void)node;
	(void)run;
	(void)err;
	*(int64_t *)out[0].data = (int64_t)mel_tensor_count(in[0]);
	return 0;
}

static int
no_fit(const struct mel_node *node, const struct mel_tensor *in,
    const struct mel_tensor *want, struct mel_err *err)
{
	char s[128], t[128];

	return mel_node_fail(node, err, "%s does not fill %s",
	    mel_shape_text(in, s, sizeof(s)),
	    mel_shape_text(want, t, sizeof(t)));
}

struct reshape {
	int64_t allowzero;
};

static int
reshape_prepare(struct mel_node *node, struct mel_err *err)
{
	struct reshape *p = node->params;

	return mel_attr_int(node, "allowzero", 0, &p->allowzero, err);
}

/*
 * Replaces 0 by the input's length (unless they mean 0) and finds the -1.
 * *whole, *part: elements of input and wanted shape over the axes that were
 * not copied, so that -1 has an answer although a copied length is 0.
 */
static int
resolve_zeros(const struct mel_node *node, const struct mel_tensor *in,
    struct mel_tensor *want, unsigned *copied, int *open, struct mel_err *err)
{
	const struct reshape *p = node->params;

	*open = -1;
	*copied = 0;
	for (int i = 0; i < want->ndim; i++) {
		if (want->dim[i] == 0 && !p->allowzero) {
			if (i >= in->ndim)
				return mel_node_fail(node, err,
				    "0 for axis %d of a %d-axis input", i,
				    in->ndim);
			want->dim[i] = in->dim[i];
			*copied |= 1u << i;
		} else if (want->dim[i] == -1) {
			if (*open >= 0)
				return mel_node_fail(
				    node, err, "more than one -1");
			*open = i;
			want->dim[i] = 1;
		}
	}
	return mel_infer_shape(
	    node, want, in->dtype, want->ndim, want->dim, err);
}

static int
fill_open(const struct mel_node *node, const struct mel_tensor *in,
    struct mel_tensor *want, unsigned copied, int open, struct mel_err *err)
{
	int64_t whole = 1, part = 1;

	for (int i = 0; i < in->ndim; i++)
		whole *= copied >> i & 1 ? 1 : in->dim[i];
	for (int i = 0; i < want->ndim; i++)
		part *= copied >> i & 1 ? 1 : want->dim[i];
	if (!part || whole % part)
		return no_fit(node, in, want, err);
	want->dim[open] = whole / part;
	return mel_infer_shape(
	    node, want, in->dtype, want->ndim, want->dim, err);
}

static int
reshape_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	struct mel_tensor want = {.dtype = in[0]->dtype, .ndim = MEL_MAX_DIMS};
	unsigned copied;
	int open, rc;

	rc = mel_infer_ints(node, in[1], "shape", want.dim, &want.ndim, err);
	if (rc)
		return rc;
	if (resolve_zeros(node, in[0], &want, &copied, &open, err))
		return -1;
	if (open >= 0 && fill_open(node, in[0], &want, copied, open, err))
		return -1;
	if (mel_tensor_count(&want) != mel_tensor_count(in[0]))
		return no_fit(node, in[0], &want, err);
	mel_infer_like(&out[0], &want);
	return 0;
}

struct flatten {
	int64_t axis;
};

static int
flatten_prepare(struct mel_node *node, struct mel_err *err)
{
	struct flatten *p = node->params;

	return mel_attr_int(node, "axis", 1, &p->axis, err);
}

static int
flatten_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct flatten *p = node->params;
	int n = in[0]->ndim, axis = n;
	int64_t dim[2];

	if (p->axis != n && mel_infer_axis(node, p->axis, n, &axis, err))
		return -1;
	dim[0] = mel_dims_product(in[0], 0, axis);
	dim[1] = mel_dims_product(in[0], axis, n);
	return mel_infer_shape(node, &out[0], in[0]->dtype, 2, dim, err);
}

static int
squeeze_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct mel_tensor *axes = mel_input(node, in, 1);
	unsigned mask = 0;
	int64_t dim[MEL_MAX_DIMS];
	int n = 0, rc = 0;

	if (axes)
		rc = mel_infer_axes(node, axes, in[0]->ndim, &mask, err);
	if (rc)
		return rc;
	for (int i = 0; i < in[0]->ndim; i++) {
		bool drop = axes ? mask >> i & 1 : in[0]->dim[i] == 1;

		if (drop && in[0]->dim[i] != 1)
			return mel_node_fail(node, err,
			    "axis %d has length %lld, not 1", i,
			    (long long)in[0]->dim[i]);
		if (!drop)
			dim[n++] = in[0]->dim[i];
	}
	return mel_infer_shape(node, &out[0], in[0]->dtype, n, dim, err);
}

static int
unsqueeze_infer(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    struct mel_err *err)
{
	size_t more = mel_tensor_count(in[1]);
	int64_t dim[MEL_MAX_DIMS];
	int from = 0, ndim = in[0]->ndim, rc;
	unsigned mask;

	if (more > (size_t)(MEL_MAX_DIMS - ndim))
		return mel_node_fail(
		    node, err, "more than %d axes", MEL_MAX_DIMS);
	ndim += (int)more;
	rc = mel_infer_axes(node, in[1], ndim, &mask, err);
	if (rc)
		return rc;
	for (int i = 0; i < ndim; i++)
		dim[i] = mask >> i & 1 ? 1 : in[0]->dim[from++];
	return mel_infer_shape(node, &out[0], in[0]->dtype, ndim, dim, err);
}

/* See net/op.h: operands before opset 7. */
struct align {
	int64_t axis;
};

static int
align_prepare(struct mel_node *node, struct mel_err *err)
{
	struct align *p = node->params;

	return mel_attr_int(node, "axis", 0, &p->axis, err);
}

static int
align_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct align *p = node->params;
	int64_t axis = p->axis < 0 ? p->axis + in[1]->ndim : p->axis;

	mel_infer_like(&out[0], in[0]);
	if (axis < 0 || axis >= in[1]->ndim)
		return 0; /* nothing to align with: broadcasting decides */
	while (out[0].ndim < in[1]->ndim - (int)axis)
		out[0].dim[out[0].ndim++] = 1;
	(void)err;
	return 0;
}

static const struct mel_op op_align = {
    .name = "(align)",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct align),
    .alias = true,
    .time = mel_time_alias,
    .prepare = align_prepare,
    .infer = align_infer,
    .forward = alias_forward,
};

static const struct mel_op op_identity = {
    .name = "Identity",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .alias = true,
    .time = mel_time_alias,
    .infer = identity_infer,
    .forward = alias_forward,
};

static const struct mel_op op_shape = {
    .name = "Shape",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct shape),
    .shape_only = true,
    .prepare = shape_prepare,
    .infer = shape_infer,
    .forward = shape_forward,
};

static const struct mel_op op_size = {
    .name = "Size",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .shape_only = true,
    .infer = size_infer,
    .forward = size_forward,
};

static const struct mel_op op_reshape = {
    .name = "Reshape",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct reshape),
    .alias = true,
    .time = mel_time_alias,
    .prepare = reshape_prepare,
    .infer = reshape_infer,
    .forward = alias_forward,
};

static const struct mel_op op_flatten = {
    .name = "Flatten",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct flatten),
    .alias = true,
    .time = mel_time_alias,
    .prepare = flatten_prepare,
    .infer = flatten_infer,
    .forward = alias_forward,
};

static const struct mel_op op_squeeze = {
    .name = "Squeeze",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .alias = true,
    .time = mel_time_alias,
    .infer = squeeze_infer,
    .forward = alias_forward,
};

static const struct mel_op op_unsqueeze = {
    .name = "Unsqueeze",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .alias = true,
    .time = mel_time_alias,
    .infer = unsqueeze_infer,
    .forward = alias_forward,
};

const struct mel_op *const mel_ops_shape[] = {
    &op_identity,
    &op_shape,
    &op_size,
    &op_reshape,
    &op_flatten,
    &op_squeeze,
    &op_unsqueeze,
    &op_align,
    NULL,
};
