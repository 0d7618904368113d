/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "net/eval.h"
#include "net/graph.h"
#include "net/op.h"
#include "net/pass.h"
#include "net/rewrite.h"
#include "tensor/tensor.h"

/*
 * LayerNormalization as exporters write it before opset 17:
 *
 *	d = x - ReduceMean(x)
 *	y = d / Sqrt(ReduceMean(d ^ 2) + epsilon) * scale + bias
 *
 * over the last axis, becomes one node. Where a scale could make rows of one
 * element longer, that is to say where the width of x is not proven, it stays.
 */

#define MAX_CLIMB 6 /* nodes that find_width looks back, two ways each */

struct fuse {
	struct mel_graph *g;
	int *uses; /* [n_value] */
};

/* What was found, walking from the last node to the first. */
struct match {
	int x, scale, bias; /* values */
	float epsilon;
};

static const struct mel_tensor *
constant(const struct fuse *f, int v)
{
	const struct mel_tensor *t;

	if (v == MEL_ABSENT)
		return NULL;
	t = &f->g->value[v].constant;
	return t->dtype ? t : NULL;
}

/* The node that makes v, if it is of this kind and v is read n times. */
static const struct mel_node *
producer(const struct fuse *f, int v, const char *kind, int n)
{
	int i = v == MEL_ABSENT ? -1 : f->g->value[v].producer;
	const struct mel_node *node = i < 0 ? NULL : &f->g->node[i];

	return node && f->uses[v] == n && !strcmp(node->op->name, kind) ? node
									: NULL;
}

/* Which operand of a node with two is a constant: 0, 1; -1: not one alone. */
static int
constant_operand(const struct fuse *f, const struct mel_node *n)
{
	bool left = constant(f, n->in[0]), right = constant(f, n->in[1]);

	return left == right ? -1 : right;
}

/* A constant row of f32; its length, or -1. */
static int64_t
row_length(const struct fuse *f, int v)
{
	const struct mel_tensor *t = constant(f, v);

	return t && t->dtype == MEL_F32 && t->ndim == 1 ? t->dim[0] : -1;
}

static bool
is_number(const struct fuse *f, int v, float *number)
{
	const struct mel_tensor *t = constant(f, v);
	size_t size = t ? mel_dtype_size(t->dtype) : 0;

	if (!t || t->dtype != MEL_F32 || mel_tensor_count(t) != 1)
		return false;
	memcpy(number, t->data, size);
	return true;
}

static bool
is_two(const struct fuse *f, int v)
{
	const struct mel_tensor *t = constant(f, v);
	int64_t i = 0;
	float x;

	if (is_number(f, v, &x))
		return x == 2.0f;
	if (t && t->dtype == MEL_I64 && mel_tensor_count(t) == 1)
		memcpy(&i, t->data, sizeof(i));
	return i == 2;
}

/* v is the mean over the last axis of what is returned, else MEL_ABSENT. */
static int
mean_of(const struct fuse *f, int v)
{
	const struct mel_node *n = producer(f, v, "ReduceMean", 1);
	const struct mel_tensor *axes =
	    n && n->n_in > 1 ? constant(f, n->in[1]) : NULL;
	int64_t keep, axis;

	if (!axes || axes->dtype != MEL_I64 || mel_tensor_count(axes) != 1 ||
	    mel_attr_int(n, "keepdims", 1, &keep, NULL) || !keep)
		return MEL_ABSENT;
	memcpy(&axis, axes->data, sizeof(axis));
	return axis == -1 ? n->in[0] : MEL_ABSENT;
}

static int64_t find_width(const struct fuse *f, int v, int depth);

/* The longer row of two operands that fit is the result's. */
static int64_t
joint_width(const struct fuse *f, int a, int b, int depth)
{
	int64_t width = find_width(f, a, depth);

	return width > 1 ? width : find_width(f, b, depth);
}

