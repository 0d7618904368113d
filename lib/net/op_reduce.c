/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "net/graph.h"
#include "net/infer.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Reductions over any set of axes: ReduceSum 13, ReduceMax, ReduceMin 20,
 * ReduceMean, ReduceProd, ReduceL1, ReduceL2, ReduceLogSum, ReduceLogSumExp,
 * ReduceSumSquare 18. Every output element is one chain over its
 * inputs in row-major order: along the last axis, if that is reduced, in the
 * lanes of the kernels, else one after another. What is a run of the last axis
 * is told by the axes alone, not by lengths: a kept axis of length 1 may have
 * more rows another time.
 */

/* How numbers of one type become one. Accumulators are of the same type. */
struct fold {
	void (*start)(void *acc, size_t n);
	/* *acc takes in x[0..n-1] */
	void (*row)(void *acc, const void *x, size_t n,
	    const struct mel_kernels *kernels);
	/* acc[i] takes in x[i] */
	void (*column)(void *acc, const void *x, size_t n,
	    const struct mel_kernels *kernels);
};

#define FOLD_START(name, T, empty)                                             \
	static void name##_start(void *acc, size_t n)                          \
	{                                                                      \
		for (size_t i = 0; i < n; i++)                                 \
			((T *)acc)[i] = (T)(empty);                            \
	}
#define FOLD_ROW(name, T, expr)                                                \
	static void name##_row(void *acc, const void *in, size_t n,            \
	    const struct mel_kernels *kernels)                                 \
	{                                                                      \
		T a = *(T *)acc;                                               \
                                                                               \
		(void)kernels;                                                 \
		for (size_t i = 0; i < n; i++) {                               \
			T x = ((const T *)in)[i];                              \
			a = (T)(expr);                                         \
		}                                                              \
		*(T *)acc = a;                                                 \
	}
#define FOLD_COLUMN(name, T, expr)                                             \
	static void name##_column(void *acc, const void *in, size_t n,         \
	    const struct mel_kernels *kernels)                                 \
	{                                                                      \
		(void)kernels;                                                 \
		for (size_t i = 0; i < n; i++) {                               \
			T x = ((const T *)in)[i], a = ((T *)acc)[i];           \
			((T *)acc)[i] = (T)(expr);                             \
		}                                                              \
	}
#define FOLD(name, T, empty, expr)                                             \
	FOLD_START(name, T, empty)                                             \
	FOLD_ROW(name, T, expr)                                                \
	FOLD_COLUMN(name, T, expr)
#define FOLD_OF(name)                                                          \
	{                                                                      \
		name##_start, name##_row, name##_column                        \
	}

/* Integers wrap around. NaN wins over any number. */
FOLD_START(sum_f32, float, 0)
FOLD(sum_i64, uint64_t, 0, a + x)
FOLD(sum_i32, uint32_t, 0, a + x)
FOLD(prod_f32, float, 1, a *x)
FOLD(prod_i64, uint64_t, 1, a *x)
FOLD(prod_i32, uint32_t, 1, a *x)
FOLD_START(max_f32, float, -INFINITY)
FOLD_COLUMN(max_f32, float, a > x || a != a ? a : x)
FOLD(max_i64, int64_t, INT64_MIN, a > x ? a : x)
FOLD(max_i32, int32_t, INT32_MIN, a > x ? a : x)
FOLD(max_u8, uint8_t, 0, a > x ? a : x)
FOLD(min_f32, float, INFINITY, a < x || a != a ? a : x)
FOLD(min_i64, int64_t, INT64_MAX, a < x ? a : x)
FOLD(min_i32, int32_t, INT32_MAX, a < x ? a : x)
FOLD(min_u8, uint8_t, UINT8_MAX, a < x ? a : x)
FOLD(min_bool, uint8_t, 1, a < x ? a : x)
FOLD(l1_f32, float, 0, a + fabsf(x))
FOLD_START(square_f32, float, 0)
FOLD_COLUMN(square_f32, float, a + x * x)

static void
sum_f32_row(
    void *acc, const void *x, size_t n, const struct mel_kernels *kernels)
{
	*(float *)acc += kernels->sum(x, n);
}

static void
sum_f32_column(
    void *acc, const void *x, size_t n, const struct mel_kernels *kernels)
{
	kernels->add(acc, acc, x, n);
}

