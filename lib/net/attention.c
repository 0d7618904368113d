/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/attention.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/eval.h"
#include "net/graph.h"
#include "net/op.h"
#include "net/pass.h"
#include "tensor/tensor.h"

#define MAX_CLIMB 8 /* nodes that rank_of looks back */

struct fuse {
	struct mel_graph *graph;
	int *uses;    /* [n_value] of its data, shape or both */
	int *user;    /* [n_value] a node that uses it */
	bool *output; /* [n_value] of the graph */
};

/* What was found so far, walking from the last product to the first. */
struct match {
	struct mel_attention p; /* steps in reverse */
	int operand[MEL_ATTENTION_STEPS];
	int q, k, v; /* values */
};

static const struct mel_node *
producer(const struct fuse *f, int value, const char *op)
{
	int i = value == MEL_ABSENT ? -1 : f->graph->value[value].producer;
	const struct mel_node *n = i < 0 ? NULL : &f->graph->node[i];

	return n && (!op || !strcmp(n->op->name, op)) ? n : NULL;
}

static bool
is_private(const struct fuse *f, int value)
{
	return f->uses[value] == 1 && !f->output[value];
}

/* A constant with one element, of f32. */
static bool
is_scalar(const struct fuse *f, int value, float *out)
{
	const struct mel_tensor *t = &f->graph->value[value].constant;

	if (t->dtype != MEL_F32 || mel_tensor_count(t) != 1)
		return false;
	*out = *(const float *)t->data;
	return true;
}

/* The permutation of a Transpose that says how many axes there are. */
static const struct mel_attr *
permutation(const struct mel_node *node)
{
	const struct mel_attr *a = node && !strcmp(node->op->name, "Transpose")
				       ? mel_node_attr(node, "perm")
				       : NULL;

	return a && a->n <= MEL_MAX_DIMS ? a : NULL;
}

/* Operators whose output has as many axes as input 0. */
static bool
keeps_rank(const struct mel_node *n)
{
	static const char *const names[] = {"Slice", "Concat", "Split",
	    "Softmax", "LayerNormalization", "Relu", "Cast", "Pad"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(n->op->name, names[i]))
			return true;
	}
	return false;
}

/* Arithmetic with a scalar constant: the number of the other input; or -1. */
static int
scaled_input(const struct fuse *f, const struct mel_node *n)
{
	float c;

	if (strcmp(n->op->name, "Mul") != 0 && strcmp(n->op->name, "Div") != 0)
		return -1;
	if (is_scalar(f, n->in[1], &c))
		return 0;
	return is_scalar(f, n->in[0], &c) ? 1 : -1;
}

/* By how much more axes a node has at its output; 0 if that is not known. */
static int
added_axes(const struct fuse *f, const struct mel_node *n)
{
	bool fewer = !strcmp(n->op->name, "Squeeze");
	const struct mel_tensor *axes;

	if ((!fewer && strcmp(n->op->name, "Unsqueeze") != 0) || n->n_in < 2 ||
	    n->in[1] == MEL_ABSENT)
		return 0;
	axes = &f->graph->value[n->in[1]].constant;
	if (!axes->dtype)
		return 0;
	return (int)mel_tensor_count(axes) * (fewer ? -1 : 1);
}

static int
input_rank(const struct fuse *f, int value)
{
	for (int i = 0; i < f->graph->n_input; i++) {
		if (f->graph->input[i].value == value)
			return f->graph->input[i].ndim;
	}
	return -1;
}

/* How many axes a value has as itself or its node n says; -1: neither does. */
static int
told_rank(const struct fuse *f, int value, const struct mel_node *n)
{
	const struct mel_tensor *t = &f->graph->value[value].constant;

	if (t->dtype)
		return t->ndim;
	if (!n)
		return input_rank(f, value);
	if (permutation(n))
		return (int)permutation(n)->n;
	if (strcmp(n->op->name, "Reshape") != 0)
		return -1;
	t = &f->graph->value[n->in[1]].constant;
	return t->dtype ? (int)mel_tensor_count(t) : -1;
}

/* The input with as many axes as the output, or fewer by *more; -1: none. */
static int
ranked_input(const struct fuse *f, const struct mel_node *n, int *more)
{
	*more = added_axes(f, n);
	if (*more || keeps_rank(n))
		return 0;
	if (!strcmp(n->op->name, "Conv"))
		return 1;
	return scaled_input(f, n);
}

/* How many axes a value has, or -1: that depends. */
static int
rank_of(const struct fuse *f, int value)
{
	int sum = 0;

	for (int i = 0; i < MAX_CLIMB; i++) {
		const struct mel_node *n = producer(f, value, NULL);
		int rank = told_rank(f, value, n), in, more;

		if (rank >= 0)
			return rank + sum < 0 ? -1 : rank + sum;
		in = n ? ranked_input(f, n, &more) : -1;
		if (in < 0)
			return -1;
		sum += more;
		value = n->in[in];
	}
	return -1;
}

static bool find_scores(struct fuse *f, struct match *m, int value);

