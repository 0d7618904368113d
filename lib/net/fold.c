/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "net/eval.h"
#include "net/graph.h"
#include "net/op.h"
#include "net/pass.h"
#include "tensor/tensor.h"

/* A folded value may have this many bytes even if its inputs are smaller. */
#define FREE_BYTES ((size_t)1 << 20)

struct fold {
	struct mel_graph *graph;
	const struct mel_tensor **in; /* [most inputs of a node] */
	struct mel_tensor *out;       /* [most outputs of a node] */
	struct mel_run run;
};

/* 1: all inputs are constant, and in f->in; 0: they are not; or -1. */
static int
collect(struct fold *f, const struct mel_node *node, struct mel_err *err)
{
	for (int k = 0; k < node->n_in; k++) {
		struct mel_value *v;

		f->in[k] = NULL;
		if (node->in[k] == MEL_ABSENT)
			continue;
		v = &f->graph->value[node->in[k]];
		if (!v->constant.dtype)
			return 0;
		f->in[k] = &v->constant;
	}
	for (int k = 0; k < node->n_in; k++) {
		if (f->in[k] &&
		    mel_value_align(&f->graph->value[node->in[k]], err))
			return -1;
	}
	return 1;
}

/* An Expand of one number to a gigabyte is better done when it is needed. */
static bool
is_worth(const struct fold *f, const struct mel_node *node)
{
	size_t in = FREE_BYTES, out = 0;

	for (int k = 0; k < node->n_in; k++) {
		if (f->in[k])
			in += mel_tensor_bytes(f->in[k]);
	}
	for (int k = 0; k < node->n_out; k++)
		out += mel_tensor_bytes(&f->out[k]);
	return out <= in;
}

static int
fold_node(struct fold *f, struct mel_node *node, struct mel_err *err)
{
	int rc;

	if (node->op->random || node->op->call)
		return 0;
	rc = collect(f, node, err);
	if (rc < 1)
		return rc;
	rc = mel_node_infer(node, f->in, f->out, err);
	if (rc < 0)
		return -1;
	if (rc > 0 || !is_worth(f, node))
		return 0;
	if (mel_node_eval(node, f->in, f->out, &f->run, err))
		return -1;
	for (int k = 0; k < node->n_out; k++) {
		if (node->out[k] != MEL_ABSENT)
			f->graph->value[node->out[k]].constant = f->out[k];
		node->out[k] = MEL_ABSENT; /* the sweep takes it away */
	}
	return 0;
}

/* Captures of constants; views, for the constant stays as long as is read. */
static int
hand_down(struct mel_graph *g, const struct mel_node *node, struct mel_err *err)
{
	struct mel_graph *body;
	int at = node->n_own;

	for (int k = 0; (body = mel_node_body(node, &k));) {
		for (int i = body->n_formal; i < body->n_input; i++, at++) {
			const struct mel_tensor *from =
			    &g->value[node->in[at]].constant;
			struct mel_tensor *to =
			    &body->value[body->input[i].value].constant;

			if (!from->dtype)
				continue;
			if (mel_value_align(&g->value[node->in[at]], err))
				return -1;
			*to = *from;
			to->owned = false;
		}
	}
	return 0;
}

static int
fold_bodies(struct fold *f, struct mel_err *err)
{
	for (int i = 0; i < f->graph->n_node; i++) {
		const struct mel_node *node = &f->graph->node[i];
		struct mel_graph *body;

		if (hand_down(f->graph, node, err))
			return -1;
		for (int k = 0; (body = mel_node_body(node, &k));) {
			if (mel_graph_fold(body, f->run.kernels, err))
				return -1;
		}
	}
	return 0;
}

static int
fold_all(struct fold *f, struct mel_err *err)
{
	int n_in = 1, n_out = 1;

	for (int i = 0; i < f->graph->n_node; i++) {
		const struct mel_node *n = &f->graph->node[i];

		n_in = n->n_in > n_in ? n->n_in : n_in;
		n_out = n->n_out > n_out ? n->n_out : n_out;
	}
	f->in = mel_alloc((size_t)n_in, sizeof(*f->in), err);
	f->out = mel_alloc((size_t)n_out, sizeof(*f->out), err);
	if (!f->in || !f->out)
		return -1;
	for (int i = 0; i < f->graph->n_node; i++) {
		if (fold_node(f, &f->graph->node[i], err))
			return -1;
	}
	return fold_bodies(f, err);
}

int
mel_graph_fold(struct mel_graph *graph, const struct mel_kernels *kernels,
    struct mel_err *err)
{
	struct fold f = {.graph = graph, .run.kernels = kernels};
	int rc;

	if (mel_graph_sweep(graph, err))
		return -1;
	rc = fold_all(&f, err);
	free(f.in);
	free(f.out);
	return rc ? -1 : mel_graph_sweep(graph, err);
}
