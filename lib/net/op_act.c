/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "net/broadcast.h"
#include "net/elementwise.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/kernels.h"
#include "net/ops.h"
#include "net/timing.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Activations: functions of one number with up to two parameters. NaN stays.
 * Relu 14, LeakyRelu 16, Elu 6, Celu 12, Selu 6, ThresholdedRelu 10, Sigmoid
 * 13, HardSigmoid 6, HardSwish 14, Softplus 1, Softsign 1, Mish 18, Gelu 20,
 * Clip 13.
 */

struct act_params {
	float a, b;
};

struct act {
	struct mel_elementwise e; /* first */
	const char *a_name, *b_name;
	struct act_params preset;
};

/* y[i] = f(x[i]) for a block; t is a place for n numbers. y may be x. */
struct block {
	float *y, *t;
	const float *x;
	size_t n;
	float a, b;
	const struct mel_kernels *k;
};

#define BLOCK 256

static void
in_blocks(const struct mel_row *row, void (*fn)(const struct block *))
{
	const struct act_params *p = row->params;
	float t[BLOCK];
	struct block block = {.t = t, .a = p->a, .b = p->b};

	block.k = row->kernels;
	for (size_t i = 0; i < row->n; i += block.n) {
		block.n = row->n - i < BLOCK ? row->n - i : BLOCK;
		block.y = (float *)row->p[0] + i;
		block.x = (const float *)row->p[1] + i;
		fn(&block);
	}
}

/* First vector functions (x to t), then expr of a, b, x[i] and t[i]. */
#define ACT_ROW(name, vectors, expr)                                           \
	static void name##_block(const struct block *v)                        \
	{                                                                      \
		const float a = v->a, b = v->b;                                \
                                                                               \
		(void)a;                                                       \
		(void)b;                                                       \
		vectors;                                                       \
		for (size_t i = 0; i < v->n; i++) {                            \
			float x = v->x[i], t = v->t[i];                        \
                                                                               \
			(void)t;                                               \
			v->y[i] = expr;                                        \
		}                                                              \
	}                                                                      \
                                                                               \
	static void name##_f32(const struct mel_row *row)                      \
	{                                                                      \
		in_blocks(row, name##_block);                                  \
	}
#define VECTOR_ROW(name)                                                       \
	static void name##_f32(const struct mel_row *row)                      \
	{                                                                      \
		row->kernels->name(row->p[0], row->p[1], row->n);              \
	}

/* min(max(x, 0), 1) */
static float
unit(float x)
{
	return x < 0 ? 0 : x > 1 ? 1 : x;
}

static void
tanh_softplus(const struct block *v)
{
	v->k->softplus(v->t, v->x, v->n);
	v->k->tanh(v->t, v->t, v->n);
}

static void
scaled_expm1(const struct block *v)
{
	for (size_t i = 0; i < v->n; i++)
		v->t[i] = v->x[i] / v->a;
	v->k->expm1(v->t, v->t, v->n);
}

static void
scaled_erf(const struct block *v)
{
	v->k->mulc(v->t, v->x, 0.707106781f, v->n); /* sqrt(1 / 2) */
	v->k->erf(v->t, v->t, v->n);
}

/* tanh(sqrt(2 / pi) (x + 0.044715 x^3)) */
static void
cubic_tanh(const struct block *v)
{
	for (size_t i = 0; i < v->n; i++) {
		float x = v->x[i];

		v->t[i] = 0.797884561f * (x + 0.044715f * (x * x * x));
	}
	v->k->tanh(v->t, v->t, v->n);
}

VECTOR_ROW(relu)
VECTOR_ROW(sigmoid)
VECTOR_ROW(softplus)
MEL_ROW1(relu_i64, int64_t, int64_t, x < 0 ? 0 : x)
MEL_ROW1(relu_i32, int32_t, int32_t, x < 0 ? 0 : x)
ACT_ROW(leaky, , x < 0 ? a * x : x)
ACT_ROW(thresholded, , x <= a ? 0 : x)
ACT_ROW(hard_sigmoid, , unit(a *x + b))
MEL_ROW1(hard_swish_f32, float, float, x *unit(x / 6 + 0.5f))
MEL_ROW1(softsign_f32, float, float, x / (1 + fabsf(x)))
ACT_ROW(elu, v->k->expm1(v->t, v->x, v->n), x < 0 ? a * t : x)
ACT_ROW(selu, v->k->expm1(v->t, v->x, v->n), v->b *(x > 0 ? x : a * t))
ACT_ROW(celu, scaled_expm1(v), x < 0 ? a * t : x)
ACT_ROW(mish, tanh_softplus(v), x *t)
ACT_ROW(gelu, scaled_erf(v), 0.5f * x * (1 + t))
ACT_ROW(gelu_tanh, cubic_tanh(v), 0.5f * x * (1 + t))

static int
act_prepare(struct mel_node *node, struct mel_err *err)
{
	const struct act *act = (const struct act *)node->op;
	struct act_params *p = node->params;

	*p = act->preset;
	if (act->a_name && mel_attr_float(node, act->a_name, p->a, &p->a, err))
		return -1;
	if (act->b_name && mel_attr_float(node, act->b_name, p->b, &p->b, err))
		return -1;
	return 0;
}

struct gelu {
	struct act_params none; /* first, row functions look at it */
	bool tanh;              /* attribute approximate */
};

static int
gelu_prepare(struct mel_node *node, struct mel_err *err)
{
	struct gelu *p = node->params;
	const char *s;

	if (mel_attr_string(node, "approximate", "none", &s, err))
		return -1;
	p->tanh = !strcmp(s, "tanh");
	if (!p->tanh && strcmp(s, "none"))
		return mel_node_fail(node, err, "approximate = %s", s);
	return 0;
}

static int
gelu_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct gelu *p = node->params;

	(void)err;
	mel_broadcast_run(&out[0], in, 1,
	    &(struct mel_loop){
		p->tanh ? gelu_tanh_f32 : gelu_f32, p, MEL_GRAIN_MATH},
	    run);
	return 0;
}

