/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/pass.h"

#include <limits.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/eval.h"
#include "net/graph.h"
#include "net/op.h"
#include "tensor/tensor.h"

#define MAX_LISTED 8 /* operators in one message */

/* Calls the pass for every body of the graph's nodes. */
static int
each_body(struct mel_graph *graph,
    int (*pass)(struct mel_graph *graph, struct mel_err *err),
    struct mel_err *err)
{
	for (int i = 0; i < graph->n_node; i++) {
		struct mel_graph *body;

		for (int k = 0; (body = mel_node_body(&graph->node[i], &k));) {
			if (pass(body, err))
				return -1;
		}
	}
	return 0;
}

static void
find_last_use(struct mel_graph *graph)
{
	for (int v = 0; v < graph->n_value; v++)
		graph->last[v] = -1;
	for (int i = 0; i < graph->n_node; i++) {
		const struct mel_node *n = &graph->node[i];

		for (int k = 0; !n->op->shape_only && k < n->n_in; k++) {
			if (n->in[k] != MEL_ABSENT && !mel_node_packs(n, k))
				graph->last[n->in[k]] = i;
		}
	}
	for (int i = 0; i < graph->n_output; i++)
		graph->last[graph->output[i].value] = INT_MAX;
}

int
mel_graph_measure(struct mel_graph *graph, struct mel_err *err)
{
	free(graph->last);
	graph->last =
	    mel_alloc((size_t)graph->n_value, sizeof(*graph->last), err);
	if (!graph->last)
		return -1;
	graph->n_body = 0;
	find_last_use(graph);
	graph->most_in = graph->most_out = 1;
	for (int i = 0; i < graph->n_node; i++) {
		const struct mel_node *n = &graph->node[i];
		struct mel_graph *body;

		if (n->n_in > graph->most_in)
			graph->most_in = n->n_in;
		if (n->n_out > graph->most_out)
			graph->most_out = n->n_out;
		for (int k = 0; (body = mel_node_body(n, &k));)
			body->number = graph->n_body++;
	}
	return each_body(graph, mel_graph_measure, err);
}

static void
set_producers(struct mel_graph *graph)
{
	for (int v = 0; v < graph->n_value; v++)
		graph->value[v].producer = -1;
	for (int i = 0; i < graph->n_node; i++) {
		const struct mel_node *n = &graph->node[i];

		for (int k = 0; k < n->n_out; k++) {
			if (n->out[k] != MEL_ABSENT)
				graph->value[n->out[k]].producer = i;
		}
	}
}

static bool
in_order(const struct mel_graph *graph)
{
	for (int i = 0; i < graph->n_node; i++) {
		const struct mel_node *n = &graph->node[i];

		for (int k = 0; k < n->n_in; k++) {
			if (n->in[k] != MEL_ABSENT &&
			    graph->value[n->in[k]].producer >= i)
				return false;
		}
	}
	return true;
}

/*
 * Depth first along the inputs, with a stack of our own: a chain of nodes may
 * be as long as the file.
 */
struct visit {
	const struct mel_graph *graph;
	unsigned char *state; /* [n_node] 0 new, 1 on the stack, 2 done */
	int *next;            /* [n_node] input to look at next */
	int *stack;           /* [n_node] */
	int *order;           /* [n_node] */
	int n_order;
};

static int
visit(struct visit *v, int root, struct mel_err *err)
{
	int depth = 0;

	v->stack[depth++] = root;
	v->state[root] = 1;
	while (depth) {
		int i = v->stack[depth - 1], value, p;
		const struct mel_node *n = &v->graph->node[i];

		if (v->next[i] == n->n_in) {
			v->state[i] = 2;
			v->order[v->n_order++] = i;
			depth--;
			continue;
		}
		value = n->in[v->next[i]++];
		p = value == MEL_ABSENT ? -1 : v->graph->value[value].producer;
		if (p < 0 || v->state[p] == 2)
			continue;
		if (v->state[p] == 1)
			return mel_node_fail(&v->graph->node[p], err,
			    "needs its own output: the graph has a cycle");
		v->state[p] = 1;
		v->stack[depth++] = p;
	}
	return 0;
}

