/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "net/broadcast.h"
#include "net/elementwise.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Comparisons, truth values, Where. A bool is one byte, 0 or 1.
 *
 * Equal 19, Less, Greater 13, LessOrEqual, GreaterOrEqual, Where 16, And, Or,
 * Xor 7, Not 1, IsNaN, IsInf 20.
 */

#define COMPARE_ROWS(name, expr)                                               \
	MEL_ROW2(name##_f32, float, float, uint8_t, expr)                      \
	MEL_ROW2(name##_i64, int64_t, int64_t, uint8_t, expr)                  \
	MEL_ROW2(name##_i32, int32_t, int32_t, uint8_t, expr)                  \
	MEL_ROW2(name##_u8, uint8_t, uint8_t, uint8_t, expr)

COMPARE_ROWS(equal, x == y)
COMPARE_ROWS(less, x < y)
COMPARE_ROWS(less_equal, x <= y)
COMPARE_ROWS(greater, x > y)
COMPARE_ROWS(greater_equal, x >= y)

MEL_ROW2(and_bool, uint8_t, uint8_t, uint8_t, x &&y)
MEL_ROW2(or_bool, uint8_t, uint8_t, uint8_t, x || y)
MEL_ROW2(xor_bool, uint8_t, uint8_t, uint8_t, !x != !y)
MEL_ROW1(not_bool, uint8_t, uint8_t, !x)
MEL_ROW1(isnan_f32, float, uint8_t, x != x)

#define WHERE_ROW(name, T)                                                     \
	static void name(const struct mel_row *row)                            \
	{                                                                      \
		T *out = row->p[0];                                            \
		const uint8_t *c = row->p[1];                                  \
		const T *a = row->p[2], *b = row->p[3];                        \
		int64_t sc = row->step[1], sa = row->step[2];                  \
		int64_t sb = row->step[3], n = (int64_t)row->n;                \
                                                                               \
		for (int64_t i = 0; i < n; i++)                                \
			out[i] = c[i * sc] ? a[i * sa] : b[i * sb];            \
	}

WHERE_ROW(where_1, uint8_t)
WHERE_ROW(where_4, uint32_t)
WHERE_ROW(where_8, uint64_t)

struct isinf {
	int64_t negative, positive; /* look for those? */
};

static int
isinf_prepare(struct mel_node *node, struct mel_err *err)
{
	struct isinf *p = node->params;

	if (mel_attr_int(node, "detect_negative", 1, &p->negative, err) ||
	    mel_attr_int(node, "detect_positive", 1, &p->positive, err))
		return -1;
	return 0;
}

static void
isinf_f32(const struct mel_row *row)
{
	const struct isinf *p = row->params;
	const float *in = row->p[1];
	uint8_t *out = row->p[0];

	for (size_t i = 0; i < row->n; i++)
		out[i] = (p->negative && in[i] == -INFINITY) ||
			 (p->positive && in[i] == INFINITY);
}

static int
where_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	int64_t dim[MEL_MAX_DIMS];
	int ndim;

	if (in[0]->dtype != MEL_BOOL)
		return mel_node_fail(node, err, "the condition is %s, not bool",
		    mel_dtype_name(in[0]->dtype));
	if (in[1]->dtype != in[2]->dtype)
		return mel_node_fail(node, err,
		    "inputs of different types: %s and %s",
		    mel_dtype_name(in[1]->dtype), mel_dtype_name(in[2]->dtype));
	if (mel_infer_type(node, in[1]->dtype,
		1u << MEL_F32 | 1u << MEL_I64 | 1u << MEL_I32 | 1u << MEL_U8 |
		    1u << MEL_BOOL,
		err))
		return -1;
	if (mel_broadcast_dims(node, in, 3, &ndim, dim, err))
		return -1;
	return mel_infer_shape(node, &out[0], in[1]->dtype, ndim, dim, err);
}

static int
where_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	static mel_row_fn *const by_size[] = {
	    [1] = where_1, [4] = where_4, [8] = where_8};

	(void)node;
	(void)err;
	mel_broadcast_run(&out[0], in, 3,
	    &(struct mel_loop){
		by_size[mel_dtype_size(out[0].dtype)], NULL, MEL_GRAIN_COPY},
	    run);
	return 0;
}

#define LOGIC_OP(op_name, inputs)                                              \
	.op = {.name = op_name,                                                \
	    .min_in = inputs,                                                  \
	    .max_in = inputs,                                                  \
	    .min_out = 1,                                                      \
	    .max_out = 1,                                                      \
	    .time = mel_time_broadcast,                                        \
	    .infer = mel_elementwise_infer,                                    \
	    .forward = mel_elementwise_forward},                               \
	.result = MEL_BOOL, .grain = MEL_GRAIN_COPY
#define COMPARE(op_name, name)                                                 \
	{                                                                      \
		LOGIC_OP(op_name, 2),                                          \
		    .row = { [MEL_F32] = name##_f32,                           \
			    [MEL_I64] = name##_i64,                            \
			    [MEL_I32] = name##_i32,                            \
			    [MEL_U8] = name##_u8 }                             \
	}

static const struct mel_elementwise op_equal = {
    LOGIC_OP("Equal", 2), .row = {[MEL_F32] = equal_f32,
			      [MEL_I64] = equal_i64,
			      [MEL_I32] = equal_i32,
			      [MEL_U8] = equal_u8,
			      [MEL_BOOL] = equal_u8}};
static const struct mel_elementwise op_less = COMPARE("Less", less);
static const struct mel_elementwise op_less_equal =
    COMPARE("LessOrEqual", less_equal);
static const struct mel_elementwise op_greater = COMPARE("Greater", greater);
static const struct mel_elementwise op_greater_equal =
    COMPARE("GreaterOrEqual", greater_equal);
static const struct mel_elementwise op_and = {
    LOGIC_OP("And", 2), .row = {[MEL_BOOL] = and_bool}};
static const struct mel_elementwise op_or = {
    LOGIC_OP("Or", 2), .row = {[MEL_BOOL] = or_bool}};
static const struct mel_elementwise op_xor = {
    LOGIC_OP("Xor", 2), .row = {[MEL_BOOL] = xor_bool}};
static const struct mel_elementwise op_not = {
    LOGIC_OP("Not", 1), .row = {[MEL_BOOL] = not_bool}};
static const struct mel_elementwise op_isnan = {
    LOGIC_OP("IsNaN", 1), .row = {[MEL_F32] = isnan_f32}};
static const struct mel_elementwise op_isinf = {
    .op = {.name = "IsInf",
	.min_in = 1,
	.max_in = 1,
	.min_out = 1,
	.max_out = 1,
	.params_size = sizeof(struct isinf),
	.time = mel_time_broadcast,
	.prepare = isinf_prepare,
	.infer = mel_elementwise_infer,
	.forward = mel_elementwise_forward},
    .result = MEL_BOOL,
    .grain = MEL_GRAIN_COPY,
    .row = {[MEL_F32] = isinf_f32}};

static const struct mel_op op_where = {
    .name = "Where",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .in_place = 6,
    .time = mel_time_broadcast,
    .infer = where_infer,
    .forward = where_forward,
};

const struct mel_op *const mel_ops_logic[] = {
    &op_equal.op,
    &op_less.op,
    &op_less_equal.op,
    &op_greater.op,
    &op_greater_equal.op,
    &op_and.op,
    &op_or.op,
    &op_xor.op,
    &op_not.op,
    &op_isnan.op,
    &op_isinf.op,
    &op_where,
    NULL,
};
