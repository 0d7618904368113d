/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/graph.h"
#include "net/op.h"
#include "net/packs.h"
#include "net/pass.h"
#include "net/weights.h"
#include "tensor/tensor.h"

#define MOST_ROOM ((size_t)10 << 20) /* for weights on their way */

struct bind {
	const struct mel_binding *given;
	unsigned char *room; /* [size] owned; what is read from the files */
	size_t size;
};

static const struct mel_tensor *
constant(const struct mel_graph *graph, const struct mel_node *node, int k)
{
	const struct mel_tensor *t = node->in[k] == MEL_ABSENT
					 ? NULL
					 : &graph->value[node->in[k]].constant;

	return t && t->dtype ? t : NULL;
}

static bool
is_large(const struct mel_tensor *t)
{
	return t && mel_tensor_bytes(t) >= MEL_WEIGHTS_LARGE;
}

/* The most that one node reads, if that is not too much. */
static size_t
find_room(const struct mel_graph *graph)
{
	size_t most = 0;

	for (int i = 0; i < graph->n_node; i++) {
		const struct mel_node *n = &graph->node[i];
		size_t sum = 0;

		for (int k = 0; n->op->bind && k < n->n_in; k++) {
			const struct mel_tensor *t = constant(graph, n, k);

			if (is_large(t))
				sum += mel_tensor_bytes(t);
		}
		sum = sum < MOST_ROOM ? sum : MOST_ROOM;
		most = sum > most ? sum : most;
	}
	return most;
}

/* copy, in: [n_in] for the time of the call. */
static int
bind_node(struct bind *b, struct mel_graph *graph, struct mel_node *node,
    struct mel_tensor *copy, const struct mel_tensor **in, struct mel_err *err)
{
	const struct mel_weights *weights = b->given->weights;
	size_t used = 0, more;

	for (int k = 0; k < node->n_in; k++) {
		in[k] = constant(graph, node, k);
		if (!is_large(in[k]))
			continue;
		copy[k] = mel_weights_fetch(
		    weights, in[k], b->room + used, b->size - used, &more);
		used += more;
		in[k] = &copy[k];
	}
	node->packs = b->given->packs;
	if (node->op->bind(node, in, b->given->kernels, err))
		return -1;
	for (int k = 0; k < node->n_in; k++) {
		if (mel_node_packs(node, k))
			mel_weights_drop(weights, constant(graph, node, k));
	}
	return 0;
}

static int
bind_nodes(struct bind *b, struct mel_graph *graph, struct mel_err *err)
{
	for (int i = 0; i < graph->n_node; i++) {
		struct mel_node *n = &graph->node[i];
		size_t n_in = (size_t)n->n_in;
		const struct mel_tensor **in;
		struct mel_tensor *copy;
		int rc = -1;

		if (!n->op->bind)
			continue;
		in = mel_alloc(n_in, sizeof(struct mel_tensor *), err);
		copy = mel_alloc(n_in, sizeof(*copy), err);
		if (in && copy)
			rc = bind_node(b, graph, n, copy, in, err);
		free(in);
		free(copy);
		if (rc)
			return -1;
	}
	return 0;
}

static int
bind_bodies(struct mel_graph *graph, const struct mel_binding *binding,
    struct mel_err *err)
{
	for (int i = 0; i < graph->n_node; i++) {
		struct mel_graph *body;

		for (int k = 0; (body = mel_node_body(&graph->node[i], &k));) {
			if (mel_graph_bind(body, binding, err))
				return -1;
		}
	}
	return 0;
}

int
mel_graph_bind(struct mel_graph *graph, const struct mel_binding *binding,
    struct mel_err *err)
{
	struct bind b = {.given = binding};
	int rc = 0;

	if (!mel_packs_from_file(binding->packs))
		b.size = find_room(graph);
	if (b.size)
		b.room = mel_alloc_aligned(b.size, err);
	if (b.size && !b.room)
		return -1;
	rc = bind_nodes(&b, graph, err);
	free(b.room);
	return rc ? rc : bind_bodies(graph, binding, err);
}
