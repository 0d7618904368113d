/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/frame.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "net/call.h"
#include "net/cell.h"
#include "net/eval.h"
#include "net/graph.h"
#include "net/op.h"
#include "net/plan.h"
#include "tensor/tensor.h"

static int
open_bodies(struct mel_frame *f, struct mel_err *err)
{
	const struct mel_graph *g = f->graph;

	f->body = mel_alloc((size_t)g->n_body, sizeof(*f->body), err);
	if (!f->body)
		return -1;
	for (int i = 0; i < g->n_node; i++) {
		const struct mel_graph *b;

		for (int k = 0; (b = mel_node_body(&g->node[i], &k));) {
			if (mel_frame_open(
				&f->body[b->number], b, f->exec, err))
				return -1;
		}
	}
	return 0;
}

int
mel_frame_open(struct mel_frame *f, const struct mel_graph *graph,
    struct mel_exec *exec, struct mel_err *err)
{
	size_t n_value = (size_t)graph->n_value;
	size_t n_in = (size_t)graph->most_in, n_out = (size_t)graph->most_out;
	size_t n_output = (size_t)graph->n_output;

	*f = (struct mel_frame){.graph = graph, .exec = exec};
	f->slot = mel_alloc(n_value, sizeof(*f->slot), err);
	f->cell = mel_alloc(n_value, sizeof(struct mel_cell *), err);
	f->held = mel_alloc(n_value, sizeof(*f->held), err);
	f->in = mel_alloc(n_in, sizeof(struct mel_tensor *), err);
	f->ref = mel_alloc(n_in, sizeof(*f->ref), err);
	f->out = mel_alloc(n_out, sizeof(*f->out), err);
	f->got = mel_alloc(n_out, sizeof(struct mel_cell *), err);
	f->arg = mel_alloc((size_t)graph->n_input, sizeof(*f->arg), err);
	f->key = mel_alloc((size_t)graph->n_input, sizeof(*f->key), err);
	f->result = mel_alloc(n_output, sizeof(*f->result), err);
	f->hold = mel_alloc(n_output, sizeof(struct mel_cell *), err);
	f->next = mel_alloc(n_output, sizeof(struct mel_cell *), err);
	f->row = mel_alloc(n_output, sizeof(*f->row), err);
	if (!f->slot || !f->cell || !f->held || !f->in || !f->ref || !f->out ||
	    !f->got || !f->arg || !f->key || !f->result || !f->hold ||
	    !f->next || !f->row)
		return -1;
	f->planner = (struct mel_planner){.graph = graph,
	    .kernels = exec->kernels,
	    .threads = mel_pool_threads(exec->pool),
	    .slot = f->slot};
	mel_slots_begin(f->slot, graph);
	return open_bodies(f, err);
}

void
mel_frame_close(struct mel_frame *f)
{
	for (int i = 0; f->body && i < f->graph->n_body; i++)
		mel_frame_close(&f->body[i]);
	free(f->body);
	mel_plans_free(f->plans);
	free(f->slot);
	free(f->cell);
	free(f->held);
	free(f->in);
	free(f->ref);
	free(f->out);
	free(f->got);
	free(f->arg);
	free(f->key);
	free(f->result);
	free(f->hold);
	free(f->next);
	free(f->row);
	free(f->arena);
	*f = (struct mel_frame){0};
}

/* What lies in the arena stays. */
static int
grow(struct mel_frame *f, size_t bytes, struct mel_err *err)
{
	unsigned char *old = f->arena, *arena;

	if (old && bytes <= f->arena_bytes)
		return 0;
	arena = mel_alloc_aligned(bytes, err);
	if (!arena)
		return -1;
	if (f->arena_bytes)
		memcpy(arena, old, f->arena_bytes);
	for (int v = 0; v < f->graph->n_value; v++) {
		struct mel_slot *s = &f->slot[v];

		if (s->place == MEL_PLACE_ARENA && s->t.data)
			s->t.data =
			    arena + ((uintptr_t)s->t.data - (uintptr_t)old);
	}
	free(old);
	f->arena = arena;
	f->arena_bytes = bytes;
	return 0;
}

static void *
address(const struct mel_frame *f, const struct mel_plan *plan,
    const struct mel_slot *s)
{
	switch (s->place) {
	case MEL_PLACE_ARENA:
		return f->arena + plan->block[s->block].offset;
	case MEL_PLACE_INPUT:
		/* Nothing at all needs an address, too: NULL is "unknown". */
		return f->arg[s->at].t.data ? f->arg[s->at].t.data : f->arena;
	case MEL_PLACE_CELL:
		return f->cell[s->at]->t.data;
	default:
		return s->t.data;
	}
}

