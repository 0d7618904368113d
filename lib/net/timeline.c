/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/graph.h"
#include "net/op.h"
#include "net/plan.h"
#include "net/reach.h"
#include "net/timing.h"

/*
 * Multiples of a number with many divisors, so that strided networks take
 * them. The last two only if the network does: a length shorter and one longer
 * than any limit that a graph may have inside.
 */
static const int64_t lengths[MEL_TIME_TRIALS] = {
    48, 96, 144, 23, (int64_t)48 << 16};
#define NEEDED 3

struct build {
	struct mel_timeline *t;
	const struct mel_kernels *kernels;
	const struct mel_time_input *input;
	const struct mel_tensor **in[MEL_TIME_TRIALS]; /* [most_in] */
	struct mel_tensor *out[MEL_TIME_TRIALS];       /* [most_out] */
	int *in_axis, *out_axis;
};

/* ---- shapes at one length ---- */

static int
plan_trial(struct build *b, int k, struct mel_slot *slot,
    struct mel_tensor *key, struct mel_err *err)
{
	struct mel_timeline *t = b->t;
	const struct mel_graph *g = t->graph;
	const struct mel_planner planner = {
	    .graph = g, .kernels = b->kernels, .threads = 1, .slot = slot};

	mel_slots_begin(slot, g);
	for (int i = 0; i < g->n_input; i++) {
		key[i] = b->input[i].shape;
		key[i].data = NULL;
		key[i].owned = false;
		if (b->input[i].axis >= 0)
			key[i].dim[b->input[i].axis] = lengths[k];
	}
	if (mel_plan_new(&t->plan[k], &planner, NULL, key, err))
		return -1;
	for (int v = 0; v < g->n_value; v++) {
		t->shape[k][v] = slot[v].t;
		if (slot[v].place != MEL_PLACE_FIXED)
			t->shape[k][v].data = NULL;
	}
	return 0;
}

static int
try_length(struct build *b, int k, struct mel_err *err)
{
	struct mel_timeline *t = b->t;
	size_t n = (size_t)t->graph->n_value;
	struct mel_slot *slot = mel_alloc(n, sizeof(*slot), err);
	struct mel_tensor *key =
	    mel_alloc((size_t)t->graph->n_input, sizeof(*key), err);
	int rc = -1;

	t->shape[k] = mel_alloc(n, sizeof(*t->shape[k]), err);
	if (slot && key && t->shape[k])
		rc = plan_trial(b, k, slot, key, err);
	free(slot);
	free(key);
	return rc;
}

static void
drop_trial(struct mel_timeline *t, int k)
{
	mel_plans_free(t->plan[k]);
	free(t->shape[k]);
	t->plan[k] = NULL;
	t->shape[k] = NULL;
}

static int
try_lengths(struct build *b, struct mel_err *err)
{
	struct mel_timeline *t = b->t;

	for (int k = 0; k < MEL_TIME_TRIALS; k++) {
		int at = t->trials;
		int rc = try_length(b, k, k < NEEDED ? err : NULL);

		if (rc && k < NEEDED)
			return -1;
		if (rc || (k >= NEEDED && t->plan[k]->next < t->planned)) {
			drop_trial(t, k);
			continue;
		}
		if (k < NEEDED && (!k || t->plan[k]->next < t->planned))
			t->planned = t->plan[k]->next;
		if (at != k) {
			t->plan[at] = t->plan[k];
			t->shape[at] = t->shape[k];
			t->plan[k] = NULL;
			t->shape[k] = NULL;
		}
		t->length[at] = lengths[k];
		t->trials++;
	}
	return 0;
}

/* ---- values ---- */

/* The axis whose length is not the same in all trials. */
static int
moving_axis(const struct mel_timeline *t, int v)
{
	int axis = MEL_AXIS_NONE;

	for (int d = 0; d < t->shape[0][v].ndim; d++) {
		bool moves = false;

		for (int k = 1; k < t->trials; k++)
			moves |= t->shape[k][v].dim[d] != t->shape[0][v].dim[d];
		if (moves)
			axis = axis == MEL_AXIS_NONE ? d : MEL_AXIS_SEVERAL;
	}
	return axis;
}

static bool
is_known(const struct mel_timeline *t, int v)
{
	for (int k = 0; k < t->trials; k++) {
		if (!t->shape[k][v].data)
			return false;
	}
	return true;
}

static bool
same_data(const struct mel_timeline *t, int v)
{
	size_t bytes = mel_tensor_bytes(&t->shape[0][v]);

	for (int k = 1; k < t->trials; k++) {
		if (bytes &&
		    memcmp(t->shape[k][v].data, t->shape[0][v].data, bytes))
			return false;
	}
	return true;
}

static void
look_at(struct mel_timeline *t, int v)
{
	struct mel_time_value *value = &t->value[v];

	value->axis = moving_axis(t, v);
	value->known = is_known(t, v) ? &t->shape[0][v] : NULL;
	if (value->known && value->axis == MEL_AXIS_NONE)
		value->follows = !same_data(t, v);
}

