/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "net/broadcast.h"
#include "net/elementwise.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Arithmetic of two tensors, and Min, Max, Sum, Mean of several. Integers
 * wrap around; they are computed unsigned, where C defines that.
 *
 * Add, Sub, Mul, Div 14, Mod, Min, Max, Sum, Mean 13, Pow 15, PRelu 16.
 */

/*
 * Floats by a kernel. For one that is repeated there is a kernel, too, if the
 * order does not matter; else it becomes a block of copies.
 */
static void
vector_row(const struct mel_row *row, mel_binary *fn, mel_scalar *with)
{
	float *out = row->p[0], copies[256];
	const float *a = row->p[1], *b = row->p[2];
	size_t n, most = sizeof(copies) / sizeof(*copies);

	if (row->step[1] && row->step[2]) {
		fn(out, a, b, row->n);
		return;
	}
	if (!row->step[1] && !row->step[2]) { /* a third one has the axis */
		fn(out, a, b, 1);
		mel_fill(out, out, sizeof(*out), row->n);
		return;
	}
	if (with) {
		with(out, row->step[1] ? a : b, row->step[1] ? *b : *a, row->n);
		return;
	}
	most = row->n < most ? row->n : most;
	for (size_t i = 0; i < most; i++)
		copies[i] = row->step[1] ? *b : *a;
	for (size_t i = 0; i < row->n; i += n) {
		n = row->n - i < most ? row->n - i : most;
		if (row->step[1])
			fn(out + i, a + i, copies, n);
		else
			fn(out + i, copies, b + i, n);
	}
}

#define VECTOR_ROW(name, with)                                                 \
	static void name##_f32(const struct mel_row *row)                      \
	{                                                                      \
		vector_row(row, row->kernels->name, with);                     \
	}