static int
reorder(struct mel_graph *graph, const int *order, struct mel_err *err)
{
	struct mel_node *node =
	    mel_alloc((size_t)graph->n_node, sizeof(*node), err);

	if (!node)
		return -1;
	for (int i = 0; i < graph->n_node; i++)
		node[i] = graph->node[order[i]];
	free(graph->node);
	graph->node = node;
	graph->node_cap = (size_t)graph->n_node;
	return 0;
}

static int
sort_nodes(struct mel_graph *graph, struct mel_err *err)
{
	size_t n = (size_t)graph->n_node;
	struct visit v = {.graph = graph};
	int rc = 0;

	set_producers(graph);
	if (in_order(graph))
		return 0;
	v.state = mel_alloc(n, 1, err);
	v.next = mel_alloc(n, sizeof(int), err);
	v.stack = mel_alloc(n, sizeof(int), err);
	v.order = mel_alloc(n, sizeof(int), err);
	if (!v.state || !v.next || !v.stack || !v.order)
		rc = -1;
	for (int i = 0; !rc && i < graph->n_node; i++) {
		if (!v.state[i])
			rc = visit(&v, i, err);
	}
	if (!rc)
		rc = reorder(graph, v.order, err);
	free(v.state);
	free(v.next);
	free(v.stack);
	free(v.order);
	set_producers(graph);
	return rc;
}

int
mel_graph_sort(struct mel_graph *graph, struct mel_err *err)
{
	if (sort_nodes(graph, err))
		return -1;
	return each_body(graph, mel_graph_sort, err);
}

/* Operators that do not exist, up to MAX_LISTED and then dots. */
struct listing {
	struct mel_buf text;
	int n;
};

static int
list_unsupported(
    const struct mel_graph *graph, struct listing *list, struct mel_err *err)
{
	for (int i = 0; i < graph->n_node; i++) {
		const struct mel_node *n = &graph->node[i];
		const struct mel_graph *body;
		int rc = 0;

		for (int k = 0; (body = mel_node_body(n, &k));) {
			if (list_unsupported(body, list, err))
				return -1;
		}
		if (mel_op_find(n->kind) || list->n++ > MAX_LISTED)
			continue;
		if (list->n > MAX_LISTED)
			rc = mel_buf_puts(&list->text, ", ...", err);
		else
			rc = mel_buf_printf(&list->text, err, "%s%s (node %s)",
			    list->n > 1 ? ", " : "", n->kind, n->name);
		if (rc)
			return -1;
	}
	return 0;
}

static int
prepare_nodes(struct mel_graph *graph, struct mel_err *err)
{
	for (int i = 0; i < graph->n_node; i++) {
		if (mel_node_prepare(&graph->node[i], err))
			return -1;
	}
	return each_body(graph, prepare_nodes, err);
}

int
mel_graph_prepare(struct mel_graph *graph, struct mel_err *err)
{
	struct listing list = {{0}, 0};
	int rc = list_unsupported(graph, &list, err);

	if (!rc && list.n)
		rc = mel_fail(
		    err, "operators not supported: %s", list.text.data);
	mel_buf_free(&list.text);
	return rc ? -1 : prepare_nodes(graph, err);
}

static bool
is_needed(const struct mel_node *n, const bool *needed)
{
	for (int k = 0; k < n->n_out; k++) {
		if (n->out[k] != MEL_ABSENT && needed[n->out[k]])
			return true;
	}
	return false;
}

/* Takes away captures that nobody in the body reads; at: the node's input. */
static int
drop_captures(
    struct mel_node *node, struct mel_graph *body, int at, struct mel_err *err)
{
	bool *read = mel_alloc((size_t)body->n_value, sizeof(bool), err);
	int n = body->n_formal, to = at;