static void
poison_step(const struct mel_frame *f, const struct mel_step *step,
    const struct mel_plan *plan, const struct mel_node *node)
{
	for (int k = 0; k < node->n_out; k++) {
		bool over = false; /* in place: it holds an input */

		for (int j = 0; j < node->n_in; j++)
			over |= f->in[j] && f->in[j]->data == f->out[k].data;
		if (!over && f->out[k].dtype)
			memset(
			    f->out[k].data, 255, mel_tensor_bytes(&f->out[k]));
	}
	if (step->scratch >= 0) {
		const struct mel_block *b = &plan->block[step->scratch];

		memset(f->arena + b->offset, 255, b->size);
	}
}

static void
gather(struct mel_frame *f, const struct mel_node *node)
{
	for (int k = 0; k < node->n_in; k++)
		f->in[k] =
		    node->in[k] == MEL_ABSENT ? NULL : &f->slot[node->in[k]].t;
}

static int
run_step(struct mel_frame *f, const struct mel_plan *plan,
    const struct mel_step *step, struct mel_err *err)
{
	const struct mel_node *node = &f->graph->node[step->node];
	struct mel_run run = {.pool = f->exec->pool,
	    .kernels = f->exec->kernels,
	    .stride = step->stride,
	    .seed = f->seed,
	    .stream = (uint64_t)step->node};

	gather(f, node);
	for (int k = 0; k < node->n_out; k++)
		f->out[k] = node->out[k] == MEL_ABSENT
				? (struct mel_tensor){0}
				: f->slot[node->out[k]].t;
	if (step->scratch >= 0)
		run.scratch = f->arena + plan->block[step->scratch].offset;
	if (f->exec->poison)
		poison_step(f, step, plan, node);
	return node->op->forward(node, f->in, f->out, &run, err);
}

static int
watch_step(struct mel_frame *f, const struct mel_plan *plan,
    const struct mel_step *step, struct mel_err *err)
{
	struct mel_watch *watch = f->exec->watch;
	int rc;

	if (!watch)
		return run_step(f, plan, step, err);
	watch->before(watch, f, step->node);
	rc = run_step(f, plan, step, err);
	watch->after(watch, f, step->node);
	return rc;
}

static int
run_plan(struct mel_frame *f, const struct mel_plan *plan, struct mel_err *err)
{
	if (grow(f, plan->arena, err))
		return -1;
	if (f->exec->poison && !plan->first && plan->arena)
		memset(f->arena, 255, f->arena_bytes);
	for (int i = 0; i < plan->n_def; i++) {
		struct mel_slot *s = &f->slot[plan->def[i].value];

		*s = plan->def[i].slot;
		s->t.data = address(f, plan, s);
	}
	for (int i = 0; i < plan->n_step; i++) {
		if (watch_step(f, plan, &plan->step[i], err))
			return -1;
	}
	return 0;
}

/* Makes room among siblings: the one that was not used for longest goes. */
static void
evict(struct mel_frame *f, struct mel_plan **list)
{
	struct mel_plan **oldest = list, *gone;
	int n = 0;

	for (struct mel_plan **p = list; *p; p = &(*p)->sibling, n++) {
		if ((*p)->used < (*oldest)->used)
			oldest = p;
	}
	if (n < MEL_FRAME_WIDTH)
		return;
	gone = *oldest;
	*oldest = gone->sibling;
	gone->sibling = NULL;
	f->n_plan -= mel_plans_free(gone);
}

/* The plan that goes on behind `before`, NULL: the first one. */
static struct mel_plan *
find_plan(struct mel_frame *f, struct mel_plan *before,
    const struct mel_tensor *key, struct mel_err *err)
{
	struct mel_plan **list = before ? &before->child : &f->plans;
	struct mel_plan *plan = mel_plans_find(*list, key);

	if (!plan) {
		evict(f, list);
		if (mel_plan_new(&plan, &f->planner, before, key, err))
			return NULL;
		plan->sibling = *list;
		*list = plan;
		f->n_plan++;
	}
	plan->used = ++f->clock;
	return plan;
}

static struct mel_plan *
first_plan(struct mel_frame *f, struct mel_err *err)
{
	if (f->n_plan > MEL_FRAME_PLANS) {
		mel_plans_free(f->plans);
		f->plans = NULL;
		f->n_plan = 0;
	}
	for (int i = 0; i < f->graph->n_input; i++)
		f->key[i] = f->arg[i].t;
	return find_plan(f, NULL, f->key, err);
}

