/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "net/graph.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/op.h"
#include "net/plan.h"
#include "tensor/tensor.h"

static const struct mel_graph *
graph_of(const struct mel_session *s)
{
	return s->network->model.graph;
}

static int
open_session(struct mel_session *s, struct mel_err *err)
{
	size_t n_output = (size_t)graph_of(s)->n_output;

	s->planner = (struct mel_planner){
	    .graph = graph_of(s),
	    .last = s->network->last,
	    .kernels = s->network->kernels,
	    .threads = mel_pool_threads(s->pool),
	};
	s->copy = mel_alloc(n_output, sizeof(*s->copy), err);
	s->copy_bytes = mel_alloc(n_output, sizeof(*s->copy_bytes), err);
	s->in = mel_alloc((size_t)s->network->most_in, sizeof(*s->in), err);
	s->out = mel_alloc((size_t)s->network->most_out, sizeof(*s->out), err);
	return s->copy && s->copy_bytes && s->in && s->out ? 0 : -1;
}

int
mel_session_open(struct mel_session **session,
    const struct mel_network *network, struct mel_pool *pool,
    struct mel_err *err)
{
	struct mel_session *s = mel_alloc(1, sizeof(*s), err);

	if (!s)
		return -1;
	s->network = network;
	s->pool = pool;
	if (open_session(s, err)) {
		mel_session_close(s);
		return -1;
	}
	*session = s;
	return 0;
}

static void
forget(struct mel_cached_plan *c)
{
	mel_plan_free(c->plan);
	free(c->in);
	*c = (struct mel_cached_plan){0};
}

static void
drop_later(struct mel_session *s)
{
	while (s->later) {
		struct mel_plan *plan = s->later;

		s->later = plan->link;
		mel_plan_free(plan);
	}
}

void
mel_session_close(struct mel_session *s)
{
	if (!s)
		return;
	drop_later(s);
	for (int i = 0; i < MEL_SESSION_PLANS; i++)
		forget(&s->cache[i]);
	for (int i = 0; s->copy && i < graph_of(s)->n_output; i++)
		mel_tensor_free(&s->copy[i]);
	free(s->copy);
	free(s->copy_bytes);
	free(s->in);
	free(s->out);
	free(s->arena);
	free(s);
}

static int
check_input(
    const struct mel_io *io, const struct mel_tensor *t, struct mel_err *err)
{
	char text[160];

	if (mel_shape_check(t->dtype, t->ndim, t->dim, NULL, err))
		return mel_fail_in(err, "input %s", io->name);
	mel_shape_text(t, text, sizeof(text));
	if (t->dtype != io->dtype)
		return mel_fail(err, "input %s: %s, not %s", io->name, text,
		    mel_dtype_name(io->dtype));
	if (io->ndim >= 0 && t->ndim != io->ndim)
		return mel_fail(err, "input %s: %s has not %d axes", io->name,
		    text, io->ndim);
	for (int d = 0; d < io->ndim; d++) {
		if (io->dim[d] >= 0 && io->dim[d] != t->dim[d])
			return mel_fail(err,
			    "input %s: %s, axis %d must have length %lld",
			    io->name, text, d, (long long)io->dim[d]);
	}
	return 0;
}

static struct mel_cached_plan *
find_plan(struct mel_session *s, const struct mel_tensor *in)
{
	for (int c = 0; c < MEL_SESSION_PLANS; c++) {
		struct mel_cached_plan *cached = &s->cache[c];
		bool same = cached->plan != NULL;

		for (int i = 0; same && i < graph_of(s)->n_input; i++)
			same = mel_tensor_same_shape(&cached->in[i], &in[i]);
		if (same)
			return cached;
	}
	return NULL;
}

/* In the place of the one that was not used for longest. */
static struct mel_cached_plan *
new_plan(
    struct mel_session *s, const struct mel_tensor *in, struct mel_err *err)
{
	struct mel_cached_plan *c = &s->cache[0];
	int n = graph_of(s)->n_input;

	for (int i = 1; i < MEL_SESSION_PLANS; i++) {
		if (s->cache[i].used < c->used)
			c = &s->cache[i];
	}
	forget(c);
	c->in = mel_alloc((size_t)n, sizeof(*c->in), err);
	if (!c->in)
		return NULL;
	for (int i = 0; i < n; i++)
		c->in[i] =
		    mel_tensor_view(in[i].dtype, in[i].ndim, in[i].dim, NULL);
	if (!mel_plan_new(&c->plan, &s->planner, NULL, in, err))
		return c;
	forget(c);
	return NULL;
}

/* What lies in the arena stays. */
static int
grow(struct mel_session *s, size_t bytes, struct mel_err *err)
{
	unsigned char *arena;

	if (s->arena && bytes <= s->arena_bytes)
		return 0;
	arena = mel_alloc_aligned(bytes, err);
	if (!arena)
		return -1;
	if (s->arena_bytes)
		memcpy(arena, s->arena, s->arena_bytes);
	free(s->arena);
	s->arena = arena;
	s->arena_bytes = bytes;
	return 0;
}