static void
max_f32_row(
    void *acc, const void *x, size_t n, const struct mel_kernels *kernels)
{
	float best = kernels->max(x, n);

	max_f32_column(acc, &best, 1, kernels);
}

static void
square_f32_row(
    void *acc, const void *x, size_t n, const struct mel_kernels *kernels)
{
	*(float *)acc += kernels->sumsq(x, 0, n);
}

static const struct fold sum_f32 = FOLD_OF(sum_f32);
static const struct fold sum_i64 = FOLD_OF(sum_i64);
static const struct fold sum_i32 = FOLD_OF(sum_i32);
static const struct fold prod_f32 = FOLD_OF(prod_f32);
static const struct fold prod_i64 = FOLD_OF(prod_i64);
static const struct fold prod_i32 = FOLD_OF(prod_i32);
static const struct fold max_f32 = FOLD_OF(max_f32);
static const struct fold max_i64 = FOLD_OF(max_i64);
static const struct fold max_i32 = FOLD_OF(max_i32);
static const struct fold max_u8 = FOLD_OF(max_u8);
static const struct fold min_f32 = FOLD_OF(min_f32);
static const struct fold min_i64 = FOLD_OF(min_i64);
static const struct fold min_i32 = FOLD_OF(min_i32);
static const struct fold min_u8 = FOLD_OF(min_u8);
static const struct fold min_bool = FOLD_OF(min_bool);
static const struct fold l1_f32 = FOLD_OF(l1_f32);
static const struct fold square_f32 = FOLD_OF(square_f32);

/* What is done to the result, given the number of elements behind it. */
typedef void finish_fn(const struct mel_tensor *out, size_t count);

static void
finish_mean(const struct mel_tensor *out, size_t count)
{
	size_t n = mel_tensor_count(out);
	int64_t by = count ? (int64_t)count : 1;

	for (size_t i = 0; out->dtype == MEL_F32 && i < n; i++)
		((float *)out->data)[i] /= (float)count;
	for (size_t i = 0; out->dtype == MEL_I64 && i < n; i++)
		((int64_t *)out->data)[i] /= by;
	for (size_t i = 0; out->dtype == MEL_I32 && i < n; i++)
		((int32_t *)out->data)[i] =
		    (int32_t)(((int32_t *)out->data)[i] / by);
}

static void
finish_root(const struct mel_tensor *out, size_t count)
{
	float *x = out->data;
	size_t n = mel_tensor_count(out);

	(void)count;
	for (size_t i = 0; i < n; i++)
		x[i] = sqrtf(x[i]);
}

static void
finish_log(const struct mel_tensor *out, size_t count)
{
	float *x = out->data;
	size_t n = mel_tensor_count(out);

	(void)count;
	for (size_t i = 0; i < n; i++)
		x[i] = logf(x[i]);
}

struct reduce_op {
	struct mel_op op; /* first */
	const struct fold *fold[MEL_BOOL + 1];
	finish_fn *finish; /* NULL: nothing */
};

struct reduce {
	int64_t keepdims, noop;
};

static int
reduce_prepare(struct mel_node *node, struct mel_err *err)
{
	struct reduce *p = node->params;

	if (mel_attr_int(node, "keepdims", 1, &p->keepdims, err) ||
	    mel_attr_int(node, "noop_with_empty_axes", 0, &p->noop, err))
		return -1;
	return 0;
}

static int
reduced_axes(const struct mel_node *node, const struct mel_tensor *const in[],
    unsigned *mask, struct mel_err *err)
{
	const struct reduce *p = node->params;
	const struct mel_tensor *axes = mel_input(node, in, 1);

	*mask = 0;
	if (axes && mel_tensor_count(axes))
		return mel_infer_axes(node, axes, in[0]->ndim, mask, err);
	if (!p->noop)
		*mask = (1u << in[0]->ndim) - 1;
	return 0;
}

static int
reduce_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct reduce_op *op = (const struct reduce_op *)node->op;
	const struct reduce *p = node->params;
	int64_t dim[MEL_MAX_DIMS];
	unsigned mask;
	int n = 0, rc;

	if (!op->fold[in[0]->dtype])
		return mel_infer_type(node, in[0]->dtype, 0, err);
	rc = reduced_axes(node, in, &mask, err);
	if (rc)
		return rc;
	for (int i = 0; i < in[0]->ndim; i++) {
		if (!(mask >> i & 1))
			dim[n++] = in[0]->dim[i];
		else if (p->keepdims)
			dim[n++] = 1;
	}
	return mel_infer_shape(node, &out[0], in[0]->dtype, n, dim, err);
}

