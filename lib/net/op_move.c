/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/broadcast.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Elements go elsewhere, unchanged: any element type will do. Transpose 21,
 * Expand, Tile 13, Trilu 14.
 */

struct transpose {
	const int64_t *perm; /* [n], the node's attribute; NULL: reversed */
	size_t n;
};

static int
transpose_prepare(struct mel_node *node, struct mel_err *err)
{
	struct transpose *p = node->params;
	unsigned seen = 0;

	if (mel_attr_ints(node, "perm", &p->perm, &p->n, err))
		return -1;
	for (size_t i = 0; p->perm && i < p->n; i++) {
		int64_t axis = p->perm[i];

		if (p->n > MEL_MAX_DIMS || axis < 0 || axis >= (int64_t)p->n ||
		    seen >> axis & 1)
			return mel_node_fail(
			    node, err, "perm is not a permutation");
		seen |= 1u << axis;
	}
	return 0;
}

static int
source_axis(const struct transpose *p, int ndim, int i)
{
	return p->perm ? (int)p->perm[i] : ndim - 1 - i;
}

static int
transpose_infer(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    struct mel_err *err)
{
	const struct transpose *p = node->params;
	int64_t dim[MEL_MAX_DIMS];
	int n = in[0]->ndim;

	if (p->perm && p->n != (size_t)n)
		return mel_node_fail(node, err,
		    "perm is for %zu axes, the input has %d", p->n, n);
	for (int i = 0; i < n; i++)
		dim[i] = in[0]->dim[source_axis(p, n, i)];
	return mel_infer_shape(node, &out[0], in[0]->dtype, n, dim, err);
}

static int
transpose_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	const struct transpose *p = node->params;
	int64_t own[MEL_MAX_DIMS], stride[MEL_MAX_DIMS];
	int n = in[0]->ndim;

	(void)err;
	mel_strides(n, in[0]->dim, own);
	for (int i = 0; i < n; i++)
		stride[i] = own[source_axis(p, n, i)];
	mel_walk_strided(&out[0], in[0], 0, stride, run);
	return 0;
}

static enum mel_time_kind
transpose_time(struct mel_timing *t)
{
	const struct transpose *p = t->node->params;
	int from = source_axis(p, t->in[0][0]->ndim, t->out_axis[0]);

	return from == t->in_axis[0] ? MEL_TIME_POINT : MEL_TIME_WHOLE;
}

static int
expand_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	struct mel_tensor want = {.dtype = in[0]->dtype, .ndim = MEL_MAX_DIMS};
	const struct mel_tensor *both[2] = {in[0], &want};
	int64_t dim[MEL_MAX_DIMS];
	int n, rc;

	rc = mel_infer_ints(node, in[1], "shape", want.dim, &want.ndim, err);
	if (rc)
		return rc;
	if (mel_infer_shape(
		node, &want, want.dtype, want.ndim, want.dim, err) ||
	    mel_broadcast_dims(node, both, 2, &n, dim, err))
		return -1;
	return mel_infer_shape(node, &out[0], in[0]->dtype, n, dim, err);
}

static int
expand_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	int64_t stride[MEL_MAX_DIMS];

	(void)node;
	(void)err;
	mel_broadcast_strides(in[0], out[0].ndim, stride);
	mel_walk_strided(&out[0], in[0], 0, stride, run);
	return 0;
}

static int
tile_repeats(const struct mel_node *node, const struct mel_tensor *const in[],
    int64_t repeats[MEL_MAX_DIMS], struct mel_err *err)
{
	int n = MEL_MAX_DIMS, rc;

	rc = mel_infer_ints(node, in[1], "repeats", repeats, &n, err);
	if (!rc && n != in[0]->ndim)
		return mel_node_fail(
		    node, err, "%d repeats for %d axes", n, in[0]->ndim);
	return rc;
}

static int
tile_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	int64_t dim[MEL_MAX_DIMS];
	int rc = tile_repeats(node, in, dim, err);

	if (rc)
		return rc;
	for (int i = 0; i < in[0]->ndim; i++) {
		if (dim[i] < 0)
			return mel_node_fail(
			    node, err, "repeats of axis %d: negative", i);
		if (__builtin_mul_overflow(dim[i], in[0]->dim[i], &dim[i]))
			return mel_node_fail(node, err, "tensor too large");
	}
	return mel_infer_shape(
	    node, &out[0], in[0]->dtype, in[0]->ndim, dim, err);
}

