/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/graph.h"
#include "net/index.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Data with some elements replaced by, or combined with, updates. In the
 * order of the updates on one thread: of equal indices the last one wins.
 * ScatterElements, ScatterND 18.
 */

typedef void combine_fn(void *to, const void *from, size_t n);

/* Integers wrap around, so they are added and multiplied unsigned. */
#define COMBINE(name, T, expr)                                                 \
	static void name(void *to, const void *from, size_t n)                 \
	{                                                                      \
		T *out = to;                                                   \
		const T *in = from;                                            \
                                                                               \
		for (size_t i = 0; i < n; i++) {                               \
			T x = out[i], y = in[i];                               \
			out[i] = (T)(expr);                                    \
		}                                                              \
	}
#define COMBINE_ALL(T, U, type)                                                \
	COMBINE(add_##type, U, x + y)                                          \
	COMBINE(mul_##type, U, x *y)                                           \
	COMBINE(max_##type, T, x > y || x != x ? x : y)                        \
	COMBINE(min_##type, T, x < y || x != x ? x : y)

COMBINE_ALL(float, float, f32)
COMBINE_ALL(int64_t, uint64_t, i64)
COMBINE_ALL(int32_t, uint32_t, i32)

enum reduction {
	REPLACE,
	ADD,
	MUL,
	MAX,
	MIN,
	N_REDUCTIONS,
};

/* NULL: not for this type (or REPLACE, which is a plain copy). */
static combine_fn *
combine_of(enum reduction reduction, enum mel_dtype dtype)
{
	static combine_fn *const table[N_REDUCTIONS][MEL_BOOL + 1] = {
	    [ADD] =
		{[MEL_F32] = add_f32, [MEL_I64] = add_i64, [MEL_I32] = add_i32},
	    [MUL] =
		{[MEL_F32] = mul_f32, [MEL_I64] = mul_i64, [MEL_I32] = mul_i32},
	    [MAX] =
		{[MEL_F32] = max_f32, [MEL_I64] = max_i64, [MEL_I32] = max_i32},
	    [MIN] =
		{[MEL_F32] = min_f32, [MEL_I64] = min_i64, [MEL_I32] = min_i32},
	};

	return table[reduction][dtype];
}

struct scatter {
	enum reduction reduction;
	int64_t axis; /* ScatterElements */
};

static int
scatter_prepare(struct mel_node *node, struct mel_err *err)
{
	static const char *const names[] = {"none", "add", "mul", "max", "min"};
	struct scatter *p = node->params;
	const char *s;

	if (mel_attr_string(node, "reduction", "none", &s, err) ||
	    mel_attr_int(node, "axis", 0, &p->axis, err))
		return -1;
	for (int i = 0; i < N_REDUCTIONS; i++) {
		if (!strcmp(s, names[i])) {
			p->reduction = (enum reduction)i;
			return 0;
		}
	}
	return mel_node_fail(node, err, "reduction = %s", s);
}

static int
check_types(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_err *err)
{
	const struct scatter *p = node->params;

	if (in[2]->dtype != in[0]->dtype)
		return mel_node_fail(node, err, "updates are %s, the data %s",
		    mel_dtype_name(in[2]->dtype), mel_dtype_name(in[0]->dtype));
	if (p->reduction && !combine_of(p->reduction, in[0]->dtype))
		return mel_infer_type(node, in[0]->dtype, 0, err);
	return 0;
}

static void
start_from_data(const struct mel_tensor *out, const struct mel_tensor *data)
{
	size_t bytes = mel_tensor_bytes(out);

	if (bytes && out->data != data->data)
		memcpy(out->data, data->data, bytes);
}

static void
put(const struct scatter *p, const struct mel_tensor *out, size_t to,
    const struct mel_tensor *updates, size_t from, size_t n)
{
	size_t size = mel_dtype_size(out->dtype);
	char *dst = (char *)out->data + to * size;
	const char *src = (const char *)updates->data + from * size;

	if (!n)
		return;
	if (p->reduction)
		combine_of(p->reduction, out->dtype)(dst, src, n);
	else
		memcpy(dst, src, n * size);
}

static int
nd_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	struct mel_tuples tuples;
	struct mel_tensor want = {.dtype = in[0]->dtype};
	char a[128], b[128];
	int n = 0;

	if (check_types(node, in, err) ||
	    mel_tuples_init(&tuples, node, in[0], in[1], 0, err))
		return -1;
	if (in[1]->ndim - 1 + in[0]->ndim - tuples.len > MEL_MAX_DIMS)
		return mel_node_fail(node, err, "too many axes");
	for (int i = 0; i < in[1]->ndim - 1; i++)
		want.dim[n++] = in[1]->dim[i];
	for (int i = tuples.len; i < in[0]->ndim; i++)
		want.dim[n++] = in[0]->dim[i];
	want.ndim = n;
	if (!mel_tensor_same_shape(in[2], &want))
		return mel_node_fail(node, err, "updates are %s instead of %s",
		    mel_shape_text(in[2], a, sizeof(a)),
		    mel_shape_text(&want, b, sizeof(b)));
	mel_infer_like(&out[0], in[0]);
	return 0;
}

static int
nd_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct scatter *p = node->params;
	struct mel_tuples tuples;

	(void)run;
	if (mel_tuples_init(&tuples, node, in[0], in[1], 0, err))
		return -1;
	start_from_data(&out[0], in[0]);
	for (size_t i = 0; i < tuples.count; i++) {
		int64_t to = mel_tuples_offset(&tuples, node, i, err);

		if (to < 0)
			return -1;
		put(p, &out[0], (size_t)to, in[2], i * tuples.slice,
		    tuples.slice);
	}
	return 0;
}

static int
elements_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct scatter *p = node->params;
	struct mel_tensor like = *in[1];
	int axis;

	if (mel_index_type(node, in[1], err) || check_types(node, in, err) ||
	    mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err))
		return -1;
	like.dtype = in[2]->dtype;
	if (!mel_tensor_same_shape(&like, in[2]) || in[1]->ndim != in[0]->ndim)
		return mel_node_fail(
		    node, err, "data, indices and updates do not fit");
	for (int i = 0; i < in[0]->ndim; i++) {
		if (i != axis && in[1]->dim[i] > in[0]->dim[i])
			return mel_node_fail(
			    node, err, "axis %d: more indices than data", i);
	}
	mel_infer_like(&out[0], in[0]);
	return 0;
}

