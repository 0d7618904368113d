/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/onnx_write.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/graph.h"
#include "net/onnx_proto.h"
#include "net/op.h"
#include "onnx.pb-c.h"
#include "tensor/tensor.h"

/* Values that have no name to keep are called by numbers behind this. */
#define PREFIX "melpipe/"

/* A graph on its way into a message. */
struct scope {
	struct mel_protos *protos;
	const struct mel_graph *graph;
	char **name;      /* [n_value]; NULL: nobody reads it yet */
	bool *from_above; /* [n_value] an input: no initialiser */
	Onnx__GraphProto *out;
	size_t node_cap;
	int *count; /* of new names; one for all graphs of the file */
};

static int write_graph(struct scope *s, char **captured, struct mel_err *err);

static char *
new_name(struct scope *s, struct mel_err *err)
{
	char *name = mel_protos_take(s->protos, sizeof(PREFIX) + 12, 1, err);

	if (name)
		snprintf(name, sizeof(PREFIX) + 12, PREFIX "%d", ++*s->count);
	return name;
}

/* The name that value v goes by; "" if it is absent. */
static char *
name_of(struct scope *s, int v, struct mel_err *err)
{
	static char none[] = "";

	if (v == MEL_ABSENT)
		return none;
	if (!s->name[v])
		s->name[v] = new_name(s, err);
	return s->name[v];
}

static Onnx__NodeProto *
add_node(
    struct scope *s, const char *kind, int n_in, int n_out, struct mel_err *err)
{
	Onnx__NodeProto *p = mel_proto_node(s->protos, kind, n_in, n_out, err);

	if (!p || mel_reserve(&s->out->node, &s->node_cap, s->out->n_node + 1,
		      sizeof(*s->out->node), err))
		return NULL;
	s->out->node[s->out->n_node++] = p;
	return p;
}

/* Names of what the bodies of a node read of the graph around. */
static char **
names_of_captures(
    struct scope *s, const struct mel_node *node, struct mel_err *err)
{
	size_t n = (size_t)(node->n_in - node->n_own);
	char **name = mel_protos_take(s->protos, n, sizeof(*name), err);

	for (size_t i = 0; name && i < n; i++) {
		name[i] = name_of(s, node->in[node->n_own + (int)i], err);
		if (!name[i])
			return NULL;
	}
	return name;
}

static Onnx__GraphProto *
write_body(struct scope *s, const struct mel_graph *body, char **captured,
    struct mel_err *err)
{
	struct scope inner = {
	    .protos = s->protos, .graph = body, .count = s->count};
	int rc = write_graph(&inner, captured, err);

	return rc ? NULL : inner.out;
}

/* What operators had in old versions and the normal form does not mind. */
static bool
is_stale(const struct mel_node *node, const char *attr)
{
	static const char *const stale[] = {"Softmax", "flatten", "LogSoftmax",
	    "flatten", "Hardmax", "flatten", "BatchNormalization", "spatial",
	    NULL};

	for (int i = 0; stale[i]; i += 2) {
		if (!strcmp(node->op->name, stale[i]) &&
		    !strcmp(attr, stale[i + 1]))
			return true;
	}
	return !strcmp(attr, "consumed_inputs");
}

static int
write_attributes(struct scope *s, const struct mel_node *node,
    Onnx__NodeProto *p, struct mel_err *err)
{
	char **captured = names_of_captures(s, node, err);
	bool parts = !strcmp(node->op->name, "Split") &&
		     (node->n_own < 2 || node->in[1] == MEL_ABSENT) &&
		     !mel_node_attr(node, "num_outputs");

	if (!captured ||
	    mel_proto_attributes(s->protos, p, node->n_attr + 1, err))
		return -1;
	for (int i = 0; i < node->n_attr; i++) {
		const struct mel_attr *a = &node->attr[i];
		Onnx__GraphProto *body = NULL;

		if (is_stale(node, a->name))
			continue;
		if (a->type == MEL_ATTR_GRAPH) {
			body = write_body(s, a->graph, captured, err);
			if (!body)
				return -1;
			captured += a->graph->n_input - a->graph->n_formal;
		}
		if (mel_proto_attr(s->protos, p, a, body, err))
			return -1;
	}
	return parts ? mel_proto_int(
			   s->protos, p, "num_outputs", node->n_out, err)
		     : 0;
}