	if (!read)
		return -1;
	for (int i = 0; i < body->n_node; i++) {
		for (int k = 0; k < body->node[i].n_in; k++) {
			if (body->node[i].in[k] != MEL_ABSENT)
				read[body->node[i].in[k]] = true;
		}
	}
	for (int i = 0; i < body->n_output; i++)
		read[body->output[i].value] = true;
	for (int i = n; i < body->n_input; i++, at++) {
		if (!read[body->input[i].value]) {
			mel_io_clear(&body->input[i]);
			continue;
		}
		body->input[n++] = body->input[i];
		node->in[to++] = node->in[at];
	}
	free(read);
	body->n_input = n;
	for (n = node->n_in; at < n;)
		node->in[to++] = node->in[at++];
	node->n_in = to;
	return 0;
}

/* Takes away output k of the body, and puts it at `to` if that is >= 0. */
static void
move_output(struct mel_graph *body, int k, int to)
{
	if (to < 0)
		mel_io_clear(&body->output[k]);
	else
		body->output[to] = body->output[k];
}

/* What bodies give and nobody reads. */
static void
drop_outputs(struct mel_node *node, const bool *needed)
{
	int to, n_out = node->n_out;
	struct mel_graph *body;

	if (!node->op->own_outputs)
		return;
	to = node->op->own_outputs(node);
	for (int k = to; k < n_out; k++) {
		bool stays = node->out[k] != MEL_ABSENT && needed[node->out[k]];

		for (int i = 0; (body = mel_node_body(node, &i));) {
			int first = body->n_output - n_out;

			move_output(body, first + k, stays ? first + to : -1);
		}
		if (stays)
			node->out[to++] = node->out[k];
	}
	node->n_out = to;
	for (int i = 0; (body = mel_node_body(node, &i));)
		body->n_output -= n_out - to;
}

/* A last state that nobody reads: without it the node may stream. */
static void
drop_states(struct mel_node *node, const bool *needed)
{
	for (int k = 1; node->op->state && k < node->n_out; k++) {
		if (node->out[k] != MEL_ABSENT && !needed[node->out[k]])
			node->out[k] = MEL_ABSENT;
	}
}

static int
sweep_bodies(struct mel_node *node, struct mel_err *err)
{
	struct mel_graph *body;
	int at = node->n_own;

	for (int k = 0; (body = mel_node_body(node, &k));) {
		if (mel_graph_sweep(body, err) ||
		    drop_captures(node, body, at, err))
			return -1;
		at += body->n_input - body->n_formal;
	}
	return 0;
}

int
mel_graph_sweep(struct mel_graph *graph, struct mel_err *err)
{
	bool *needed = mel_alloc((size_t)graph->n_value, sizeof(bool), err);
	int n = 0;

	if (!needed)
		return -1;
	for (int i = 0; i < graph->n_output; i++)
		needed[graph->output[i].value] = true;
	for (int i = graph->n_node; i--;) {
		struct mel_node *node = &graph->node[i];

		if (!is_needed(node, needed)) {
			mel_node_clear(node);
			continue;
		}
		drop_outputs(node, needed);
		drop_states(node, needed);
		if (sweep_bodies(node, err)) {
			free(needed);
			return -1;
		}
		for (int k = 0; k < node->n_in; k++) {
			if (node->in[k] != MEL_ABSENT)
				needed[node->in[k]] = true;
		}
	}
	for (int i = 0; i < graph->n_node; i++) {
		if (graph->node[i].kind)
			graph->node[n++] = graph->node[i];
	}
	graph->n_node = n;
	for (int v = 0; v < graph->n_value; v++) {
		if (!needed[v])
			mel_tensor_free(&graph->value[v].constant);
	}
	free(needed);
	set_producers(graph);
	return 0;
}

int
mel_graph_simplify(struct mel_graph *graph, const struct mel_kernels *kernels,
    struct mel_err *err)
{
	return mel_graph_normalise(graph, err) || mel_graph_sort(graph, err) ||
		       mel_graph_narrow(graph, err) ||
		       mel_graph_prepare(graph, err) ||
		       mel_graph_fold(graph, kernels, err)
		   ? -1
		   : 0;
}
