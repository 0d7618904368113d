/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "net/eval.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/reach.h"

#define UNKNOWN_TOTAL ((int64_t)1 << 60)

static const struct mel_graph *
graph_of(const struct mel_stream *s)
{
	return s->timeline->graph;
}

/* ---- lines ---- */

static int
reserve(struct mel_line *line, size_t bytes, struct mel_err *err)
{
	size_t cap;
	unsigned char *data;

	if (line->data && bytes <= line->cap)
		return 0;
	if (!mel_size_add(&cap, bytes, bytes / 2 + 64))
		return mel_fail(err, "the rows are too large");
	data = mel_alloc_aligned(cap, err);
	if (!data)
		return -1;
	if (line->data)
		memcpy(data, line->data, line->cap);
	free(line->data);
	line->data = data;
	line->cap = cap;
	return 0;
}

/* Gives up rows before `lo`. */
static void
forget(struct mel_line *l, int64_t lo)
{
	size_t had = (size_t)(l->hi - l->lo) * l->row, skip, keep;

	if (lo <= l->lo)
		return;
	skip = (size_t)(lo - l->lo) * l->row;
	keep = had - skip;
	for (size_t i = 0; keep && i < l->outer; i++)
		memmove(l->data + i * keep, l->data + i * had + skip, keep);
	l->lo = lo;
}

/* Makes room for n more rows in each block; the last block first. */
static int
extend(struct mel_line *l, int64_t n, struct mel_err *err)
{
	size_t had = (size_t)(l->hi - l->lo) * l->row, all, bytes;

	if (!mel_size_mul(&all, (size_t)(l->hi - l->lo + n), l->row) ||
	    !mel_size_mul(&bytes, all, l->outer))
		return mel_fail(err, "the rows are too large");
	if (reserve(l, bytes, err))
		return -1;
	for (size_t i = l->outer; had && i-- > 1;)
		memmove(l->data + i * all, l->data + i * had, had);
	l->hi += n;
	return 0;
}

/* The last n rows are those in `from`, [outer][n][row]. */
static void
put_rows(struct mel_line *l, const unsigned char *from, int64_t n)
{
	size_t all = (size_t)(l->hi - l->lo) * l->row,
	       more = (size_t)n * l->row;

	for (size_t i = 0; more && i < l->outer; i++)
		memcpy(l->data + (i + 1) * all - more, from + i * more, more);
}

/* Rows [lo, hi) of l in one piece: a view, or a copy in `edge`. */
static void *
take_rows(const struct mel_line *l, int64_t lo, int64_t hi,
    struct mel_line *edge, struct mel_err *err)
{
	size_t all = (size_t)(l->hi - l->lo) * l->row;
	size_t skip = (size_t)(lo - l->lo) * l->row;
	size_t part = (size_t)(hi - lo) * l->row;

	if (!part && reserve(edge, 1, err))
		return NULL;
	if (!part)
		return edge->data; /* nothing has an address, too */
	if (l->outer == 1 || part == all)
		return l->data + skip;
	if (reserve(edge, l->outer * part, err))
		return NULL;
	for (size_t i = 0; part && i < l->outer; i++)
		memcpy(edge->data + i * part, l->data + i * all + skip, part);
	return edge->data;
}

/* ---- opening ---- */

static void
mark_needed(struct mel_stream *s)
{
	const struct mel_graph *g = graph_of(s);

	s->needed[s->output] = true;
	for (int i = g->n_node; i--;) {
		const struct mel_node *node = &g->node[i];
		bool needed = false;

		for (int k = 0; k < node->n_out; k++) {
			int v = node->out[k];

			needed |= v != MEL_ABSENT && s->needed[v] &&
				  (s->timeline->value[v].axis >= 0 ||
				      !s->timeline->value[v].known);
		}
		for (int k = 0; needed && k < node->n_in; k++) {
			if (node->in[k] != MEL_ABSENT)
				s->needed[node->in[k]] = true;
		}
	}
}

static void
measure_line(struct mel_stream *s, int v)
{
	const struct mel_tensor *t = &s->timeline->shape[0][v];
	int axis = s->timeline->value[v].axis;

	if (axis < 0)
		return;
	s->line[v].outer = (size_t)mel_dims_product(t, 0, axis);
	s->line[v].row = (size_t)mel_dims_product(t, axis + 1, t->ndim) *
			 mel_dtype_size(t->dtype);
}

