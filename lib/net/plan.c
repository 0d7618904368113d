/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/eval.h"
#include "net/graph.h"
#include "net/op.h"

/*
 * Values up to this size are evaluated while planning, if they can be. In a
 * later plan that is every value, and only lengths are worth it.
 */
#define KNOWN_BYTES 65536
#define LATER_BYTES 256

struct build {
	const struct mel_planner *p;
	struct mel_plan *plan;
	const struct mel_tensor **in; /* of the node at hand */
	struct mel_tensor *out;
	bool later; /* not the first plan: data of inputs is there */
};

static void
start_slots(struct build *b, const struct mel_tensor *in)
{
	const struct mel_graph *g = b->p->graph;

	for (int v = 0; v < g->n_value; v++) {
		struct mel_slot *s = &b->plan->slot[v];

		s->block = -1;
		if (!g->value[v].constant.dtype)
			continue;
		s->place = MEL_PLACE_FIXED;
		s->t = g->value[v].constant;
		s->t.owned = false;
	}
	for (int i = 0; i < g->n_input; i++) {
		struct mel_slot *s = &b->plan->slot[g->input[i].value];

		*s = (struct mel_slot){
		    .t = in[i], .place = MEL_PLACE_INPUT, .at = i, .block = -1};
		s->t.data = NULL;
		s->t.owned = false;
	}
}

/* Goes on behind `before`: what lies in the arena and is needed stays. */
static int
continue_slots(
    struct build *b, const struct mel_plan *before, struct mel_err *err)
{
	struct mel_plan *plan = b->plan;
	size_t n_value = (size_t)b->p->graph->n_value;
	size_t n = (size_t)before->n_block;

	memcpy(plan->slot, before->slot, n_value * sizeof(*plan->slot));
	plan->first = plan->next = before->next;
	plan->arena = before->arena;
	if (mel_reserve(
		&plan->block, &plan->block_cap, n, sizeof(*plan->block), err))
		return -1;
	if (n)
		memcpy(plan->block, before->block, n * sizeof(*plan->block));
	plan->n_block = before->n_block;
	for (int i = 0; i < plan->n_block; i++) {
		plan->block[i].first = -1;
		plan->block[i].last = -1;
	}
	for (size_t v = 0; v < n_value; v++) {
		const struct mel_slot *s = &plan->slot[v];

		if (s->place == MEL_PLACE_ARENA &&
		    plan->block[s->block].last < b->p->last[v])
			plan->block[s->block].last = b->p->last[v];
	}
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

static void
gather(struct build *b, const struct mel_node *node)
{
	for (int k = 0; k < node->n_in; k++)
		b->in[k] = node->in[k] == MEL_ABSENT
			       ? NULL
			       : &b->plan->slot[node->in[k]].t;
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
	return bytes <= (size_t)(b->later ? LATER_BYTES : KNOWN_BYTES);
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
		struct mel_slot *s;

		if (node->out[k] == MEL_ABSENT)
			continue;
		plan->known[plan->n_known++] = b->out[k];
		s = &plan->slot[node->out[k]];
		s->place = MEL_PLACE_FIXED;
		s->t = b->out[k];
		s->t.owned = false;
	}
	return 0;
}

/* out[0] is in[0] in another shape. */
static int
share(struct build *b, const struct mel_node *node, struct mel_err *err)
{
	struct mel_plan *plan = b->plan;
	const struct mel_slot *from = &plan->slot[node->in[0]];
	struct mel_slot *to = &plan->slot[node->out[0]];
	int last = b->p->last[node->out[0]];

	if (mel_tensor_bytes(&b->out[0]) != mel_tensor_bytes(&from->t))
		return mel_node_fail(node, err, "its sizes differ");
	*to = *from;
	to->t = b->out[0];
	to->t.data = from->t.data;
	if (to->place == MEL_PLACE_ARENA && plan->block[to->block].last < last)
		plan->block[to->block].last = last;
	return 0;
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
		s = &b->plan->slot[node->in[k]];
		if (s->place != MEL_PLACE_ARENA ||
		    b->plan->block[s->block].last != i ||
		    mel_tensor_count(&s->t) != mel_tensor_count(out) ||
		    mel_dtype_size(s->t.dtype) != mel_dtype_size(out->dtype))
			continue;
		for (int j = 0; j < node->n_in; j++) {
			if (j != k && b->in[j] &&
			    b->plan->slot[node->in[j]].block == s->block)
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
		struct mel_slot *s;
		int last;

		if (node->out[k] == MEL_ABSENT)
			continue;
		s = &plan->slot[node->out[k]];
		last = b->p->last[node->out[k]];
		s->place = MEL_PLACE_ARENA;
		s->t = b->out[k];
		s->t.data = NULL;
		if (k || reuse < 0) {
			s->block = add_block(
			    plan, mel_tensor_bytes(&b->out[k]), i, last, err);
			if (s->block < 0)
				return -1;
			continue;
		}
		s->block = reuse;
		if (plan->block[reuse].last < last)
			plan->block[reuse].last = last;
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
		if (node->out[k] != MEL_ABSENT && b->p->last[node->out[k]] >= 0)
			return true;
	}
	return false;
}

