/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/cell.h"
#include "net/frame.h"
#include "net/graph.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "tensor/tensor.h"

static const struct mel_graph *
graph_of(const struct mel_session *s)
{
	return s->network->model.graph;
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
	s->exec.kernels = network->kernels;
	s->exec.pool = pool;
	s->max_turns = MEL_SESSION_TURNS;
	s->copy = mel_alloc(
	    (size_t)graph_of(s)->n_output, sizeof(struct mel_cell *), err);
	s->in = mel_alloc((size_t)graph_of(s)->n_input, sizeof(*s->in), err);
	s->out = mel_alloc((size_t)graph_of(s)->n_output, sizeof(*s->out), err);
	if (!s->copy || !s->in || !s->out ||
	    mel_frame_open(&s->frame, graph_of(s), &s->exec, err)) {
		mel_session_close(s);
		return -1;
	}
	*session = s;
	return 0;
}

void
mel_session_close(struct mel_session *s)
{
	if (!s)
		return;
	if (s->frame.graph)
		mel_frame_close(&s->frame);
	mel_store_free(&s->exec.store);
	free(s->copy);
	free(s->in);
	free(s->out);
	free(s->item);
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

static int
check_list(const struct mel_io *io, const struct mel_net_value *list,
    struct mel_err *err)
{
	if (!io->sequence || list->t.dtype)
		return mel_fail(err, "input %s: a %s is wanted", io->name,
		    io->sequence ? "sequence" : "tensor");
	for (size_t i = 0; i < list->n; i++) {
		const struct mel_tensor *t = &list->item[i];

		if (mel_shape_check(t->dtype, t->ndim, t->dim, NULL, err) ||
		    t->dtype != list->item[0].dtype)
			return mel_fail(err, "input %s: a sequence of %s",
			    io->name, "unlike tensors");
	}
	return 0;
}

/* The list as a cell, for the time of the run. */
static struct mel_cell *
make_list(struct mel_session *s, const struct mel_net_value *list,
    struct mel_err *err)
{
	struct mel_cell *cell = mel_cell_list(&s->exec.store, list->n, err);

	for (size_t i = 0; cell && i < list->n; i++) {
		const struct mel_ref ref = {.t = list->item[i]};
		struct mel_cell *item = mel_ref_keep(&s->exec.store, &ref, err);

		if (!item) {
			mel_cell_drop(&s->exec.store, cell);
			return NULL;
		}
		mel_cell_items(cell)[cell->n++] = item;
	}
	return cell;
}

static int
set_input(struct mel_session *s, int i, const struct mel_net_value *in,
    struct mel_err *err)
{
	const struct mel_io *io = &graph_of(s)->input[i];
	struct mel_ref *arg = &s->frame.arg[i];

	*arg = (struct mel_ref){.t = in->t};
	if (!io->sequence && in->t.dtype)
		return check_input(io, &in->t, err);
	if (check_list(io, in, err))
		return -1;
	arg->cell = make_list(s, in, err);
	return arg->cell ? 0 : -1;
}

/*
 * An output that is an input would be a view into what the caller may give
 * up before the output is used: it is copied.
 */
static int
copy_input(
    struct mel_session *s, int i, struct mel_ref *ref, struct mel_err *err)
{
	const struct mel_ref bare = {.t = ref->t};

	if (ref->cell) /* a list: what is ours already */
		s->copy[i] = mel_cell_keep(ref->cell);
	else
		s->copy[i] = mel_ref_keep(&s->exec.store, &bare, err);
	if (!s->copy[i])
		return -1;
	ref->cell = s->copy[i];
	if (ref->t.dtype)
		ref->t.data = s->copy[i]->t.data;
	return 0;
}

static int
add_items(
    struct mel_session *s, const struct mel_cell *list, struct mel_err *err)
{
	if (mel_reserve(&s->item, &s->item_cap, s->n_item + list->n,
		sizeof(*s->item), err))
		return -1;
	for (size_t i = 0; i < list->n; i++)
		s->item[s->n_item++] = mel_cell_items(list)[i]->t;
	return 0;
}

static int
finish(struct mel_session *s, struct mel_net_value *out, struct mel_err *err)
{
	const struct mel_graph *g = graph_of(s);
	size_t at = 0;

	for (int i = 0; i < g->n_output; i++) {
		struct mel_ref *ref = &s->frame.result[i];
		int v = g->output[i].value;

		if (s->frame.slot[v].place == MEL_PLACE_INPUT &&
		    copy_input(s, i, ref, err))
			return -1;
		out[i] = (struct mel_net_value){.t = ref->t};
		out[i].t.owned = false;
		if (ref->t.dtype)
			continue;
		out[i].n = ref->cell->n;
		if (add_items(s, ref->cell, err))
			return -1;
	}
	for (int i = 0; i < g->n_output; i++) {
		if (out[i].t.dtype || !out[i].n)
			continue;
		out[i].item = s->item + at;
		at += out[i].n;
	}
	return 0;
}

/* Gives up what the last run left for the caller to see. */
static void
begin(struct mel_session *s)
{
	for (int i = 0; i < graph_of(s)->n_output; i++) {
		mel_cell_drop(&s->exec.store, s->copy[i]);
		s->copy[i] = NULL;
	}
	for (int i = 0; i < graph_of(s)->n_input; i++)
		s->frame.arg[i] = (struct mel_ref){0};
	s->n_item = 0;
	s->exec.turns = s->max_turns;
	mel_frame_release(&s->frame);
}

int
mel_session_run_values(struct mel_session *session,
    const struct mel_net_value *in, struct mel_net_value *out,
    struct mel_err *err)
{
	const struct mel_graph *g = graph_of(session);
	int rc = 0;

	begin(session);
	for (int i = 0; !rc && i < g->n_input; i++)
		rc = set_input(session, i, &in[i], err);
	if (!rc)
		rc = mel_frame_run(&session->frame, err);
	if (!rc)
		rc = finish(session, out, err);
	for (int i = 0; i < g->n_input; i++)
		mel_cell_drop(&session->exec.store, session->frame.arg[i].cell);
	return rc ? mel_fail_in(err, "%s", session->network->path) : 0;
}

void
mel_session_seed(struct mel_session *session, uint64_t seed)
{
	session->frame.seed = seed;
}

int
mel_session_run(struct mel_session *session, const struct mel_tensor *in,
    struct mel_tensor *out, struct mel_err *err)
{
	const struct mel_graph *g = graph_of(session);

	for (int i = 0; i < g->n_input; i++)
		session->in[i] = (struct mel_net_value){.t = in[i]};
	if (mel_session_run_values(session, session->in, session->out, err))
		return -1;
	for (int i = 0; i < g->n_output; i++) {
		out[i] = session->out[i].t;
		if (!out[i].dtype)
			return mel_fail(err, "%s: output %s is a sequence",
			    session->network->path, g->output[i].name);
	}
	return 0;
}
