/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/freeze.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/eval.h"
#include "net/fixed.h"
#include "net/graph.h"
#include "net/netdef.h"
#include "net/op.h"
#include "net/pass.h"
#include "net/plan.h"
#include "net/ratio.h"
#include "net/reach.h"
#include "net/timeline.h"
#include "tensor/tensor.h"

#define MOST_KNOWN ((size_t)1 << 20) /* bytes of a value made constant */

static bool
rows_follow(
    const struct mel_timeline *t, int v, int64_t num, int64_t den, int64_t more)
{
	int axis = t->value[v].axis;

	for (int k = 0; k < t->trials; k++) {
		int64_t rows = mel_floor_div(t->length[k] * num + more, den);

		if ((rows > 0 ? rows : 0) != t->shape[k][v].dim[axis])
			return false;
	}
	return true;
}

int
mel_freeze_rows(const struct mel_timeline *t, int v, int64_t *num, int64_t *den,
    int64_t *more)
{
	int axis = t->value[v].axis;
	int64_t first, by;

	if (axis < 0)
		return -1;
	first = t->shape[0][v].dim[axis];
	*num = t->shape[1][v].dim[axis] - first;
	*den = t->length[1] - t->length[0];
	if (*num <= 0)
		return -1;
	by = mel_common_divisor(*num, *den);
	*num /= by;
	*den /= by;
	*more = first * *den - t->length[0] * *num;
	for (int64_t i = 0; i < *den; i++, ++*more) {
		if (rows_follow(t, v, *num, *den, *more))
			return 0;
	}
	return -1;
}

/* ---- selecting ---- */

/* A mask that is there already. */
struct mask {
	int value;
	int64_t num, den, more;
	int behind; /* axes behind time */
};

struct freeze {
	struct mel_graph *graph;
	const struct mel_freeze *f;
	int valid; /* value number of the input */
	struct mask *mask;
	size_t n_mask, mask_cap;
	int *selected; /* [n_value of the timeline] what reads zeros behind the
			  end, or MEL_ABSENT */
};

static int
add_constant(struct mel_graph *g, struct mel_tensor *t, struct mel_err *err)
{
	int v = mel_graph_add_value(g, "", err);

	if (v < 0)
		mel_tensor_free(t);
	else
		g->value[v].constant = *t;
	return v;
}

/* A node of one output; returns the output's number. */
static int
add_node(struct mel_graph *g, const char *kind, const int *in, int n_in,
    struct mel_err *err)
{
	int v = mel_graph_add_value(g, "", err), i;

	if (v < 0)
		return -1;
	i = mel_graph_add_node(g, kind, "", n_in, 1, err);
	if (i < 0)
		return -1;
	for (int k = 0; k < n_in; k++)
		g->node[i].in[k] = in[k];
	g->node[i].out[0] = v;
	return mel_node_prepare(&g->node[i], err) ? -1 : v;
}

/* Row o of `rows` is valid if more steps than the o-th number are. */
static int
add_thresholds(struct freeze *z, const struct mask *m, struct mel_err *err)
{
	int64_t rows = mel_floor_div(z->f->size * m->num + m->more, m->den);
	int64_t dim[MEL_MAX_DIMS] = {rows};
	struct mel_tensor t;
	int64_t *x;

	for (int d = 1; d < MEL_MAX_DIMS; d++)
		dim[d] = 1;
	if (mel_tensor_new(&t, MEL_I64, m->behind + 1, dim, err))
		return -1;
	x = t.data;
	for (int64_t o = 0; o < rows; o++)
		x[o] = -mel_floor_div(m->more - (o + 1) * m->den, m->num) - 1;
	return add_constant(z->graph, &t, err);
}

static int
find_mask(struct freeze *z, struct mask m, struct mel_err *err)
{
	int in[2];

	for (size_t i = 0; i < z->n_mask; i++) {
		const struct mask *have = &z->mask[i];

		if (have->num == m.num && have->den == m.den &&
		    have->more == m.more && have->behind == m.behind)
			return have->value;
	}
	if (mel_reserve(&z->mask, &z->mask_cap, z->n_mask + 1, sizeof(m), err))
		return -1;
	in[0] = add_thresholds(z, &m, err);
	in[1] = z->valid;
	m.value = in[0] < 0 ? -1 : add_node(z->graph, "Less", in, 2, err);
	z->mask[z->n_mask] = m;
	z->n_mask += m.value >= 0;
	return m.value;
}