static enum mel_time_kind
reduce_time(struct mel_timing *t)
{
	const struct reduce *p = t->node->params;
	unsigned mask;

	if (reduced_axes(t->node, t->in[0], &mask, NULL))
		return MEL_TIME_WHOLE;
	return mel_time_reduce(t, mask, p->keepdims);
}

/* Axes of one kind, merged where they follow each other. */
struct axes {
	int n;
	int64_t dim[MEL_MAX_DIMS];
	int64_t stride[MEL_MAX_DIMS]; /* in the input [elements] */
	size_t count;                 /* product of dim */
};

/* first: the axis before it is of the other kind. */
static void
add_axis(struct axes *axes, int64_t dim, int64_t stride, bool first)
{
	axes->count *= (size_t)dim;
	if (first) {
		axes->dim[axes->n] = dim;
		axes->stride[axes->n++] = stride;
		return;
	}
	axes->dim[axes->n - 1] *= dim;
	axes->stride[axes->n - 1] = stride;
}

/* Element number i over the first n axes. */
static int64_t
offset_of(const struct axes *axes, int n, size_t i)
{
	int64_t offset = 0;

	for (int d = n - 1; d >= 0; d--) {
		offset += (int64_t)(i % (size_t)axes->dim[d]) * axes->stride[d];
		i /= (size_t)axes->dim[d];
	}
	return offset;
}

struct reduce_job {
	struct axes kept, reduced;
	const struct fold *fold;
	const struct mel_kernels *kernels;
	const unsigned char *in;
	unsigned char *out;
	size_t size;
	size_t row; /* innermost run: of the reduced, or of the kept axes */
};

/* The last axis is reduced: outputs lo to hi - 1 one by one. */
static void
reduce_rows(void *ctx, size_t lo, size_t hi)
{
	const struct reduce_job *job = ctx;
	size_t rows = job->reduced.count / job->row;

	for (size_t i = lo; i < hi; i++) {
		int64_t base = offset_of(&job->kept, job->kept.n, i);
		unsigned char *acc = job->out + i * job->size;

		job->fold->start(acc, 1);
		for (size_t r = 0; r < rows; r++) {
			int64_t at = base + offset_of(&job->reduced,
						job->reduced.n - 1, r);

			job->fold->row(acc, job->in + at * (int64_t)job->size,
			    job->row, job->kernels);
		}
	}
}

/* The last axis stays: outputs in runs of it, cut at lo and hi. */
static void
reduce_columns(void *ctx, size_t lo, size_t hi)
{
	const struct reduce_job *job = ctx;
	size_t n;

	for (size_t i = lo; i < hi; i += n) {
		int64_t base = offset_of(&job->kept, job->kept.n, i);
		unsigned char *acc = job->out + i * job->size;

		n = job->row - i % job->row;
		if (n > hi - i)
			n = hi - i;
		job->fold->start(acc, n);
		for (size_t r = 0; r < job->reduced.count; r++) {
			int64_t at =
			    base + offset_of(&job->reduced, job->reduced.n, r);

			job->fold->column(acc,
			    job->in + at * (int64_t)job->size, n, job->kernels);
		}
	}
}

static void
sort_axes(const struct mel_tensor *in, unsigned mask, struct axes *kept,
    struct axes *reduced)
{
	int64_t stride[MEL_MAX_DIMS];

	mel_strides(in->ndim, in->dim, stride);
	kept->count = reduced->count = 1;
	for (int i = 0; i < in->ndim; i++) {
		unsigned own = mask >> i & 1,
			 before = i ? mask >> (i - 1) : !own;

		add_axis(own ? reduced : kept, in->dim[i], stride[i],
		    (before & 1) != own);
	}
}

