/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/rnn.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "net/graph.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/product.h"
#include "tensor/tensor.h"

static const struct {
	const char *name;
	bool alpha, beta; /* takes one from the lists */
	struct mel_rnn_activation preset;
} functions[] = {
    {"Sigmoid", false, false, {MEL_RNN_SIGMOID, 0, 0}},
    {"Tanh", false, false, {MEL_RNN_TANH, 0, 0}},
    {"Relu", false, false, {MEL_RNN_RELU, 0, 0}},
    {"Affine", true, true, {MEL_RNN_AFFINE, 1, 0}},
    {"LeakyRelu", true, false, {MEL_RNN_LEAKY, 0.01f, 0}},
    {"ThresholdedRelu", true, false, {MEL_RNN_THRESHOLDED, 1, 0}},
    {"ScaledTanh", true, true, {MEL_RNN_SCALED_TANH, 1, 1}},
    {"HardSigmoid", true, true, {MEL_RNN_HARD_SIGMOID, 0.2f, 0.5f}},
    {"Elu", true, false, {MEL_RNN_ELU, 1, 0}},
    {"Softsign", false, false, {MEL_RNN_SOFTSIGN, 0, 0}},
    {"Softplus", false, false, {MEL_RNN_SOFTPLUS, 0, 0}},
};

#define N_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

/* The numbers of a list attribute, taken one after the other. */
struct list {
	const struct mel_attr *attr; /* or NULL */
	size_t at;
};

static int
take(const struct mel_node *node, struct list *list, float *to,
    struct mel_err *err)
{
	if (!list->attr)
		return 0;
	if (list->attr->type != MEL_ATTR_FLOATS)
		return mel_node_fail(
		    node, err, "%s is no list of floats", list->attr->name);
	if (list->at < list->attr->n)
		*to = list->attr->floats[list->at++];
	return 0;
}

static int
read_activation(const struct mel_node *node, const char *name,
    struct list list[2], struct mel_rnn_activation *a, struct mel_err *err)
{
	for (size_t i = 0; i < N_FUNCTIONS; i++) {
		if (strcasecmp(name, functions[i].name))
			continue;
		*a = functions[i].preset;
		if (functions[i].alpha && take(node, &list[0], &a->alpha, err))
			return -1;
		if (functions[i].beta && take(node, &list[1], &a->beta, err))
			return -1;
		return 0;
	}
	return mel_node_fail(node, err, "activation %s is unknown", name);
}

static int
read_activations(
    const struct mel_node *node, struct mel_rnn *p, struct mel_err *err)
{
	static const char *const preset[] = {"Sigmoid", "Tanh", "Tanh"};
	const struct mel_attr *names = mel_node_attr(node, "activations");
	struct list list[2] = {{mel_node_attr(node, "activation_alpha"), 0},
	    {mel_node_attr(node, "activation_beta"), 0}};
	size_t n = (size_t)(p->directions * p->functions);

	if (names && (names->type != MEL_ATTR_STRINGS || names->n != n))
		return mel_node_fail(
		    node, err, "activations are not %zu names", n);
	for (size_t i = 0; i < n; i++) {
		int d = (int)i / p->functions, f = (int)i % p->functions;
		const char *name = names               ? names->strings[i]
				   : p->functions == 1 ? "Tanh"
						       : preset[f];

		if (read_activation(
			node, name, list, &p->activation[d][f], err))
			return -1;
	}
	return 0;
}

static int
read_direction(
    const struct mel_node *node, struct mel_rnn *p, struct mel_err *err)
{
	const char *text;

	if (mel_attr_string(node, "direction", "forward", &text, err))
		return -1;
	p->directions = strcmp(text, "bidirectional") ? 1 : 2;
	p->backward = !strcmp(text, "reverse");
	if (p->directions == 1 && !p->backward && strcmp(text, "forward"))
		return mel_node_fail(node, err, "direction = %s", text);
	return 0;
}

int
mel_rnn_read(struct mel_node *node, struct mel_err *err)
{
	struct mel_rnn *p = node->params;
	int64_t layout;

	p->gates = !strcmp(node->op->name, "LSTM")  ? 4
		   : !strcmp(node->op->name, "GRU") ? 3
						    : 1;
	p->functions = p->gates == 1 ? 1 : p->gates - 1;
	if (read_direction(node, p, err) ||
	    mel_attr_int(node, "layout", 0, &layout, err) ||
	    mel_attr_int(node, "hidden_size", 0, &p->hidden, err) ||
	    mel_attr_int(
		node, "linear_before_reset", 0, &p->linear_before_reset, err) ||
	    mel_attr_int(node, "input_forget", 0, &p->input_forget, err) ||
	    mel_attr_float(node, "clip", 0, &p->clip, err))
		return -1;
	p->batch_first = layout;
	if (!(p->clip >= 0))
		return mel_node_fail(node, err, "clip = %g", (double)p->clip);
	return read_activations(node, p, err);
}