static bool
is_run(const struct mel_stream *s, int i)
{
	const struct mel_node *node = &graph_of(s)->node[i];

	for (int k = 0; k < node->n_out; k++) {
		if (node->out[k] != MEL_ABSENT && s->needed[node->out[k]])
			return s->timeline->node[i].used;
	}
	return false;
}

/* Also of outputs that are made and not read. */
static void
measure_lines(struct mel_stream *s)
{
	const struct mel_graph *g = graph_of(s);

	for (int v = 0; v < g->n_value; v++)
		s->last[v] = -1;
	for (int i = 0; i < g->n_input; i++) {
		if (s->needed[g->input[i].value])
			measure_line(s, g->input[i].value);
	}
	for (int i = 0; i < g->n_node; i++) {
		const struct mel_node *node = &g->node[i];

		if (!is_run(s, i))
			continue;
		for (int k = 0; k < node->n_out; k++) {
			if (node->out[k] != MEL_ABSENT)
				measure_line(s, node->out[k]);
		}
		for (int k = 0; k < node->n_in; k++) {
			if (node->in[k] != MEL_ABSENT)
				s->last[node->in[k]] = i;
		}
	}
}

int
mel_stream_open(struct mel_stream *s, const struct mel_timeline *timeline,
    int output, const struct mel_kernels *kernels, struct mel_pool *pool,
    struct mel_err *err)
{
	const struct mel_graph *g = timeline->graph;
	size_t n = (size_t)g->n_value, n_in = (size_t)g->most_in;

	*s = (struct mel_stream){.timeline = timeline,
	    .kernels = kernels,
	    .pool = pool,
	    .output = output};
	s->needed = mel_alloc(n, sizeof(*s->needed), err);
	s->line = mel_alloc(n, sizeof(*s->line), err);
	s->beside = mel_alloc(n, sizeof(*s->beside), err);
	s->keep = mel_alloc(n, sizeof(*s->keep), err);
	s->last = mel_alloc(n, sizeof(*s->last), err);
	s->spare = mel_alloc(n, sizeof(*s->spare), err);
	s->once = mel_alloc(n, sizeof(*s->once), err);
	s->own = mel_alloc(n, sizeof(*s->own), err);
	s->state = mel_alloc((size_t)g->n_node, sizeof(unsigned char *), err);
	s->edge = mel_alloc(n_in, sizeof(*s->edge), err);
	s->view = mel_alloc(n_in, sizeof(*s->view), err);
	s->in = mel_alloc(n_in, sizeof(struct mel_tensor *), err);
	s->out = mel_alloc((size_t)g->most_out, sizeof(*s->out), err);
	if (!s->needed || !s->line || !s->beside || !s->keep || !s->last ||
	    !s->spare || !s->once || !s->own || !s->state || !s->edge ||
	    !s->view || !s->in || !s->out)
		return -1;
	mark_needed(s);
	measure_lines(s);
	return 0;
}

static void
clear_utterance(struct mel_stream *s)
{
	const struct mel_graph *g = graph_of(s);

	for (int v = 0; s->own && v < g->n_value; v++) {
		if (s->own[v])
			mel_tensor_free(&s->once[v]);
		s->own[v] = false;
	}
	for (int v = 0; s->keep && v < g->n_value; v++)
		s->line[v].lo = s->line[v].hi = s->keep[v] = 0;
	for (int i = 0; s->state && i < g->n_node; i++) {
		free(s->state[i]);
		s->state[i] = NULL;
	}
	s->rows = s->computed = 0;
	s->ended = false;
}

void
mel_stream_close(struct mel_stream *s)
{
	if (!s->timeline)
		return;
	/* Half open, it has had no utterance. */
	if (s->line && s->beside && s->keep && s->once && s->own && s->state &&
	    s->last)
		clear_utterance(s);
	for (int v = 0; s->line && v < graph_of(s)->n_value; v++)
		free(s->line[v].data);
	for (int v = 0; s->beside && v < graph_of(s)->n_value; v++)
		free(s->beside[v].data);
	for (int k = 0; s->edge && k < graph_of(s)->most_in; k++)
		free(s->edge[k].data);
	free(s->result.data);
	for (int k = 0; k < s->n_spare; k++)
		free(s->spare[k].data);
	free(s->spare);
	free(s->last);
	free(s->keep);
	free(s->beside);
	free(s->scratch.data);
	free(s->needed);
	free(s->line);
	free(s->once);
	free(s->own);
	free(s->state);
	free(s->edge);
	free(s->view);
	free(s->in);
	free(s->out);
	*s = (struct mel_stream){0};
}

