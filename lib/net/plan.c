/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/eval.h"
#include "net/graph.h"
#include "net/op.h"

/* Values up to this size are evaluated while planning, if they can be. */
#define KNOWN_BYTES 65536

struct build {
	const struct mel_planner *p;
	struct mel_plan *plan;
	struct mel_tensor *view; /* of the node at hand */
	const struct mel_tensor **in;
	struct mel_tensor *out;
};

static int
define(struct build *b, int value, const struct mel_slot *slot,
    struct mel_err *err)
{
	struct mel_plan *plan = b->plan;

	if (mel_reserve(&plan->def, &plan->def_cap, (size_t)plan->n_def + 1,
		sizeof(*plan->def), err))
		return -1;
	plan->def[plan->n_def++] = (struct mel_def){value, *slot};
	b->p->slot[value] = *slot;
	return 0;
}

static int
define_inputs(struct build *b, struct mel_err *err)
{
	const struct mel_graph *g = b->p->graph;

	for (int i = 0; i < g->n_input; i++) {
		struct mel_slot s = {.t = b->plan->key[i],
		    .place = MEL_PLACE_INPUT,
		    .at = i,
		    .block = -1};

		/* A capture of a constant is one here, too. */
		if (!g->value[g->input[i].value].constant.dtype &&
		    define(b, g->input[i].value, &s, err))
			return -1;
	}
	return 0;
}

/* Blocks go on to be used until the last node that reads them. */
static int
continue_blocks(
    struct mel_plan *plan, const struct mel_plan *before, struct mel_err *err)
{
	size_t n = (size_t)before->n_block;

	plan->first = plan->next = before->next;
	plan->arena = before->arena;
	if (mel_reserve(
		&plan->block, &plan->block_cap, n, sizeof(*plan->block), err))
		return -1;
	if (n)
		memcpy(plan->block, before->block, n * sizeof(*plan->block));
	plan->n_block = before->n_block;
	for (int i = 0; i < plan->n_block; i++)
		plan->block[i].first = -1;
	return 0;
}

static int
add_block(struct mel_plan *plan, size_t bytes, int first, int last,
    struct mel_err *err)
{
	size_t n = (size_t)plan->n_block, size;

	if (!mel_size_add(&size, bytes ? bytes : 1, 63))
		return mel_fail(err, "the arena is too large");
	if (mel_reserve(&plan->block, &plan->block_cap, n + 1,
		sizeof(*plan->block), err))
		return -1;
	plan->block[n] = (struct mel_block){.size = size & ~(size_t)63,
	    .first = first,
	    .last = last > first ? last : first};
	return plan->n_block++;
}

/* Data that is not fixed will be another one in the next run. */
static void
gather(struct build *b, const struct mel_node *node)
{
	for (int k = 0; k < node->n_in; k++) {
		const struct mel_slot *s;

		b->in[k] = NULL;
		if (node->in[k] == MEL_ABSENT)
			continue;
		s = &b->p->slot[node->in[k]];
		b->view[k] = s->t;
		if (s->place != MEL_PLACE_FIXED)
			b->view[k].data = NULL;
		b->in[k] = &b->view[k];
	}
}

/* true if the node's value can be had now, and is small. */
static bool
is_known(const struct build *b, const struct mel_node *node)
{
	size_t bytes = 0;

	if (node->op->random)
		return false;
	if (node->op->shape_only)
		return true;
	for (int k = 0; k < node->n_in; k++) {
		if (!b->in[k])
			continue;
		if (!b->in[k]->data)
			return false;
		bytes += mel_tensor_bytes(b->in[k]);
	}
	for (int k = 0; k < node->n_out; k++) {
		if (b->out[k].dtype)
			bytes += mel_tensor_bytes(&b->out[k]);
	}
	return bytes <= KNOWN_BYTES;
}

static int
evaluate(struct build *b, const struct mel_node *node, struct mel_err *err)
{
	struct mel_plan *plan = b->plan;
	const struct mel_run run = {.kernels = b->p->kernels};

	if (mel_reserve(&plan->known, &plan->known_cap,
		plan->n_known + (size_t)node->n_out, sizeof(*plan->known),
		err) ||
	    mel_node_eval(node, b->in, b->out, &run, err))
		return -1;
	for (int k = 0; k < node->n_out; k++) {
		if (node->out[k] != MEL_ABSENT)
			plan->known[plan->n_known++] = b->out[k];
	}
	for (int k = 0; k < node->n_out; k++) {
		struct mel_slot s = {
		    .t = b->out[k], .place = MEL_PLACE_FIXED, .block = -1};

		s.t.owned = false;
		if (node->out[k] != MEL_ABSENT &&
		    define(b, node->out[k], &s, err))
			return -1;
	}
	return 0;
}

