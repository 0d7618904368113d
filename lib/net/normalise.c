/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/graph.h"
#include "net/pass.h"
#include "tensor/tensor.h"

/*
 * One rule for each way in which an older opset, or a node without effect,
 * differs from the normal form of net/op.h. The versions are those of ONNX's
 * Changelog.md.
 */

struct pass {
	struct mel_graph *graph;
	int *same;  /* [n_same] the value that replaces this one */
	int n_same; /* values of the file; those we add replace nothing */
};

typedef int rule_fn(struct pass *p, int node, struct mel_err *err);

static int
add_constant(
    struct mel_graph *g, const struct mel_tensor *src, struct mel_err *err)
{
	int v = mel_graph_add_value(g, "", err);

	if (v < 0 || mel_tensor_copy(&g->value[v].constant, src, err))
		return -1;
	return v;
}

static int
set_input(struct mel_node *node, int slot, int value, struct mel_err *err)
{
	if (node->n_in <= slot && mel_node_resize_inputs(node, slot + 1, err))
		return -1;
	node->in[slot] = value;
	return 0;
}

/* The list attribute `name`, if there is one, becomes input `slot`. */
static int
ints_to_input(
    struct pass *p, int i, const char *name, int slot, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];
	struct mel_tensor t;
	const int64_t *ints;
	int64_t n;
	size_t len;
	int v;

	if (mel_attr_ints(node, name, &ints, &len, err))
		return -1;
	if (!ints)
		return 0;
	n = (int64_t)len;
	t = mel_tensor_view(MEL_I64, 1, &n, (void *)(uintptr_t)ints);
	v = add_constant(p->graph, &t, err);
	if (v < 0 || set_input(node, slot, v, err))
		return -1;
	mel_node_drop_attr(node, name);
	return 0;
}

static int
float_to_input(
    struct pass *p, int i, const char *name, int slot, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];
	struct mel_tensor t;
	float f;
	int v;

	if (!mel_node_attr(node, name))
		return 0;
	if (mel_attr_float(node, name, 0, &f, err))
		return -1;
	t = mel_tensor_view(MEL_F32, 0, NULL, &f);
	v = add_constant(p->graph, &t, err);
	if (v < 0 || set_input(node, slot, v, err))
		return -1;
	mel_node_drop_attr(node, name);
	return 0;
}

static int
axes_to_input(struct pass *p, int i, struct mel_err *err)
{
	return ints_to_input(p, i, "axes", 1, err);
}

static int
split_to_input(struct pass *p, int i, struct mel_err *err)
{
	return ints_to_input(p, i, "split", 1, err);
}

static int
slice_to_inputs(struct pass *p, int i, struct mel_err *err)
{
	return ints_to_input(p, i, "starts", 1, err) ||
		       ints_to_input(p, i, "ends", 2, err) ||
		       ints_to_input(p, i, "axes", 3, err)
		   ? -1
		   : 0;
}

static int
pad_to_inputs(struct pass *p, int i, struct mel_err *err)
{
	return ints_to_input(p, i, "pads", 1, err) ||
		       float_to_input(p, i, "value", 2, err)
		   ? -1
		   : 0;
}

static int
clip_to_inputs(struct pass *p, int i, struct mel_err *err)
{
	return float_to_input(p, i, "min", 1, err) ||
		       float_to_input(p, i, "max", 2, err)
		   ? -1
		   : 0;
}

static int
k_to_input(struct pass *p, int i, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];
	const int64_t one = 1;
	struct mel_tensor t;
	int64_t k;
	int v;

	if (mel_attr_int(node, "k", 1, &k, err))
		return -1;
	t = mel_tensor_view(MEL_I64, 1, &one, &k);
	v = add_constant(p->graph, &t, err);
	if (v < 0 || set_input(node, 1, v, err))
		return -1;
	mel_node_drop_attr(node, "k");
	return 0;
}

static int
flat_softmax(struct pass *p, int i, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];

	if (!mel_node_attr(node, "axis") &&
	    mel_node_add_int(node, "axis", 1, err))
		return -1;
	return mel_node_add_int(node, "flatten", 1, err);
}

static int
rename_to(struct mel_node *node, const char *kind, struct mel_err *err)
{
	char *copy = mel_strdup(kind, err);

	if (!copy)
		return -1;
	free(node->kind);
	node->kind = copy;
	return 0;
}