/* Along time one row is repeated, or rows are not. */
static enum mel_time_kind
tile_time(struct mel_timing *t)
{
	t->lengths = ~1u;
	if (mel_time_has(t, 0))
		return mel_time_same(t);
	return t->in[0][0]->dim[t->out_axis[0]] == 1 ? MEL_TIME_POINT
						     : MEL_TIME_WHOLE;
}

/* An axis repeated is two: one of stride 0 around the axis itself. */
static int
tile_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	int64_t to[MEL_MAX_DIMS], from[MEL_MAX_DIMS];
	struct mel_walk walk = {0};

	(void)node;
	(void)err;
	if (!mel_tensor_count(&out[0]))
		return 0;
	mel_strides(out[0].ndim, out[0].dim, to);
	mel_strides(in[0]->ndim, in[0]->dim, from);
	mel_walk_add(&walk, &out[0], 0, NULL);
	mel_walk_add(&walk, in[0], 0, NULL);
	for (int i = 0; i < in[0]->ndim; i++) {
		int64_t len = in[0]->dim[i];
		int n = walk.ndim;

		walk.dim[n] = out[0].dim[i] / len;
		walk.stride[0][n] = len * to[i];
		walk.stride[1][n] = 0;
		walk.dim[n + 1] = len;
		walk.stride[0][n + 1] = to[i];
		walk.stride[1][n + 1] = from[i];
		walk.ndim += 2;
	}
	mel_walk_copy(&walk, run);
	return 0;
}

struct trilu {
	int64_t upper;
};

static int
trilu_prepare(struct mel_node *node, struct mel_err *err)
{
	struct trilu *p = node->params;

	return mel_attr_int(node, "upper", 1, &p->upper, err);
}

static int
trilu_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	if (in[0]->ndim < 2)
		return mel_node_fail(
		    node, err, "%d axes, at least 2 needed", in[0]->ndim);
	mel_infer_like(&out[0], in[0]);
	return 0;
}

/* Row i keeps columns from i + k on (upper), or up to i + k (lower). */
static int
trilu_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct trilu *p = node->params;
	const struct mel_tensor *k_in = mel_input(node, in, 1);
	size_t size = mel_dtype_size(out[0].dtype);
	size_t rows = mel_tensor_count(&out[0]);
	int64_t h = out[0].dim[out[0].ndim - 2];
	int64_t w = out[0].dim[out[0].ndim - 1], k = 0;

	(void)run;
	if (k_in && mel_infer_int(node, k_in, "k", &k, err))
		return -1;
	k = k < -h ? -h : k > w ? w : k;
	if (rows && out[0].data != in[0]->data)
		memcpy(out[0].data, in[0]->data, rows * size);
	rows = rows ? rows / (size_t)w : 0;
	for (size_t r = 0; r < rows; r++) {
		char *row = (char *)out[0].data + r * (size_t)w * size;
		int64_t cut = (int64_t)(r % (size_t)h) + k + !p->upper;

		cut = cut < 0 ? 0 : cut > w ? w : cut;
		if (p->upper)
			memset(row, 0, (size_t)cut * size);
		else
			memset(row + (size_t)cut * size, 0,
			    (size_t)(w - cut) * size);
	}
	return 0;
}

static const struct mel_op op_transpose = {
    .name = "Transpose",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct transpose),
    .time = transpose_time,
    .prepare = transpose_prepare,
    .infer = transpose_infer,
    .forward = transpose_forward,
};

static const struct mel_op op_expand = {
    .name = "Expand",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .time = mel_time_fill,
    .infer = expand_infer,
    .forward = expand_forward,
};

static const struct mel_op op_tile = {
    .name = "Tile",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .time = tile_time,
    .infer = tile_infer,
    .forward = tile_forward,
};

static const struct mel_op op_trilu = {
    .name = "Trilu",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct trilu),
    .in_place = 1,
    .prepare = trilu_prepare,
    .infer = trilu_infer,
    .forward = trilu_forward,
};

const struct mel_op *const mel_ops_move[] = {
    &op_transpose, &op_expand, &op_tile, &op_trilu, NULL};
