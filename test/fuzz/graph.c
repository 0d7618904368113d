/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "run.h"
#include "base/isa.h"
#include "net/netimpl.h"
#include "net/op.h"
#include "onnx.pb-c.h"
#include "streamtest.h"

/*
 * ONNX files changed as what they are: operators, connections, attributes,
 * constants, shapes, element types, the order of nodes; bodies, too. What
 * opens is run, and what streams must stream what it runs. Start from the
 * models in test/data/onnx/layers and blocks and those of libonnx-testdata.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(
    uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

#define ROWS 9 /* of what streams */

/* ---- changes ---- */

struct mutator {
	uint64_t seed, counter;
	Onnx__GraphProto *g; /* the graph, or a body in it */
};

/* Below n; 0 for 0. */
static size_t
below(struct mutator *m, size_t n)
{
	uint32_t x[4];

	mel_rng_block(m->seed, 23, m->counter++, x);
	return n ? x[0] % n : 0;
}

static void
set_text(char **to, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	if (*to && *to != protobuf_c_empty_string)
		free(*to);
	*to = copy;
}

/* A number like those that go wrong. */
static int64_t
odd_number(struct mutator *m, int64_t now)
{
	static const int64_t odd[] = {0, 1, -1, 2, 3, -2, 7, 64, 1 << 16,
	    INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, INT64_MAX / 2};

	switch (below(m, 4)) {
	case 0:
		return odd[below(m, sizeof(odd) / sizeof(*odd))];
	case 1:
		return (int64_t)((uint64_t)now + 1);
	case 2:
		return (int64_t)((uint64_t)now - 1);
	default:
		return (int64_t)below(m, 5);
	}
}

/* The name of any value, or of none. */
static const char *
any_name(struct mutator *m)
{
	const Onnx__GraphProto *g = m->g;
	const Onnx__NodeProto *node;

	switch (below(m, 8)) {
	case 0:
		return "";
	case 1:
		return g->n_initializer
			   ? g->initializer[below(m, g->n_initializer)]->name
			   : "";
	case 2:
		return g->n_input ? g->input[below(m, g->n_input)]->name : "";
	default:
		node = g->n_node ? g->node[below(m, g->n_node)] : NULL;
		return node && node->n_output
			   ? node->output[below(m, node->n_output)]
			   : "";
	}
}

static Onnx__NodeProto *
any_node(struct mutator *m)
{
	return m->g->n_node ? m->g->node[below(m, m->g->n_node)] : NULL;
}

static void
change_kind(struct mutator *m)
{
	Onnx__NodeProto *node = any_node(m);
	const struct mel_op *op = NULL;

	for (size_t n = 1 + below(m, 180); n; n--) {
		op = mel_op_next(op);
		if (!op)
			return;
	}
	if (node)
		set_text(&node->op_type, op->name);
}

static void
change_input(struct mutator *m)
{
	Onnx__NodeProto *node = any_node(m);
	const char *name = any_name(m);

	if (node && node->n_input && name)
		set_text(&node->input[below(m, node->n_input)], name);
}

static void
swap_inputs(struct mutator *m)
{
	Onnx__NodeProto *node = any_node(m);
	size_t a, b;
	char *name;

	if (!node || node->n_input < 2)
		return;
	a = below(m, node->n_input);
	b = below(m, node->n_input);
	name = node->input[a];
	node->input[a] = node->input[b];
	node->input[b] = name;
}

static void
drop_input(struct mutator *m)
{
	Onnx__NodeProto *node = any_node(m);
	char *name;

	if (!node || !node->n_input)
		return;
	name = node->input[--node->n_input];
	if (name != protobuf_c_empty_string)
		free(name);
}

static void
add_input(struct mutator *m)
{
	Onnx__NodeProto *node = any_node(m);
	const char *name = any_name(m);
	char **list;

	if (!node || !name)
		return;
	list = realloc(node->input, (node->n_input + 1) * sizeof(*list));
	if (!list)
		abort();
	node->input = list;
	list[node->n_input] = NULL;
	set_text(&list[node->n_input++], name);
}

static void
change_attribute(struct mutator *m)
{
	Onnx__NodeProto *node = any_node(m);
	Onnx__AttributeProto *a;

	if (!node || !node->n_attribute)
		return;
	a = node->attribute[below(m, node->n_attribute)];
	if (a->n_ints) {
		int64_t *i = &a->ints[below(m, a->n_ints)];

		*i = odd_number(m, *i);
		if (!below(m, 8))
			a->n_ints--;
	} else if (a->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT) {
		a->f = (float)odd_number(m, 1) / 2;
	} else {
		a->i = odd_number(m, a->i);
	}
}

