/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/timing.h"
#include "tensor/tensor.h"

/*
 * CumSum 14: running sums, one addition after another, in the order of the
 * axis.
 */

struct scan {
	int64_t exclusive, reverse;
};

static int
scan_prepare(struct mel_node *node, struct mel_err *err)
{
	struct scan *p = node->params;

	if (mel_attr_int(node, "exclusive", 0, &p->exclusive, err) ||
	    mel_attr_int(node, "reverse", 0, &p->reverse, err))
		return -1;
	return 0;
}

static int
scan_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	if (mel_infer_type(
		node, in[0]->dtype, MEL_TYPE_INT | MEL_TYPE_FLOAT, err))
		return -1;
	mel_infer_like(&out[0], in[0]);
	return 0;
}

/*
 * A block [n, inner]; step: inner, or -inner from the last row backward. sum:
 * [inner] of what came before, or NULL; then those of all.
 */
#define CUMSUM(name, T)                                                        \
	static void name(T *out, const T *in, int64_t n, int64_t inner,        \
	    const struct scan *p, T *sum)                                      \
	{                                                                      \
		int64_t step = p->reverse ? -inner : inner;                    \
		int64_t at = p->reverse ? (n - 1) * inner : 0;                 \
                                                                               \
		for (int64_t i = 0; i < n; i++, at += step) {                  \
			for (int64_t j = at; j < at + inner; j++) {            \
				T old = sum ? sum[j - i * inner] : 0;          \
				T before = i ? out[j - step] : old;            \
				T x = p->exclusive ? (i ? in[j - step] : 0)    \
						   : in[j];                    \
                                                                               \
				out[j] = before + x;                           \
			}                                                      \
		}                                                              \
		for (int64_t j = 0; sum && n && j < inner; j++) {              \
			int64_t last = (n - 1) * inner + j;                    \
                                                                               \
			sum[j] = out[last];                                    \
			if (p->exclusive)                                      \
				sum[j] += in[last];                            \
		}                                                              \
	}

CUMSUM(cumsum_f32, float)
CUMSUM(cumsum_i64, uint64_t)
CUMSUM(cumsum_i32, uint32_t)

static enum mel_time_kind
scan_time(struct mel_timing *t)
{
	const struct scan *p = t->node->params;
	int64_t at;
	int axis;

	if (mel_infer_int(t->node, t->in[0][1], "axis", &at, NULL) ||
	    mel_infer_axis(t->node, at, t->in[0][0]->ndim, &axis, NULL) ||
	    !mel_time_same(t))
		return MEL_TIME_WHOLE;
	if (axis != t->in_axis[0])
		return MEL_TIME_POINT;
	return p->reverse ? MEL_TIME_WHOLE : MEL_TIME_STATE;
}

/* The sums so far: one row in each block. */
static size_t
scan_state(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	(void)node;
	(void)in;
	return mel_tensor_bytes(&out[0]); /* of one row */
}

static int
scan_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct scan *p = node->params;
	int64_t at, n, inner, block, size;
	size_t count = mel_tensor_count(&out[0]);
	int axis;

	if (mel_infer_int(node, in[1], "axis", &at, err) ||
	    mel_infer_axis(node, at, in[0]->ndim, &axis, err))
		return -1;
	if (!count)
		return 0;
	n = in[0]->dim[axis];
	inner = mel_dims_product(in[0], axis + 1, in[0]->ndim);
	block = n * inner;
	size = (int64_t)mel_dtype_size(in[0]->dtype);
	for (int64_t i = 0; i < (int64_t)count; i += block) {
		unsigned char *sum = run->part ? run->part->state : NULL;

		if (sum)
			sum += i / n * size;
		if (in[0]->dtype == MEL_F32)
			cumsum_f32((float *)out[0].data + i,
			    (const float *)in[0]->data + i, n, inner, p,
			    (void *)sum);
		else if (in[0]->dtype == MEL_I64)
			cumsum_i64((uint64_t *)out[0].data + i,
			    (const uint64_t *)in[0]->data + i, n, inner, p,
			    (void *)sum);
		else
			cumsum_i32((uint32_t *)out[0].data + i,
			    (const uint32_t *)in[0]->data + i, n, inner, p,
			    (void *)sum);
	}
	return 0;
}

static const struct mel_op op_cumsum = {
    .name = "CumSum",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct scan),
    .time = scan_time,
    .state = scan_state,
    .prepare = scan_prepare,
    .infer = scan_infer,
    .forward = scan_forward,
};

const struct mel_op *const mel_ops_scan[] = {&op_cumsum, NULL};