/*
 * Softmax over all axes from one on, which ONNX has no more: the value is
 * made a matrix, and given its shape again.
 */
static int
write_flat(struct scope *s, const struct mel_node *node, struct mel_err *err)
{
	Onnx__NodeProto *shape = add_node(s, "Shape", 1, 1, err);
	Onnx__NodeProto *flat = add_node(s, "Flatten", 1, 1, err);
	Onnx__NodeProto *act = add_node(s, node->op->name, 1, 1, err);
	Onnx__NodeProto *back = add_node(s, "Reshape", 2, 1, err);
	char *x = name_of(s, node->in[0], err);
	char *y = name_of(s, node->out[0], err);
	char *a = new_name(s, err), *b = new_name(s, err);
	char *c = new_name(s, err);
	int64_t axis;

	if (!shape || !flat || !act || !back || !x || !y || !a || !b || !c ||
	    mel_attr_int(node, "axis", 1, &axis, err))
		return -1;
	shape->input[0] = flat->input[0] = x;
	shape->output[0] = back->input[1] = a;
	flat->output[0] = act->input[0] = b;
	act->output[0] = back->input[0] = c;
	back->output[0] = y;
	act->name = node->name;
	return mel_proto_attributes(s->protos, flat, 1, err) ||
		       mel_proto_int(s->protos, flat, "axis", axis, err) ||
		       mel_proto_attributes(s->protos, act, 1, err) ||
		       mel_proto_int(s->protos, act, "axis", -1, err) ||
		       mel_proto_attributes(s->protos, back, 1, err) ||
		       mel_proto_int(s->protos, back, "allowzero", 1, err)
		   ? -1
		   : 0;
}

static int
write_node(struct scope *s, const struct mel_node *node, struct mel_err *err)
{
	Onnx__NodeProto *p;
	int64_t flat;
	int n_out = node->n_out;

	if (node->op->name[0] == '(')
		return mel_node_fail(
		    node, err, "is this library's own and has no name in ONNX");
	if (mel_attr_int(node, "flatten", 0, &flat, err))
		return -1;
	if (flat)
		return write_flat(s, node, err);
	while (n_out > 1 && node->out[n_out - 1] == MEL_ABSENT)
		n_out--;
	p = add_node(s, node->op->name, node->n_own, n_out, err);
	if (!p)
		return -1;
	p->name = node->name;
	for (int k = 0; k < node->n_own; k++) {
		p->input[k] = name_of(s, node->in[k], err);
		if (!p->input[k])
			return -1;
	}
	for (int k = 0; k < n_out; k++) {
		p->output[k] = name_of(s, node->out[k], err);
		if (!p->output[k])
			return -1;
	}
	return write_attributes(s, node, p, err);
}

/* Names that are fixed: those of inputs, and of outputs if it is the whole. */
static int
set_names(struct scope *s, char **captured, struct mel_err *err)
{
	const struct mel_graph *g = s->graph;

	for (int i = 0; i < g->n_input; i++) {
		int v = g->input[i].value;

		s->from_above[v] = true;
		if (i >= g->n_formal)
			s->name[v] = captured[i - g->n_formal];
		else if (!captured)
			s->name[v] = g->input[i].name;
		else if (!name_of(s, v, err))
			return -1;
	}
	for (int i = 0; !captured && i < g->n_output; i++) {
		int v = g->output[i].value;

		if (g->value[v].producer >= 0 && !s->name[v])
			s->name[v] = g->output[i].name;
	}
	return 0;
}

/*
 * Outputs have a node of their own behind them if the value is no node's, or
 * is an output twice.
 */