/* Scatter is what ScatterElements was called before 11. */
static int
scatter(struct pass *p, int i, struct mel_err *err)
{
	return rename_to(&p->graph->node[i], "ScatterElements", err);
}

/* Resize 10: data, scales; coordinates without half pixels, rounded down. */
static int
plain_resize(struct pass *p, int i, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];
	int scales;

	if (node->n_in != 2)
		return mel_node_fail(node, err, "needs data and scales");
	scales = node->in[1];
	if (mel_node_resize_inputs(node, 3, err))
		return -1;
	node->in[1] = MEL_ABSENT;
	node->in[2] = scales;
	return mel_node_add_string(
		   node, "coordinate_transformation_mode", "asymmetric", err) ||
		       mel_node_add_string(node, "nearest_mode", "floor", err)
		   ? -1
		   : 0;
}

/* Upsample 7: the scales are an attribute; 9: an input. */
static int
upsample(struct pass *p, int i, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];
	const struct mel_attr *a = mel_node_attr(node, "scales");
	struct mel_tensor t;
	int64_t n;
	int v;

	if (rename_to(node, "Resize", err))
		return -1;
	if (!a)
		return plain_resize(p, i, err);
	if (a->type != MEL_ATTR_FLOATS || node->n_in != 1)
		return mel_node_fail(
		    node, err, "scales are no list, or given twice");
	n = (int64_t)a->n;
	t = mel_tensor_view(MEL_F32, 1, &n, a->floats);
	v = add_constant(p->graph, &t, err);
	if (v < 0 || set_input(node, 1, v, err))
		return -1;
	mel_node_drop_attr(node, "scales");
	return plain_resize(p, i, err);
}

/* DFT 17: the axis is an attribute, 1 if it is left out. */
static int
dft_axis(struct pass *p, int i, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];
	struct mel_tensor t;
	int64_t axis;
	int v;

	if (mel_attr_int(node, "axis", 1, &axis, err))
		return -1;
	t = mel_tensor_view(MEL_I64, 0, NULL, &axis);
	v = add_constant(p->graph, &t, err);
	if (v < 0 || set_input(node, 2, v, err))
		return -1;
	mel_node_drop_attr(node, "axis");
	return 0;
}

static int
last_axis(struct pass *p, int i, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];

	if (mel_node_attr(node, "axis"))
		return 0;
	return mel_node_add_int(node, "axis", -1, err);
}

/* A new node with one output, in place of input `slot` of node i. */
static int
insert_before(struct pass *p, int i, int slot, const char *kind, int n_in,
    struct mel_err *err)
{
	struct mel_graph *g = p->graph;
	int v = mel_graph_add_value(g, "", err), n;

	if (v < 0)
		return -1;
	n = mel_graph_add_node(g, kind, g->node[i].name, n_in, 1, err);
	if (n < 0)
		return -1;
	g->node[n].in[0] = g->node[i].in[slot];
	g->node[n].out[0] = v;
	g->node[i].in[slot] = v;
	return n;
}

/* Operand 1 begins at axis `axis` of operand 0. */
static int
align_second(struct pass *p, int i, int64_t axis, struct mel_err *err)
{
	struct mel_graph *g = p->graph;
	int n;

	if (g->node[i].n_in < 2)
		return mel_node_fail(&g->node[i], err, "input 1 is missing");
	n = insert_before(p, i, 1, "(align)", 2, err);
	if (n < 0)
		return -1;
	g->node[n].in[1] = g->node[i].in[0];
	return mel_node_add_int(&g->node[n], "axis", axis, err);
}

static int
channel_slope(struct pass *p, int i, struct mel_err *err)
{
	return align_second(p, i, 1, err);
}

/* Before 7 a second operand was aligned by an attribute. */
static int
old_broadcast(struct pass *p, int i, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];
	int64_t axis;

	mel_node_drop_attr(node, "broadcast");
	if (!mel_node_attr(node, "axis"))
		return 0;
	if (mel_attr_int(node, "axis", 0, &axis, err))
		return -1;
	mel_node_drop_attr(node, "axis");
	return align_second(p, i, axis, err);
}

