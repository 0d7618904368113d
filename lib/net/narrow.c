/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/graph.h"
#include "net/pass.h"
#include "net/weights.h"
#include "onnx.pb-c.h"
#include "tensor/convert.h"
#include "tensor/tensor.h"

/* Bit `dtype` of types: to be turned into f32. */
static bool
is_narrowed(unsigned types, enum mel_dtype dtype)
{
	return types >> dtype & 1;
}

static int
narrow_tensor(struct mel_tensor *t, unsigned types, struct mel_err *err)
{
	struct mel_tensor f32;

	if (!is_narrowed(types, t->dtype))
		return 0;
	if (mel_tensor_convert(&f32, t, MEL_F32, err))
		return -1;
	mel_tensor_free(t);
	*t = f32;
	return 0;
}

/* Attributes that name an element type: Cast, and makers of new tensors. */
static bool
names_type(const struct mel_attr *a)
{
	return a->type == MEL_ATTR_INT &&
	       (!strcmp(a->name, "to") || !strcmp(a->name, "dtype"));
}

static int
narrow_node(struct mel_node *node, unsigned types, struct mel_err *err)
{
	for (int i = 0; i < node->n_attr; i++) {
		struct mel_attr *a = &node->attr[i];

		if (a->type == MEL_ATTR_TENSOR &&
		    narrow_tensor(&a->tensor, types, err))
			return -1;
		if (names_type(a) && a->i > 0 && a->i < 256 &&
		    is_narrowed(types, mel_onnx_dtype((int32_t)a->i)))
			a->i = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	}
	return 0;
}

static int
narrow_graph(struct mel_graph *graph, unsigned types, struct mel_err *err)
{
	for (int v = 0; v < graph->n_value; v++) {
		if (narrow_tensor(&graph->value[v].constant, types, err))
			return -1;
	}
	for (int i = 0; i < graph->n_node; i++) {
		struct mel_graph *body;

		if (narrow_node(&graph->node[i], types, err))
			return -1;
		for (int k = 0; (body = mel_node_body(&graph->node[i], &k));) {
			if (narrow_graph(body, types, err))
				return -1;
		}
	}
	return 0;
}

int
mel_graph_narrow(struct mel_graph *graph, struct mel_err *err)
{
	unsigned types = 1u << MEL_F16 | 1u << MEL_BF16 | 1u << MEL_F64;

	for (int i = 0; i < graph->n_input; i++)
		types &= ~(1u << graph->input[i].dtype);
	for (int i = 0; i < graph->n_output; i++)
		types &= ~(1u << graph->output[i].dtype);
	return narrow_graph(graph, types, err);
}