static int
write_outputs(struct scope *s, bool whole, struct mel_err *err)
{
	const struct mel_graph *g = s->graph;
	size_t n = (size_t)g->n_output;

	s->out->output =
	    mel_protos_take(s->protos, n, sizeof(*s->out->output), err);
	for (size_t i = 0; s->out->output && i < n; i++) {
		int v = g->output[i].value;
		char *have = name_of(s, v, err);
		char *want = whole ? g->output[i].name : have;
		Onnx__NodeProto *copy;

		for (size_t k = 0; !whole && k < i; k++) {
			if (g->output[k].value == v)
				want = NULL;
		}
		if (!whole && g->value[v].producer < 0)
			want = NULL;
		if (!want)
			want = new_name(s, err);
		if (!have || !want)
			return -1;
		if (want != have) {
			copy = add_node(s, "Identity", 1, 1, err);
			if (!copy)
				return -1;
			copy->input[0] = have;
			copy->output[0] = want;
		}
		s->out->output[i] =
		    mel_proto_io(s->protos, &g->output[i], want, err);
		if (!s->out->output[i])
			return -1;
		s->out->n_output++;
	}
	return s->out->output ? 0 : -1;
}

static int
write_inputs(struct scope *s, struct mel_err *err)
{
	const struct mel_graph *g = s->graph;
	size_t n = (size_t)g->n_formal;

	s->out->input =
	    mel_protos_take(s->protos, n, sizeof(*s->out->input), err);
	for (size_t i = 0; s->out->input && i < n; i++) {
		s->out->input[i] = mel_proto_io(
		    s->protos, &g->input[i], s->name[g->input[i].value], err);
		if (!s->out->input[i])
			return -1;
		s->out->n_input++;
	}
	return s->out->input ? 0 : -1;
}

static int
write_constants(struct scope *s, struct mel_err *err)
{
	const struct mel_graph *g = s->graph;
	Onnx__TensorProto **list =
	    mel_protos_take(s->protos, (size_t)g->n_value, sizeof(*list), err);

	if (!list)
		return -1;
	s->out->initializer = list;
	for (int v = 0; v < g->n_value; v++) {
		const struct mel_tensor *t = &g->value[v].constant;
		Onnx__TensorProto *p;

		if (!t->dtype || !s->name[v] || s->from_above[v])
			continue;
		p = mel_proto_tensor(s->protos, t, s->name[v], err);
		if (!p)
			return -1;
		list[s->out->n_initializer++] = p;
	}
	return 0;
}

/* captured: names of what a body reads of the graph around; NULL: no body. */
static int
write_graph(struct scope *s, char **captured, struct mel_err *err)
{
	const struct mel_graph *g = s->graph;
	size_t n = (size_t)g->n_value;
	static char title[] = "network";
	int rc;

	s->name = mel_protos_take(s->protos, n, sizeof(*s->name), err);
	s->from_above =
	    mel_protos_take(s->protos, n, sizeof(*s->from_above), err);
	s->out = mel_protos_take(s->protos, 1, sizeof(*s->out), err);
	if (!s->name || !s->from_above || !s->out)
		return -1;
	onnx__graph_proto__init(s->out);
	s->out->name = title;
	rc = set_names(s, captured, err);
	for (int i = 0; !rc && i < g->n_node; i++)
		rc = write_node(s, &g->node[i], err);
	if (!rc)
		rc = write_outputs(s, !captured, err) || write_inputs(s, err) ||
		     write_constants(s, err);
	/* The list was grown outside the protos: freed with them. */
	if (mel_protos_own(s->protos, s->out->node, err))
		return -1;
	return rc ? -1 : 0;
}

static int
check_names(const struct mel_graph *g, struct mel_err *err)
{
	for (int i = 0; i < g->n_input + g->n_output; i++) {
		const struct mel_io *io =
		    i < g->n_input ? &g->input[i] : &g->output[i - g->n_input];

		if (!strncmp(io->name, PREFIX, strlen(PREFIX)))
			return mel_fail(err,
			    "%s: names that begin with %s cannot be written",
			    io->name, PREFIX);
	}
	return 0;
}

int
mel_onnx_write(const struct mel_graph *graph, int fd, struct mel_err *err)
{
	struct mel_protos protos = {0};
	int count = 0;
	struct scope s = {.protos = &protos, .graph = graph, .count = &count};
	int rc = check_names(graph, err);

	if (!rc)
		rc = write_graph(&s, NULL, err);
	if (!rc)
		rc = mel_proto_model(
		    s.out, MEL_WRITE_IR, MEL_WRITE_OPSET, fd, err);
	mel_protos_free(&protos);
	return rc;
}
