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
#include "net/rows.h"
#include "net/windows.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"

struct options {
	struct mel_netdef *network; /* borrowed */
	struct mel_strings inputs, outputs;
};

/* With a back end for fixed lengths there are windows, else a session. */
struct netblock {
	const struct options *options;
	struct mel_feed feed;
	struct mel_session *session;
	struct mel_tensor *out; /* [n_output] */
	bool fixed;
	struct mel_windows windows;
	struct mel_rows *rows; /* [n_output] what windows gave so far */
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
	b->fixed = env->backend && o->network->fixed;
	if (!b->fixed)
		return mel_session_open(
		    &b->session, o->network->network, env->pool, err);
	b->rows =
	    mel_alloc((size_t)o->network->n_output, sizeof(*b->rows), err);
	if (!b->rows)
		return -1;
	return mel_windows_open(&b->windows, o->network, env, err);
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

/* Adds the rows that the last window gave to those before. */
static int
add_rows(struct netblock *b, struct mel_err *err)
{
	for (int i = 0; i < b->options->network->n_output; i++) {
		const struct mel_net_port *port =
		    &b->options->network->output[i];
		struct mel_tensor whole = {0}, t;
		int rc = mel_windows_take(&b->windows, i, &whole, &t, err);

		if (mel_net_port_time(port) < 0)
			mel_rows_clear(&b->rows[i]); /* the same of each */
		if (!rc)
			rc = mel_rows_add(&b->rows[i], &t, err);
		mel_tensor_free(&whole);
		if (rc)
			return -1;
	}
	return 0;
}

static int
run_windows(
    struct netblock *b, const struct mel_bundle *in, struct mel_err *err)
{
	struct mel_windows_have have = {.ended = true};
	struct mel_feed_part part;
	int64_t need;
	int rc;

	for (int i = 0; i < b->options->network->n_output; i++)
		mel_rows_clear(&b->rows[i]);
	mel_windows_begin(&b->windows);
	if (mel_feed_steps(&b->feed, in, NULL, &have.steps, err))
		return -1;
	while ((rc = mel_windows_next(
		    &b->windows, &have, 1, &part, &need, err)) > 0) {
		if (mel_feed_fill_part(&b->feed, in, NULL, &part, err) ||
		    mel_windows_run(&b->windows, &have, &b->feed, &part, err) ||
		    add_rows(b, err))
			return -1;
	}
	return rc;
}

static int
give_output(
    struct netblock *b, int i, struct mel_bundle *out, struct mel_err *err)
{
	const struct options *o = b->options;
	const struct mel_net_port *port = &o->network->output[i];
	struct mel_tensor t = {0};
	int rc = 0;

	if (b->fixed)
		t = b->rows[i].t;
	else
		rc = mel_net_port_unpack(port, &b->out[i], &t, err);
	if (!rc)
		rc = check_numbers(port, &t, err);
	if (!rc)
		rc = mel_bundle_put(
		    out, mel_feed_name(&o->outputs, port), &t, err);
	mel_tensor_free(&t);
	return rc;
}

static int
run_network(void *state, const struct mel_bundle *in, struct mel_bundle *out,
    struct mel_err *err)
{
	struct netblock *b = state;

	if (b->fixed) {
		if (run_windows(b, in, err))
			return -1;
	} else if (mel_feed_fill(&b->feed, in, NULL, err) ||
		   mel_session_run(b->session, b->feed.in, b->out, err)) {
		return -1;
	}
	for (int i = 0; i < b->options->network->n_output; i++) {
		if (give_output(b, i, out, err))
			return -1;
	}
	return 0;
}

static void
close_network(void *state)
{
	struct netblock *b = state;

	mel_session_close(b->session);
	mel_windows_close(&b->windows);
	for (int i = 0; b->rows && i < b->options->network->n_output; i++)
		mel_rows_free(&b->rows[i]);
	free(b->rows);
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
