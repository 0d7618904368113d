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
	int *reader;           /* [n_value] a node that reads it, -1 */
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

/* Which input of `next` is y; the other one, if any, can be an operand. */
static bool
fits(const struct absorb *a, const struct mel_node *n,
    const struct mel_node *next, int *own)
{
	int y = n->out[0], other;
	const struct mel_tensor *t;

	*own = next->in[0] == y ? 0 : 1;
	if (next->n_in == 1)
		return true;
	other = next->in[1 - *own];
	t = constant(a, other);
	if (t)
		return is_row(t, width_of(a, n), is_conv(n) ? 3 : 1);
	return same_extent(&a->extent[other], &a->extent[y]);
}

/* Moves node `next` into the epilogue of n. */
static int
take(struct absorb *a, struct mel_node *n, struct mel_node *next, int own,
    struct mel_err *err)
{
	struct mel_epilogue *e = mel_node_epilogue(n);
	struct mel_epilogue_step *s = &e->step[e->n];
	int at = n->n_in;

	if (next->n_in == 2 && at < 3 && is_conv(n))
		at = 3;
	*s = (struct mel_epilogue_step){
	    .op = (const struct mel_elementwise *)next->op,
	    .operand = -1,
	    .right = own == 1,
	};
	if (next->n_in == 2) {
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

/* The node that alone reads what n gives, if n can absorb it; or NULL. */
static struct mel_node *
absorbable(const struct absorb *a, const struct mel_node *n, int *own)
{
	int y = n->out[0];
	struct mel_node *next;

	if (a->uses[y] != 1 || a->reader[y] < 0)
		return NULL;
	next = &a->g->node[a->reader[y]];
	if (!is_elementwise(next) || !fits(a, n, next, own))
		return NULL;
	return next;
}

static int
absorb_node(struct absorb *a, struct mel_node *n, struct mel_err *err)
{
	struct mel_node *next;
	int own;

	if (n->n_out != 1 || n->out[0] == MEL_ABSENT ||
	    (!is_conv(n) && !is_product(a, n)))
		return 0;
	while ((next = absorbable(a, n, &own))) {
		if (!mel_node_epilogue(n) &&
		    mel_rewrite_prepare(n, "(product)", err))
			return -1;
		if (mel_node_epilogue(n)->n == MEL_EPILOGUE_MAX)
			break;
		if (take(a, n, next, own, err))
			return -1;
	}
	return 0;
}

static int
absorb_all(struct absorb *a, struct mel_err *err)
{
	size_t n = (size_t)a->g->n_value;

	a->extent = mel_alloc(n, sizeof(*a->extent), err);
	a->reader = mel_alloc(n, sizeof(*a->reader), err);
	a->uses = mel_rewrite_uses(a->g, err);
	if (!a->extent || !a->reader || !a->uses)
		return -1;
	for (int v = 0; v < a->g->n_value; v++) {
		a->extent[v] = (struct extent){v, -1};
		a->reader[v] = -1;
	}
	for (int i = 0; i < a->g->n_node; i++) {
		const struct mel_node *node = &a->g->node[i];

		set_extent(a, node);
		for (int k = 0; k < node->n_in; k++) {
			if (node->in[k] != MEL_ABSENT)
				a->reader[node->in[k]] = i;
		}
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
	free(a.reader);
	free(a.uses);
	/* A residual may come after the product that adds it. */
	if (rc || mel_graph_sort(graph, err))
		return -1;
	return mel_graph_sweep(graph, err);
}