static int
old_statistics(struct pass *p, int i, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];
	int64_t is_test;

	if (mel_attr_int(node, "is_test", 0, &is_test, err))
		return -1;
	if (!is_test)
		return mel_node_fail(node, err, "is_test = 0: training");
	mel_node_drop_attr(node, "is_test");
	return 0;
}

static int
shape_to_input(struct pass *p, int i, struct mel_err *err)
{
	return ints_to_input(p, i, "shape", 1, err);
}

static int
too_old(struct pass *p, int i, struct mel_err *err)
{
	return mel_node_fail(&p->graph->node[i], err,
	    "its form of opset %d is not supported", p->graph->node[i].opset);
}

/* Before 14 the further outputs were for training, if they were there. */
static int
drop_statistics(struct pass *p, int i, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];
	int64_t spatial;

	if (mel_attr_int(node, "spatial", 1, &spatial, err))
		return -1;
	if (!spatial)
		return mel_node_fail(node, err, "spatial = 0 is not supported");
	if (node->n_out > 1)
		node->n_out = 1;
	return 0;
}

static int
constant_scalar(struct pass *p, int i, const struct mel_attr *a,
    struct mel_tensor *out, struct mel_err *err)
{
	struct mel_tensor t;
	int64_t n = (int64_t)a->n;

	switch (a->type) {
	case MEL_ATTR_TENSOR:
		return mel_tensor_copy(out, &a->tensor, err);
	case MEL_ATTR_INT:
		t = mel_tensor_view(MEL_I64, 0, NULL, (void *)(uintptr_t)&a->i);
		return mel_tensor_copy(out, &t, err);
	case MEL_ATTR_FLOAT:
		t = mel_tensor_view(MEL_F32, 0, NULL, (void *)(uintptr_t)&a->f);
		return mel_tensor_copy(out, &t, err);
	case MEL_ATTR_INTS:
		t = mel_tensor_view(MEL_I64, 1, &n, a->ints);
		return mel_tensor_copy(out, &t, err);
	case MEL_ATTR_FLOATS:
		t = mel_tensor_view(MEL_F32, 1, &n, a->floats);
		return mel_tensor_copy(out, &t, err);
	default:
		return mel_node_fail(&p->graph->node[i], err,
		    "attribute %s is not supported", a->name);
	}
}

/* value, value_int(s), value_float(s); strings and sparse ones: refused. */
static int
constant(struct pass *p, int i, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];
	struct mel_tensor *out;

	if (node->n_in || node->n_out != 1 || node->out[0] == MEL_ABSENT)
		return mel_node_fail(node, err, "needs exactly one output");
	if (node->n_attr != 1)
		return mel_node_fail(
		    node, err, "needs exactly one value that is dense");
	out = &p->graph->value[node->out[0]].constant;
	if (node->attr[0].type == MEL_ATTR_TENSOR) {
		*out = node->attr[0].tensor;
		node->attr[0].tensor = (struct mel_tensor){0};
	} else if (constant_scalar(p, i, &node->attr[0], out, err)) {
		return -1;
	}
	mel_node_clear(node);
	return 0;
}

static int
identity(struct pass *p, int i, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];

	if (node->n_in < 1 || node->in[0] == MEL_ABSENT || node->n_out < 1)
		return mel_node_fail(node, err, "input 0 is missing");
	if (node->out[0] != MEL_ABSENT)
		p->same[node->out[0]] = node->in[0];
	mel_node_clear(node);
	return 0;
}

/* The mask of a Dropout that drops nothing: true everywhere. */
static int
add_mask(struct pass *p, int like, int mask, struct mel_err *err)
{
	struct mel_graph *g = p->graph;
	const int64_t one = 1;
	struct mel_attr *a;
	int shape = mel_graph_add_value(g, "", err), n;

	if (shape < 0)
		return -1;
	n = mel_graph_add_node(g, "Shape", "", 1, 1, err);
	if (n < 0)
		return -1;
	g->node[n].in[0] = like;
	g->node[n].out[0] = shape;
	n = mel_graph_add_node(g, "ConstantOfShape", "", 1, 1, err);
	if (n < 0)
		return -1;
	g->node[n].in[0] = shape;
	g->node[n].out[0] = mask;
	a = mel_node_add_attr(&g->node[n], "value", MEL_ATTR_TENSOR, err);
	if (!a || mel_tensor_new(&a->tensor, MEL_BOOL, 1, &one, err))
		return -1;
	*(uint8_t *)a->tensor.data = 1;
	return 0;
}

