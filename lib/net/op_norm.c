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

/* LayerNormalization 17, InstanceNormalization 6, BatchNormalization 15. */

#define GRAIN 8192 /* elements that are worth a task */

/* ---- LayerNormalization: rows are the axes from `axis` on ---- */

struct layer {
	int64_t axis;
	float epsilon;
};

static int
layer_prepare(struct mel_node *node, struct mel_err *err)
{
	struct layer *p = node->params;

	if (mel_attr_int(node, "axis", -1, &p->axis, err) ||
	    mel_attr_float(node, "epsilon", 1e-5f, &p->epsilon, err))
		return -1;
	return 0;
}

/*
 * A scale or bias repeats over a row: it has the last axes of x, or one
 * element. Some exporters write an empty scale for none.
 */
static int
check_factor(const struct mel_node *node, const struct mel_tensor *x, int axis,
    const struct mel_tensor *f, struct mel_err *err)
{
	int skip = 0;
	bool fits;

	if (!f || !mel_tensor_count(f))
		return 0;
	while (skip < f->ndim && f->dim[skip] == 1)
		skip++;
	fits = f->dtype == MEL_F32 && f->ndim - skip <= x->ndim - axis;
	for (int d = skip; fits && d < f->ndim; d++)
		fits = f->dim[d] == x->dim[x->ndim - f->ndim + d];
	if (!fits)
		return mel_node_fail(
		    node, err, "scale or bias does not fit the data");
	return 0;
}

static int
layer_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	const struct layer *p = node->params;
	int axis;

	if (mel_infer_type(node, in[0]->dtype, MEL_TYPE_FLOAT, err) ||
	    mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err) ||
	    check_factor(node, in[0], axis, mel_input(node, in, 1), err) ||
	    check_factor(node, in[0], axis, mel_input(node, in, 2), err))
		return -1;
	mel_infer_like(&out[0], in[0]);
	for (int i = 1; i < node->n_out; i++) {
		mel_infer_like(&out[i], in[0]);
		for (int d = axis; d < in[0]->ndim; d++)
			out[i].dim[d] = 1;
	}
	return 0;
}

struct layer_job {
	struct mel_layernorm norm; /* scale and bias if as long as a row */
	struct {
		const float *f;
		size_t n;
	} scale, bias; /* shorter ones; n = 0: none */
	const float *x;
	float *y, *mean, *inv; /* the last two may be NULL */
	const struct mel_kernels *kernels;
};

static void
layer_rows(void *ctx, size_t lo, size_t hi)
{
	const struct layer_job *j = ctx;
	size_t n = j->norm.n;
	float stats[2];

	for (size_t r = lo; r < hi; r++) {
		float *y = j->y + r * n;

		j->kernels->layernorm(&j->norm, y, j->x + r * n, stats);
		for (size_t i = 0; j->scale.n && i < n; i++)
			y[i] *= j->scale.f[i % j->scale.n];
		for (size_t i = 0; j->bias.n && i < n; i++)
			y[i] += j->bias.f[i % j->bias.n];
		if (j->mean)
			j->mean[r] = stats[0];
		if (j->inv)
			j->inv[r] = stats[1];
	}
}

static void
set_factors(struct layer_job *j, const struct mel_tensor *scale,
    const struct mel_tensor *bias)
{
	size_t n = j->norm.n;
	size_t n_scale = scale ? mel_tensor_count(scale) : 0;
	size_t n_bias = bias ? mel_tensor_count(bias) : 0;

	/* A short scale must be applied before any bias. */
	if (n_scale == n)
		j->norm.scale = scale->data;
	else if (n_scale)
		j->scale.f = scale->data, j->scale.n = n_scale;
	if (n_bias == n && !j->scale.n)
		j->norm.bias = bias->data;
	else if (n_bias)
		j->bias.f = bias->data, j->bias.n = n_bias;
}

/* Output i's data, or NULL if it is left out. */
static float *
optional_output(
    const struct mel_node *node, const struct mel_tensor out[], int i)
{
	return i < node->n_out && out[i].dtype != MEL_NONE ? out[i].data : NULL;
}