static void
change_number(struct mutator *m, Onnx__TensorProto *t)
{
	if (t->raw_data.len >= 8 &&
	    t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64) {
		size_t i = below(m, t->raw_data.len / 8);
		int64_t v;

		memcpy(&v, t->raw_data.data + 8 * i, 8);
		v = odd_number(m, v);
		memcpy(t->raw_data.data + 8 * i, &v, 8);
	} else if (t->raw_data.len) {
		t->raw_data.data[below(m, t->raw_data.len)] ^=
		    (uint8_t)(1u << below(m, 8));
	}
}

/* Another number, another shape of as many elements, or any shape. */
static void
change_constant(struct mutator *m)
{
	Onnx__TensorProto *t;
	size_t a, b;

	if (!m->g->n_initializer)
		return;
	t = m->g->initializer[below(m, m->g->n_initializer)];
	a = below(m, t->n_dims);
	b = below(m, t->n_dims);
	switch (below(m, 4)) {
	case 0:
		if (t->n_dims && t->dims[b] && a != b) {
			t->dims[a] = (int64_t)((uint64_t)t->dims[a] *
					       (uint64_t)t->dims[b]);
			t->dims[b] = 1;
		}
		break;
	case 1:
		if (t->n_dims)
			t->dims[a] = odd_number(m, t->dims[a]);
		break;
	default:
		change_number(m, t);
	}
}

/* A declared length or rank. */
static void
change_shape(struct mutator *m)
{
	Onnx__ValueInfoProto *io;
	Onnx__TensorShapeProto *shape;
	Onnx__TensorShapeProto__Dimension *dim;

	if (!m->g->n_input)
		return;
	io = m->g->input[below(m, m->g->n_input)];
	if (!io->type ||
	    io->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		return;
	if (!below(m, 6)) {
		static const int types[] = {1, 2, 6, 7, 9, 10, 11};

		io->type->tensor_type->elem_type = types[below(m, 7)];
		return;
	}
	shape = io->type->tensor_type->shape;
	if (!shape || !shape->n_dim)
		return;
	dim = shape->dim[below(m, shape->n_dim)];
	if (dim->value_case ==
	    ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM)
		return;
	dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
	dim->dim_value = below(m, 3) ? odd_number(m, dim->dim_value) : -1;
}

static void
swap_nodes(struct mutator *m)
{
	Onnx__NodeProto **list = m->g->node, *node;
	size_t a = below(m, m->g->n_node), b = below(m, m->g->n_node);

	if (!m->g->n_node)
		return;
	node = list[a];
	list[a] = list[b];
	list[b] = node;
}

/* Whoever reads the node reads its first input instead. */
static void
bridge_node(struct mutator *m)
{
	const Onnx__NodeProto *node = any_node(m);

	if (!node || !node->n_output || !node->n_input)
		return;
	for (size_t i = 0; i < m->g->n_node; i++) {
		Onnx__NodeProto *other = m->g->node[i];

		for (size_t k = 0; other != node && k < other->n_input; k++) {
			if (!strcmp(other->input[k], node->output[0]))
				set_text(&other->input[k], node->input[0]);
		}
	}
}

/* A node of one input goes between a value and one of its readers. */
static void
put_between(struct mutator *m)
{
	static const char *const kinds[] = {"Transpose", "Relu", "Identity",
	    "Squeeze", "Neg", "Shape", "Sigmoid", "Flatten", "Exp"};
	Onnx__NodeProto *reader = any_node(m), *node, **list;
	char name[24];
	size_t k;

	if (!reader || !reader->n_input)
		return;
	k = below(m, reader->n_input);
	node = calloc(1, sizeof(*node));
	list = realloc(m->g->node, (m->g->n_node + 1) * sizeof(*list));
	if (!node || !list)
		abort();
	m->g->node = list;
	list[m->g->n_node++] = node;
	onnx__node_proto__init(node);
	node->input = calloc(1, sizeof(*node->input));
	node->output = calloc(1, sizeof(*node->output));
	if (!node->input || !node->output)
		abort();
	node->n_input = node->n_output = 1;
	snprintf(name, sizeof(name), "between%d", (int)below(m, 1000000));
	set_text(&node->op_type, kinds[below(m, 9)]);
	set_text(&node->input[0], reader->input[k]);
	set_text(&node->output[0], name);
	set_text(&reader->input[k], name);
}

static void
open_output(struct mutator *m)
{
	const char *name = any_name(m);

	if (m->g->n_output && name)
		set_text(&m->g->output[below(m, m->g->n_output)]->name, name);
}

typedef void change_fn(struct mutator *m);

static change_fn *const changes[] = {
    change_kind,
    change_input,
    change_input,
    swap_inputs,
    drop_input,
    add_input,
    change_attribute,
    change_attribute,
    change_attribute,
    change_constant,
    change_constant,
    change_shape,
    swap_nodes,
    bridge_node,
    put_between,
    open_output,
};
#define CHANGES (sizeof(changes) / sizeof(*changes))

/* The graph, or now and then a body. */
static Onnx__GraphProto *
any_graph(struct mutator *m, Onnx__GraphProto *g)
{
	for (size_t i = 0; i < g->n_node; i++) {
		const Onnx__NodeProto *node = g->node[i];

		for (size_t k = 0; k < node->n_attribute; k++) {
			if (node->attribute[k]->g && !below(m, 3))
				return any_graph(m, node->attribute[k]->g);
		}
	}
	return g;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	struct mutator m = {.seed = seed};
	Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, data);
	size_t n;

	if (!model || !model->graph) {
		if (model)
			onnx__model_proto__free_unpacked(model, NULL);
		return LLVMFuzzerMutate(data, size, max);
	}
	for (n = 1 + below(&m, 4); n; n--) {
		m.g = any_graph(&m, model->graph);
		changes[below(&m, CHANGES)](&m);
	}
	if (!below(&m, 10) && model->n_opset_import)
		model->opset_import[0]->version = 1 + (int64_t)below(&m, 22);
	n = onnx__model_proto__get_packed_size(model);
	if (n <= max)
		n = onnx__model_proto__pack(model, data);
	else
		n = size;
	onnx__model_proto__free_unpacked(model, NULL);
	return n;
}

