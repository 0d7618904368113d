/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/bench.h"
#include "net/graph.h"
#include "net/measure.h"
#include "net/netimpl.h"
#include "net/plan.h"

/* A value that a step writes, and where. */
static int
put_value(const struct mel_plan *plan, const struct mel_graph *g, int value,
    struct mel_buf *out, struct mel_err *err)
{
	for (int i = 0; i < plan->n_def; i++) {
		const struct mel_slot *s = &plan->def[i].slot;
		char text[160];

		if (plan->def[i].value != value)
			continue;
		mel_shape_text(&s->t, text, sizeof(text));
		if (s->place == MEL_PLACE_ARENA)
			return mel_buf_printf(out, err, "\tblock %d %s %s",
			    s->block, text, g->value[value].name);
		return mel_buf_printf(
		    out, err, "\tnowhere %s %s", text, g->value[value].name);
	}
	return 0;
}

static int
put_steps(const struct mel_plan *plan, const struct mel_graph *g,
    struct mel_buf *out, struct mel_err *err)
{
	for (int i = 0; i < plan->n_step; i++) {
		const struct mel_step *s = &plan->step[i];
		const struct mel_node *n = &g->node[s->node];

		if (mel_buf_printf(
			out, err, "step %d %s %s", s->node, n->kind, n->name))
			return -1;
		for (int k = 0; k < n->n_out; k++) {
			if (put_value(plan, g, n->out[k], out, err))
				return -1;
		}
		if (s->scratch >= 0 &&
		    mel_buf_printf(out, err, "\tscratch block %d", s->scratch))
			return -1;
		if (mel_buf_puts(out, "\n", err))
			return -1;
	}
	return 0;
}

/* A node, or that it is none of the plan's. */
static const char *
node_text(char text[16], int node)
{
	if (node < 0)
		return "start";
	if (node == INT_MAX)
		return "end";
	snprintf(text, 16, "%d", node);
	return text;
}

static int
put_block(const struct mel_block *b, int number, struct mel_buf *out,
    struct mel_err *err)
{
	char first[16], last[16];

	return mel_buf_printf(out, err,
	    "block %d at %zu, %zu bytes, nodes %s to %s\n", number, b->offset,
	    b->size, node_text(first, b->first), node_text(last, b->last));
}

static int
put_plan(const struct mel_plan *plan, const struct mel_graph *g,
    struct mel_buf *out, struct mel_err *err)
{
	int rc = plan->next == plan->first
		     ? mel_buf_puts(out, "plan no nodes", err)
		     : mel_buf_printf(out, err, "plan nodes %d to %d",
			   plan->first, plan->next - 1);

	if (rc ||
	    mel_buf_printf(out, err, ", %d run\narena %zu bytes\n",
		plan->n_step, plan->arena) ||
	    put_steps(plan, g, out, err))
		return -1;
	for (int i = 0; i < plan->n_block; i++) {
		if (put_block(&plan->block[i], i, out, err))
			return -1;
	}
	if (plan->next == g->n_node)
		return 0;
	return mel_buf_printf(out, err, "between %d %s %s\n", plan->next,
	    g->node[plan->next].kind, g->node[plan->next].name);
}

static int
put_tree(const struct mel_plan *plan, const struct mel_graph *g,
    struct mel_buf *out, struct mel_err *err)
{
	for (; plan; plan = plan->sibling) {
		if (put_plan(plan, g, out, err) ||
		    put_tree(plan->child, g, out, err))
			return -1;
	}
	return 0;
}

static int
put_frame(const struct mel_frame *f, struct mel_buf *out, struct mel_err *err)
{
	int rc = put_tree(f->plans, f->graph, out, err);

	for (int i = 0; !rc && i < f->graph->n_body; i++) {
		rc = mel_buf_printf(out, err, "body %d\n", i);
		if (!rc)
			rc = put_frame(&f->body[i], out, err);
	}
	return rc;
}

int
mel_measure_plan(
    const struct mel_measure *what, struct mel_buf *out, struct mel_err *err)
{
	struct mel_bench bench = {0};
	int rc = mel_bench_open(&bench, what, err);

	if (!rc)
		rc = mel_buf_printf(
		    out, err, "nodes %d\n", bench.session->frame.graph->n_node);
	if (!rc)
		rc = put_frame(&bench.session->frame, out, err);
	mel_bench_close(&bench);
	return rc;
}