/* ---- nodes ---- */

static void
gather(struct build *b, const struct mel_node *node)
{
	const struct mel_timeline *t = b->t;

	for (int k = 0; k < t->trials; k++) {
		for (int i = 0; i < node->n_in; i++)
			b->in[k][i] = node->in[i] == MEL_ABSENT
					  ? NULL
					  : &t->shape[k][node->in[i]];
		for (int i = 0; i < node->n_out; i++)
			b->out[k][i] = node->out[i] == MEL_ABSENT
					   ? (struct mel_tensor){0}
					   : t->shape[k][node->out[i]];
	}
	for (int i = 0; i < node->n_in; i++)
		b->in_axis[i] = node->in[i] == MEL_ABSENT
				    ? MEL_AXIS_NONE
				    : t->value[node->in[i]].axis;
	for (int i = 0; i < node->n_out; i++)
		b->out_axis[i] = node->out[i] == MEL_ABSENT
				     ? MEL_AXIS_NONE
				     : t->value[node->out[i]].axis;
}

/* Do the lengths follow from the rule? */
static bool
lengths_agree(const struct build *b, const struct mel_node *node, int first,
    const struct mel_reach *reach)
{
	int axis = b->out_axis[first];

	for (int k = 0; k < b->t->trials; k++) {
		int64_t out = b->out[k][first].dim[axis];

		for (int i = 0; i < node->n_in; i++) {
			if (b->in_axis[i] >= 0 &&
			    mel_reach_total(&reach[i],
				b->in[k][i]->dim[b->in_axis[i]]) != out)
				return false;
		}
	}
	return true;
}

/* The rows of a value that is made of nothing but its length. */
static bool
find_source(const struct build *b, int first, struct mel_reach *source)
{
	const struct mel_timeline *t = b->t;
	int axis = b->out_axis[first];
	int64_t rows = b->out[1][first].dim[axis] - b->out[0][first].dim[axis];

	*source =
	    (struct mel_reach){.num = rows, .den = t->length[1] - t->length[0]};
	source->more = b->out[0][first].dim[axis] * source->den -
		       t->length[0] * source->num;
	for (int k = 0; k < t->trials; k++) {
		if (rows <= 0 || mel_reach_total(source, t->length[k]) !=
				     b->out[k][first].dim[axis])
			return false;
	}
	return true;
}

/* The first output with time; -1: none; -2: they are not alike. */
static int
first_output(const struct build *b, const struct mel_node *node)
{
	int first = -1;

	for (int i = 0; i < node->n_out; i++) {
		if (!b->out[0][i].dtype)
			continue;
		if (b->out_axis[i] < 0)
			return -2;
		if (first < 0)
			first = i;
		for (int k = 0; k < b->t->trials; k++) {
			if (b->out_axis[i] != b->out_axis[first] ||
			    b->out[k][i].dim[b->out_axis[i]] !=
				b->out[k][first].dim[b->out_axis[first]])
				return -2;
		}
	}
	return first;
}

static enum mel_time_kind
ask(struct build *b, int i)
{
	const struct mel_node *node = &b->t->graph->node[i];
	struct mel_time_node *n = &b->t->node[i];
	struct mel_timing timing = {.node = node,
	    .trials = b->t->trials,
	    .in_axis = b->in_axis,
	    .out_axis = b->out_axis,
	    .reach = n->reach};
	int first = first_output(b, node);
	enum mel_time_kind kind;
	bool timed = false;

	if (first < 0 || !node->op->time)
		return MEL_TIME_WHOLE;
	for (int k = 0; k < b->t->trials; k++) {
		timing.in[k] = b->in[k];
		timing.out[k] = b->out[k];
	}
	for (int k = 0; k < node->n_in; k++) {
		n->reach[k] = (struct mel_reach){.num = 1, .den = 1};
		timed |= b->in_axis[k] >= 0;
		if (b->in_axis[k] == MEL_AXIS_SEVERAL)
			return MEL_TIME_WHOLE;
	}
	kind = node->op->time(&timing);
	for (int k = 0; k < node->n_in; k++) {
		if (node->in[k] != MEL_ABSENT &&
		    b->t->value[node->in[k]].follows &&
		    (k > 31 || !(timing.lengths >> k & 1)))
			return MEL_TIME_WHOLE;
	}
	if (!lengths_agree(b, node, first, n->reach) ||
	    (!timed && !find_source(b, first, &n->source)))
		return MEL_TIME_WHOLE;
	n->blank = timing.blank;
	n->no_blank = timing.no_blank;
	return kind;
}

/* Outputs that are known, and no rows, ask for nothing. */
static bool
asks_nothing(const struct build *b, const struct mel_node *node)
{
	for (int i = 0; i < node->n_out; i++) {
		const struct mel_time_value *v;

		if (node->out[i] == MEL_ABSENT)
			continue;
		v = &b->t->value[node->out[i]];
		if (v->axis != MEL_AXIS_NONE || !v->known)
			return false;
	}
	return true;
}