static void
poison_step(const struct mel_session *s, const struct mel_step *step,
    const struct mel_plan *plan, const struct mel_node *node)
{
	for (int k = 0; k < node->n_out; k++) {
		bool over = false; /* in place: it holds an input */

		for (int j = 0; j < node->n_in; j++)
			over |= s->in[j] && s->in[j]->data == s->out[k].data;
		if (!over && s->out[k].dtype)
			memset(
			    s->out[k].data, 255, mel_tensor_bytes(&s->out[k]));
	}
	if (step->scratch >= 0) {
		const struct mel_block *b = &plan->block[step->scratch];

		memset(s->arena + b->offset, 255, b->size);
	}
}

static int
run_step(struct mel_session *s, const struct mel_plan *plan,
    const struct mel_step *step, struct mel_err *err)
{
	const struct mel_node *node = &graph_of(s)->node[step->node];
	struct mel_run run = {.pool = s->pool,
	    .kernels = s->network->kernels,
	    .stride = step->stride,
	    .seed = s->seed,
	    .stream = (uint64_t)step->node};

	for (int k = 0; k < node->n_in; k++)
		s->in[k] = node->in[k] == MEL_ABSENT
			       ? NULL
			       : &plan->slot[node->in[k]].t;
	for (int k = 0; k < node->n_out; k++)
		s->out[k] = node->out[k] == MEL_ABSENT
				? (struct mel_tensor){0}
				: plan->slot[node->out[k]].t;
	if (step->scratch >= 0)
		run.scratch = s->arena + plan->block[step->scratch].offset;
	if (s->poison)
		poison_step(s, step, plan, node);
	return node->op->forward(node, s->in, s->out, &run, err);
}

static int
run_plan(struct mel_session *s, struct mel_plan *plan,
    const struct mel_tensor *in, struct mel_err *err)
{
	if (grow(s, plan->arena, err))
		return -1;
	if (s->poison && !s->later && plan->arena)
		memset(s->arena, 255, s->arena_bytes);
	mel_plan_resolve(plan, s->arena, in);
	for (int i = 0; i < plan->n_step; i++) {
		if (run_step(s, plan, &plan->step[i], err))
			return -1;
	}
	return 0;
}

/* Plans one after the other to the end; the last one, or NULL. */
static struct mel_plan *
run_all(struct mel_session *s, const struct mel_tensor *in, struct mel_err *err)
{
	struct mel_cached_plan *c = find_plan(s, in);
	struct mel_plan *plan;

	if (!c)
		c = new_plan(s, in, err);
	if (!c)
		return NULL;
	c->used = ++s->clock;
	plan = c->plan;
	while (!run_plan(s, plan, in, err)) {
		struct mel_plan *next;

		if (plan->next == graph_of(s)->n_node)
			return plan;
		if (mel_plan_new(&next, &s->planner, plan, NULL, err))
			return NULL;
		next->link = s->later;
		s->later = next;
		plan = next;
	}
	return NULL;
}

/*
 * An output that is an input would be a view into what the caller may give
 * up before the output is used: it is copied.
 */
static int
copy_input(
    struct mel_session *s, int i, struct mel_tensor *out, struct mel_err *err)
{
	size_t bytes = mel_tensor_bytes(out);
	void *data = s->copy[i].data;

	if (!data || bytes > s->copy_bytes[i]) {
		mel_tensor_free(&s->copy[i]);
		s->copy_bytes[i] = 0;
		if (mel_tensor_new(
			&s->copy[i], out->dtype, out->ndim, out->dim, err))
			return -1;
		s->copy_bytes[i] = bytes;
		data = s->copy[i].data;
	}
	if (bytes)
		memcpy(data, out->data, bytes);
	out->data = data;
	return 0;
}

static int
finish(struct mel_session *s, const struct mel_plan *plan,
    struct mel_tensor *out, struct mel_err *err)
{
	for (int i = 0; i < graph_of(s)->n_output; i++) {
		const struct mel_slot *slot =
		    &plan->slot[graph_of(s)->output[i].value];

		out[i] = slot->t;
		out[i].owned = false;
		if (slot->place == MEL_PLACE_INPUT &&
		    copy_input(s, i, &out[i], err))
			return -1;
	}
	return 0;
}

void
mel_session_seed(struct mel_session *session, uint64_t seed)
{
	session->seed = seed;
}

int
mel_session_run(struct mel_session *session, const struct mel_tensor *in,
    struct mel_tensor *out, struct mel_err *err)
{
	const struct mel_graph *g = graph_of(session);
	const struct mel_plan *plan;
	int rc = 0;

	drop_later(session);
	for (int i = 0; !rc && i < g->n_input; i++)
		rc = check_input(&g->input[i], &in[i], err);
	if (!rc) {
		plan = run_all(session, in, err);
		rc = plan ? finish(session, plan, out, err) : -1;
	}
	return rc ? mel_fail_in(err, "%s", session->network->path) : 0;
}