/* ---- what it is for ---- */

/* One input of f32 with one open axis. */
static bool
may_stream(const struct mel_graph *g)
{
	const struct mel_io *io = g->input;
	int64_t count = ROWS;
	int open = 0;

	if (g->n_input != 1 || io->dtype != MEL_F32 || io->sequence)
		return false;
	for (int d = 0; d < io->ndim; d++) {
		open += io->dim[d] < 0;
		if (io->dim[d] > MAX_COUNT)
			return false;
		count *= io->dim[d] < 0 ? 1 : io->dim[d];
		if (count > MAX_COUNT)
			return false;
	}
	return open == 1;
}

static void
compare_stream(const char *path)
{
	static const struct blocks blocks[] = {
	    {{1}, 1, true}, {{4}, 1, false}, {{3, 0, 1, 2}, 4, true}};
	struct mel_tensor x = {0}, y[64];
	struct streamtest t;
	const struct mel_graph *g;
	int64_t dim[MEL_MAX_DIMS];

	if (streamtest_open(&t, path, MEL_ISA_AUTO, NULL, NULL))
		return;
	g = mel_network_graph(t.network);
	for (int d = 0; d < g->input[0].ndim; d++)
		dim[d] = d == t.in_axis ? ROWS : g->input[0].dim[d];
	if (!t.streams || g->n_output > 64 ||
	    mel_tensor_new(&x, MEL_F32, g->input[0].ndim, dim, NULL)) {
		streamtest_close(&t);
		return;
	}
	for (size_t i = 0; i < mel_tensor_count(&x); i++)
		((float *)x.data)[i] = 2 * mel_rng_uniform(3, 4, i) - 1;
	t.session->max_turns = MAX_TURNS;
	for (size_t i = 0; !mel_session_run(t.session, &x, y, NULL) && i < 3;
	     i++) {
		if (!stream_equals(&t, &x, &y[0], &blocks[i]))
			abort();
	}
	mel_tensor_free(&x);
	streamtest_close(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mel_network *network;
	char path[64];
	int fd = bytes_as_file(data, size, path);

	if (!mel_network_open(&network, path, MEL_ISA_AUTO, NULL)) {
		bool streams = may_stream(mel_network_graph(network));

		run_network(network);
		mel_network_close(network);
		if (streams)
			compare_stream(path);
	}
	close(fd);
	return 0;
}
