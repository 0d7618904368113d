/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/conv.h"
#include "net/elementwise.h"
#include "net/epilogue.h"
#include "net/eval.h"
#include "net/graph.h"
#include "net/op.h"
#include "net/pass.h"
#include "net/rewrite.h"
#include "tensor/tensor.h"

/*
 * Products along time absorb the elementwise nodes behind them, see
 * net/epilogue.h. A residual is absorbed if its shape is proven to be that of
 * the product.
 */

/*
 * A shape that need not be known to be compared: two values with equal extents
 * have equal shapes.
 */
struct extent {
	int rows;      /* the value that all axes but the last are those of */
	int64_t width; /* the last axis; -1: as long as that of `rows` */
};

struct absorb {
	struct mel_graph *g;
	struct extent *extent; /* [n_value] */
	int *uses;             /* [n_value] */
	int *first, *last;     /* [n_value] nodes that read it, -1 */
};

static const struct mel_tensor *
constant(const struct absorb *a, int v)
{
	const struct mel_tensor *t;

	if (v == MEL_ABSENT)
		return NULL;
	t = &a->g->value[v].constant;
	return t->dtype ? t : NULL;
}

static bool
is_elementwise(const struct mel_node *n)
{
	const struct mel_elementwise *e = (const struct mel_elementwise *)n->op;

	return n->op->forward == mel_elementwise_forward && !n->op->release &&
	       !e->result && e->row[MEL_F32] && n->n_in <= 2;
}

static bool
is_matrix(const struct mel_tensor *t)
{
	return t && t->dtype == MEL_F32 && t->ndim == 2 && mel_tensor_count(t);
}

static bool
is_product(const struct absorb *a, const struct mel_node *n)
{
	return !strcmp(n->op->name, "MatMul") &&
	       is_matrix(constant(a, n->in[1]));
}

static bool
is_conv(const struct mel_node *n)
{
	return !strcmp(n->op->name, "(conv)");
}

/* Elements in a row of what the product gives. */
static int64_t
width_of(const struct absorb *a, const struct mel_node *n)
{
	const struct mel_tensor *w = constant(a, n->in[1]);

	return is_conv(n) ? w->dim[0] : w->dim[1];
}

/* As many rows come out as go in. */
static bool
keeps_length(const struct mel_node *n, const struct mel_tensor *w)
{
	const struct mel_conv *p = n->params;
	const struct mel_window *win = &p->window;

	return win->pad == MEL_WINDOW_EXPLICIT && win->stride[0] == 1 &&
	       win->lo[0] + win->hi[0] == (w->dim[2] - 1) * win->dilation[0];
}

/* A constant of one element, or one row of `width`, that adds no axes. */
static bool
is_row(const struct mel_tensor *t, int64_t width, int rank)
{
	int64_t count = (int64_t)mel_tensor_count(t);

	if (t->dtype != MEL_F32 || t->ndim > rank)
		return false;
	if (count == 1)
		return true;
	return t->ndim && count == width && t->dim[t->ndim - 1] == width;
}

static bool
same_extent(const struct extent *a, const struct extent *b)
{
	return a->rows == b->rows && a->width == b->width;
}

/* Both operands have one extent, or one is a constant that adapts. */
static void
join_extents(struct absorb *a, const struct mel_node *n)
{
	const struct extent *x = &a->extent[n->in[0]];
	struct extent *y = &a->extent[n->out[0]];

	if (n->n_in == 1) {
		*y = *x;
		return;
	}
	for (int k = 0; k < 2; k++) {
		const struct mel_tensor *t = constant(a, n->in[k]);

		x = &a->extent[n->in[1 - k]];
		if (t && !constant(a, n->in[1 - k]) && is_row(t, x->width, 1)) {
			*y = *x;
			return;
		}
	}
	if (same_extent(x, &a->extent[n->in[1]]))
		*y = *x;
}

