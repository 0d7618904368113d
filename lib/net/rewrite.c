/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/rewrite.h"

#include <stdlib.h>

#include "base/mem.h"
#include "net/eval.h"
#include "net/graph.h"
#include "net/op.h"

int
mel_rewrite_prepare(
    struct mel_node *node, const char *kind, struct mel_err *err)
{
	char *copy = mel_strdup(kind, err);

	if (!copy)
		return -1;
	if (node->params && node->op->release)
		node->op->release(node);
	free(node->params);
	node->params = NULL;
	free(node->kind);
	node->kind = copy;
	return mel_node_prepare(node, err);
}

int *
mel_rewrite_uses(const struct mel_graph *graph, struct mel_err *err)
{
	int *uses = mel_alloc((size_t)graph->n_value, sizeof(*uses), err);

	if (!uses)
		return NULL;
	for (int i = 0; i < graph->n_node; i++) {
		const struct mel_node *n = &graph->node[i];

		for (int k = 0; k < n->n_in; k++) {
			if (n->in[k] != MEL_ABSENT)
				uses[n->in[k]]++;
		}
	}
	for (int i = 0; i < graph->n_output; i++)
		uses[graph->output[i].value]++;
	return uses;
}
