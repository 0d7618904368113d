/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tally.h"

#include <stdlib.h>

#include "base/mem.h"
#include "block/clock.h"
#include "net/graph.h"
#include "net/op.h"

/* Nodes come in the same order again and again, so a guess nearly always hits.
 */
static struct mel_tally_node *
find(struct mel_tally *t, const struct mel_graph *graph, int node)
{
	for (size_t i = 0; i < t->n; i++) {
		size_t at = (t->guess + i) % t->n;

		if (t->node[at].graph != graph || t->node[at].node != node)
			continue;
		t->guess = at + 1;
		return &t->node[at];
	}
	if (mel_reserve(&t->node, &t->cap, t->n + 1, sizeof(*t->node), NULL))
		return NULL;
	t->guess = t->n + 1;
	t->node[t->n] =
	    (struct mel_tally_node){.graph = graph, .node = node, .parent = -1};
	return &t->node[t->n++];
}

static void
before(struct mel_watch *watch, const struct mel_frame *frame, int node)
{
	struct mel_tally *t = (struct mel_tally *)watch;
	struct mel_tally_node *entry = find(t, frame->graph, node);

	if (!entry) {
		t->failed = true;
		return;
	}
	entry->parent = t->running;
	t->running = (int)(entry - t->node);
	entry->begun = mel_clock_ns();
}

static void
after(struct mel_watch *watch, const struct mel_frame *frame, int number)
{
	struct mel_tally *t = (struct mel_tally *)watch;
	const struct mel_node *node = &frame->graph->node[number];
	uint64_t now = mel_clock_ns();
	struct mel_tally_node *entry;

	if (t->failed)
		return;
	entry = &t->node[t->running];
	entry->runs++;
	entry->time += now - entry->begun;
	if (entry->parent >= 0)
		t->node[entry->parent].inner += now - entry->begun;
	if (node->op->work)
		entry->work += node->op->work(node, frame->in, frame->out);
	t->running = entry->parent;
}

void
mel_tally_start(struct mel_tally *tally, struct mel_exec *exec)
{
	tally->watch = (struct mel_watch){before, after};
	tally->running = -1;
	exec->watch = &tally->watch;
}

void
mel_tally_free(struct mel_tally *tally)
{
	free(tally->node);
	*tally = (struct mel_tally){0};
}
