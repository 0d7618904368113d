/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/onnx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/graph.h"
#include "net/onnx_node.h"
#include "net/wire.h"
#include "onnx.pb-c.h"
#include "tensor/tensor.h"

#define MIN_OPSET 1
#define MAX_OPSET 21

/* A value by name. Sorted, so that no choice of names makes it slow. */
struct name {
	const char *name; /* protobuf-c's */
	int value;
};

struct loader {
	struct mel_weights *weights;
	struct mel_graph *graph;
	struct name *name; /* [n_name] */
	size_t n_name;
	size_t cap;
	size_t n_sorted;
};

static int
compare(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* After this find() knows all names; a name that is there twice: error. */
static int
sort_names(struct loader *l, struct mel_err *err)
{
	if (l->n_name)
		qsort(l->name, l->n_name, sizeof(*l->name), compare);
	l->n_sorted = l->n_name;
	for (size_t i = 1; i < l->n_name; i++) {
		if (!strcmp(l->name[i - 1].name, l->name[i].name))
			return mel_fail(
			    err, "value %s is defined twice", l->name[i].name);
	}
	return 0;
}

/* Its number or -1. */
static int
find(const struct loader *l, const char *name)
{
	const struct name key = {name, 0}, *hit = NULL;

	if (l->n_sorted)
		hit = bsearch(&key, l->name, l->n_sorted, sizeof(key), compare);
	return hit ? hit->value : -1;
}

static int
define(struct loader *l, const char *name, struct mel_err *err)
{
	int v = mel_graph_add_value(l->graph, name, err);

	if (v < 0 || mel_reserve(&l->name, &l->cap, l->n_name + 1,
			 sizeof(*l->name), err))
		return -1;
	l->name[l->n_name++] = (struct name){name, v};
	return v;
}

static int
load_initialisers(
    struct loader *l, const Onnx__GraphProto *proto, struct mel_err *err)
{
	for (size_t i = 0; i < proto->n_initializer; i++) {
		const Onnx__TensorProto *t = proto->initializer[i];
		int v;

		if (!t->name || !*t->name)
			return mel_fail(err, "initializer %zu has no name", i);
		v = define(l, t->name, err);
		if (v < 0 || mel_weights_tensor(l->weights, t,
				 &l->graph->value[v].constant, err))
			return -1;
	}
	return sort_names(l, err);
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
    struct loader *l, const Onnx__GraphProto *proto, struct mel_err *err)
{
	struct mel_graph *g = l->graph;

	g->input = mel_alloc(proto->n_input, sizeof(*g->input), err);
	if (!g->input)
		return -1;
	for (size_t i = 0; i < proto->n_input; i++) {
		const Onnx__ValueInfoProto *info = proto->input[i];
		struct mel_io *io = &g->input[g->n_input];

		if (!info->name || !*info->name)
			return mel_fail(err, "input %zu has no name", i);
		if (find(l, info->name) >= 0)
			continue; /* an initialiser that is declared, too */
		g->n_input++;
		io->value = define(l, info->name, err);
		if (io->value < 0 || load_io(io, info, err))
			return -1;
	}
	return 0;
}

static int
define_results(
    struct loader *l, const Onnx__GraphProto *proto, struct mel_err *err)
{
	for (size_t i = 0; i < proto->n_node; i++) {
		const Onnx__NodeProto *n = proto->node[i];

		for (size_t k = 0; k < n->n_output; k++) {
			if (*n->output[k] && define(l, n->output[k], err) < 0)
				return -1;
		}
	}
	return sort_names(l, err);
}

static int
connect(struct loader *l, struct mel_node *node, const Onnx__NodeProto *proto,
    struct mel_err *err)
{
	for (int k = 0; k < node->n_in; k++) {
		if (!*proto->input[k])
			continue;
		node->in[k] = find(l, proto->input[k]);
		if (node->in[k] < 0)
			return mel_node_fail(node, err,
			    "input %s is defined nowhere", proto->input[k]);
	}
	for (int k = 0; k < node->n_out; k++) {
		if (*proto->output[k])
			node->out[k] = find(l, proto->output[k]);
	}
	return 0;
}

static int
load_nodes(struct loader *l, const Onnx__GraphProto *proto, struct mel_err *err)
{
	for (size_t i = 0; i < proto->n_node; i++) {
		const Onnx__NodeProto *p = proto->node[i];
		int n = mel_onnx_add_node(l->graph, l->weights, p, err);

		if (n < 0 || connect(l, &l->graph->node[n], p, err))
			return -1;
	}
	return 0;
}

static int
load_outputs(
    struct loader *l, const Onnx__GraphProto *proto, struct mel_err *err)
{
	struct mel_graph *g = l->graph;

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
		io->value = find(l, info->name);
		if (io->value < 0)
			return mel_fail(
			    err, "output %s is defined nowhere", info->name);
	}
	return 0;
}