/* ---- what has no time ---- */

static int
evaluate(struct mel_stream *s, int i, struct mel_err *err)
{
	const struct mel_node *node = &graph_of(s)->node[i];
	const struct mel_run run = {
	    .pool = s->pool, .kernels = s->kernels, .stream = (uint64_t)i};

	for (int k = 0; k < node->n_in; k++)
		s->in[k] =
		    node->in[k] == MEL_ABSENT ? NULL : &s->once[node->in[k]];
	if (mel_node_eval(node, s->in, s->out, &run, err))
		return -1;
	for (int k = 0; k < node->n_out; k++) {
		if (node->out[k] == MEL_ABSENT)
			continue;
		s->once[node->out[k]] = s->out[k];
		s->own[node->out[k]] = true;
	}
	return 0;
}

int
mel_stream_begin(
    struct mel_stream *s, const struct mel_tensor *in, struct mel_err *err)
{
	const struct mel_graph *g = graph_of(s);

	clear_utterance(s);
	for (int v = 0; v < g->n_value; v++) {
		if (!s->timeline->value[v].known)
			continue;
		s->once[v] = *s->timeline->value[v].known;
		s->once[v].owned = false;
	}
	for (int i = 0; i < g->n_input; i++) {
		if (s->timeline->value[g->input[i].value].axis >= 0)
			continue;
		s->once[g->input[i].value] = in[i];
		s->once[g->input[i].value].owned = false;
	}
	for (int i = 0; i < g->n_node; i++) {
		const struct mel_node *node = &g->node[i];
		bool wanted = false;

		for (int k = 0; k < node->n_out; k++) {
			int v = node->out[k];

			wanted |= v != MEL_ABSENT && s->needed[v] &&
				  !s->timeline->value[v].known;
		}
		if (wanted && !s->timeline->node[i].used && evaluate(s, i, err))
			return -1;
	}
	return 0;
}

/* ---- rows ---- */

/* The memory given up last is still in the caches. */
static void
take_spare(struct mel_stream *s, struct mel_line *l)
{
	const struct mel_line *spare;

	if (l->data || !s->n_spare)
		return;
	spare = &s->spare[--s->n_spare];
	l->data = spare->data;
	l->cap = spare->cap;
}

/* How many rows of its outputs node i can have now. */
static int64_t
ready_rows(const struct mel_stream *s, int i, struct mel_err *err)
{
	const struct mel_node *node = &graph_of(s)->node[i];
	const struct mel_time_node *n = &s->timeline->node[i];
	int64_t rows = -1;

	for (int k = 0; k < node->n_in; k++) {
		int64_t r, hi;

		if (node->in[k] == MEL_ABSENT ||
		    s->timeline->value[node->in[k]].axis < 0)
			continue;
		hi = s->line[node->in[k]].hi;
		r = s->ended ? mel_reach_total(&n->reach[k], hi)
			     : mel_reach_ready(&n->reach[k], hi);
		if (s->ended && rows >= 0 && r != rows)
			return mel_node_fail(node, err,
			    "inputs for %lld and %lld rows", (long long)rows,
			    (long long)r);
		rows = rows < 0 || r < rows ? r : rows;
	}
	return rows < 0 ? mel_reach_total(&n->source, s->rows) : rows;
}

/* Input k of node i for the output rows of the part. */
static int
take_input(struct mel_stream *s, int i, int k, struct mel_part *part,
    struct mel_err *err)
{
	const struct mel_node *node = &graph_of(s)->node[i];
	const struct mel_reach *r = &s->timeline->node[i].reach[k];
	const struct mel_line *l;
	int v = node->in[k], axis;
	int64_t from, to;