static void
mark_outputs(
    struct build *b, const struct mel_node *node, int cause, bool follows)
{
	for (int i = 0; i < node->n_out; i++) {
		if (node->out[i] == MEL_ABSENT)
			continue;
		b->t->value[node->out[i]].cause = cause;
		b->t->value[node->out[i]].follows |= follows;
	}
}

static void
visit(struct build *b, int i)
{
	const struct mel_node *node = &b->t->graph->node[i];
	struct mel_time_node *n = &b->t->node[i];
	bool moves = false, follows = false;
	int cause = -1;

	for (int k = 0; i < b->t->planned && k < node->n_out; k++) {
		if (node->out[k] != MEL_ABSENT)
			look_at(b->t, node->out[k]);
	}
	gather(b, node);
	if (i < b->t->planned && asks_nothing(b, node))
		return;
	for (int k = 0; k < node->n_in; k++) {
		const struct mel_time_value *v;

		if (node->in[k] == MEL_ABSENT)
			continue;
		v = &b->t->value[node->in[k]];
		if (cause < 0)
			cause = v->cause;
		moves |= v->axis != MEL_AXIS_NONE;
		follows |= v->follows;
	}
	for (int k = 0; k < node->n_out; k++)
		n->used |= b->out_axis[k] != MEL_AXIS_NONE;
	if (!moves && !n->used) {
		mark_outputs(b, node, cause, follows);
		return;
	}
	n->kind = i < b->t->planned ? ask(b, i) : MEL_TIME_WHOLE;
	if (n->kind == MEL_TIME_WHOLE && cause < 0)
		cause = i;
	mark_outputs(b, node, cause, !n->used);
}

/* ---- the whole ---- */

static int
allocate(struct build *b, struct mel_err *err)
{
	struct mel_timeline *t = b->t;
	const struct mel_graph *g = t->graph;
	size_t n_in = (size_t)g->most_in, n_out = (size_t)g->most_out, all = 1;

	for (int i = 0; i < g->n_node; i++)
		all += (size_t)g->node[i].n_in;
	t->value = mel_alloc((size_t)g->n_value, sizeof(*t->value), err);
	t->node = mel_alloc((size_t)g->n_node, sizeof(*t->node), err);
	t->reach = mel_alloc(all, sizeof(*t->reach), err);
	b->in_axis = mel_alloc(n_in, sizeof(*b->in_axis), err);
	b->out_axis = mel_alloc(n_out, sizeof(*b->out_axis), err);
	if (!t->value || !t->node || !t->reach || !b->in_axis || !b->out_axis)
		return -1;
	for (int k = 0; k < MEL_TIME_TRIALS; k++) {
		b->in[k] = mel_alloc(n_in, sizeof(*b->in[k]), err);
		b->out[k] = mel_alloc(n_out, sizeof(*b->out[k]), err);
		if (!b->in[k] || !b->out[k])
			return -1;
	}
	all = 0;
	for (int i = 0; i < g->n_node; i++) {
		t->node[i].reach = t->reach + all;
		all += (size_t)g->node[i].n_in;
	}
	for (int v = 0; v < g->n_value; v++)
		t->value[v] =
		    (struct mel_time_value){.axis = MEL_AXIS_NONE, .cause = -1};
	return 0;
}

static void
begin_values(struct build *b)
{
	struct mel_timeline *t = b->t;
	const struct mel_graph *g = t->graph;

	for (int v = 0; v < g->n_value; v++) {
		if (g->value[v].constant.dtype)
			t->value[v].known = &g->value[v].constant;
	}
	for (int i = 0; i < g->n_input; i++) {
		struct mel_time_value *v = &t->value[g->input[i].value];

		v->axis = b->input[i].axis;
		v->follows = b->input[i].length;
	}
}

int
mel_timeline_open(struct mel_timeline *timeline, const struct mel_graph *graph,
    const struct mel_kernels *kernels, const struct mel_time_input *input,
    struct mel_err *err)
{
	struct build b = {.t = timeline, .kernels = kernels, .input = input};
	int rc;

	*timeline = (struct mel_timeline){.graph = graph};
	rc = allocate(&b, err) || try_lengths(&b, err) ? -1 : 0;
	if (!rc) {
		begin_values(&b);
		for (int i = 0; i < graph->n_node; i++)
			visit(&b, i);
	}
	for (int k = 0; k < MEL_TIME_TRIALS; k++) {
		free(b.in[k]);
		free(b.out[k]);
	}
	free(b.in_axis);
	free(b.out_axis);
	return rc;
}

void
mel_timeline_close(struct mel_timeline *t)
{
	for (int k = 0; k < MEL_TIME_TRIALS; k++)
		drop_trial(t, k);
	free(t->value);
	free(t->node);
	free(t->reach);
	*t = (struct mel_timeline){0};
}