/* Elements of a row of v, if more than one is proven; else 1 or -1. */
static int64_t
find_width(const struct fuse *f, int v, int depth)
{
	static const char *const binary[] = {"Add", "Sub", "Mul", "Div"};
	const struct mel_node *n;
	int i = v == MEL_ABSENT ? -1 : f->g->value[v].producer;

	if (i < 0 || depth == MAX_CLIMB)
		return row_length(f, v);
	n = &f->g->node[i];
	if (!strcmp(n->op->name, "MatMul")) {
		const struct mel_tensor *w = constant(f, n->in[1]);

		return w && w->ndim == 2 ? w->dim[1] : -1;
	}
	if (!strcmp(n->op->name, "LayerNormalization"))
		return row_length(f, n->in[1]);
	if (!strcmp(n->op->name, "Where"))
		return joint_width(f, n->in[1], n->in[2], depth + 1);
	for (size_t k = 0; k < sizeof(binary) / sizeof(binary[0]); k++) {
		if (!strcmp(n->op->name, binary[k]))
			return joint_width(f, n->in[0], n->in[1], depth + 1);
	}
	return -1;
}

/* From d / sqrt(variance + epsilon) back to x. */
static bool
find_quotient(const struct fuse *f, const struct mel_node *div, struct match *m)
{
	const struct mel_node *root = producer(f, div->in[1], "Sqrt", 1);
	const struct mel_node *add =
	    root ? producer(f, root->in[0], "Add", 1) : NULL;
	int k = add ? constant_operand(f, add) : -1, square;
	const struct mel_node *pow, *sub;

	if (k < 0 || !is_number(f, add->in[k], &m->epsilon))
		return false;
	square = mean_of(f, add->in[1 - k]);
	pow = producer(f, square, "Pow", 1);
	sub = producer(f, div->in[0], "Sub", 2);
	if (!pow || !sub || pow->in[0] != div->in[0] || !is_two(f, pow->in[1]))
		return false;
	m->x = sub->in[0];
	return m->x != MEL_ABSENT && mean_of(f, sub->in[1]) == m->x;
}

/* Does `last` add the bias? */
static bool
find_match(const struct fuse *f, const struct mel_node *last, struct match *m)
{
	const struct mel_node *mul, *div;
	int64_t width;
	int k = strcmp(last->op->name, "Add") ? -1 : constant_operand(f, last);

	if (k < 0)
		return false;
	m->bias = last->in[k];
	mul = producer(f, last->in[1 - k], "Mul", 1);
	k = mul ? constant_operand(f, mul) : -1;
	if (k < 0)
		return false;
	m->scale = mul->in[k];
	div = producer(f, mul->in[1 - k], "Div", 1);
	if (!div || !find_quotient(f, div, m))
		return false;
	width = find_width(f, m->x, 0);
	return width > 1 && width == row_length(f, m->scale) &&
	       width == row_length(f, m->bias);
}

/* Puts the new node where the last of the old ones was. */
static int
replace(struct fuse *f, int last, const struct match *m, struct mel_err *err)
{
	struct mel_node *old = &f->g->node[last], node;

	if (mel_node_init(&node, "LayerNormalization", old->name, 3, 1, err))
		return -1;
	node.in[0] = m->x;
	node.in[1] = m->scale;
	node.in[2] = m->bias;
	node.n_own = node.n_in;
	node.out[0] = old->out[0];
	node.opset = old->opset;
	if (mel_node_add_int(&node, "axis", -1, err) ||
	    mel_node_add_float(&node, "epsilon", m->epsilon, err) ||
	    mel_node_prepare(&node, err)) {
		mel_node_clear(&node);
		return -1;
	}
	mel_node_clear(old);
	*old = node;
	return 0;
}

int
mel_graph_fuse_norm(struct mel_graph *graph, struct mel_err *err)
{
	struct fuse f = {graph, mel_rewrite_uses(graph, err)};
	struct match m;
	int rc = f.uses ? 0 : -1, found = 0;

	for (int i = 0; !rc && i < graph->n_node; i++) {
		if (!find_match(&f, &graph->node[i], &m))
			continue;
		rc = replace(&f, i, &m, err);
		found++;
	}
	free(f.uses);
	if (rc)
		return -1;
	return found ? mel_graph_sweep(graph, err) : 0;
}