	s->in[k] = v == MEL_ABSENT ? NULL : &s->once[v];
	if (v == MEL_ABSENT || s->timeline->value[v].axis < 0)
		return 0;
	l = &s->line[v];
	axis = s->timeline->value[v].axis;
	to = mel_reach_last(r, s->upto - 1) + 1;
	to = to > l->hi ? l->hi : to;
	from = mel_reach_first(r, part->out_first) - r->tail;
	from = from >= l->hi ? l->hi - 1 : from;
	from = from < 0 ? 0 : from;
	to = to < from ? from : to;
	if (r->tail || r->head)
		to = l->hi;
	s->view[k] = s->timeline->shape[0][v];
	s->view[k].owned = false;
	s->view[k].dim[axis] = to - from;
	s->view[k].data = take_rows(l, from, to, &s->edge[k], err);
	s->in[k] = &s->view[k];
	if (part->in < 0) {
		part->in = k;
		part->in_axis = axis;
		part->in_first = from;
		part->in_total = s->ended ? l->hi : UNKNOWN_TOTAL;
	}
	return s->view[k].data ? 0 : -1;
}

static int
need_state(struct mel_stream *s, int i, const struct mel_part *part,
    struct mel_err *err)
{
	const struct mel_node *node = &graph_of(s)->node[i];
	struct mel_tensor row = s->out[0];

	if (s->timeline->node[i].kind != MEL_TIME_STATE || s->state[i])
		return 0;
	row.dim[part->out_axis] = 1;
	s->state[i] = mel_alloc(node->op->state(node, s->in, &row), 1, err);
	return s->state[i] ? 0 : -1;
}

static int
run_node(
    struct mel_stream *s, int i, struct mel_part *part, struct mel_err *err)
{
	const struct mel_node *node = &graph_of(s)->node[i];
	struct mel_run run = {.pool = s->pool,
	    .kernels = s->kernels,
	    .stream = (uint64_t)i,
	    .part = part};
	size_t threads = (size_t)mel_pool_threads(s->pool), bytes;

	if (node->op->scratch)
		run.stride = node->op->scratch(node, s->in, s->out);
	run.stride = (run.stride + 63) & ~(size_t)63;
	if (!mel_size_mul(&bytes, run.stride, threads))
		return mel_node_fail(node, err, "its scratch is too large");
	if (reserve(&s->scratch, bytes, err) || need_state(s, i, part, err))
		return -1;
	run.scratch = s->scratch.data;
	part->state = s->state[i];
	return node->op->forward(node, s->in, s->out, &run, err);
}

/*
 * Output k is written behind the rows that are kept if these lie in one
 * block, else beside them, to be put there.
 */
static int
place_output(struct mel_stream *s, int v, int64_t n, struct mel_tensor *out,
    struct mel_err *err)
{
	struct mel_line *l = &s->line[v], *fresh = &s->beside[v];
	bool behind = l->outer == 1 || l->lo == l->hi;
	size_t before = (size_t)(l->hi - l->lo) * l->row;

	*out = s->timeline->shape[0][v];
	out->owned = false;
	out->dim[s->timeline->value[v].axis] = n;
	take_spare(s, l);
	if (extend(l, n, err) ||
	    (!behind && reserve(fresh, l->outer * (size_t)n * l->row, err)))
		return -1;
	out->data = behind ? l->data + before : fresh->data;
	return 0;
}

static int
place_outputs(struct mel_stream *s, const struct mel_node *node, int64_t n,
    struct mel_err *err)
{
	for (int k = 0; k < node->n_out; k++) {
		s->out[k] = (struct mel_tensor){0};
		if (node->out[k] != MEL_ABSENT &&
		    place_output(s, node->out[k], n, &s->out[k], err))
			return -1;
	}
	return 0;
}

/* Makes the rows of node i that can be made. */
static int
advance(struct mel_stream *s, int i, struct mel_err *err)
{
	const struct mel_node *node = &graph_of(s)->node[i];
	struct mel_part part = {.in = -1, .in_axis = MEL_AXIS_NONE};
	int64_t lo = -1, hi = ready_rows(s, i, err);

	for (int k = 0; k < node->n_out; k++) {
		if (node->out[k] == MEL_ABSENT)
			continue;
		lo = s->line[node->out[k]].hi;
		part.out_axis = s->timeline->value[node->out[k]].axis;
	}
	if (hi < 0)
		return -1;
	if (hi <= lo)
		return 0;
	part.out_first = lo;
	s->upto = hi;
	for (int k = 0; k < node->n_in; k++) {
		if (take_input(s, i, k, &part, err))
			return -1;
	}
	if (place_outputs(s, node, hi - lo, err) || run_node(s, i, &part, err))
		return -1;
	for (int k = 0; k < node->n_out; k++) {
		struct mel_line *l;

		if (node->out[k] == MEL_ABSENT)
			continue;
		l = &s->line[node->out[k]];
		if (s->out[k].data == s->beside[node->out[k]].data)
			put_rows(l, s->out[k].data, hi - lo);
	}
	s->computed += hi - lo;
	return 0;
}