static int
layer_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct layer *p = node->params;
	struct layer_job j = {.x = in[0]->data,
	    .y = out[0].data,
	    .mean = optional_output(node, out, 1),
	    .inv = optional_output(node, out, 2),
	    .kernels = run->kernels};
	struct mel_range range = {.task = layer_rows, .ctx = &j};
	int axis;

	if (mel_infer_axis(node, p->axis, in[0]->ndim, &axis, err))
		return -1;
	j.norm.n = (size_t)mel_dims_product(in[0], axis, in[0]->ndim);
	j.norm.epsilon = p->epsilon;
	if (!j.norm.n)
		return 0;
	set_factors(&j, mel_input(node, in, 1), mel_input(node, in, 2));
	range.n = (size_t)mel_dims_product(in[0], 0, axis);
	range.grain = GRAIN / j.norm.n + 1;
	mel_range_run(&range, run->pool);
	return 0;
}

/* ---- the other two: x is [N, C, rest], factors are [C] ---- */

static int
check_channels(const struct mel_node *node, const struct mel_tensor *const in[],
    int factors, struct mel_err *err)
{
	const struct mel_tensor *x = in[0];

	if (mel_infer_type(node, x->dtype, MEL_TYPE_FLOAT, err))
		return -1;
	if (x->ndim < 2)
		return mel_node_fail(node, err, "data has no channels");
	for (int i = 1; i <= factors; i++) {
		if (in[i]->dtype != MEL_F32 || in[i]->ndim != 1 ||
		    in[i]->dim[0] != x->dim[1])
			return mel_node_fail(
			    node, err, "input %d is not one a channel", i);
	}
	return 0;
}

struct channels {
	size_t batch, channels, rest;
	const float *x, *scale, *bias;
	float *y;
	float epsilon;
	const struct mel_kernels *kernels;
	/* BatchNormalization: statistics used, [channels] */
	const float *mean, *var;
};

static struct channels
find_channels(const struct mel_tensor *const in[], const struct mel_tensor *out,
    const struct mel_run *run)
{
	return (struct channels){
	    .batch = (size_t)in[0]->dim[0],
	    .channels = (size_t)in[0]->dim[1],
	    .rest = (size_t)mel_dims_product(in[0], 2, in[0]->ndim),
	    .x = in[0]->data,
	    .scale = in[1]->data,
	    .bias = in[2]->data,
	    .y = out->data,
	    .kernels = run->kernels,
	};
}

static void
run_channels(const struct channels *c,
    void (*task)(void *ctx, size_t lo, size_t hi), const struct mel_run *run)
{
	struct mel_range range = {
	    .task = task,
	    .ctx = (void *)c,
	    .n = c->batch * c->channels,
	    .grain = GRAIN / (c->rest + 1) + 1,
	};

	if (c->rest)
		mel_range_run(&range, run->pool);
}

struct epsilon {
	float epsilon;
	float momentum;
	int64_t training;
};

static int
instance_prepare(struct mel_node *node, struct mel_err *err)
{
	struct epsilon *p = node->params;

	return mel_attr_float(node, "epsilon", 1e-5f, &p->epsilon, err);
}

static int
instance_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	if (check_channels(node, in, 2, err))
		return -1;
	mel_infer_like(&out[0], in[0]);
	return 0;
}

static void
instance_rows(void *ctx, size_t lo, size_t hi)
{
	const struct channels *c = ctx;
	struct mel_layernorm norm = {.n = c->rest, .epsilon = c->epsilon};

	for (size_t r = lo; r < hi; r++) {
		float *y = c->y + r * c->rest;

		c->kernels->layernorm(&norm, y, c->x + r * c->rest, NULL);
		c->kernels->mulc(y, y, c->scale[r % c->channels], c->rest);
		c->kernels->addc(y, y, c->bias[r % c->channels], c->rest);
	}
}

static int
instance_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	const struct epsilon *p = node->params;
	struct channels c = find_channels(in, &out[0], run);

	(void)err;
	c.epsilon = p->epsilon;
	run_channels(&c, instance_rows, run);
	return 0;
}

static int
batch_prepare(struct mel_node *node, struct mel_err *err)
{
	struct epsilon *p = node->params;

	if (mel_attr_float(node, "epsilon", 1e-5f, &p->epsilon, err) ||
	    mel_attr_float(node, "momentum", 0.9f, &p->momentum, err) ||
	    mel_attr_int(node, "training_mode", 0, &p->training, err))
		return -1;
	if (!p->training && node->n_out > 1)
		return mel_node_fail(
		    node, err, "statistics as outputs need training_mode");
	return 0;
}

static int
batch_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	if (check_channels(node, in, 4, err))
		return -1;
	mel_infer_like(&out[0], in[0]);
	for (int i = 1; i < node->n_out; i++)
		mel_infer_like(&out[i], in[1]);
	return 0;
}