static int
reduce_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct reduce_op *op = (const struct reduce_op *)node->op;
	struct reduce_job job = {.fold = op->fold[in[0]->dtype],
	    .kernels = run->kernels,
	    .in = in[0]->data,
	    .out = out[0].data,
	    .size = mel_dtype_size(in[0]->dtype)};
	struct mel_range range = {reduce_columns, &job, 0, 0};
	const struct axes *kept = &job.kept, *reduced = &job.reduced;
	unsigned mask;

	if (reduced_axes(node, in, &mask, err))
		return -1;
	sort_axes(in[0], mask, &job.kept, &job.reduced);
	range.n = kept->count;
	range.grain = 1 + MEL_GRAIN_COPY / (reduced->count + 1);
	if (!range.n)
		return 0;
	if (!reduced->count) {
		job.fold->start(job.out, range.n);
	} else {
		job.row = kept->n ? (size_t)kept->dim[kept->n - 1] : 1;
		if (in[0]->ndim && mask >> (in[0]->ndim - 1) & 1) {
			job.row = (size_t)reduced->dim[reduced->n - 1];
			range.task = reduce_rows;
		}
		mel_range_run(&range, run->pool);
	}
	if (op->finish)
		op->finish(&out[0], reduced->count);
	return 0;
}

/* log(sum(exp(x))) = max + log(sum(exp(x - max))) */
static float
log_sum_exp(const struct reduce_job *job, size_t i)
{
	const float *in =
	    (const float *)job->in + offset_of(&job->kept, job->kept.n, i);
	const struct axes *reduced = &job->reduced;
	float best = -INFINITY;
	double sum = 0;

	for (size_t r = 0; r < reduced->count; r++)
		max_f32_column(&best, &in[offset_of(reduced, reduced->n, r)], 1,
		    job->kernels);
	if (isinf(best))
		return best;
	for (size_t r = 0; r < reduced->count; r++)
		sum += exp((double)in[offset_of(reduced, reduced->n, r)] -
			   (double)best);
	return (float)((double)best + log(sum));
}

static int
log_sum_exp_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	struct reduce_job job = {.in = in[0]->data, .kernels = run->kernels};
	float *to = out[0].data;
	unsigned mask;

	if (reduced_axes(node, in, &mask, err))
		return -1;
	sort_axes(in[0], mask, &job.kept, &job.reduced);
	for (size_t i = 0; i < job.kept.count; i++)
		to[i] = log_sum_exp(&job, i);
	return 0;
}

#define REDUCE_AS(op_name, value)                                              \
	.op = {.name = op_name,                                                \
	    .min_in = 1,                                                       \
	    .max_in = 2,                                                       \
	    .min_out = 1,                                                      \
	    .max_out = 1,                                                      \
	    .params_size = sizeof(struct reduce),                              \
	    .time = reduce_time,                                               \
	    .prepare = reduce_prepare,                                         \
	    .infer = reduce_infer,                                             \
	    .forward = value}
#define REDUCE(op_name) REDUCE_AS(op_name, reduce_forward)
#define NUMBERS(name)                                                          \
	[MEL_F32] = &name##_f32, [MEL_I64] = &name##_i64,                      \
	[MEL_I32] = &name##_i32

static const struct reduce_op ops[] = {
    {REDUCE("ReduceSum"), .fold = {NUMBERS(sum)}},
    {REDUCE("ReduceMean"), .fold = {NUMBERS(sum)}, .finish = finish_mean},
    {REDUCE("ReduceProd"), .fold = {NUMBERS(prod)}},
    {REDUCE("ReduceMax"),
	.fold = {NUMBERS(max), [MEL_U8] = &max_u8, [MEL_BOOL] = &max_u8}},
    {REDUCE("ReduceMin"),
	.fold = {NUMBERS(min), [MEL_U8] = &min_u8, [MEL_BOOL] = &min_bool}},
    {REDUCE("ReduceL1"), .fold = {[MEL_F32] = &l1_f32}},
    {REDUCE("ReduceL2"), .fold = {[MEL_F32] = &square_f32},
	.finish = finish_root},
    {REDUCE("ReduceSumSquare"), .fold = {[MEL_F32] = &square_f32}},
    {REDUCE("ReduceLogSum"), .fold = {[MEL_F32] = &sum_f32},
	.finish = finish_log},
    {REDUCE_AS("ReduceLogSumExp", log_sum_exp_forward),
	.fold = {[MEL_F32] = &max_f32}},
};

const struct mel_op *const mel_ops_reduce[] = {
    &ops[0].op,
    &ops[1].op,
    &ops[2].op,
    &ops[3].op,
    &ops[4].op,
    &ops[5].op,
    &ops[6].op,
    &ops[7].op,
    &ops[8].op,
    &ops[9].op,
    NULL,
};
