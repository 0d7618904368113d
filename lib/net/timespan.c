/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "net/graph.h"
#include "net/op.h"
#include "net/ratio.h"
#include "net/reach.h"
#include "net/timeline.h"

/* From a row of an output back to the rows of the stream. */

/* Rows [lo, hi] of a value; hi < lo: none. */
struct span {
	int64_t lo, hi;
};

struct path {
	const struct mel_timeline *t;
	struct span *span; /* [n_value] */
	bool state;
};

static void
widen(struct span *s, int64_t lo, int64_t hi)
{
	if (s->hi < s->lo)
		*s = (struct span){lo, hi};
	s->lo = lo < s->lo ? lo : s->lo;
	s->hi = hi > s->hi ? hi : s->hi;
}

static void
follow_node(struct path *p, int i)
{
	const struct mel_node *node = &p->t->graph->node[i];
	struct span want = {0, -1};

	for (int k = 0; k < node->n_out; k++) {
		const struct span *s =
		    node->out[k] == MEL_ABSENT ? NULL : &p->span[node->out[k]];

		if (s && s->lo <= s->hi)
			widen(&want, s->lo, s->hi);
	}
	if (want.hi < want.lo)
		return;
	p->state |= p->t->node[i].kind == MEL_TIME_STATE;
	for (int k = 0; k < node->n_in; k++) {
		const struct mel_reach *r = &p->t->node[i].reach[k];
		int v = node->in[k];

		if (v != MEL_ABSENT && p->t->value[v].axis >= 0)
			widen(&p->span[v], mel_reach_first(r, want.lo),
			    mel_reach_last(r, want.hi));
	}
}

/* The rows of the stream for row o of the value. */
static struct span
follow(struct path *p, int value, int64_t o)
{
	const struct mel_graph *g = p->t->graph;
	struct span all = {0, -1};

	for (int v = 0; v < g->n_value; v++)
		p->span[v] = (struct span){0, -1};
	p->span[value] = (struct span){o, o};
	for (int i = g->n_node; i--;)
		follow_node(p, i);
	for (int i = 0; i < g->n_input; i++) {
		const struct span *s = &p->span[g->input[i].value];

		if (s->lo <= s->hi)
			widen(&all, s->lo, s->hi);
	}
	return all;
}

#define MOST_PHASES 65536

bool
mel_timeline_context(
    const struct mel_timeline *t, int value, struct mel_context *c)
{
	const struct mel_time_value *v = &t->value[value];
	struct path p = {.t = t};
	int64_t by;

	if (v->axis < 0 || v->cause >= 0)
		return false;
	*c = (struct mel_context){.num = t->shape[1][value].dim[v->axis] -
					 t->shape[0][value].dim[v->axis],
	    .den = t->length[1] - t->length[0]};
	by = mel_common_divisor(c->num, c->den);
	c->num /= by;
	c->den /= by;
	p.span = mel_alloc((size_t)t->graph->n_value, sizeof(*p.span), NULL);
	if (!p.span || c->num > MOST_PHASES) {
		free(p.span);
		return false;
	}
	for (int64_t o = 0; o < c->num; o++) {
		struct span s = follow(&p, value, o);
		int64_t at = o * c->den / c->num;

		if (s.hi < s.lo)
			continue;
		c->left = at - s.lo > c->left ? at - s.lo : c->left;
		c->right = s.hi - at > c->right ? s.hi - at : c->right;
	}
	c->state = p.state;
	free(p.span);
	return true;
}
