/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/onnx_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/graph.h"
#include "net/onnx_node.h"
#include "net/onnx_scope.h"
#include "net/weights.h"
#include "onnx.pb-c.h"
#include "tensor/tensor.h"

#define MAX_NODES (1 << 20) /* of all bodies, with functions inlined */

static int load_graph(
    struct mel_scope *s, const Onnx__GraphProto *proto, struct mel_err *err);

static int
load_initialisers(
    struct mel_scope *s, const Onnx__GraphProto *proto, struct mel_err *err)
{
	for (size_t i = 0; i < proto->n_initializer; i++) {
		const Onnx__TensorProto *t = proto->initializer[i];
		int v;

		if (!t->name || !*t->name)
			return mel_fail(err, "initializer %zu has no name", i);
		v = mel_scope_define(s, t->name, err);
		if (v < 0 || mel_weights_tensor(s->source->weights, t,
				 &s->graph->value[v].constant, err))
			return -1;
	}
	return mel_names_sort(&s->names, err);
}

static int
load_shape(
    struct mel_io *io, const Onnx__TensorShapeProto *shape, struct mel_err *err)
{
	/* More axes than a tensor can have: as if nothing were declared. */
	if (!shape || shape->n_dim > MEL_MAX_DIMS)
		return 0;
	io->ndim = (int)shape->n_dim;
	for (int d = 0; d < io->ndim; d++) {
		const Onnx__TensorShapeProto__Dimension *dim = shape->dim[d];

		io->dim[d] = -1;
		if (dim->value_case ==
			ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
		    dim->dim_value >= 0)
			io->dim[d] = dim->dim_value;
		if (dim->value_case ==
			ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
		    *dim->dim_param) {
			io->symbol[d] = mel_strdup(dim->dim_param, err);
			if (!io->symbol[d])
				return -1;
		}
	}
	return 0;
}

static int
load_io(
    struct mel_io *io, const Onnx__ValueInfoProto *info, struct mel_err *err)
{
	const Onnx__TypeProto *type = info->type;

	io->ndim = -1;
	io->name = mel_strdup(info->name, err);
	if (!io->name)
		return -1;
	if (type && type->value_case == ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE) {
		io->sequence = true;
		type = type->sequence_type->elem_type;
	}
	if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		return 0;
	io->dtype = mel_onnx_dtype(type->tensor_type->elem_type);
	return load_shape(io, type->tensor_type->shape, err);
}

static int
load_inputs(
    struct mel_scope *s, const Onnx__GraphProto *proto, struct mel_err *err)
{
	struct mel_graph *g = s->graph;

	for (size_t i = 0; i < proto->n_input; i++) {
		const Onnx__ValueInfoProto *info = proto->input[i];
		struct mel_io *io;

		if (!info->name || !*info->name)
			return mel_fail(err, "input %zu has no name", i);
		if (mel_names_find(&s->names, info->name))
			continue; /* an initialiser that is declared, too */
		io = mel_scope_add_input(s, err);
		if (!io)
			return -1;
		io->value = mel_scope_define(s, info->name, err);
		if (io->value < 0 || load_io(io, info, err))
			return -1;
	}
	g->n_formal = g->n_input;
	return 0;
}

static int
define_results(struct mel_scope *s, Onnx__NodeProto *const *node, size_t n,
    struct mel_err *err)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < node[i]->n_output; k++) {
			if (*node[i]->output[k] &&
			    mel_scope_define(s, node[i]->output[k], err) < 0)
				return -1;
		}
	}
	return mel_names_sort(&s->names, err);
}