/*
 * Clip: max(low), then min(high), so low > high gives high. Bounds are
 * tensors of one element, either may be absent.
 */
struct bounds {
	const void *low, *high; /* of the tensor's type */
};

#define CLIP_ROW(name, T)                                                      \
	static void name(const struct mel_row *row)                            \
	{                                                                      \
		const struct bounds *bound = row->params;                      \
		const T *in = row->p[1], *low = bound->low;                    \
		const T *high = bound->high;                                   \
		T *out = row->p[0];                                            \
                                                                               \
		for (size_t i = 0; i < row->n; i++) {                          \
			T x = in[i];                                           \
                                                                               \
			x = low && x < *low ? *low : x;                        \
			out[i] = high && x > *high ? *high : x;                \
		}                                                              \
	}

CLIP_ROW(clip_f32, float)
CLIP_ROW(clip_i64, int64_t)
CLIP_ROW(clip_i32, int32_t)
CLIP_ROW(clip_u8, uint8_t)

static int
clip_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct mel_elementwise *e =
	    (const struct mel_elementwise *)node->op;

	if (!e->row[in[0]->dtype])
		return mel_infer_type(node, in[0]->dtype, 0, err);
	for (int i = 1; i < 3; i++) {
		const struct mel_tensor *t = mel_input(node, in, i);

		if (t && (t->dtype != in[0]->dtype || mel_tensor_count(t) != 1))
			return mel_node_fail(node, err,
			    "bound %d must be one %s", i,
			    mel_dtype_name(in[0]->dtype));
	}
	mel_infer_like(&out[0], in[0]);
	return 0;
}

