/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "base/mem.h"
#include "block/block.h"
#include "block/env.h"
#include "net/netdef.h"
#include "net/netrows.h"
#include "net/network.h"

static int
open_session(
    struct mel_netrows *b, const struct mel_env *env, struct mel_err *err)
{
	const struct mel_netdef *def = b->options->network;

	b->out = mel_alloc((size_t)def->n_output, sizeof(*b->out), err);
	if (!b->out)
		return -1;
	return mel_session_open(&b->session, def->network, env->pool, err);
}

/* Runs the network on all rows there are from `first` on. */
static int
run_on(struct mel_netrows *b, int64_t first, struct mel_err *err)
{
	struct mel_tensor rows =
	    mel_netrows_view(b, first, b->flow.fed - first);

	mel_tensor_free(&b->result);
	if (mel_feed_fill(&b->feed, b->data, &rows, err) ||
	    mel_session_run(b->session, b->feed.in, b->out, err) ||
	    mel_net_port_unpack(b->port, &b->out[b->output], &b->result, err))
		return -1;
	return mel_netrows_check(b, err);
}

/* ---- all at once ---- */

static int64_t
whole_lookahead(const struct mel_netrows *b)
{
	(void)b;
	return MEL_WHOLE;
}

static int
make_whole(struct mel_netrows *b, int64_t wanted, struct mel_err *err)
{
	(void)wanted;
	if (mel_inflow_take_all(&b->flow, b->upstream, err))
		return -1;
	b->ran = true;
	/* No rows: nothing to say, no error. */
	return b->flow.fed ? run_on(b, 0, err) : 0;
}

const struct mel_netrows_way mel_netrows_whole = {
    .lookahead = whole_lookahead,
    .open = open_session,
    .make = make_whole,
};

/* ---- excerpts ---- */

static int64_t
excerpt_lookahead(const struct mel_netrows *b)
{
	return b->options->window + b->options->margin - 1;
}

/* An excerpt of the utterance, as if it were all; its middle is given. */
static int
make_excerpt(struct mel_netrows *b, int64_t wanted, struct mel_err *err)
{
	const struct mel_netrows_options *o = b->options;
	int64_t lo = b->at > o->margin ? b->at - o->margin : 0, n;
	int64_t need = b->at + o->window + o->margin - b->flow.fed;

	(void)wanted;
	mel_inflow_drop(&b->flow, b->upstream, lo);
	if (need > 0 && !b->flow.ended &&
	    mel_inflow_take(&b->flow, b->upstream, need, err))
		return -1;
	b->ran = b->flow.fed <= b->at;
	if (b->ran)
		return 0;
	n = b->flow.fed - lo;
	b->given = lo;
	if (run_on(b, lo, err))
		return -1;
	if (b->result.dim[0] != n)
		return mel_fail(err,
		    "window: output \"%s\" has %lld rows for %lld",
		    b->port->name, (long long)b->result.dim[0], (long long)n);
	b->next = b->at - lo;
	b->at += o->window;
	if (b->at > b->flow.fed)
		b->at = b->flow.fed;
	b->result.dim[0] = b->at - lo;
	return 0;
}

const struct mel_netrows_way mel_netrows_excerpts = {
    .lookahead = excerpt_lookahead,
    .open = open_session,
    .make = make_excerpt,
};