static int
connect(struct mel_scope *s, int i, const Onnx__NodeProto *proto,
    struct mel_err *err)
{
	for (int k = 0; k < s->graph->node[i].n_in; k++) {
		int v = MEL_ABSENT;

		if (*proto->input[k] &&
		    mel_scope_resolve(s, proto->input[k], &v, err)) {
			mel_fail_in(err, "node %s", s->graph->node[i].name);
			return mel_fail_in(err, "%s", s->graph->node[i].kind);
		}
		s->graph->node[i].in[k] = v;
	}
	for (int k = 0; k < s->graph->node[i].n_out; k++) {
		if (*proto->output[k])
			s->graph->node[i].out[k] =
			    mel_names_find(&s->names, proto->output[k])->value;
	}
	return 0;
}

/* A graph in an attribute; what it captures becomes inputs of the node. */
static int
load_body(struct mel_scope *s, int i, const char *name,
    const Onnx__GraphProto *proto, struct mel_err *err)
{
	struct mel_scope body = {.outer = s};
	struct mel_node *node = &s->graph->node[i];
	struct mel_attr *a = mel_node_add_attr(node, name, MEL_ATTR_GRAPH, err);
	int rc = -1;

	if (!a || mel_scope_enter(&body, s, err))
		return -1;
	a->graph = body.graph = mel_alloc(1, sizeof(*a->graph), err);
	if (body.graph) {
		body.graph->opset = s->opset;
		rc = load_graph(&body, proto, err);
	}
	/* s->graph has the same nodes as before. */
	if (!rc)
		rc = mel_node_add_captures(
		    node, body.captured, body.n_captured, err);
	mel_scope_leave(&body);
	return rc ? mel_node_fail(
			node, err, "%s: %s", name, err ? err->msg : "")
		  : 0;
}

static int
load_attributes(struct mel_scope *s, int i, const Onnx__NodeProto *proto,
    struct mel_err *err)
{
	for (size_t k = 0; k < proto->n_attribute; k++) {
		const Onnx__AttributeProto *a = proto->attribute[k], *given;
		struct mel_node *node = &s->graph->node[i];
		int rc;

		if (!a->name)
			return mel_node_fail(
			    node, err, "an attribute without a name");
		if (mel_node_attr(node, a->name))
			return mel_node_fail(
			    node, err, "attribute %s given twice", a->name);
		if (mel_scope_attribute(s, a, &given, err))
			return -1;
		if (!given)
			continue;
		if (given != a && mel_onnx_is_body(given))
			return mel_node_fail(node, err,
			    "attribute %s: a graph by reference", a->name);
		if (mel_onnx_is_body(given))
			rc = load_body(s, i, a->name, given->g, err);
		else
			rc = mel_onnx_add_attribute(
			    node, s->source->weights, a->name, given, err);
		if (rc)
			return -1;
	}
	return 0;
}

static int load_call(struct mel_scope *s, const Onnx__FunctionProto *function,
    const Onnx__NodeProto *call, struct mel_err *err);

static int
load_nodes(struct mel_scope *s, Onnx__NodeProto *const *node, size_t n,
    struct mel_err *err)
{
	for (size_t k = 0; k < n; k++) {
		const Onnx__FunctionProto *function =
		    mel_scope_function(s, node[k]);
		int i;

		if (++s->source->n_node > MAX_NODES)
			return mel_fail(err, "more than %d nodes", MAX_NODES);
		if (function) {
			if (load_call(s, function, node[k], err))
				return -1;
			continue;
		}
		i = mel_onnx_add_node(
		    s->graph, node[k], mel_scope_place(s), err);
		if (i < 0)
			return -1;
		s->graph->node[i].opset = s->opset;
		if (connect(s, i, node[k], err) ||
		    load_attributes(s, i, node[k], err))
			return -1;
	}
	return 0;
}

/* An output of a function that is one of its inputs. */
static int
pass_on(struct mel_scope *s, int from, int to, struct mel_err *err)
{
	int i;

	if (from == MEL_ABSENT)
		return mel_fail(err, "an output is an input that is absent");
	i = mel_graph_add_node(s->graph, "Identity", "", 1, 1, err);
	if (i < 0)
		return -1;
	s->graph->node[i].opset = s->opset;
	s->graph->node[i].in[0] = from;
	s->graph->node[i].out[0] = to;
	return 0;
}