static void
set_extent(struct absorb *a, const struct mel_node *n)
{
	const struct mel_tensor *w;
	struct extent *x, *y;

	if (n->n_out < 1 || n->out[0] == MEL_ABSENT || n->in[0] == MEL_ABSENT)
		return;
	x = &a->extent[n->in[0]];
	y = &a->extent[n->out[0]];
	if (is_elementwise(n)) {
		join_extents(a, n);
	} else if (!strcmp(n->op->name, "LayerNormalization")) {
		*y = *x;
	} else if (is_product(a, n)) {
		x->width = constant(a, n->in[1])->dim[0];
		*y = (struct extent){x->rows, width_of(a, n)};
	} else if (is_conv(n)) {
		const struct mel_conv *p = n->params;

		w = constant(a, n->in[1]);
		x->width = w->dim[1] * p->group;
		y->width = w->dim[0];
		if (keeps_length(n, w))
			y->rows = x->rows;
	}
}

/* Which input of a node with one or two is v. */
static int
own_input(const struct mel_node *node, int v)
{
	return node->in[0] == v ? 0 : 1;
}

/* What `next` reads beside v, if anything, can be an operand; and no other
 * product has taken it. */
static bool
fits(const struct absorb *a, const struct mel_node *n,
    const struct mel_node *next, int v)
{
	const struct mel_tensor *t;
	int other;

	if (next->out[0] == MEL_ABSENT)
		return false;
	if (next->n_in == 1)
		return true;
	other = next->in[1 - own_input(next, v)];
	t = constant(a, other);
	if (t)
		return is_row(t, width_of(a, n), is_conv(n) ? 3 : 1);
	return same_extent(&a->extent[other], &a->extent[v]);
}

/*
 * Moves node `next`, which reads what n gives, into the epilogue of n. What
 * else it reads becomes an input, unless it is `saved`.
 */
static int
take(struct absorb *a, struct mel_node *n, struct mel_node *next, int saved,
    struct mel_err *err)
{
	int own = own_input(next, n->out[0]);
	struct mel_epilogue *e = mel_node_epilogue(n);
	struct mel_epilogue_step *s = &e->step[e->n];
	bool more = next->n_in == 2 && next->in[1 - own] != saved;
	int at = n->n_in;

	if (at < 3 && is_conv(n))
		at = 3;
	*s = (struct mel_epilogue_step){
	    .op = (const struct mel_elementwise *)next->op,
	    .operand =
		next->n_in == 2 ? MEL_EPILOGUE_SAVED : MEL_EPILOGUE_ALONE,
	    .right = own == 1,
	    .save = s->save,
	};
	if (more) {
		if (mel_node_resize_inputs(n, at + 1, err))
			return -1;
		n->in[at] = next->in[1 - own];
		s->operand = at;
	}
	s->params = next->params;
	next->params = NULL;
	e->n++;
	a->extent[next->out[0]] = a->extent[n->out[0]];
	n->out[0] = next->out[0];
	next->out[0] = MEL_ABSENT; /* the sweep takes it away */
	return 0;
}

/* Nodes that n can absorb together. */
struct chain {
	struct mel_node *node[MEL_EPILOGUE_MAX];
	int n;
	int saved; /* what the last one reads again, or MEL_ABSENT */
};

/* Fewer steps are left than the chain has. */
static bool
is_full(const struct mel_node *n, const struct chain *c, int more)
{
	const struct mel_epilogue *e = mel_node_epilogue(n);

	return (e ? e->n : 0) + c->n + more > MEL_EPILOGUE_MAX;
}

/* The node that alone reads what n gives. */
static bool
find_single(const struct absorb *a, const struct mel_node *n, struct chain *c)
{
	int y = n->out[0];

	*c = (struct chain){.saved = MEL_ABSENT};
	if (a->uses[y] != 1 || a->last[y] < 0 || is_full(n, c, 1))
		return false;
	c->node[c->n] = &a->g->node[a->last[y]];
	return is_elementwise(c->node[0]) && fits(a, n, c->node[c->n++], y);
}