/* A step whose scores are input k; false, and m as it was, if it is none. */
static bool
try_step(struct fuse *f, struct match *m, const struct mel_node *n, int k,
    struct mel_attention_step step, int operand)
{
	int i = m->p.n_step;

	if (i == MEL_ATTENTION_STEPS)
		return false;
	m->p.step[i] = step;
	m->operand[i] = operand;
	m->p.n_step++;
	if (find_scores(f, m, n->in[k]))
		return true;
	m->p.n_step = i;
	return false;
}

static bool
try_arithmetic(struct fuse *f, struct match *m, const struct mel_node *n)
{
	static const struct {
		const char *name;
		enum mel_attention_kind kind;
		bool commutes;
	} ops[] = {
	    {"Add", MEL_ATTENTION_ADD, true},
	    {"Sub", MEL_ATTENTION_SUB, false},
	    {"Mul", MEL_ATTENTION_MUL, true},
	    {"Div", MEL_ATTENTION_DIV, false},
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		const struct mel_attention_step step = {.kind = ops[i].kind};

		if (strcmp(ops[i].name, n->op->name) != 0)
			continue;
		return try_step(f, m, n, 0, step, n->in[1]) ||
		       (ops[i].commutes &&
			   try_step(f, m, n, 1, step, n->in[0]));
	}
	return false;
}

static bool
try_where(struct fuse *f, struct match *m, const struct mel_node *n)
{
	struct mel_attention_step yes = {.kind = MEL_ATTENTION_FILL_TRUE};
	struct mel_attention_step no = {.kind = MEL_ATTENTION_FILL_FALSE};

	if (strcmp(n->op->name, "Where") != 0)
		return false;
	if (is_scalar(f, n->in[1], &yes.fill))
		return try_step(f, m, n, 2, yes, n->in[0]);
	if (is_scalar(f, n->in[2], &no.fill))
		return try_step(f, m, n, 1, no, n->in[0]);
	return false;
}

/* From the scores, or what was made of them, back to their product. */
static bool
find_scores(struct fuse *f, struct match *m, int value)
{
	const struct mel_node *n = producer(f, value, NULL);

	if (!n || !is_private(f, value))
		return false;
	if (!strcmp(n->op->name, "MatMul")) {
		m->q = n->in[0];
		m->k = n->in[1];
		return !f->graph->value[m->k].constant.dtype;
	}
	return try_arithmetic(f, m, n) || try_where(f, m, n);
}

/* Back to the softmax, over one step that makes weights 0. */
static const struct mel_node *
find_softmax(struct fuse *f, struct match *m, int value)
{
	const struct mel_node *n = producer(f, value, NULL);
	struct mel_attention_step *step = &m->p.step[0];
	float c;

	if (n && is_private(f, value) && !strcmp(n->op->name, "Where")) {
		bool yes = is_scalar(f, n->in[1], &c) && c == 0.0f;
		bool no = is_scalar(f, n->in[2], &c) && c == 0.0f;

		if (!yes && !no)
			return NULL;
		step->kind =
		    yes ? MEL_ATTENTION_FILL_TRUE : MEL_ATTENTION_FILL_FALSE;
		m->operand[m->p.n_step++] = n->in[0];
		value = n->in[yes ? 2 : 1];
		n = producer(f, value, NULL);
	}
	return n && is_private(f, value) && !strcmp(n->op->name, "Softmax")
		   ? n
		   : NULL;
}

/*
 * Looks through Transposes: *value is what they are made of. One of another
 * number of axes stays, and is refused when the shapes are known.
 */
static void
absorb(const struct fuse *f, int *value, struct mel_attention_axes *axes)
{
	const struct mel_node *n;
	const struct mel_attr *perm;

	while ((n = producer(f, *value, "Transpose")) &&
	       (perm = permutation(n)) &&
	       (!axes->n || perm->n == (size_t)axes->n)) {
		for (int d = 0; d < (int)perm->n; d++) {
			int at = axes->n ? axes->axis[d] : d;

			axes->axis[d] = (int)perm->ints[at];
		}
		axes->n = (int)perm->n;
		*value = n->in[0];
	}
}

static bool
axis_is_last(const struct mel_node *softmax, int rank)
{
	int64_t axis = -1;

	if (mel_attr_int(softmax, "axis", -1, &axis, NULL))
		return false;
	return axis == -1 || axis == rank - 1;
}

/* Constant factors that come first are the scale. */
static void
take_scale(const struct fuse *f, struct match *m)
{
	int n_after = m->p.n_step - m->p.n_before;

	while (m->p.n_before) {
		int last = n_after + m->p.n_before - 1; /* in reverse */
		float c;

		if (!is_scalar(f, m->operand[last], &c))
			break;
		if (m->p.step[last].kind == MEL_ATTENTION_MUL)
			m->p.scale *= c;
		else if (m->p.step[last].kind == MEL_ATTENTION_DIV)
			m->p.scale /= c;
		else
			break;
		m->p.n_before--;
		m->p.n_step--;
	}
}