static void
keep_shapes(struct build *b, const struct mel_node *node)
{
	for (int k = 0; k < node->n_out; k++) {
		if (node->out[k] != MEL_ABSENT)
			b->plan->slot[node->out[k]].t = b->out[k];
	}
}

/* 0, -1, or MEL_INFER_LATER: the plan ends before this node. */
static int
plan_node(struct build *b, int i, struct mel_err *err)
{
	const struct mel_node *node = &b->p->graph->node[i];
	int rc;

	gather(b, node);
	rc = mel_node_infer(node, b->in, b->out, err);
	if (rc > 0 && b->later && i == b->plan->first)
		return mel_node_fail(node, err, "its shape stays unknown");
	if (rc)
		return rc;
	if (is_known(b, node))
		return evaluate(b, node, err);
	if (node->op->alias)
		return share(b, node, err);
	if (is_read(b, node))
		return add_step(b, i, err);
	keep_shapes(b, node);
	return 0;
}

static int
plan_nodes(struct build *b, struct mel_err *err)
{
	struct mel_plan *plan = b->plan;
	int rc = 0;

	for (; plan->next < b->p->graph->n_node; plan->next++) {
		rc = plan_node(b, plan->next, err);
		if (rc < 0)
			return -1;
		if (rc > 0)
			break;
	}
	return mel_blocks_place(plan->block, plan->n_block, &plan->arena, err);
}

static int
make(struct build *b, const struct mel_plan *before,
    const struct mel_tensor *in, struct mel_err *err)
{
	const struct mel_graph *g = b->p->graph;
	int n_in = 1, n_out = 1;

	for (int i = 0; i < g->n_node; i++) {
		n_in = g->node[i].n_in > n_in ? g->node[i].n_in : n_in;
		n_out = g->node[i].n_out > n_out ? g->node[i].n_out : n_out;
	}
	b->in = mel_alloc((size_t)n_in, sizeof(*b->in), err);
	b->out = mel_alloc((size_t)n_out, sizeof(*b->out), err);
	b->plan->slot =
	    mel_alloc((size_t)g->n_value, sizeof(*b->plan->slot), err);
	if (!b->in || !b->out || !b->plan->slot)
		return -1;
	b->plan->n_value = g->n_value;
	if (!before)
		start_slots(b, in);
	else if (continue_slots(b, before, err))
		return -1;
	return plan_nodes(b, err);
}

int
mel_plan_new(struct mel_plan **plan, const struct mel_planner *planner,
    const struct mel_plan *before, const struct mel_tensor *in,
    struct mel_err *err)
{
	struct build b = {.p = planner, .later = before != NULL};
	int rc;

	b.plan = mel_alloc(1, sizeof(*b.plan), err);
	if (!b.plan)
		return -1;
	rc = make(&b, before, in, err);
	free(b.in);
	free(b.out);
	if (rc) {
		mel_plan_free(b.plan);
		return -1;
	}
	*plan = b.plan;
	return 0;
}

void
mel_plan_free(struct mel_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_known; i++)
		mel_tensor_free(&plan->known[i]);
	free(plan->known);
	free(plan->slot);
	free(plan->step);
	free(plan->block);
	free(plan);
}

void
mel_plan_resolve(
    struct mel_plan *plan, unsigned char *arena, const struct mel_tensor *in)
{
	for (int v = 0; v < plan->n_value; v++) {
		struct mel_slot *s = &plan->slot[v];

		if (s->place == MEL_PLACE_ARENA)
			s->t.data = arena + plan->block[s->block].offset;
		/* Nothing at all needs an address, too: NULL is "unknown". */
		else if (s->place == MEL_PLACE_INPUT)
			s->t.data = in[s->at].data ? in[s->at].data : arena;
	}
}