/* The first row of v that the node will ask for when it goes on. */
static void
keep_for(struct mel_stream *s, int i, int64_t *keep)
{
	const struct mel_node *node = &graph_of(s)->node[i];
	int64_t next = 0;

	for (int k = 0; k < node->n_out; k++) {
		if (node->out[k] != MEL_ABSENT)
			next = s->line[node->out[k]].hi;
	}
	for (int k = 0; k < node->n_in; k++) {
		const struct mel_reach *r = &s->timeline->node[i].reach[k];
		int v = node->in[k];
		int64_t lo;

		if (v == MEL_ABSENT || s->timeline->value[v].axis < 0)
			continue;
		lo = mel_reach_first(r, next) - r->tail;
		/* A row to show where nothing but padding is left to come. */
		if (lo >= s->line[v].hi && !mel_reach_is_same(r))
			lo = s->line[v].hi - 1;
		keep[v] = lo < keep[v] ? lo : keep[v];
	}
}

/* Gives up what nobody needs any more of v; its memory, if that is all. */
static void
settle(struct mel_stream *s, int v)
{
	struct mel_line *l = &s->line[v];

	forget(l, s->keep[v] < l->hi ? s->keep[v] : l->hi);
	if (l->lo < l->hi || !l->data)
		return;
	s->spare[s->n_spare++] = *l;
	l->data = NULL;
	l->cap = 0;
}

/* What node i was the last to read. */
static void
settle_inputs(struct mel_stream *s, int i)
{
	const struct mel_node *node = &graph_of(s)->node[i];

	keep_for(s, i, s->keep);
	for (int k = 0; k < node->n_in; k++) {
		int v = node->in[k];

		if (v != MEL_ABSENT && s->last[v] == i && v != s->output &&
		    s->timeline->value[v].axis >= 0)
			settle(s, v);
	}
}

/* All that is read by nobody, or was for the caller. */
static void
settle_rest(struct mel_stream *s)
{
	for (int v = 0; v < graph_of(s)->n_value; v++) {
		if (s->line[v].outer && (s->last[v] < 0 || v == s->output))
			settle(s, v);
		s->keep[v] = INT64_MAX;
	}
}

static int
feed(struct mel_stream *s, int i, const struct mel_tensor *in,
    struct mel_err *err)
{
	int v = graph_of(s)->input[i].value, axis = s->timeline->value[v].axis;

	if (axis < 0)
		return 0;
	s->fed = in->dim[axis];
	if (!s->needed[v]) /* its rows count all the same */
		return 0;
	take_spare(s, &s->line[v]);
	if (extend(&s->line[v], s->fed, err))
		return -1;
	put_rows(&s->line[v], in->data, s->fed);
	return 0;
}

int
mel_stream_step(struct mel_stream *s, const struct mel_tensor *in, bool end,
    struct mel_tensor *out, struct mel_err *err)
{
	const struct mel_graph *g = graph_of(s);
	struct mel_line *l = &s->line[s->output];
	int64_t before;

	settle_rest(s);
	before = l->hi;
	s->fed = 0;
	for (int i = 0; i < g->n_input; i++) {
		if (feed(s, i, &in[i], err))
			return -1;
	}
	s->rows += s->fed;
	s->ended = end;
	for (int i = 0; i < g->n_node; i++) {
		if (!is_run(s, i))
			continue;
		if (advance(s, i, err))
			return -1;
		settle_inputs(s, i);
	}
	*out = s->timeline->shape[0][s->output];
	out->owned = false;
	out->dim[s->timeline->value[s->output].axis] = l->hi - before;
	out->data = take_rows(l, before, l->hi, &s->result, err);
	return l->hi > before && !out->data ? -1 : 0;
}