static int
add_blank(
    struct freeze *z, enum mel_dtype dtype, float blank, struct mel_err *err)
{
	struct mel_tensor t;

	if (mel_tensor_new(&t, dtype, 0, NULL, err))
		return -1;
	memset(t.data, 0, mel_tensor_bytes(&t));
	if (dtype == MEL_F32)
		*(float *)t.data = blank;
	return add_constant(z->graph, &t, err);
}

/* The value with `blank` behind its last valid row; its number. */
static int
select_valid(struct freeze *z, int v, float blank, struct mel_err *err)
{
	const struct mel_timeline *t = z->f->timeline;
	const struct mel_tensor *shape = &t->shape[0][v];
	struct mask m = {.behind = shape->ndim - t->value[v].axis - 1};
	int in[3];

	if (blank == 0 && z->selected[v] != MEL_ABSENT)
		return z->selected[v];
	if (blank != 0 && shape->dtype != MEL_F32)
		return mel_fail(err, "only f32 can be padded");
	if (mel_freeze_rows(t, v, &m.num, &m.den, &m.more))
		return mel_fail(
		    err, "the rows of a value do not follow from the length");
	in[0] = find_mask(z, m, err);
	in[1] = v;
	in[2] = in[0] < 0 ? -1 : add_blank(z, shape->dtype, blank, err);
	if (in[2] < 0)
		return -1;
	in[0] = add_node(z->graph, "Where", in, 3, err);
	if (blank == 0)
		z->selected[v] = in[0];
	return in[0];
}

/* What comes of the rows behind the end is seen: by rows before it, or as rows
 * that the node puts there. */
static bool
mixes(const struct mel_time_node *n, int k)
{
	const struct mel_reach *r = &n->reach[k];

	return n->kind == MEL_TIME_STATE ||
	       (n->kind == MEL_TIME_WINDOW &&
		   (r->first || r->last || r->num != 1 || r->den != 1 ||
		       r->more > 0));
}

static int
select_inputs(struct freeze *z, int i, struct mel_err *err)
{
	const struct mel_timeline *t = z->f->timeline;
	const struct mel_time_node *n = &t->node[i];

	for (int k = 0; k < z->graph->node[i].n_in; k++) {
		int v = z->graph->node[i].in[k];

		if (v == MEL_ABSENT || t->value[v].axis < 0 || !mixes(n, k))
			continue;
		v = select_valid(z, v, n->blank, err);
		if (v < 0)
			return mel_node_fail(
			    &z->graph->node[i], err, "%s", err ? err->msg : "");
		z->graph->node[i].in[k] = v;
	}
	return 0;
}

/* The input that says how many steps are valid, behind the others. */
static int
add_valid(struct freeze *z, struct mel_err *err)
{
	struct mel_graph *g = z->graph;
	size_t n = (size_t)g->n_input;
	struct mel_io *input = mel_alloc(n + 1, sizeof(*input), err);

	if (!input)
		return -1;
	z->valid = mel_graph_add_value(g, MEL_FIXED_VALID, err);
	input[n] = (struct mel_io){.name = mel_strdup(MEL_FIXED_VALID, err),
	    .value = z->valid,
	    .dtype = MEL_I64,
	    .ndim = 1,
	    .dim = {1}};
	if (z->valid < 0 || !input[n].name) {
		free(input[n].name);
		free(input);
		return -1;
	}
	memcpy(input, g->input, n * sizeof(*input));
	free(g->input);
	g->input = input;
	g->n_input++;
	g->n_formal++;
	return 0;
}

static int
select_all(struct freeze *z, struct mel_err *err)
{
	const struct mel_graph *plain = z->f->timeline->graph;
	size_t n = (size_t)plain->n_value;
	int rc = 0;

	if (!z->f->select)
		return 0;
	z->selected = mel_alloc(n, sizeof(*z->selected), err);
	if (!z->selected || add_valid(z, err))
		rc = -1;
	for (size_t v = 0; !rc && v < n; v++)
		z->selected[v] = MEL_ABSENT;
	for (int i = 0; !rc && i < plain->n_node; i++)
		rc = select_inputs(z, i, err);
	free(z->selected);
	free(z->mask);
	return rc ? -1 : mel_graph_sort(z->graph, err);
}