/* Left alone, and so refused later, where training is not ruled out. */
static int
dropout(struct pass *p, int i, struct mel_err *err)
{
	const struct mel_node *node = &p->graph->node[i];
	int training = node->n_in > 2 ? node->in[2] : MEL_ABSENT;

	if (training != MEL_ABSENT) {
		const struct mel_tensor *t =
		    &p->graph->value[training].constant;

		if (t->dtype != MEL_BOOL || mel_tensor_count(t) != 1 ||
		    *(const uint8_t *)t->data)
			return 0;
	}
	if (node->n_out > 1 && node->out[1] != MEL_ABSENT && node->n_in > 0 &&
	    add_mask(p, node->in[0], node->out[1], err))
		return -1;
	return identity(p, i, err);
}

/* Scan had a batch axis then: another operator. */
static int
old_scan(struct pass *p, int i, struct mel_err *err)
{
	struct mel_node *node = &p->graph->node[i];

	free(node->kind);
	node->kind = mel_strdup("Scan-8", err);
	return node->kind ? 0 : -1;
}

static const struct rule {
	const char *kind;
	int from, below; /* opsets: from <= opset < below */
	rule_fn *apply;
} rules[] = {
    {"Constant", 1, 99, constant},
    {"Identity", 1, 99, identity},
    {"Dropout", 1, 99, dropout},
    {"Squeeze", 1, 13, axes_to_input},
    {"Unsqueeze", 1, 13, axes_to_input},
    {"ReduceSum", 1, 13, axes_to_input},
    {"ReduceMean", 1, 18, axes_to_input},
    {"ReduceMax", 1, 18, axes_to_input},
    {"ReduceMin", 1, 18, axes_to_input},
    {"ReduceProd", 1, 18, axes_to_input},
    {"ReduceL1", 1, 18, axes_to_input},
    {"ReduceL2", 1, 18, axes_to_input},
    {"ReduceLogSum", 1, 18, axes_to_input},
    {"ReduceLogSumExp", 1, 18, axes_to_input},
    {"ReduceSumSquare", 1, 18, axes_to_input},
    {"Split", 1, 13, split_to_input},
    {"Slice", 1, 10, slice_to_inputs},
    {"Pad", 1, 11, pad_to_inputs},
    {"Clip", 1, 11, clip_to_inputs},
    {"TopK", 1, 10, k_to_input},
    {"Softmax", 1, 13, flat_softmax},
    {"Softmax", 13, 99, last_axis},
    {"LogSoftmax", 1, 13, flat_softmax},
    {"LogSoftmax", 13, 99, last_axis},
    {"Hardmax", 1, 13, flat_softmax},
    {"PRelu", 1, 7, channel_slope},
    {"Scatter", 1, 99, scatter},
    {"Upsample", 7, 10, upsample},
    {"Resize", 10, 11, plain_resize},
    {"DFT", 17, 20, dft_axis},
    {"BatchNormalization", 1, 7, old_statistics},
    {"BatchNormalization", 1, 14, drop_statistics},
    {"Reshape", 1, 5, shape_to_input},
    {"Add", 1, 7, old_broadcast},
    {"Sub", 1, 7, old_broadcast},
    {"Mul", 1, 7, old_broadcast},
    {"Div", 1, 7, old_broadcast},
    {"Pow", 1, 7, old_broadcast},
    {"And", 1, 7, old_broadcast},
    {"Or", 1, 7, old_broadcast},
    {"Xor", 1, 7, old_broadcast},
    {"Equal", 1, 7, old_broadcast},
    {"Greater", 1, 7, old_broadcast},
    {"Less", 1, 7, old_broadcast},
    {"Gemm", 1, 7, old_broadcast},
    {"Concat", 1, 4, too_old},
    {"Scan", 1, 9, old_scan},
    {"Cast", 1, 6, too_old},
    {"Tile", 1, 6, too_old},
    {"Pad", 1, 2, too_old},
};

