/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/graph.h"
#include "net/op.h"
#include "net/pass.h"
#include "tensor/tensor.h"

int
mel_value_align(struct mel_value *value, struct mel_err *err)
{
	struct mel_tensor *t = &value->constant;
	size_t bytes = mel_tensor_bytes(t);
	void *data;

	if (!bytes || (uintptr_t)t->data % mel_dtype_size(t->dtype) == 0)
		return 0;
	data = mel_alloc_aligned(bytes, err);
	if (!data)
		return -1;
	memcpy(data, t->data, bytes);
	if (t->owned)
		free(t->data);
	t->data = data;
	t->owned = true;
	return 0;
}

/* Sets read[v] for values whose data somebody needs. */
static void
find_read(const struct mel_graph *graph, bool *read)
{
	for (int i = 0; i < graph->n_node; i++) {
		const struct mel_node *n = &graph->node[i];

		for (int k = 0; k < n->n_in; k++) {
			if (n->in[k] != MEL_ABSENT && !n->op->shape_only &&
			    !mel_node_packs(n, k))
				read[n->in[k]] = true;
		}
	}
	for (int i = 0; i < graph->n_output; i++)
		read[graph->output[i].value] = true;
}

/* What is left is the shape. */
static void
release(struct mel_tensor *t)
{
	if (t->owned)
		free(t->data);
	t->owned = false;
	t->data = NULL;
}

static int
settle_bodies(struct mel_node *node, struct mel_err *err)
{
	struct mel_graph *body;

	for (int k = 0; (body = mel_node_body(node, &k));) {
		if (mel_graph_settle(body, err))
			return -1;
	}
	return 0;
}

int
mel_graph_settle(struct mel_graph *graph, struct mel_err *err)
{
	bool *read = mel_alloc((size_t)graph->n_value, sizeof(*read), err);
	int rc = read ? 0 : -1;

	if (read)
		find_read(graph, read);
	for (int v = 0; !rc && v < graph->n_value; v++) {
		struct mel_value *value = &graph->value[v];

		if (!value->constant.dtype)
			continue;
		if (read[v])
			rc = mel_value_align(value, err);
		else
			release(&value->constant);
	}
	free(read);
	for (int i = 0; !rc && i < graph->n_node; i++)
		rc = settle_bodies(&graph->node[i], err);
	return rc;
}
