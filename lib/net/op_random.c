/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/rng.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "net/walk.h"
#include "net/weights.h"
#include "tensor/tensor.h"

/*
 * RandomUniform, RandomUniformLike, RandomNormal, RandomNormalLike 1,
 * Bernoulli 15, Dropout 13 in training. Number i is a function of (seed,
 * node, i) alone: see base/rng.h. The attribute `seed` stands in for the
 * run's.
 */

struct random {
	bool normal;
	float a, b; /* low and high; or mean and scale */
	bool seeded;
	float seed;
	enum mel_dtype dtype; /* MEL_NONE: the input's */
	const int64_t *shape; /* of the attribute */
	size_t n_shape;
};

static int
read_type(
    const struct mel_node *node, enum mel_dtype *dtype, struct mel_err *err)
{
	int64_t number;

	if (mel_attr_int(node, "dtype", 0, &number, err))
		return -1;
	*dtype = number > 0 && number < 256 ? mel_onnx_dtype((int32_t)number)
					    : MEL_NONE;
	if (number && !*dtype)
		return mel_node_fail(node, err, "dtype = %lld is not supported",
		    (long long)number);
	return 0;
}

static int
read_seed(const struct mel_node *node, struct random *p, struct mel_err *err)
{
	const struct mel_attr *a = mel_node_attr(node, "seed");

	p->seeded = a;
	if (a && a->type == MEL_ATTR_INT) { /* Dropout's */
		p->seed = (float)a->i;
		return 0;
	}
	return mel_attr_float(node, "seed", 0, &p->seed, err);
}

static int
random_prepare(struct mel_node *node, struct mel_err *err)
{
	struct random *p = node->params;

	p->normal = !strncmp(node->op->name, "RandomNormal", 12);
	if (read_type(node, &p->dtype, err) || read_seed(node, p, err) ||
	    mel_attr_ints(node, "shape", &p->shape, &p->n_shape, err))
		return -1;
	if (mel_attr_float(node, p->normal ? "mean" : "low", 0, &p->a, err) ||
	    mel_attr_float(node, p->normal ? "scale" : "high", 1, &p->b, err))
		return -1;
	if (!p->shape && !node->op->min_in)
		return mel_node_fail(node, err, "shape is missing");
	return 0;
}

static int
random_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct random *p = node->params;
	enum mel_dtype dtype = p->dtype;

	if (!dtype)
		dtype = node->op->min_in ? in[0]->dtype : MEL_F32;
	if (mel_infer_type(node, dtype, MEL_TYPE_FLOAT, err))
		return -1;
	if (node->op->min_in)
		return mel_infer_shape(
		    node, &out[0], dtype, in[0]->ndim, in[0]->dim, err);
	return mel_infer_shape(
	    node, &out[0], dtype, (int)p->n_shape, p->shape, err);
}

static uint64_t
find_seed(const struct random *p, const struct mel_run *run)
{
	uint32_t bits;

	if (!p->seeded)
		return run->seed;
	memcpy(&bits, &p->seed, sizeof(bits));
	return bits;
}

struct job {
	const struct random *p;
	uint64_t seed, stream;
	float *out;
};

static void
random_range(void *ctx, size_t lo, size_t hi)
{
	const struct job *j = ctx;
	const struct random *p = j->p;

	for (size_t i = lo; i < hi; i++) {
		if (p->normal)
			j->out[i] =
			    p->a + p->b * mel_rng_normal(j->seed, j->stream, i);
		else
			j->out[i] =
			    p->a + (p->b - p->a) *
				       mel_rng_uniform(j->seed, j->stream, i);
	}
}

static int
random_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	struct job j = {node->params, find_seed(node->params, run), run->stream,
	    out[0].data};
	struct mel_range range = {.task = random_range,
	    .ctx = &j,
	    .n = mel_tensor_count(&out[0]),
	    .grain = MEL_GRAIN_MATH};

	(void)in;
	(void)err;
	mel_range_run(&range, run->pool);
	return 0;
}

/* ---- Bernoulli: 1 with the probability that the input says ---- */

static int
bernoulli_prepare(struct mel_node *node, struct mel_err *err)
{
	struct random *p = node->params;

	return read_type(node, &p->dtype, err) || read_seed(node, p, err) ? -1
									  : 0;
}