/* ---- lengths ---- */

static void
set_length(struct mel_io *io, int d, int64_t length)
{
	io->dim[d] = length;
	free(io->symbol[d]);
	io->symbol[d] = NULL;
}

static void
fix_inputs(struct mel_graph *g, const struct mel_freeze *f)
{
	for (int i = 0; i < f->def->n_input; i++) {
		const struct mel_net_port *port = &f->def->input[i];

		g->input[i].ndim = port->ndim;
		for (int d = 0; d < port->ndim; d++)
			set_length(&g->input[i], d,
			    port->axis[d] == MEL_AXIS_TIME ? f->size
			    : port->axis[d] < 0            ? 1
							   : port->axis[d]);
	}
}

static int
plan(struct mel_plan **plan, const struct mel_graph *g,
    const struct mel_kernels *kernels, struct mel_slot *slot,
    struct mel_err *err)
{
	const struct mel_planner planner = {
	    .graph = g, .kernels = kernels, .threads = 1, .slot = slot};
	struct mel_tensor *key =
	    mel_alloc((size_t)g->n_input, sizeof(*key), err);
	int rc;

	if (!key)
		return -1;
	mel_slots_begin(slot, g);
	for (int i = 0; i < g->n_input; i++) {
		const struct mel_io *io = &g->input[i];

		key[i] = mel_tensor_view(io->dtype, io->ndim, io->dim, NULL);
	}
	rc = mel_plan_new(plan, &planner, NULL, key, err);
	free(key);
	return rc;
}

/* What follows from shapes alone is a constant now. */
static int
set_known(struct mel_graph *g, struct mel_node *node,
    const struct mel_slot *slot, struct mel_err *err)
{
	for (int k = 0; k < node->n_out; k++) {
		const struct mel_slot *s;

		if (node->out[k] == MEL_ABSENT)
			continue;
		s = &slot[node->out[k]];
		if (s->place != MEL_PLACE_FIXED || !s->t.data ||
		    mel_tensor_bytes(&s->t) > MOST_KNOWN)
			return 0;
	}
	for (int k = 0; k < node->n_out; k++) {
		int v = node->out[k];

		if (v == MEL_ABSENT)
			continue;
		if (mel_tensor_copy(&g->value[v].constant, &slot[v].t, err))
			return -1;
		node->out[k] = MEL_ABSENT;
	}
	return 0;
}

static void
fix_outputs(struct mel_graph *g, const struct mel_slot *slot)
{
	for (int i = 0; i < g->n_output; i++) {
		struct mel_io *io = &g->output[i];
		const struct mel_tensor *t = &slot[io->value].t;

		if (!t->dtype)
			continue;
		io->dtype = t->dtype;
		io->ndim = t->ndim;
		for (int d = 0; d < t->ndim; d++)
			set_length(io, d, t->dim[d]);
	}
}

static int
fold_shapes(
    struct mel_graph *g, const struct mel_kernels *kernels, struct mel_err *err)
{
	struct mel_slot *slot =
	    mel_alloc((size_t)g->n_value, sizeof(*slot), err);
	struct mel_plan *p = NULL;
	int rc = -1;

	if (slot && !mel_graph_measure(g, err))
		rc = plan(&p, g, kernels, slot, err);
	for (int i = 0; !rc && i < g->n_node; i++)
		rc = set_known(g, &g->node[i], slot, err);
	if (!rc)
		fix_outputs(g, slot);
	mel_plans_free(p);
	free(slot);
	return rc ? -1 : mel_graph_sweep(g, err);
}

int
mel_graph_freeze(struct mel_graph *graph, const struct mel_freeze *f,
    const struct mel_kernels *kernels, struct mel_err *err)
{
	struct freeze z = {.graph = graph, .f = f};

	if (graph->n_value != f->timeline->graph->n_value ||
	    graph->n_node != f->timeline->graph->n_node)
		return mel_fail(err, "the file has changed meanwhile");
	if (select_all(&z, err))
		return -1;
	fix_inputs(graph, f);
	return fold_shapes(graph, kernels, err);
}