/* Names of the function's inputs and outputs get the caller's values. */
static int
bind_call(struct mel_scope *s, const Onnx__FunctionProto *f,
    const Onnx__NodeProto *call, struct mel_err *err)
{
	for (size_t k = 0; k < f->n_input; k++) {
		int v = MEL_ABSENT;

		if (k < call->n_input && *call->input[k] &&
		    mel_scope_resolve(s->caller, call->input[k], &v, err))
			return -1;
		if (mel_names_add(&s->names, f->input[k], v, err))
			return -1;
	}
	if (call->n_input > f->n_input || call->n_output > f->n_output)
		return mel_fail(err, "more values than the function has");
	if (mel_names_sort(&s->names, err))
		return -1;
	for (size_t k = 0; k < call->n_output; k++) {
		const struct mel_name *in =
		    mel_names_find(&s->names, f->output[k]);
		const struct mel_name *out =
		    mel_names_find(&s->caller->names, call->output[k]);

		if (!*call->output[k])
			continue;
		if (in ? pass_on(s, in->value, out->value, err)
		       : mel_names_add(
			     &s->given, f->output[k], out->value, err))
			return -1;
	}
	return mel_names_sort(&s->given, err);
}

/* The function's nodes instead of the node that calls it. */
static int
load_call(struct mel_scope *s, const Onnx__FunctionProto *function,
    const Onnx__NodeProto *call, struct mel_err *err)
{
	struct mel_scope inner = {
	    .caller = s, .call = call, .function = function};
	int rc = -1;

	if (!mel_scope_enter(&inner, s, err) &&
	    !mel_scope_open_function(&inner, err) &&
	    !bind_call(&inner, function, call, err) &&
	    !define_results(&inner, function->node, function->n_node, err) &&
	    !load_nodes(&inner, function->node, function->n_node, err))
		rc = 0;
	if (!rc && inner.n_given != inner.given.n)
		rc = mel_fail(err, "an output is defined nowhere");
	mel_scope_leave(&inner);
	/* The outermost call is what the user wrote. */
	return rc && !s->call ? mel_fail_in(err, "%s", call->op_type) : rc;
}

static int
load_outputs(
    struct mel_scope *s, const Onnx__GraphProto *proto, struct mel_err *err)
{
	struct mel_graph *g = s->graph;

	if (!proto->n_output)
		return mel_fail(err, "the graph has no outputs");
	g->output = mel_alloc(proto->n_output, sizeof(*g->output), err);
	if (!g->output)
		return -1;
	for (size_t i = 0; i < proto->n_output; i++) {
		const Onnx__ValueInfoProto *info = proto->output[i];
		struct mel_io *io = &g->output[i];

		if (!info->name)
			return mel_fail(err, "output %zu has no name", i);
		g->n_output++;
		if (load_io(io, info, err))
			return -1;
		if (mel_scope_resolve(s, info->name, &io->value, err))
			return mel_fail(
			    err, "output %s is defined nowhere", info->name);
	}
	return 0;
}

static int
load_graph(
    struct mel_scope *s, const Onnx__GraphProto *proto, struct mel_err *err)
{
	return load_initialisers(s, proto, err) || load_inputs(s, proto, err) ||
		       define_results(s, proto->node, proto->n_node, err) ||
		       load_nodes(s, proto->node, proto->n_node, err) ||
		       load_outputs(s, proto, err)
		   ? -1
		   : 0;
}

int
mel_onnx_load(struct mel_graph *graph, struct mel_source *source, int opset,
    struct mel_err *err)
{
	struct mel_scope s = {.source = source, .graph = graph, .opset = opset};
	int rc;

	graph->opset = opset;
	rc = load_graph(&s, source->model->graph, err);
	mel_scope_leave(&s);
	return rc;
}
