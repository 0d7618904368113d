/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/* Tensors made from numbers: ConstantOfShape 21, Range 11. */

struct fill {
	enum mel_dtype dtype;
	unsigned char value[8];
};

static int
fill_prepare(struct mel_node *node, struct mel_err *err)
{
	const struct mel_attr *value = mel_node_attr(node, "value");
	struct fill *p = node->params;

	p->dtype = MEL_F32;
	if (!value)
		return 0;
	if (value->type != MEL_ATTR_TENSOR ||
	    mel_tensor_count(&value->tensor) != 1)
		return mel_node_fail(
		    node, err, "value must be a tensor of one element");
	p->dtype = value->tensor.dtype;
	memcpy(p->value, value->tensor.data, mel_dtype_size(p->dtype));
	return 0;
}

static int
fill_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct fill *p = node->params;
	int64_t dim[MEL_MAX_DIMS];
	int n = MEL_MAX_DIMS, rc;

	rc = mel_infer_ints(node, in[0], "shape", dim, &n, err);
	return rc ? rc : mel_infer_shape(node, &out[0], p->dtype, n, dim, err);
}

static int
fill_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct fill *p = node->params;

	(void)in;
	(void)run;
	(void)err;
	mel_fill(out[0].data, p->value, mel_dtype_size(p->dtype),
	    mel_tensor_count(&out[0]));
	return 0;
}

static enum mel_time_kind
fill_time(struct mel_timing *t)
{
	t->lengths = 1;
	return MEL_TIME_POINT;
}

/* max(ceil((limit - start) / delta), 0); -1 if there is no such number. */
static int64_t
float_count(float start, float limit, float delta)
{
	double n = ceil(((double)limit - (double)start) / (double)delta);

	return n < 0x1p60 ? (n > 0 ? (int64_t)n : 0) : -1;
}

static int64_t
int_count(int64_t start, int64_t limit, int64_t delta)
{
	uint64_t span, by;

	if (!delta)
		return -1;
	if (delta > 0 ? limit <= start : limit >= start)
		return 0;
	span = delta > 0 ? (uint64_t)limit - (uint64_t)start
			 : (uint64_t)start - (uint64_t)limit;
	by = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
	span = span / by + (span % by != 0);
	return span < 1ull << 60 ? (int64_t)span : -1;
}

static int
range_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	enum mel_dtype dtype = in[0]->dtype;
	const float *f[3];
	int64_t v[3], n;

	if (mel_infer_type(node, dtype, MEL_TYPE_INT | MEL_TYPE_FLOAT, err))
		return -1;
	for (int i = 0; i < 3; i++) {
		if (in[i]->dtype != dtype || mel_tensor_count(in[i]) != 1)
			return mel_node_fail(node, err,
			    "start, limit, delta must be one %s each",
			    mel_dtype_name(dtype));
		if (!in[i]->data)
			return MEL_INFER_LATER;
		f[i] = in[i]->data;
		v[i] = dtype == MEL_I64 ? *(const int64_t *)in[i]->data
					: *(const int32_t *)in[i]->data;
	}
	n = dtype == MEL_F32 ? float_count(*f[0], *f[1], *f[2])
			     : int_count(v[0], v[1], v[2]);
	if (n < 0)
		return mel_node_fail(
		    node, err, "start, limit, delta give no sensible length");
	return mel_infer_shape(node, &out[0], dtype, 1, &n, err);
}

/* Each number follows from its row; only the limit may grow. */
static enum mel_time_kind
range_time(struct mel_timing *t)
{
	t->lengths = 1u << 1;
	return MEL_TIME_POINT;
}

/* Sums of integers stay in range: they lie before limit. */
#define PROGRESSION(T, U)                                                      \
	do {                                                                   \
		T *to = out[0].data;                                           \
		U start = (U) * (const T *)in[0]->data;                        \
		U delta = (U) * (const T *)in[2]->data;                        \
                                                                               \
		for (size_t i = 0; i < n; i++)                                 \
			to[i] = (T)(start + (U)(first + i) * delta);           \
	} while (0)

static int
range_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	size_t n = mel_tensor_count(&out[0]);
	size_t first = run->part ? (size_t)run->part->out_first : 0;

	(void)node;
	(void)err;
	if (out[0].dtype == MEL_F32)
		PROGRESSION(float, float);
	else if (out[0].dtype == MEL_I64)
		PROGRESSION(int64_t, uint64_t);
	else
		PROGRESSION(int32_t, uint32_t);
	return 0;
}

static const struct mel_op op_constant_of_shape = {
    .name = "ConstantOfShape",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct fill),
    .time = fill_time,
    .prepare = fill_prepare,
    .infer = fill_infer,
    .forward = fill_forward,
};

static const struct mel_op op_range = {
    .name = "Range",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .time = range_time,
    .infer = range_infer,
    .forward = range_forward,
};

const struct mel_op *const mel_ops_fill[] = {
    &op_constant_of_shape, &op_range, NULL};