static float
simple(const struct mel_rnn_activation *a, float x)
{
	switch (a->function) {
	case MEL_RNN_AFFINE:
		return a->alpha * x + a->beta;
	case MEL_RNN_LEAKY:
		return x < 0 ? a->alpha * x : x;
	case MEL_RNN_THRESHOLDED:
		return x >= a->alpha ? x : 0;
	case MEL_RNN_SCALED_TANH:
		return a->alpha * tanhf(a->beta * x);
	case MEL_RNN_HARD_SIGMOID:
		x = a->alpha * x + a->beta;
		return x < 0 ? 0 : x > 1 ? 1 : x;
	case MEL_RNN_ELU:
		return x < 0 ? a->alpha * expm1f(x) : x;
	default:
		return x / (1 + fabsf(x));
	}
}

void
mel_rnn_activate(const struct mel_rnn *p, const struct mel_rnn_activation *a,
    const struct mel_kernels *kernels, float *y, float *x, size_t n)
{
	for (size_t i = 0; p->clip > 0 && i < n; i++) {
		x[i] = x[i] < -p->clip ? -p->clip : x[i];
		x[i] = x[i] > p->clip ? p->clip : x[i];
	}
	switch (a->function) {
	case MEL_RNN_SIGMOID:
		kernels->sigmoid(y, x, n);
		return;
	case MEL_RNN_TANH:
		kernels->tanh(y, x, n);
		return;
	case MEL_RNN_RELU:
		kernels->relu(y, x, n);
		return;
	case MEL_RNN_SOFTPLUS:
		kernels->softplus(y, x, n);
		return;
	default:
		for (size_t i = 0; i < n; i++)
			y[i] = simple(a, x[i]);
	}
}

/* Columns of r: all gates; those of GRU that do not wait for the reset. */
static size_t
r_columns(const struct mel_rnn *p, size_t hidden)
{
	return (p->gates == 3 ? 2 : (size_t)p->gates) * hidden;
}

/* Room of a packed matrix, a multiple of what vectors like [floats]. */
static size_t
room(size_t k, size_t n)
{
	return (mel_product_bound(k, n) + 15) & ~(size_t)15;
}

size_t
mel_rnn_bound(const struct mel_rnn *p, size_t input, size_t hidden)
{
	size_t size = room(input, (size_t)p->gates * hidden) +
		      room(hidden, r_columns(p, hidden));

	return p->gates == 3 ? size + room(hidden, hidden) : size;
}

struct mel_rnn_weights
mel_rnn_packed(
    const struct mel_rnn *p, size_t input, size_t hidden, const float *at)
{
	struct mel_rnn_weights weights = {.w = at};

	weights.r = weights.w + room(input, (size_t)p->gates * hidden);
	if (p->gates == 3)
		weights.h = weights.r + room(hidden, r_columns(p, hidden));
	return weights;
}

/*
 * Rows of m [n, k], the files' order, are columns of the product. What is left
 * of the room is cleared: packed weights may be written to a file.
 */
static void
pack_rows(const float *m, size_t k, size_t n, const float *at,
    const struct mel_kernels *kernels)
{
	float *to = (float *)(uintptr_t)at;
	size_t used = kernels->packed_size(k, n);
	struct mel_pack pack = {
	    .out = to,
	    .k = k,
	    .n = n,
	    .rows = k,
	    .b = m,
	    .row_step = 1,
	    .col_step = k,
	    .scale = 1.0f,
	};

	if (k && n)
		kernels->pack(&pack);
	memset(to + used, 0, (room(k, n) - used) * sizeof(*to));
}

struct mel_rnn_weights
mel_rnn_pack(const struct mel_rnn *p, const struct mel_tensor *w,
    const struct mel_tensor *r, int d, float *to,
    const struct mel_kernels *kernels)
{
	size_t input = (size_t)w->dim[2], hidden = (size_t)r->dim[2];
	size_t rows = (size_t)p->gates * hidden, first = r_columns(p, hidden);
	const float *wd = (const float *)w->data + (size_t)d * rows * input;
	const float *rd = (const float *)r->data + (size_t)d * rows * hidden;
	struct mel_rnn_weights weights = mel_rnn_packed(p, input, hidden, to);

	pack_rows(wd, input, rows, weights.w, kernels);
	pack_rows(rd, hidden, first, weights.r, kernels);
	if (weights.h)
		pack_rows(
		    rd + first * hidden, hidden, hidden, weights.h, kernels);
	return weights;
}

double
mel_rnn_work(const struct mel_node *node, const struct mel_tensor *const in[],
    const struct mel_tensor out[])
{
	(void)node, (void)out;
	/* Every weight of both matrices, in each step of each sequence. */
	return 2.0 * (double)(in[0]->dim[0] * in[0]->dim[1]) *
	       (double)(mel_tensor_count(in[1]) + mel_tensor_count(in[2]));
}