static int
clip_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct mel_elementwise *e =
	    (const struct mel_elementwise *)node->op;
	const struct mel_tensor *low = mel_input(node, in, 1);
	const struct mel_tensor *high = mel_input(node, in, 2);
	struct bounds bounds = {
	    low ? low->data : NULL, high ? high->data : NULL};

	(void)err;
	mel_broadcast_run(&out[0], in, 1,
	    &(struct mel_loop){e->row[in[0]->dtype], &bounds, MEL_GRAIN_COPY},
	    run);
	return 0;
}

#define ACT_OP(op_name, high, params, prep, shape_rule, value)                 \
	.op = {.name = op_name,                                                \
	    .min_in = 1,                                                       \
	    .max_in = high,                                                    \
	    .min_out = 1,                                                      \
	    .max_out = 1,                                                      \
	    .in_place = 1,                                                     \
	    .time = mel_time_broadcast,                                        \
	    .params_size = params,                                             \
	    .prepare = prep,                                                   \
	    .infer = shape_rule,                                               \
	    .forward = value}
#define ACT(op_name)                                                           \
	ACT_OP(op_name, 1, sizeof(struct act_params), act_prepare,             \
	    mel_elementwise_infer, mel_elementwise_forward),                   \
	    .grain = MEL_GRAIN_MATH

static const struct act acts[] = {
    {.e = {ACT("Relu"), .row = {[MEL_F32] = relu_f32,
			    [MEL_I64] = relu_i64,
			    [MEL_I32] = relu_i32}}},
    {{ACT("LeakyRelu"), .row = {[MEL_F32] = leaky_f32}}, "alpha", NULL,
	{0.01f, 0}},
    {{ACT("Elu"), .row = {[MEL_F32] = elu_f32}}, "alpha", NULL, {1, 0}},
    {{ACT("Celu"), .row = {[MEL_F32] = celu_f32}}, "alpha", NULL, {1, 0}},
    {{ACT("Selu"), .row = {[MEL_F32] = selu_f32}}, "alpha", "gamma",
	{1.67326319f, 1.05070102f}},
    {{ACT("ThresholdedRelu"), .row = {[MEL_F32] = thresholded_f32}}, "alpha",
	NULL, {1, 0}},
    {.e = {ACT("Sigmoid"), .row = {[MEL_F32] = sigmoid_f32}}},
    {{ACT("HardSigmoid"), .row = {[MEL_F32] = hard_sigmoid_f32}}, "alpha",
	"beta", {0.2f, 0.5f}},
    {.e = {ACT("HardSwish"), .row = {[MEL_F32] = hard_swish_f32}}},
    {.e = {ACT("Softplus"), .row = {[MEL_F32] = softplus_f32}}},
    {.e = {ACT("Softsign"), .row = {[MEL_F32] = softsign_f32}}},
    {.e = {ACT("Mish"), .row = {[MEL_F32] = mish_f32}}},
};

static const struct mel_elementwise op_gelu = {
    ACT_OP("Gelu", 1, sizeof(struct gelu), gelu_prepare, mel_elementwise_infer,
	gelu_forward),
    .row = {[MEL_F32] = gelu_f32}};

static const struct mel_elementwise op_clip = {
    ACT_OP("Clip", 3, 0, NULL, clip_infer, clip_forward),
    .row = {[MEL_F32] = clip_f32,
	[MEL_I64] = clip_i64,
	[MEL_I32] = clip_i32,
	[MEL_U8] = clip_u8}};

const struct mel_op *const mel_ops_act[] = {
    &acts[0].e.op,
    &acts[1].e.op,
    &acts[2].e.op,
    &acts[3].e.op,
    &acts[4].e.op,
    &acts[5].e.op,
    &acts[6].e.op,
    &acts[7].e.op,
    &acts[8].e.op,
    &acts[9].e.op,
    &acts[10].e.op,
    &acts[11].e.op,
    &op_gelu.op,
    &op_clip.op,
    NULL,
};