static int
elements_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	const struct scatter *p = node->params;
	int64_t stride[MEL_MAX_DIMS];
	size_t count = mel_tensor_count(in[1]);
	int axis;

	(void)run;
	if (mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err) ||
	    mel_index_check(node, in[1], in[0]->dim[axis], err))
		return -1;
	start_from_data(&out[0], in[0]);
	mel_strides(out[0].ndim, out[0].dim, stride);
	for (size_t i = 0; i < count; i++) {
		size_t rest = i;
		int64_t to = 0;

		for (int d = in[1]->ndim - 1; d >= 0; d--) {
			size_t len = (size_t)in[1]->dim[d];
			int64_t at = (int64_t)(rest % len);

			if (d == axis)
				at = mel_index_in(in[1], i, out[0].dim[d]);
			to += at * stride[d];
			rest /= len;
		}
		put(p, &out[0], (size_t)to, in[2], i, 1);
	}
	return 0;
}

#define SCATTER(op_name, shape_rule, value)                                    \
	{                                                                      \
		.name = op_name, .min_in = 3, .max_in = 3, .min_out = 1,       \
		.max_out = 1, .params_size = sizeof(struct scatter),           \
		.in_place = 1, .prepare = scatter_prepare,                     \
		.infer = shape_rule, .forward = value                          \
	}

static const struct mel_op op_scatter_nd =
    SCATTER("ScatterND", nd_infer, nd_forward);
static const struct mel_op op_scatter_elements =
    SCATTER("ScatterElements", elements_infer, elements_forward);

const struct mel_op *const mel_ops_scatter[] = {
    &op_scatter_nd, &op_scatter_elements, NULL};