#define ARITH_ROWS(name, expr)                                                 \
	MEL_ROW2(name##_i64, uint64_t, uint64_t, uint64_t, expr)               \
	MEL_ROW2(name##_i32, uint32_t, uint32_t, uint32_t, expr)               \
	MEL_ROW2(name##_u8, uint8_t, uint8_t, uint8_t, expr)

VECTOR_ROW(add, row->kernels->addc)
VECTOR_ROW(sub, NULL)
VECTOR_ROW(mul, row->kernels->mulc)
VECTOR_ROW(div, NULL)
ARITH_ROWS(add, x + y)
ARITH_ROWS(sub, x - y)
ARITH_ROWS(mul, x *y)

/* Signed, and NaN in either input comes out, as numpy has it. */
#define ORDER_ROWS(name, expr)                                                 \
	MEL_ROW2(name##_f32, float, float, float, expr)                        \
	MEL_ROW2(name##_i64, int64_t, int64_t, int64_t, expr)                  \
	MEL_ROW2(name##_i32, int32_t, int32_t, int32_t, expr)                  \
	MEL_ROW2(name##_u8, uint8_t, uint8_t, uint8_t, expr)

ORDER_ROWS(min, x < y || x != x ? x : y)
ORDER_ROWS(max, x > y || x != x ? x : y)

/* Toward zero; y is not 0 (forward checks). The lowest / -1 wraps. */
#define QUOTIENT(x, y, U) ((y) == -1 ? (int64_t)(0 - (U)(x)) : (x) / (y))

MEL_ROW2(div_i64, int64_t, int64_t, int64_t, QUOTIENT(x, y, uint64_t))
MEL_ROW2(div_i32, int32_t, int32_t, int32_t, QUOTIENT(x, y, uint32_t))
MEL_ROW2(div_u8, uint8_t, uint8_t, uint8_t, x / y)

/* The sign of C's remainder is the dividend's. */
static int64_t
rest(int64_t x, int64_t y)
{
	return y == -1 ? 0 : x % y;
}

/* That of Python's is the divisor's. */
static int64_t
modulo(int64_t x, int64_t y)
{
	int64_t r = rest(x, y);

	return r && (r < 0) != (y < 0) ? r + y : r;
}

MEL_ROW2(fmod_f32, float, float, float, fmodf(x, y))
MEL_ROW2(fmod_i64, int64_t, int64_t, int64_t, rest(x, y))
MEL_ROW2(fmod_i32, int32_t, int32_t, int32_t, rest(x, y))
MEL_ROW2(fmod_u8, uint8_t, uint8_t, uint8_t, x % y)
MEL_ROW2(mod_i64, int64_t, int64_t, int64_t, modulo(x, y))
MEL_ROW2(mod_i32, int32_t, int32_t, int32_t, modulo(x, y))

MEL_ROW2(prelu_f32, float, float, float, x < 0 ? x * y : x)

static bool
has_zero(const struct mel_tensor *t)
{
	size_t n = mel_tensor_count(t), size = mel_dtype_size(t->dtype);
	const unsigned char *p = t->data;
	static const unsigned char zero[8];

	for (size_t i = 0; i < n; i++) {
		if (!memcmp(p + i * size, zero, size))
			return true;
	}
	return false;
}

static int
check_divisor(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor *out, struct mel_err *err)
{
	if (in[1]->dtype == MEL_F32 || !mel_tensor_count(out) ||
	    !has_zero(in[1]))
		return 0;
	return mel_node_fail(node, err, "integer division by zero");
}

/*
 * The exponents of real networks are 2, 3, 0.5 and -0.5; the rest goes
 * through double, so it is rounded once.
 */
static float
power(float x, double y)
{
	if (y == 2)
		return x * x;
	if (y == 3)
		return x * x * x;
	if (y == 0.5 && x > 0)
		return sqrtf(x);
	if (y == -0.5 && x > 0)
		return 1 / sqrtf(x);
	return (float)pow((double)x, y);
}

static int64_t
int_power(int64_t base, int64_t y)
{
	uint64_t x = (uint64_t)base, r = 1;

	if (y < 0)
		return base == 1 ? 1 : base == -1 ? (y & 1 ? -1 : 1) : 0;
	for (; y; y >>= 1) {
		if (y & 1)
			r *= x;
		x *= x;
	}
	return (int64_t)r;
}

/* Truncates; what does not fit is the nearest that does, NaN is 0. */
static int64_t
float_power(int64_t x, float y)
{
	double r = pow((double)x, (double)y);

	if (r >= 0x1p63)
		return INT64_MAX;
	return r >= -0x1p63 ? (int64_t)r : r < 0 ? INT64_MIN : 0;
}

MEL_ROW2(pow_f32_f32, float, float, float, power(x, y))
MEL_ROW2(pow_f32_i64, float, int64_t, float, power(x, (double)y))
MEL_ROW2(pow_f32_i32, float, int32_t, float, power(x, y))
MEL_ROW2(pow_i64_f32, int64_t, float, int64_t, float_power(x, y))
MEL_ROW2(pow_i64_i64, int64_t, int64_t, int64_t, int_power(x, y))
MEL_ROW2(pow_i64_i32, int64_t, int32_t, int64_t, int_power(x, y))
MEL_ROW2(pow_i32_f32, int32_t, float, int32_t, float_power(x, y))
MEL_ROW2(pow_i32_i64, int32_t, int64_t, int32_t, int_power(x, y))
MEL_ROW2(pow_i32_i32, int32_t, int32_t, int32_t, int_power(x, y))

/* By type of the base, then of the exponent. */
static mel_row_fn *
pow_row(enum mel_dtype x, enum mel_dtype y)
{
	static mel_row_fn *const row[MEL_BOOL + 1][MEL_BOOL + 1] = {
	    [MEL_F32] = {[MEL_F32] = pow_f32_f32,
		[MEL_I64] = pow_f32_i64,
		[MEL_I32] = pow_f32_i32},
	    [MEL_I64] = {[MEL_F32] = pow_i64_f32,
		[MEL_I64] = pow_i64_i64,
		[MEL_I32] = pow_i64_i32},
	    [MEL_I32] = {[MEL_F32] = pow_i32_f32,
		[MEL_I64] = pow_i32_i64,
		[MEL_I32] = pow_i32_i32},
	};

	return row[x][y];
}

static int
pow_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	int64_t dim[MEL_MAX_DIMS];
	int ndim;

	if (!pow_row(in[0]->dtype, in[1]->dtype))
		return mel_node_fail(node, err, "%s to the %s is not supported",
		    mel_dtype_name(in[0]->dtype), mel_dtype_name(in[1]->dtype));
	if (mel_broadcast_dims(node, in, 2, &ndim, dim, err))
		return -1;
	return mel_infer_shape(node, &out[0], in[0]->dtype, ndim, dim, err);
}

static int
pow_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	(void)node;
	(void)err;
	mel_broadcast_run(&out[0], in, 2,
	    &(struct mel_loop){
		pow_row(in[0]->dtype, in[1]->dtype), NULL, MEL_GRAIN_MATH},
	    run);
	return 0;
}

struct mod {
	int64_t c_sign; /* attribute fmod */
};

static int
mod_prepare(struct mel_node *node, struct mel_err *err)
{
	struct mod *p = node->params;

	return mel_attr_int(node, "fmod", 0, &p->c_sign, err);
}

static int
mod_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct mod *p = node->params;

	if (in[0]->dtype == MEL_F32 && !p->c_sign)
		return mel_node_fail(node, err, "f32 needs fmod = 1");
	return mel_elementwise_infer(node, in, out, err);
}

static int
mod_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct mel_elementwise *e =
	    (const struct mel_elementwise *)node->op;
	const struct mod *p = node->params;
	mel_row_fn *row = e->row[in[0]->dtype];

	if (check_divisor(node, in, &out[0], err))
		return -1;
	if (!p->c_sign && in[0]->dtype == MEL_I64)
		row = mod_i64;
	else if (!p->c_sign && in[0]->dtype == MEL_I32)
		row = mod_i32;
	mel_broadcast_run(
	    &out[0], in, 2, &(struct mel_loop){row, NULL, e->grain}, run);
	return 0;
}

static void
divide_by_count(const struct mel_row *row)
{
	const int *count = row->params;
	float *out = row->p[0];

	for (size_t i = 0; i < row->n; i++)
		out[i] /= (float)*count;
}

static int
mean_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	if (mel_elementwise_fold(node, in, out, run, err))
		return -1;
	mel_broadcast_run(&out[0], NULL, 0,
	    &(struct mel_loop){divide_by_count, &node->n_in, MEL_GRAIN_COPY},
	    run);
	return 0;
}

/* The slope may be broadcast to x, not x to the slope. */
static int
prelu_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	if (mel_elementwise_infer(node, in, out, err))
		return -1;
	if (!mel_tensor_same_shape(&out[0], in[0]))
		return mel_node_fail(
		    node, err, "the slope has a larger shape than the input");
	return 0;
}

#define ARITH_OP(op_name, low, high, shape_rule, value, places)                \
	.op = {                                                                \
	    .name = op_name,                                                   \
	    .min_in = low,                                                     \
	    .max_in = high,                                                    \
	    .min_out = 1,                                                      \
	    .max_out = 1,                                                      \
	    .in_place = places,                                                \
	    .time = mel_time_broadcast,                                        \
	    .infer = shape_rule,                                               \
	    .forward = value,                                                  \
	}
#define BINARY(op_name, value)                                                 \
	ARITH_OP(op_name, 2, 2, mel_elementwise_infer, value, 3)
#define SEVERAL(op_name, value)                                                \
	ARITH_OP(op_name, 1, INT_MAX, mel_elementwise_infer, value, 0)
#define ROWS(name)                                                             \
	.row = {[MEL_F32] = name##_f32,                                        \
	    [MEL_I64] = name##_i64,                                            \
	    [MEL_I32] = name##_i32,                                            \
	    [MEL_U8] = name##_u8}

static const struct mel_elementwise op_add = {
    BINARY("Add", mel_elementwise_forward), .grain = MEL_GRAIN_COPY, ROWS(add)};
static const struct mel_elementwise op_sub = {
    BINARY("Sub", mel_elementwise_forward), .grain = MEL_GRAIN_COPY, ROWS(sub)};
static const struct mel_elementwise op_mul = {
    BINARY("Mul", mel_elementwise_forward), .grain = MEL_GRAIN_COPY, ROWS(mul)};
static const struct mel_elementwise op_div = {
    BINARY("Div", mel_elementwise_forward), .grain = MEL_GRAIN_COPY,
    .check = check_divisor, ROWS(div)};
static const struct mel_elementwise op_min = {
    SEVERAL("Min", mel_elementwise_fold), .grain = MEL_GRAIN_COPY, ROWS(min)};
static const struct mel_elementwise op_max = {
    SEVERAL("Max", mel_elementwise_fold), .grain = MEL_GRAIN_COPY, ROWS(max)};
static const struct mel_elementwise op_sum = {
    SEVERAL("Sum", mel_elementwise_fold), .grain = MEL_GRAIN_COPY,
    .row = {[MEL_F32] = add_f32}};
static const struct mel_elementwise op_mean = {SEVERAL("Mean", mean_forward),
    .grain = MEL_GRAIN_COPY, .row = {[MEL_F32] = add_f32}};
static const struct mel_elementwise op_prelu = {
    ARITH_OP("PRelu", 2, 2, prelu_infer, mel_elementwise_forward, 1),
    .grain = MEL_GRAIN_COPY, .row = {[MEL_F32] = prelu_f32}};
static const struct mel_op op_pow = {
    .name = "Pow",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .in_place = 1,
    .time = mel_time_broadcast,
    .infer = pow_infer,
    .forward = pow_forward,
};
static const struct mel_elementwise op_mod = {
    .op = {.name = "Mod",
	.min_in = 2,
	.max_in = 2,
	.min_out = 1,
	.max_out = 1,
	.params_size = sizeof(struct mod),
	.time = mel_time_broadcast,
	.prepare = mod_prepare,
	.infer = mod_infer,
	.forward = mod_forward},
    .grain = MEL_GRAIN_MATH,
    ROWS(fmod)};

const struct mel_op *const mel_ops_arith[] = {
    &op_add.op,
    &op_sub.op,
    &op_mul.op,
    &op_div.op,
    &op_min.op,
    &op_max.op,
    &op_sum.op,
    &op_mean.op,
    &op_prelu.op,
    &op_mod.op,
    &op_pow,
    NULL,
};