static bool
find_match(struct fuse *f, const struct mel_node *last, struct match *m)
{
	const struct mel_node *softmax;
	int n_after, q_rank, k_rank, v_rank;

	*m = (struct match){.p.scale = 1.0f, .v = last->in[1]};
	softmax = find_softmax(f, m, last->in[0]);
	n_after = m->p.n_step;
	if (!softmax || !find_scores(f, m, softmax->in[0]) ||
	    f->graph->value[m->v].constant.dtype)
		return false;
	m->p.n_before = m->p.n_step - n_after;
	q_rank = rank_of(f, m->q);
	k_rank = rank_of(f, m->k);
	v_rank = rank_of(f, m->v);
	m->p.ndim = q_rank > k_rank ? q_rank : k_rank;
	if (q_rank < 2 || k_rank < 2 || v_rank < 2 ||
	    !axis_is_last(softmax, m->p.ndim))
		return false;
	take_scale(f, m);
	absorb(f, &m->q, &m->p.q);
	absorb(f, &m->k, &m->p.k);
	absorb(f, &m->v, &m->p.v);
	return true;
}

/* Steps in the order of work, operands behind Q, K, V. */
static void
order_steps(const struct match *m, struct mel_node *node)
{
	struct mel_attention *p = node->params;
	int n = m->p.n_step;

	*p = m->p;
	for (int i = 0; i < n; i++) {
		p->step[i] = m->p.step[n - 1 - i];
		p->step[i].in = 3 + i;
		node->in[3 + i] = m->operand[n - 1 - i];
	}
}

/* The Transpose that alone reads the output, or -1. */
static int
transpose_behind(const struct fuse *f, int value)
{
	int i = f->user[value];

	if (!is_private(f, value))
		return -1;
	return permutation(&f->graph->node[i]) ? i : -1;
}

/* Puts the new node where the last of the old ones was. */
static int
replace(struct fuse *f, int last, const struct match *m, struct mel_err *err)
{
	struct mel_node *old = &f->graph->node[last], node;
	int out = old->out[0], behind = transpose_behind(f, out);
	struct mel_attention_axes axes = {0};

	if (behind >= 0) {
		old = &f->graph->node[behind];
		axes.n = (int)permutation(old)->n;
		for (int d = 0; d < axes.n; d++)
			axes.axis[d] = (int)permutation(old)->ints[d];
		out = old->out[0];
	}
	if (mel_node_init(&node, mel_op_attention.name, old->name,
		3 + m->p.n_step, 1, err))
		return -1;
	node.in[0] = m->q;
	node.in[1] = m->k;
	node.in[2] = m->v;
	node.n_own = node.n_in;
	node.out[0] = out;
	node.opset = old->opset;
	if (mel_node_prepare_as(&node, &mel_op_attention, err)) {
		mel_node_clear(&node);
		return -1;
	}
	order_steps(m, &node);
	((struct mel_attention *)node.params)->out = axes;
	mel_node_clear(old);
	*old = node;
	f->graph->value[out].producer = (int)(old - f->graph->node);
	return 0;
}

static void
count_uses(struct fuse *f)
{
	const struct mel_graph *g = f->graph;

	for (int i = 0; i < g->n_node; i++) {
		for (int k = 0; k < g->node[i].n_in; k++) {
			int v = g->node[i].in[k];

			if (v == MEL_ABSENT)
				continue;
			f->uses[v]++;
			f->user[v] = i;
		}
	}
	for (int i = 0; i < g->n_output; i++)
		f->output[g->output[i].value] = true;
}

static int
fuse_nodes(struct fuse *f, int *found, struct mel_err *err)
{
	size_t n = (size_t)f->graph->n_value;
	struct match m;

	f->uses = mel_alloc(n, sizeof(*f->uses), err);
	f->user = mel_alloc(n, sizeof(*f->user), err);
	f->output = mel_alloc(n, sizeof(*f->output), err);
	if (!f->uses || !f->user || !f->output)
		return -1;
	count_uses(f);
	for (int i = 0; i < f->graph->n_node; i++) {
		const struct mel_node *node = &f->graph->node[i];

		if (strcmp(node->op->name, "MatMul") != 0 ||
		    !find_match(f, node, &m))
			continue;
		if (replace(f, i, &m, err))
			return -1;
		++*found;
	}
	return 0;
}

static int
fuse_graph(struct mel_graph *graph, int *found, struct mel_err *err)
{
	struct fuse f = {.graph = graph};
	int rc = fuse_nodes(&f, found, err);

	free(f.uses);
	free(f.user);
	free(f.output);
	for (int i = 0; !rc && i < graph->n_node; i++) {
		struct mel_graph *body;

		for (int k = 0; (body = mel_node_body(&graph->node[i], &k));)
			rc = rc || fuse_graph(body, found, err);
	}
	return rc;
}

int
mel_graph_fuse_attention(struct mel_graph *graph, struct mel_err *err)
{
	int found = 0;

	if (fuse_graph(graph, &found, err))
		return -1;
	return found ? mel_graph_sweep(graph, err) : 0;
}