/* out[0] is in[0] in another shape. */
static int
share(struct build *b, const struct mel_node *node, struct mel_err *err)
{
	struct mel_plan *plan = b->plan;
	struct mel_slot s = b->p->slot[node->in[0]];
	int last = b->p->graph->last[node->out[0]];
	void *data = s.t.data;

	if (mel_tensor_bytes(&b->out[0]) != mel_tensor_bytes(&s.t))
		return mel_node_fail(node, err, "its sizes differ");
	s.t = b->out[0];
	s.t.data = data;
	if (s.place == MEL_PLACE_ARENA && plan->block[s.block].last < last)
		plan->block[s.block].last = last;
	return define(b, node->out[0], &s, err);
}

/* The block of an input that out[0] may be written over, or -1. */
static int
reusable(const struct build *b, int i)
{
	const struct mel_node *node = &b->p->graph->node[i];
	const struct mel_tensor *out = &b->out[0];

	for (int k = 0; k < node->n_in && k < 32 && out->dtype; k++) {
		const struct mel_slot *s;
		bool alone = true;

		if (!(node->op->in_place >> k & 1) || !b->in[k])
			continue;
		s = &b->p->slot[node->in[k]];
		if (s->place != MEL_PLACE_ARENA ||
		    b->plan->block[s->block].last != i ||
		    mel_tensor_count(&s->t) != mel_tensor_count(out) ||
		    mel_dtype_size(s->t.dtype) != mel_dtype_size(out->dtype))
			continue;
		for (int j = 0; j < node->n_in; j++) {
			if (j != k && b->in[j] &&
			    b->p->slot[node->in[j]].block == s->block)
				alone = false;
		}
		if (alone)
			return s->block;
	}
	return -1;
}

static int
place_outputs(struct build *b, int i, struct mel_err *err)
{
	const struct mel_node *node = &b->p->graph->node[i];
	struct mel_plan *plan = b->plan;
	int reuse = reusable(b, i);

	for (int k = 0; k < node->n_out; k++) {
		struct mel_slot s = {.t = b->out[k], .place = MEL_PLACE_ARENA};
		int last;

		if (node->out[k] == MEL_ABSENT)
			continue;
		last = b->p->graph->last[node->out[k]];
		s.block = reuse;
		if (k || reuse < 0)
			s.block = add_block(
			    plan, mel_tensor_bytes(&s.t), i, last, err);
		if (s.block < 0)
			return -1;
		if (plan->block[s.block].last < last)
			plan->block[s.block].last = last;
		if (define(b, node->out[k], &s, err))
			return -1;
	}
	return 0;
}

static int
add_step(struct build *b, int i, struct mel_err *err)
{
	const struct mel_node *node = &b->p->graph->node[i];
	struct mel_plan *plan = b->plan;
	struct mel_step step = {.node = i, .scratch = -1};
	size_t bytes;

	if (node->op->scratch)
		step.stride = node->op->scratch(node, b->in, b->out);
	if (step.stride) {
		if (!mel_size_add(&bytes, step.stride, 63))
			return mel_fail(err, "the arena is too large");
		step.stride = bytes & ~(size_t)63;
		if (!mel_size_mul(&bytes, step.stride, (size_t)b->p->threads))
			return mel_fail(err, "the arena is too large");
		step.scratch = add_block(plan, bytes, i, i, err);
		if (step.scratch < 0)
			return -1;
	}
	if (mel_reserve(&plan->step, &plan->step_cap, (size_t)plan->n_step + 1,
		sizeof(step), err))
		return -1;
	plan->step[plan->n_step++] = step;
	return place_outputs(b, i, err);
}

/* false: nothing but its shape is asked for. */
static bool
is_read(const struct build *b, const struct mel_node *node)
{
	for (int k = 0; k < node->n_out; k++) {
		if (node->out[k] != MEL_ABSENT &&
		    b->p->graph->last[node->out[k]] >= 0)
			return true;
	}
	return false;
}

static int
keep_shapes(struct build *b, const struct mel_node *node, struct mel_err *err)
{
	for (int k = 0; k < node->n_out; k++) {
		const struct mel_slot s = {.t = b->out[k], .block = -1};

		if (node->out[k] != MEL_ABSENT &&
		    define(b, node->out[k], &s, err))
			return -1;
	}
	return 0;
}

/* The shapes of node i's outputs are known. */
static int
plan_node(struct build *b, int i, struct mel_err *err)
{
	const struct mel_node *node = &b->p->graph->node[i];

	if (is_known(b, node))
		return evaluate(b, node, err);
	if (node->op->alias)
		return share(b, node, err);
	if (is_read(b, node))
		return add_step(b, i, err);
	return keep_shapes(b, node, err);
}

