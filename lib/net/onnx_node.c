/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/onnx_node.h"

#include <limits.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/graph.h"
#include "net/weights.h"
#include "onnx.pb-c.h"

#define MAX_ATTRIBUTES 256

bool
mel_onnx_is_standard(const char *domain)
{
	return !domain || !*domain || !strcmp(domain, "ai.onnx");
}

/* The type of an attribute that does not name it (IR version 1). */
static int
guess_type(const Onnx__AttributeProto *a)
{
	if (a->has_f)
		return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
	if (a->has_i)
		return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
	if (a->has_s)
		return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
	if (a->t)
		return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
	if (a->n_floats)
		return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
	if (a->n_strings)
		return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS;
	return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
}

static int
add_floats(
    struct mel_node *node, const Onnx__AttributeProto *p, struct mel_err *err)
{
	struct mel_attr *a =
	    mel_node_add_attr(node, p->name, MEL_ATTR_FLOATS, err);

	if (!a)
		return -1;
	a->floats = mel_alloc(p->n_floats, sizeof(*a->floats), err);
	if (!a->floats)
		return -1;
	if (p->n_floats)
		memcpy(a->floats, p->floats, p->n_floats * sizeof(*a->floats));
	a->n = p->n_floats;
	return 0;
}

static int
add_strings(
    struct mel_node *node, const Onnx__AttributeProto *p, struct mel_err *err)
{
	struct mel_attr *a =
	    mel_node_add_attr(node, p->name, MEL_ATTR_STRINGS, err);

	if (!a)
		return -1;
	a->strings = mel_alloc(p->n_strings, sizeof(*a->strings), err);
	if (!a->strings)
		return -1;
	for (; a->n < p->n_strings; a->n++) {
		a->strings[a->n] =
		    mel_strndup((const char *)p->strings[a->n].data,
			p->strings[a->n].len, err);
		if (!a->strings[a->n])
			return -1;
	}
	return 0;
}

static int
add_string(
    struct mel_node *node, const Onnx__AttributeProto *p, struct mel_err *err)
{
	struct mel_attr *a =
	    mel_node_add_attr(node, p->name, MEL_ATTR_STRING, err);

	if (!a)
		return -1;
	a->s = mel_strndup((const char *)p->s.data, p->s.len, err);
	return a->s ? 0 : -1;
}

static int
add_tensor(struct mel_node *node, struct mel_weights *weights,
    const Onnx__AttributeProto *p, struct mel_err *err)
{
	struct mel_attr *a =
	    mel_node_add_attr(node, p->name, MEL_ATTR_TENSOR, err);

	if (!a)
		return -1;
	if (!p->t)
		return mel_node_fail(
		    node, err, "attribute %s: no tensor", p->name);
	if (!mel_weights_tensor(weights, p->t, &a->tensor, err))
		return 0;
	mel_fail_in(err, "attribute %s", p->name);
	return mel_fail_in(err, "%s (node %s)", node->kind, node->name);
}

static int
add_attribute(struct mel_node *node, struct mel_weights *weights,
    const Onnx__AttributeProto *p, struct mel_err *err)
{
	if (!p->name || mel_node_attr(node, p->name))
		return mel_node_fail(node, err,
		    p->name ? "attribute %s given twice"
			    : "an attribute without a name%s",
		    p->name ? p->name : "");
	switch (p->has_type ? (int)p->type : guess_type(p)) {
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
		return mel_node_add_float(node, p->name, p->f, err);
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
		return mel_node_add_int(node, p->name, p->i, err);
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
		return mel_node_add_ints(
		    node, p->name, p->ints, p->n_ints, err);
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
		return add_string(node, p, err);
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
		return add_floats(node, p, err);
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
		return add_strings(node, p, err);
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
		return add_tensor(node, weights, p, err);
	}
	return 0;
}

/* "Conv", or "com.microsoft.FusedConv" of another domain. */
static int
kind_of(const Onnx__NodeProto *proto, struct mel_buf *kind, struct mel_err *err)
{
	if (!proto->op_type || !*proto->op_type)
		return mel_fail(err, "node %s has no operator",
		    proto->name ? proto->name : "");
	if (mel_onnx_is_standard(proto->domain))
		return mel_buf_puts(kind, proto->op_type, err);
	return mel_buf_printf(
	    kind, err, "%s.%s", proto->domain, proto->op_type);
}

int
mel_onnx_add_node(struct mel_graph *graph, struct mel_weights *weights,
    const struct Onnx__NodeProto *proto, struct mel_err *err)
{
	struct mel_buf kind = {0};
	size_t n_in = proto->n_input;
	int i = -1;

	while (n_in && !*proto->input[n_in - 1])
		n_in--;
	if (n_in > INT_MAX || proto->n_output > INT_MAX ||
	    proto->n_attribute > MAX_ATTRIBUTES)
		return mel_fail(err, "node with too many values or attributes");
	if (!kind_of(proto, &kind, err))
		i = mel_graph_add_node(graph, kind.data,
		    proto->name ? proto->name : "", (int)n_in,
		    (int)proto->n_output, err);
	mel_buf_free(&kind);
	if (i < 0)
		return -1;
	graph->node[i].opset = graph->opset;
	for (size_t k = 0; k < proto->n_attribute; k++) {
		if (add_attribute(
			&graph->node[i], weights, proto->attribute[k], err))
			return -1;
	}
	return i;
}