/* A value to be handed on. */
static struct mel_ref
make_ref(const struct mel_frame *f, int value, int node)
{
	const struct mel_slot *s = &f->slot[value];
	struct mel_ref ref = {.t = s->t};

	if (s->place == MEL_PLACE_CELL) {
		ref.cell = f->cell[s->at];
		ref.last = true;
	} else if (s->place == MEL_PLACE_INPUT) {
		ref.cell = f->arg[s->at].cell;
		ref.last = f->arg[s->at].last;
	}
	ref.last = ref.last && f->graph->last[value] == node;
	if (!ref.t.dtype) /* a sequence is its cell */
		ref.t.data = NULL;
	return ref;
}

/* Only those of sequences: a tensor's cell may have another name. */
static void
release_dead(struct mel_frame *f, const struct mel_node *node, int number)
{
	for (int k = 0; k < node->n_in; k++) {
		int v = node->in[k];

		if (v == MEL_ABSENT || !f->cell[v] || f->cell[v]->t.dtype ||
		    f->graph->last[v] != number)
			continue;
		mel_cell_drop(&f->exec->store, f->cell[v]);
		f->cell[v] = NULL;
	}
}

static void
take_outputs(struct mel_frame *f, const struct mel_node *node, bool good)
{
	for (int k = 0; k < node->n_out; k++) {
		int v = node->out[k];

		f->out[k] = (struct mel_tensor){0};
		if (!f->got[k])
			continue;
		f->out[k] = f->got[k]->t;
		if (!good || v == MEL_ABSENT) {
			mel_cell_drop(&f->exec->store, f->got[k]);
			continue;
		}
		f->cell[v] = f->got[k];
		f->held[f->n_held++] = v;
	}
}

static int
call_node(struct mel_frame *f, int number, struct mel_err *err)
{
	const struct mel_node *node = &f->graph->node[number];
	const struct mel_call call = {.node = node,
	    .in = f->ref,
	    .out = f->got,
	    .frame = f,
	    .store = &f->exec->store};
	int rc;

	for (int k = 0; k < node->n_in; k++)
		f->ref[k] = node->in[k] == MEL_ABSENT
				? (struct mel_ref){0}
				: make_ref(f, node->in[k], number);
	for (int k = 0; k < node->n_out; k++)
		f->got[k] = NULL;
	if (f->exec->watch)
		f->exec->watch->before(f->exec->watch, f, number);
	rc = node->op->call(&call, err);
	if (f->exec->watch)
		f->exec->watch->after(f->exec->watch, f, number);
	take_outputs(f, node, !rc);
	release_dead(f, node, number);
	return rc;
}

/* The shapes of the outputs of the node that a plan ended at. */
static int
find_shapes(struct mel_frame *f, int number, struct mel_err *err)
{
	const struct mel_node *node = &f->graph->node[number];
	int rc;

	if (node->op->call)
		return call_node(f, number, err);
	gather(f, node);
	rc = mel_node_infer(node, f->in, f->out, err);
	return rc > 0 ? mel_node_fail(node, err, "its shape stays unknown")
		      : rc;
}

int
mel_frame_run(struct mel_frame *f, struct mel_err *err)
{
	struct mel_plan *plan;

	mel_frame_release(f);
	plan = first_plan(f, err);
	while (plan) {
		if (run_plan(f, plan, err))
			return -1;
		if (plan->next == f->graph->n_node)
			break;
		if (find_shapes(f, plan->next, err))
			return -1;
		plan = find_plan(f, plan, f->out, err);
	}
	for (int i = 0; plan && i < f->graph->n_output; i++)
		f->result[i] = make_ref(f, f->graph->output[i].value, -1);
	return plan ? 0 : -1;
}

void
mel_frame_release(struct mel_frame *f)
{
	while (f->n_held) {
		int v = f->held[--f->n_held];

		mel_cell_drop(&f->exec->store, f->cell[v]);
		f->cell[v] = NULL;
	}
}

int
mel_frame_shape(
    struct mel_frame *f, int i, struct mel_tensor *shape, struct mel_err *err)
{
	int value = f->graph->output[i].value;
	const struct mel_plan *plan = first_plan(f, err);

	*shape = f->graph->value[value].constant;
	shape->owned = false;
	for (int k = 0; plan && k < plan->n_def; k++) {
		if (plan->def[k].value == value)
			*shape = plan->def[k].slot.t;
	}
	return plan ? 0 : -1;
}