/* The node that the plan before ended at. */
static int
plan_first(struct build *b, struct mel_err *err)
{
	int i = b->plan->next++;
	const struct mel_node *node = &b->p->graph->node[i];

	if (!node->op->call) {
		gather(b, node);
		for (int k = 0; k < node->n_out; k++)
			b->out[k] = b->plan->key[k];
		return plan_node(b, i, err);
	}
	for (int k = 0; k < node->n_out; k++) {
		const struct mel_slot s = {.t = b->plan->key[k],
		    .place = MEL_PLACE_CELL,
		    .at = node->out[k],
		    .block = -1};

		if (node->out[k] != MEL_ABSENT &&
		    define(b, node->out[k], &s, err))
			return -1;
	}
	return 0;
}

static int
plan_nodes(struct build *b, struct mel_err *err)
{
	struct mel_plan *plan = b->plan;

	for (; plan->next < b->p->graph->n_node; plan->next++) {
		const struct mel_node *node = &b->p->graph->node[plan->next];
		int rc;

		if (node->op->call)
			break;
		gather(b, node);
		rc = mel_node_infer(node, b->in, b->out, err);
		if (rc > 0)
			break;
		if (rc || plan_node(b, plan->next, err))
			return -1;
	}
	return mel_blocks_place(plan->block, plan->n_block, &plan->arena, err);
}

static int
copy_key(struct mel_plan *plan, const struct mel_tensor *key, int n,
    struct mel_err *err)
{
	plan->key = mel_alloc((size_t)n, sizeof(*key), err);
	if (!plan->key)
		return -1;
	plan->n_key = n;
	for (int i = 0; i < n; i++)
		plan->key[i] = mel_tensor_view(
		    key[i].dtype, key[i].ndim, key[i].dim, NULL);
	return 0;
}

static int
make(struct build *b, const struct mel_plan *before,
    const struct mel_tensor *key, struct mel_err *err)
{
	const struct mel_graph *g = b->p->graph;
	int n_key = before ? g->node[before->next].n_out : g->n_input;

	b->view = mel_alloc((size_t)g->most_in, sizeof(*b->view), err);
	b->in = mel_alloc((size_t)g->most_in, sizeof(*b->in), err);
	b->out = mel_alloc((size_t)g->most_out, sizeof(*b->out), err);
	if (!b->view || !b->in || !b->out || copy_key(b->plan, key, n_key, err))
		return -1;
	if (before ? continue_blocks(b->plan, before, err) || plan_first(b, err)
		   : define_inputs(b, err))
		return -1;
	return plan_nodes(b, err);
}

void
mel_slots_begin(struct mel_slot *slot, const struct mel_graph *graph)
{
	for (int v = 0; v < graph->n_value; v++) {
		slot[v].block = -1;
		if (!graph->value[v].constant.dtype)
			continue;
		slot[v].place = MEL_PLACE_FIXED;
		slot[v].t = graph->value[v].constant;
		slot[v].t.owned = false;
	}
}

int
mel_plan_new(struct mel_plan **plan, const struct mel_planner *planner,
    const struct mel_plan *before, const struct mel_tensor *key,
    struct mel_err *err)
{
	struct build b = {.p = planner};
	int rc;

	b.plan = mel_alloc(1, sizeof(*b.plan), err);
	if (!b.plan)
		return -1;
	rc = make(&b, before, key, err);
	free(b.view);
	free(b.in);
	free(b.out);
	if (rc) {
		mel_plans_free(b.plan);
		return -1;
	}
	*plan = b.plan;
	return 0;
}

/* Without recursion: a path may have as many plans as there are nodes. */
int
mel_plans_free(struct mel_plan *plan)
{
	int n = 0;

	for (; plan; n++) {
		struct mel_plan *p = plan, **end = &p->child;

		while (*end)
			end = &(*end)->sibling;
		*end = p->sibling;
		plan = p->child;
		for (size_t i = 0; i < p->n_known; i++)
			mel_tensor_free(&p->known[i]);
		free(p->known);
		free(p->key);
		free(p->def);
		free(p->step);
		free(p->block);
		free(p);
	}
	return n;
}

struct mel_plan *
mel_plans_find(struct mel_plan *list, const struct mel_tensor *key)
{
	for (; list; list = list->sibling) {
		bool same = true;

		for (int i = 0; same && i < list->n_key; i++)
			same = mel_tensor_same_shape(&list->key[i], &key[i]);
		if (same)
			return list;
	}
	return NULL;
}
