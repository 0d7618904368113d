/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/netblock.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/decl.h"
#include "block/env.h"
#include "net/feed.h"
#include "net/netdef.h"
#include "net/network.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"

struct options {
	struct mel_netdef *network; /* borrowed */
	struct mel_strings inputs, outputs;
};

struct netblock {
	const struct options *options;
	struct mel_feed feed;
	struct mel_session *session;
	struct mel_tensor *out; /* [n_output] */
};

/* Pairs name outputs that there are. */
static int
check_outputs(const struct options *o, struct mel_err *err)
{
	for (size_t i = 0; i < o->outputs.n; i += 2) {
		if (!mel_netdef_output(o->network, o->outputs.item[i], err))
			return -1;
	}
	return 0;
}

static int
declare_outputs(
    const struct options *o, struct mel_decls *gives, struct mel_err *err)
{
	for (int i = 0; i < o->network->n_output; i++) {
		const struct mel_net_port *port = &o->network->output[i];
		struct mel_decl decl = {.dtype = port->dtype};

		decl.name = mel_feed_name(&o->outputs, port);
		decl.ndim = mel_net_port_rank(port);
		if (decl.ndim > 1)
			decl.width = mel_net_port_width(port);
		if (mel_decls_add(gives, &decl, err))
			return -1;
	}
	return 0;
}

static int
open_network(void *state, const void *options, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct netblock *b = state;

	b->options = o;
	if (check_outputs(o, err) ||
	    mel_feed_open(&b->feed, o->network, &o->inputs, err) ||
	    mel_feed_declare(&b->feed, &spec->needs, err) ||
	    declare_outputs(o, &spec->gives, err))
		return -1;
	b->out = mel_alloc((size_t)o->network->n_output, sizeof(*b->out), err);
	if (!b->out)
		return -1;
	if (env->spec_only)
		return 0;
	return mel_session_open(
	    &b->session, o->network->network, env->pool, err);
}

/* Infinity may mean something, ln 0 for instance; NaN is a fault. */
static int
check_numbers(const struct mel_net_port *port, const struct mel_tensor *t,
    struct mel_err *err)
{
	const float *x = t->data;
	size_t n = t->dtype == MEL_F32 ? mel_tensor_count(t) : 0;

	for (size_t i = 0; i < n; i++) {
		if (isnan(x[i]))
			return mel_fail(
			    err, "output \"%s\" is not a number", port->name);
	}
	return 0;
}

static int
run_network(void *state, const struct mel_bundle *in, struct mel_bundle *out,
    struct mel_err *err)
{
	struct netblock *b = state;
	const struct options *o = b->options;

	if (mel_feed_fill(&b->feed, in, NULL, err) ||
	    mel_session_run(b->session, b->feed.in, b->out, err))
		return -1;
	for (int i = 0; i < o->network->n_output; i++) {
		const struct mel_net_port *port = &o->network->output[i];
		struct mel_tensor t = {0};
		int rc = mel_net_port_unpack(port, &b->out[i], &t, err);

		if (!rc)
			rc = check_numbers(port, &t, err);
		if (!rc)
			rc = mel_bundle_put(
			    out, mel_feed_name(&o->outputs, port), &t, err);
		mel_tensor_free(&t);
		if (rc)
			return -1;
	}
	return 0;
}

static void
close_network(void *state)
{
	struct netblock *b = state;

	mel_session_close(b->session);
	if (b->options)
		mel_feed_close(&b->feed);
	free(b->out);
}

static const struct mel_option table[] = {
    {"network", 0, MEL_OPT_OBJECT, offsetof(struct options, network),
	.object = "network", .arg = "NAME", .required = true,
	.help = "one of the addon's networks"},
    {"inputs", 0, MEL_OPT_MAP, offsetof(struct options, inputs),
	.arg = "{INPUT: TENSOR}", .help = "tensors for inputs of another name"},
    {"outputs", 0, MEL_OPT_MAP, offsetof(struct options, outputs),
	.arg = "{OUTPUT: TENSOR}",
	.help = "names for the tensors made, if not the network's"},
    {0},
};

const struct mel_sequence_type mel_network_sequence_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Network",
    .help = "runs one of the addon's networks on tensors",
    .options = table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct netblock),
    .open = open_network,
    .run = run_network,
    .close = close_network,
};