static int
load_graph(struct mel_model *model, const Onnx__GraphProto *proto, int opset,
    struct mel_err *err)
{
	struct loader l = {.weights = &model->weights};
	int rc = -1;

	l.graph = model->graph = mel_alloc(1, sizeof(*model->graph), err);
	if (!l.graph)
		return -1;
	l.graph->opset = opset;
	if (!load_initialisers(&l, proto, err) &&
	    !load_inputs(&l, proto, err) && !define_results(&l, proto, err) &&
	    !load_nodes(&l, proto, err) && !load_outputs(&l, proto, err))
		rc = 0;
	free(l.name);
	return rc;
}

static int
find_opset(struct mel_model *model, const Onnx__ModelProto *proto, int *opset,
    struct mel_err *err)
{
	int64_t version = 0;

	for (size_t i = 0; i < proto->n_opset_import; i++) {
		const Onnx__OperatorSetIdProto *o = proto->opset_import[i];

		if (mel_onnx_is_standard(o->domain))
			version = o->version;
	}
	if (version < MIN_OPSET || version > MAX_OPSET) {
		model->weights.foreign = true;
		return mel_fail(err, "opset %lld: %d to %d are supported",
		    (long long)version, MIN_OPSET, MAX_OPSET);
	}
	*opset = (int)version;
	return 0;
}

static int
load(struct mel_model *model, struct mel_err *err)
{
	const struct mel_map *map = &model->weights.map;
	struct mel_buf copy = {0};
	Onnx__ModelProto *proto = NULL;
	int rc = -1, opset = 0;

	if (!mel_wire_scan(map->data, map->len, MEL_WIRE_MODEL, &copy, err)) {
		errno = 0;
		proto = onnx__model_proto__unpack(
		    NULL, copy.len, (const uint8_t *)copy.data);
		if (!proto)
			mel_fail_library(err, "not an ONNX model");
	}
	mel_buf_free(&copy);
	if (!proto)
		return -1;
	if (!proto->graph)
		mel_fail(err, "not an ONNX model: no graph");
	else if (!find_opset(model, proto, &opset, err))
		rc = load_graph(model, proto->graph, opset, err);
	onnx__model_proto__free_unpacked(proto, NULL);
	return rc;
}

int
mel_model_open(struct mel_model *model, const char *path, struct mel_err *err)
{
	*model = (struct mel_model){0};
	if (mel_weights_open(&model->weights, path, err))
		return -1;
	if (!load(model, err))
		return 0;
	mel_model_close(model);
	return mel_fail_in(err, "%s", path);
}

void
mel_model_close(struct mel_model *model)
{
	bool foreign = model->weights.foreign;

	mel_graph_free(model->graph);
	mel_weights_close(&model->weights);
	*model = (struct mel_model){.weights.foreign = foreign};
}

static int
read_tensor(
    struct mel_weights *weights, struct mel_tensor *out, struct mel_err *err)
{
	struct mel_tensor view = {0};
	struct mel_buf copy = {0};
	Onnx__TensorProto *proto = NULL;
	int rc = -1;

	if (!mel_wire_scan(weights->map.data, weights->map.len, MEL_WIRE_TENSOR,
		&copy, err)) {
		errno = 0;
		proto = onnx__tensor_proto__unpack(
		    NULL, copy.len, (const uint8_t *)copy.data);
		if (!proto)
			mel_fail_library(err, "not an ONNX tensor");
	}
	mel_buf_free(&copy);
	if (!proto)
		return -1;
	if (!mel_weights_tensor(weights, proto, &view, err))
		rc = mel_tensor_copy(out, &view, err);
	mel_tensor_free(&view);
	onnx__tensor_proto__free_unpacked(proto, NULL);
	return rc;
}

int
mel_onnx_read_tensor(struct mel_tensor *tensor, const char *path, bool *foreign,
    struct mel_err *err)
{
	struct mel_weights weights;
	int rc;

	if (mel_weights_open(&weights, path, err))
		return -1;
	rc = read_tensor(&weights, tensor, err);
	if (foreign)
		*foreign = weights.foreign;
	mel_weights_close(&weights);
	return rc ? mel_fail_in(err, "%s", path) : 0;
}
