/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "net/weights.h"
#include "tensor/tensor.h"

/*
 * Cast 21, CastLike 21.
 *
 * Cast goes through a block of double or int64, which hold every value of
 * every type here: one load a type and two stores, instead of all pairs.
 * Float to integer truncates; what does not fit is the nearest that does, NaN
 * is 0. Integer to integer keeps the low bits. Anything but 0 is true.
 */

#define BLOCK 256

union block {
	int64_t i[BLOCK];
	double d[BLOCK];
};

struct cast {
	enum mel_dtype to;
	enum mel_dtype from;
};

/* To integers: true if the values are in i, false: in d. */
static bool
load(union block *b, enum mel_dtype from, const void *in, size_t n)
{
	for (size_t i = 0; from == MEL_F32 && i < n; i++)
		b->d[i] = ((const float *)in)[i];
	for (size_t i = 0; from == MEL_F64 && i < n; i++)
		b->d[i] = ((const double *)in)[i];
	for (size_t i = 0; from == MEL_I64 && i < n; i++)
		b->i[i] = ((const int64_t *)in)[i];
	for (size_t i = 0; from == MEL_I32 && i < n; i++)
		b->i[i] = ((const int32_t *)in)[i];
	for (size_t i = 0; from == MEL_I16 && i < n; i++)
		b->i[i] = ((const int16_t *)in)[i];
	for (size_t i = 0; from == MEL_U8 && i < n; i++)
		b->i[i] = ((const uint8_t *)in)[i];
	for (size_t i = 0; from == MEL_BOOL && i < n; i++)
		b->i[i] = ((const uint8_t *)in)[i] != 0;
	return from != MEL_F32 && from != MEL_F64;
}

static void
store_ints(const union block *b, enum mel_dtype to, void *out, size_t n)
{
	for (size_t i = 0; to == MEL_F32 && i < n; i++)
		((float *)out)[i] = (float)b->i[i];
	for (size_t i = 0; to == MEL_F64 && i < n; i++)
		((double *)out)[i] = (double)b->i[i];
	for (size_t i = 0; to == MEL_I64 && i < n; i++)
		((int64_t *)out)[i] = b->i[i];
	for (size_t i = 0; to == MEL_I32 && i < n; i++)
		((int32_t *)out)[i] = (int32_t)(uint32_t)b->i[i];
	for (size_t i = 0; to == MEL_U8 && i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)b->i[i];
	for (size_t i = 0; to == MEL_BOOL && i < n; i++)
		((uint8_t *)out)[i] = b->i[i] != 0;
}

/* x cut to [low, high], whose ends are exact in double; NaN is 0. */
static double
fit(double x, double low, double high)
{
	return x != x ? 0 : x < low ? low : x > high ? high : x;
}

/* The largest i64 is not exact in double. */
static int64_t
to_i64(double x)
{
	return x >= 0x1p63 ? INT64_MAX : (int64_t)fit(x, -0x1p63, 0x1p62 * 2);
}

static void
store_floats(const union block *b, enum mel_dtype to, void *out, size_t n)
{
	for (size_t i = 0; to == MEL_F32 && i < n; i++)
		((float *)out)[i] = (float)b->d[i];
	for (size_t i = 0; to == MEL_F64 && i < n; i++)
		((double *)out)[i] = b->d[i];
	for (size_t i = 0; to == MEL_I64 && i < n; i++)
		((int64_t *)out)[i] = to_i64(b->d[i]);
	for (size_t i = 0; to == MEL_I32 && i < n; i++)
		((int32_t *)out)[i] =
		    (int32_t)fit(b->d[i], INT32_MIN, INT32_MAX);
	for (size_t i = 0; to == MEL_U8 && i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)fit(b->d[i], 0, UINT8_MAX);
	for (size_t i = 0; to == MEL_BOOL && i < n; i++)
		((uint8_t *)out)[i] = b->d[i] != 0;
}

static void
cast_row(const struct mel_row *row)
{
	const struct cast *cast = row->params;
	size_t to = mel_dtype_size(cast->to);
	size_t from = mel_dtype_size(cast->from), n;
	const unsigned char *in = row->p[1];
	unsigned char *out = row->p[0];
	union block block;

	for (size_t i = 0; i < row->n; i += n) {
		n = row->n - i < BLOCK ? row->n - i : BLOCK;
		if (load(&block, cast->from, in + i * from, n))
			store_ints(&block, cast->to, out + i * to, n);
		else
			store_floats(&block, cast->to, out + i * to, n);
	}
}

static int
cast_prepare(struct mel_node *node, struct mel_err *err)
{
	struct cast *p = node->params;
	int64_t to;

	if (mel_attr_int(node, "to", 0, &to, err))
		return -1;
	p->to = to > 0 && to < 256 ? mel_onnx_dtype((int32_t)to) : MEL_NONE;
	if (!p->to)
		return mel_node_fail(node, err,
		    "a cast to element type %lld of ONNX is not supported",
		    (long long)to);
	return 0;
}

#define FROM                                                                   \
	(1u << MEL_F32 | 1u << MEL_F64 | 1u << MEL_I64 | 1u << MEL_I32 |       \
	    1u << MEL_I16 | 1u << MEL_U8 | 1u << MEL_BOOL)
#define TO (FROM & ~(1u << MEL_I16))

static enum mel_dtype
wanted(const struct mel_node *node, const struct mel_tensor *const in[])
{
	const struct cast *p = node->params;

	return node->n_in == 2 ? in[1]->dtype : p->to;
}

static int
cast_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	enum mel_dtype to = wanted(node, in);

	if (mel_infer_type(node, in[0]->dtype, FROM, err) ||
	    mel_infer_type(node, to, TO, err))
		return -1;
	return mel_infer_shape(node, &out[0], to, in[0]->ndim, in[0]->dim, err);
}

static int
cast_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	struct cast cast = {wanted(node, in), in[0]->dtype};
	struct mel_walk walk = {.ndim = 1, .dim = {1}};
	const int64_t one = 1;

	(void)err;
	walk.dim[0] = (int64_t)mel_tensor_count(&out[0]);
	mel_walk_add(&walk, &out[0], 0, &one);
	mel_walk_add(&walk, in[0], 0, &one);
	mel_walk_run(
	    &walk, &(struct mel_loop){cast_row, &cast, MEL_GRAIN_COPY}, run);
	return 0;
}

static const struct mel_op op_cast = {
    .name = "Cast",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct cast),
    .time = mel_time_same,
    .prepare = cast_prepare,
    .infer = cast_infer,
    .forward = cast_forward,
};

static const struct mel_op op_cast_like = {
    .name = "CastLike",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct cast),
    .time = mel_time_broadcast,
    .infer = cast_infer,
    .forward = cast_forward,
};

const struct mel_op *const mel_ops_cast[] = {&op_cast, &op_cast_like, NULL};