static int
bernoulli_infer(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    struct mel_err *err)
{
	const struct random *p = node->params;
	enum mel_dtype dtype = p->dtype ? p->dtype : in[0]->dtype;

	if (mel_infer_type(node, in[0]->dtype, MEL_TYPE_FLOAT, err) ||
	    mel_infer_type(node, dtype,
		MEL_TYPE_FLOAT | MEL_TYPE_INT | 1u << MEL_U8 | 1u << MEL_BOOL,
		err))
		return -1;
	mel_infer_like(&out[0], in[0]);
	out[0].dtype = dtype;
	return 0;
}

static int
bernoulli_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	uint64_t seed = find_seed(node->params, run);
	size_t n = mel_tensor_count(&out[0]);
	const float *chance = in[0]->data;

	(void)err;
	for (size_t i = 0; i < n; i++) {
		bool hit = mel_rng_uniform(seed, run->stream, i) < chance[i];

		if (out[0].dtype == MEL_F32)
			((float *)out[0].data)[i] = hit;
		else if (out[0].dtype == MEL_I64)
			((int64_t *)out[0].data)[i] = hit;
		else if (out[0].dtype == MEL_I32)
			((int32_t *)out[0].data)[i] = hit;
		else
			((uint8_t *)out[0].data)[i] = hit;
	}
	return 0;
}

/* ---- Dropout: only where training is not ruled out at load ---- */

static int
dropout_prepare(struct mel_node *node, struct mel_err *err)
{
	return read_seed(node, node->params, err);
}

static int
dropout_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct mel_tensor *ratio = mel_input(node, in, 1);
	const struct mel_tensor *training = mel_input(node, in, 2);

	if (mel_infer_type(node, in[0]->dtype, MEL_TYPE_FLOAT, err))
		return -1;
	if (ratio && (ratio->dtype != MEL_F32 || mel_tensor_count(ratio) != 1))
		return mel_node_fail(node, err, "ratio must be one f32");
	if (training &&
	    (training->dtype != MEL_BOOL || mel_tensor_count(training) != 1))
		return mel_node_fail(
		    node, err, "training_mode must be one bool");
	mel_infer_like(&out[0], in[0]);
	if (node->n_out > 1) {
		mel_infer_like(&out[1], in[0]);
		out[1].dtype = MEL_BOOL;
	}
	return 0;
}

static int
dropout_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	const struct mel_tensor *ratio = mel_input(node, in, 1);
	const struct mel_tensor *training = mel_input(node, in, 2);
	bool drops = training && *(const uint8_t *)training->data;
	float chance = ratio ? *(const float *)ratio->data : 0.5f;
	uint64_t seed = find_seed(node->params, run);
	size_t n = mel_tensor_count(in[0]);
	uint8_t *mask = node->n_out > 1 && out[1].dtype ? out[1].data : NULL;

	if (!(chance >= 0 && chance <= 1))
		return mel_node_fail(node, err, "ratio = %g", (double)chance);
	for (size_t i = 0; i < n; i++) {
		bool keep =
		    !drops || mel_rng_uniform(seed, run->stream, i) >= chance;
		float x = ((const float *)in[0]->data)[i];

		x = drops ? x / (1 - chance) : x;
		if (out[0].dtype)
			((float *)out[0].data)[i] = keep ? x : 0;
		if (mask)
			mask[i] = keep;
	}
	return 0;
}

#define RANDOM(op_name, inputs)                                                \
	{                                                                      \
		.name = op_name, .min_in = inputs, .max_in = inputs,           \
		.min_out = 1, .max_out = 1,                                    \
		.params_size = sizeof(struct random), .random = true,          \
		.prepare = random_prepare, .infer = random_infer,              \
		.forward = random_forward                                      \
	}

static const struct mel_op uniform = RANDOM("RandomUniform", 0);
static const struct mel_op uniform_like = RANDOM("RandomUniformLike", 1);
static const struct mel_op normal = RANDOM("RandomNormal", 0);
static const struct mel_op normal_like = RANDOM("RandomNormalLike", 1);

static const struct mel_op bernoulli = {
    .name = "Bernoulli",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct random),
    .random = true,
    .prepare = bernoulli_prepare,
    .infer = bernoulli_infer,
    .forward = bernoulli_forward,
};

static const struct mel_op dropout = {
    .name = "Dropout",
    .min_in = 1,
    .max_in = 3,
    .min_out = 1,
    .max_out = 2,
    .params_size = sizeof(struct random),
    .random = true,
    .prepare = dropout_prepare,
    .infer = dropout_infer,
    .forward = dropout_forward,
};

const struct mel_op *const mel_ops_random[] = {
    &uniform, &uniform_like, &normal, &normal_like, &bernoulli, &dropout, NULL};