static void
batch_rows(void *ctx, size_t lo, size_t hi)
{
	const struct channels *c = ctx;

	for (size_t r = lo; r < hi; r++) {
		size_t i = r % c->channels;
		float factor = c->scale[i] / sqrtf(c->var[i] + c->epsilon);
		float *y = c->y + r * c->rest;

		c->kernels->addc(y, c->x + r * c->rest, -c->mean[i], c->rest);
		c->kernels->mulc(y, y, factor, c->rest);
		c->kernels->addc(y, y, c->bias[i], c->rest);
	}
}

/* Mean and population variance of one channel over batch and rest. */
static void
channel_statistics(
    const struct channels *c, size_t channel, float *mean, float *var)
{
	float n = (float)(c->batch * c->rest), sum = 0.0f, square = 0.0f;
	const float *x = c->x + channel * c->rest;
	size_t step = c->channels * c->rest;

	for (size_t b = 0; b < c->batch; b++)
		sum += c->kernels->sum(x + b * step, c->rest);
	*mean = sum / n;
	for (size_t b = 0; b < c->batch; b++)
		square += c->kernels->sumsq(x + b * step, *mean, c->rest);
	*var = square / n;
}

/* stats: [2, channels], written; the running ones go to out 1 and 2. */
static void
batch_train(const struct mel_node *node, struct channels *c, float *stats,
    struct mel_tensor out[])
{
	const struct epsilon *p = node->params;
	float *mean = stats, *var = stats + c->channels;
	float *out_mean = optional_output(node, out, 1);
	float *out_var = optional_output(node, out, 2);
	float keep = p->momentum, take = 1.0f - p->momentum;

	for (size_t i = 0; i < c->channels; i++) {
		channel_statistics(c, i, &mean[i], &var[i]);
		if (out_mean)
			out_mean[i] = c->mean[i] * keep + mean[i] * take;
		if (out_var)
			out_var[i] = c->var[i] * keep + var[i] * take;
	}
	c->mean = mean;
	c->var = var;
}

static size_t
batch_scratch(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	const struct epsilon *p = node->params;

	(void)out;
	return p->training ? 2 * (size_t)in[0]->dim[1] * sizeof(float) : 0;
}

static int
batch_forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	const struct epsilon *p = node->params;
	struct channels c = find_channels(in, &out[0], run);

	(void)err;
	c.epsilon = p->epsilon;
	c.mean = in[3]->data;
	c.var = in[4]->data;
	if (p->training)
		batch_train(node, &c, (float *)run->scratch, out);
	run_channels(&c, batch_rows, run);
	return 0;
}

/* A row of numbers that are normalised together must be of one time. */
static enum mel_time_kind
layer_time(struct mel_timing *t)
{
	const struct layer *p = t->node->params;
	int axis;

	if (mel_infer_axis(t->node, p->axis, t->in[0][0]->ndim, &axis, NULL) ||
	    t->in_axis[0] >= axis)
		return MEL_TIME_WHOLE;
	return mel_time_same(t);
}

static const struct mel_op layer = {
    .name = "LayerNormalization",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 3,
    .first_out = true,
    .params_size = sizeof(struct layer),
    .time = layer_time,
    .in_place = 1u,
    .prepare = layer_prepare,
    .infer = layer_infer,
    .forward = layer_forward,
};

static enum mel_time_kind
instance_time(struct mel_timing *t)
{
	return t->in_axis[0] ? MEL_TIME_WHOLE : mel_time_same(t);
}

static enum mel_time_kind
batch_time(struct mel_timing *t)
{
	const struct epsilon *p = t->node->params;

	if (p->training || t->in_axis[0] == 1)
		return MEL_TIME_WHOLE;
	return mel_time_same(t);
}

static const struct mel_op instance = {
    .name = "InstanceNormalization",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct epsilon),
    .time = instance_time,
    .in_place = 1u,
    .prepare = instance_prepare,
    .infer = instance_infer,
    .forward = instance_forward,
};

static const struct mel_op batch = {
    .name = "BatchNormalization",
    .min_in = 5,
    .max_in = 5,
    .min_out = 1,
    .max_out = 3,
    .first_out = true,
    .params_size = sizeof(struct epsilon),
    .time = batch_time,
    .in_place = 1u,
    .prepare = batch_prepare,
    .infer = batch_infer,
    .scratch = batch_scratch,
    .forward = batch_forward,
};

const struct mel_op *const mel_ops_norm[] = {&layer, &instance, &batch, NULL};