static int
apply_rules(struct pass *p, int i, struct mel_err *err)
{
	int opset = p->graph->node[i].opset;

	for (size_t r = 0; r < sizeof(rules) / sizeof(rules[0]); r++) {
		const struct rule *rule = &rules[r];
		const char *kind = p->graph->node[i].kind;

		if (!kind) /* it is gone */
			return 0;
		if (strcmp(kind, rule->kind) || opset < rule->from ||
		    opset >= rule->below)
			continue;
		if (rule->apply(p, i, err))
			return -1;
	}
	return 0;
}

/* The value at the end of the chain; -1 if the chain bites its tail. */
static int
resolve(struct pass *p, int v)
{
	int root = v, steps = 0;

	if (v == MEL_ABSENT || v >= p->n_same)
		return v;
	while (p->same[root] != root) {
		root = p->same[root];
		if (++steps > p->n_same)
			return -1;
	}
	while (p->same[v] != root) {
		int next = p->same[v];

		p->same[v] = root;
		v = next;
	}
	return root;
}

static int
replace(struct pass *p, struct mel_err *err)
{
	struct mel_graph *g = p->graph;

	for (int v = 0; v < p->n_same; v++) {
		if (resolve(p, v) < 0)
			return mel_fail(err, "value %s: a cycle of Identity",
			    g->value[v].name);
	}
	for (int i = 0; i < g->n_node; i++) {
		for (int k = 0; k < g->node[i].n_in; k++)
			g->node[i].in[k] = resolve(p, g->node[i].in[k]);
	}
	for (int i = 0; i < g->n_output; i++)
		g->output[i].value = resolve(p, g->output[i].value);
	return 0;
}

/* Every value that is read must come from somewhere. */
static int
check_sources(const struct mel_graph *g, struct mel_err *err)
{
	bool *made = mel_alloc((size_t)g->n_value, sizeof(bool), err);
	int rc = 0;

	if (!made)
		return -1;
	for (int v = 0; v < g->n_value; v++)
		made[v] = g->value[v].constant.dtype != MEL_NONE;
	for (int i = 0; i < g->n_input; i++)
		made[g->input[i].value] = true;
	for (int i = 0; i < g->n_node; i++) {
		for (int k = 0; k < g->node[i].n_out; k++) {
			if (g->node[i].out[k] != MEL_ABSENT)
				made[g->node[i].out[k]] = true;
		}
	}
	for (int i = 0; !rc && i < g->n_node; i++) {
		const struct mel_node *n = &g->node[i];

		for (int k = 0; !rc && k < n->n_in; k++) {
			if (n->in[k] != MEL_ABSENT && !made[n->in[k]])
				rc = mel_node_fail(n, err,
				    "input %s is a training output",
				    g->value[n->in[k]].name);
		}
	}
	for (int i = 0; !rc && i < g->n_output; i++) {
		if (!made[g->output[i].value])
			rc = mel_fail(err, "output %s is a training output",
			    g->output[i].name);
	}
	free(made);
	return rc;
}

static void
compact(struct mel_graph *g)
{
	int n = 0;

	for (int i = 0; i < g->n_node; i++) {
		if (g->node[i].kind)
			g->node[n++] = g->node[i];
	}
	g->n_node = n;
}

/* Masks of Dropout come behind the nodes of the file: all are visited. */
static int
apply_all(struct pass *p, struct mel_err *err)
{
	for (int i = 0; i < p->graph->n_node; i++) {
		if (p->graph->node[i].kind && apply_rules(p, i, err))
			return -1;
	}
	return replace(p, err);
}

int
mel_graph_normalise(struct mel_graph *graph, struct mel_err *err)
{
	struct pass p = {.graph = graph, .n_same = graph->n_value};
	int rc;

	p.same = mel_alloc((size_t)p.n_same, sizeof(int), err);
	if (!p.same)
		return -1;
	for (int v = 0; v < p.n_same; v++)
		p.same[v] = v;
	rc = apply_all(&p, err);
	free(p.same);
	compact(graph);
	for (int i = 0; !rc && i < graph->n_node; i++) {
		struct mel_graph *body;

		for (int k = 0;
		     !rc && (body = mel_node_body(&graph->node[i], &k));)
			rc = mel_graph_normalise(body, err);
	}
	return rc ? -1 : check_sources(graph, err);
}