/* From the reader `from` of what n gives, down to the other one, `end`. */
static bool
find_branch(const struct absorb *a, const struct mel_node *n, int from, int end,
    struct chain *c)
{
	int y = n->out[0], v = y;

	*c = (struct chain){.saved = y};
	for (int i = from; i >= 0 && !is_full(n, c, 1); i = a->last[v]) {
		struct mel_node *next = &a->g->node[i];

		if (!is_elementwise(next) || !fits(a, n, next, v) ||
		    (v != y && a->uses[v] != 1))
			return false;
		c->node[c->n++] = next;
		if (i == end)
			return v != y;
		v = next->out[0];
	}
	return false;
}

/* Two nodes read what n gives, and one of them reads what comes of the other:
   as x sigmoid(x). */
static bool
find_twice(const struct absorb *a, const struct mel_node *n, struct chain *c)
{
	const struct mel_epilogue *e = mel_node_epilogue(n);
	int y = n->out[0], one = a->first[y], two = a->last[y];

	for (int i = 0; e && i < e->n; i++) {
		if (e->step[i].save)
			return false;
	}
	return a->uses[y] == 2 && one != two &&
	       (find_branch(a, n, one, two, c) ||
		   find_branch(a, n, two, one, c));
}

static int
take_chain(struct absorb *a, struct mel_node *n, const struct chain *c,
    struct mel_err *err)
{
	struct mel_epilogue *e;

	if (!mel_node_epilogue(n) && mel_rewrite_prepare(n, "(product)", err))
		return -1;
	e = mel_node_epilogue(n);
	e->step[e->n].save = c->saved != MEL_ABSENT;
	for (int i = 0; i < c->n; i++) {
		if (take(a, n, c->node[i], c->saved, err))
			return -1;
	}
	return 0;
}

static int
absorb_node(struct absorb *a, struct mel_node *n, struct mel_err *err)
{
	struct chain c;

	if (n->n_out != 1 || n->out[0] == MEL_ABSENT ||
	    (!is_conv(n) && !is_product(a, n)))
		return 0;
	while (find_single(a, n, &c) || find_twice(a, n, &c)) {
		if (take_chain(a, n, &c, err))
			return -1;
	}
	return 0;
}

static void
add_reader(struct absorb *a, int v, int node)
{
	if (v == MEL_ABSENT)
		return;
	if (a->first[v] < 0)
		a->first[v] = node;
	a->last[v] = node;
}

static int
absorb_all(struct absorb *a, struct mel_err *err)
{
	size_t n = (size_t)a->g->n_value;

	a->extent = mel_alloc(n, sizeof(*a->extent), err);
	a->first = mel_alloc(n, sizeof(*a->first), err);
	a->last = mel_alloc(n, sizeof(*a->last), err);
	a->uses = mel_rewrite_uses(a->g, err);
	if (!a->extent || !a->first || !a->last || !a->uses)
		return -1;
	for (int v = 0; v < a->g->n_value; v++) {
		a->extent[v] = (struct extent){v, -1};
		a->first[v] = a->last[v] = -1;
	}
	for (int i = 0; i < a->g->n_node; i++) {
		const struct mel_node *node = &a->g->node[i];

		set_extent(a, node);
		for (int k = 0; k < node->n_in; k++)
			add_reader(a, node->in[k], i);
	}
	for (int i = 0; i < a->g->n_node; i++) {
		if (absorb_node(a, &a->g->node[i], err))
			return -1;
	}
	return 0;
}

int
mel_graph_absorb(struct mel_graph *graph, struct mel_err *err)
{
	struct absorb a = {.g = graph};
	int rc = absorb_all(&a, err);

	free(a.extent);
	free(a.first);
	free(a.last);
	free(a.uses);
	/* A residual may come after the product that adds it. */
	if (rc || mel_graph_sort(graph, err))
		return -1;
	return mel_graph_sweep(graph, err);
}
