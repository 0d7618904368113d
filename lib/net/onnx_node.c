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
	if (a->g)
		return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
	if (a->n_floats)
		return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
	if (a->n_strings)
		return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS;
	return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
}

static int
add_floats(struct mel_node *node, const char *name,
    const Onnx__AttributeProto *p, struct mel_err *err)
{
	struct mel_attr *a =
	    mel_node_add_attr(node, name, MEL_ATTR_FLOATS, err);

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
add_strings(struct mel_node *node, const char *name,
    const Onnx__AttributeProto *p, struct mel_err *err)
{
	struct mel_attr *a =
	    mel_node_add_attr(node, name, MEL_ATTR_STRINGS, err);

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
add_string(struct mel_node *node, const char *name,
    const Onnx__AttributeProto *p, struct mel_err *err)
{
	struct mel_attr *a =
	    mel_node_add_attr(node, name, MEL_ATTR_STRING, err);

	if (!a)
		return -1;
	a->s = mel_strndup((const char *)p->s.data, p->s.len, err);
	return a->s ? 0 : -1;
}

static int
add_tensor(struct mel_node *node, struct mel_weights *weights, const char *name,
    const Onnx__AttributeProto *p, struct mel_err *err)
{
	struct mel_attr *a =
	    mel_node_add_attr(node, name, MEL_ATTR_TENSOR, err);

	if (!a)
		return -1;
	if (!p->t)
		return mel_node_fail(
		    node, err, "attribute %s: no tensor", name);
	if (!mel_weights_tensor(weights, p->t, &a->tensor, err))
		return 0;
	mel_fail_in(err, "attribute %s", name);
	return mel_fail_in(err, "%s (node %s)", node->kind, node->name);
}

static int
type_of(const Onnx__AttributeProto *p)
{
	return p->has_type ? (int)p->type : guess_type(p);
}

bool
mel_onnx_is_body(const struct Onnx__AttributeProto *proto)
{
	return proto->g &&
	       type_of(proto) == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
}

int
mel_onnx_add_attribute(struct mel_node *node, struct mel_weights *weights,
    const char *name, const struct Onnx__AttributeProto *p, struct mel_err *err)
{
	if (mel_node_attr(node, name))
		return mel_node_fail(
		    node, err, "attribute %s given twice", name);
	switch (type_of(p)) {
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
		return mel_node_add_float(node, name, p->f, err);
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
		return mel_node_add_int(node, name, p->i, err);
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
		return mel_node_add_ints(node, name, p->ints, p->n_ints, err);
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
		return add_string(node, name, p, err);
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
		return add_floats(node, name, p, err);
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
		return add_strings(node, name, p, err);
	case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
		return add_tensor(node, weights, name, p, err);
	}
	return 0;
}

/*
 * "Conv", or "com.microsoft.FusedConv" of another domain; "(conv)" and the
 * like are names of this library's own, which no file may use.
 */
static int
kind_of(const Onnx__NodeProto *proto, struct mel_buf *kind, struct mel_err *err)
{
	if (!proto->op_type || !*proto->op_type)
		return mel_fail(err, "node %s has no operator",
		    proto->name ? proto->name : "");
	if (!mel_onnx_is_standard(proto->domain))
		return mel_buf_printf(
		    kind, err, "%s.%s", proto->domain, proto->op_type);
	return mel_buf_printf(kind, err, "%s%s",
	    *proto->op_type == '(' ? "ai.onnx." : "", proto->op_type);
}

/* The node's own name, or "CALL/NAME" in a function. */
static int
name_of(const Onnx__NodeProto *proto, const char *inside, struct mel_buf *name,
    struct mel_err *err)
{
	return mel_buf_printf(name, err, "%s%s%s", inside, *inside ? "/" : "",
	    proto->name ? proto->name : "");
}

int
mel_onnx_add_node(struct mel_graph *graph, const struct Onnx__NodeProto *proto,
    const char *inside, struct mel_err *err)
{
	struct mel_buf kind = {0}, name = {0};
	size_t n_in = proto->n_input;
	int i = -1;

	while (n_in && !*proto->input[n_in - 1])
		n_in--;
	if (n_in > INT_MAX || proto->n_output > INT_MAX ||
	    proto->n_attribute > MAX_ATTRIBUTES)
		return mel_fail(err, "node with too many values or attributes");
	if (!kind_of(proto, &kind, err) && !name_of(proto, inside, &name, err))
		i = mel_graph_add_node(graph, kind.data, name.data, (int)n_in,
		    (int)proto->n_output, err);
	mel_buf_free(&kind);
	mel_buf_free(&name);
	return i;
}
