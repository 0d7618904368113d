/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "block/env.h"
#include "block/streamable.h"
#include "net/graph.h"
#include "net/netdef.h"
#include "net/netimpl.h"
#include "net/netrows.h"
#include "net/network.h"

/* Besides the rows only a mask, which is all ones, may have time. */
static bool
describe_input(
    const struct mel_net_port *port, bool rows, struct mel_time_input *in)
{
	*in = (struct mel_time_input){.axis = mel_net_port_time(port),
	    .length = port->role == MEL_ROLE_LENGTH};
	if (in->axis >= 0 && !rows && port->role != MEL_ROLE_MASK &&
	    port->role != MEL_ROLE_PADDING)
		return false;
	return mel_net_port_shape(port, &in->shape);
}

/* Why it cannot stream, if that is because of a node. */
static void
say_whole(const struct mel_netrows *b, const struct mel_env *env)
{
	int v = b->timeline.graph->output[b->output].value;
	int cause = b->timeline.value[v].cause;
	const struct mel_node *node;
	char text[256];

	if (cause < 0 || !env->note || env->spec_only || b->options->window)
		return;
	node = &b->timeline.graph->node[cause];
	snprintf(text, sizeof(text),
	    "%s is run on whole utterances: %s (node %s) needs all rows",
	    b->options->network->name, node->kind, node->name);
	env->note(env->ctx, "Network", text);
}

static bool
describe_inputs(const struct mel_netrows *b, struct mel_time_input *in)
{
	const struct mel_netdef *def = b->options->network;

	for (int i = 0; i < def->n_input; i++) {
		if (!describe_input(&def->input[i], i == b->feed.rows, &in[i]))
			return false;
	}
	return true;
}

int
mel_netrows_follow(
    struct mel_netrows *b, const struct mel_env *env, struct mel_err *err)
{
	const struct mel_netdef *def = b->options->network;
	const struct mel_graph *g = mel_network_graph(def->network);
	struct mel_time_input *in =
	    mel_alloc((size_t)def->n_input, sizeof(*in), err);
	bool good;

	if (!in)
		return -1;
	good = describe_inputs(b, in) && !mel_timeline_open(&b->timeline, g,
					     def->network->kernels, in, NULL);
	free(in);
	if (!good)
		return 0;
	if (mel_timeline_context(
		&b->timeline, g->output[b->output].value, &b->context))
		return 1;
	say_whole(b, env);
	return 0;
}

static int64_t
stream_lookahead(const struct mel_netrows *b)
{
	return b->context.right;
}

static int
open_stream(
    struct mel_netrows *b, const struct mel_env *env, struct mel_err *err)
{
	const struct mel_netdef *def = b->options->network;

	b->step = mel_alloc((size_t)def->n_input, sizeof(*b->step), err);
	if (!b->step)
		return -1;
	return mel_stream_open(&b->stream, &b->timeline,
	    b->timeline.graph->output[b->output].value, def->network->kernels,
	    env->pool, err);
}

/* Inputs without time are what they would be for any number of rows. */
static int
begin_stream(struct mel_netrows *b, struct mel_err *err)
{
	const struct mel_net_port *port =
	    &b->options->network->input[b->feed.rows];
	int64_t dim[2] = {1, mel_streamable_width(b->upstream)};
	struct mel_tensor row = {0};
	int rc;

	if (mel_tensor_new(&row, MEL_F32, mel_net_port_rank(port), dim, err))
		return -1;
	rc = mel_feed_fill(&b->feed, b->data, &row, err) ||
	     mel_stream_begin(&b->stream, b->feed.in, err);
	mel_tensor_free(&row);
	return rc ? -1 : 0;
}

void
mel_netrows_drop_step(struct mel_netrows *b)
{
	for (int i = 0; b->step && i < b->options->network->n_input; i++)
		mel_tensor_free(&b->step[i]);
}

/* What the network gets with the rows of upstream that are there. */
static int
fill_step(struct mel_netrows *b, struct mel_err *err)
{
	const struct mel_netdef *def = b->options->network;
	int64_t n = b->flow.fed - b->flow.base;
	struct mel_tensor rows = mel_netrows_view(b, b->flow.base, n);
	int rc = 0;

	mel_netrows_drop_step(b);
	for (int i = 0; !rc && i < def->n_input; i++) {
		const struct mel_net_port *port = &def->input[i];

		if (i == b->feed.rows)
			rc = mel_net_port_pack(port, &rows, &b->step[i], err);
		else if (mel_net_port_time(port) >= 0)
			rc = mel_net_port_make(port, n, n, 0, &b->step[i], err);
	}
	return rc;
}

/* They become rows of the result. */
static int
step_rows(struct mel_netrows *b, struct mel_err *err)
{
	struct mel_tensor out;

	b->given += b->result.dtype ? b->result.dim[0] : 0;
	b->next = 0;
	mel_tensor_free(&b->result);
	b->ran = b->flow.ended;
	if (fill_step(b, err) ||
	    mel_stream_step(&b->stream, b->step, b->flow.ended, &out, err))
		return -1;
	if (!out.dim[mel_net_port_time(b->port)])
		return 0;
	if (mel_net_port_unpack(b->port, &out, &b->result, err))
		return -1;
	return mel_netrows_check(b, err);
}

/* Feeds what is needed for the next `wanted` rows, not more. */
static int
make_steps(struct mel_netrows *b, int64_t wanted, struct mel_err *err)
{
	const struct mel_context *c = &b->context;
	int64_t have = b->given + (b->result.dtype ? b->result.dim[0] : 0);
	int64_t need = ((have + wanted) * c->den + c->num - 1) / c->num +
		       c->right - b->flow.fed;

	mel_inflow_drop(&b->flow, b->upstream, b->flow.fed);
	if (mel_inflow_take(&b->flow, b->upstream, need < 1 ? 1 : need, err))
		return -1;
	if (!b->flow.fed) {
		b->ran = true; /* nothing to say: no rows, no error */
		return 0;
	}
	return step_rows(b, err);
}

const struct mel_netrows_way mel_netrows_stream = {
    .lookahead = stream_lookahead,
    .open = open_stream,
    .begin = begin_stream,
    .make = make_steps,
};
