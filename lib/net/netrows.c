/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/netrows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "block/block.h"
#include "block/env.h"
#include "block/streamable.h"
#include "net/netblock.h"
#include "net/netdef.h"
#include "net/network.h"

/* The input that takes the rows: the one named, else the only tensor. */
static int
choose_rows(struct mel_netrows *b, struct mel_err *err)
{
	const struct mel_netrows_options *o = b->options;
	int found = -1;

	for (int i = 0; i < o->network->n_input; i++) {
		const struct mel_net_port *port = &o->network->input[i];

		if (o->rows ? strcmp(o->rows, port->name) != 0
			    : port->role != MEL_ROLE_TENSOR)
			continue;
		if (found >= 0)
			return mel_fail(err,
			    "inputs \"%s\" and \"%s\": rows: must say which "
			    "takes the rows",
			    o->network->input[found].name, port->name);
		found = i;
	}
	if (found < 0)
		return mel_fail(err, "the network has no input %s to take rows",
		    o->rows ? o->rows : "tensor");
	if (o->network->input[found].dtype != MEL_F32 ||
	    mel_net_port_time(&o->network->input[found]) < 0)
		return mel_fail(err,
		    "input \"%s\" cannot take rows: not f32 along time",
		    o->network->input[found].name);
	b->feed.rows = found;
	return 0;
}

static int
choose_output(struct mel_netrows *b, struct mel_err *err)
{
	const struct mel_netrows_options *o = b->options;

	b->port = o->output ? mel_netdef_output(o->network, o->output, err)
			    : &o->network->output[0];
	if (!b->port)
		return -1;
	b->output = (int)(b->port - o->network->output);
	if (b->port->dtype != MEL_F32 || mel_net_port_time(b->port) < 0 ||
	    mel_net_port_rank(b->port) > 2)
		return mel_fail(err,
		    "output \"%s\" has no rows: f32 along time is wanted",
		    b->port->name);
	if (!mel_net_port_width(b->port))
		return mel_fail(err,
		    "output \"%s\": the width of its rows is needed in axes:",
		    b->port->name);
	return 0;
}

/* Excerpts are asked for where nothing better is to be had, or not at all. */
static int
choose_way(
    struct mel_netrows *b, const struct mel_env *env, struct mel_err *err)
{
	const struct mel_netrows_options *o = b->options;
	int streams = 0;

	if ((o->window > 0) != (o->margin >= 0))
		return mel_fail(err, "window and margin belong together");
	b->way = &mel_netrows_whole;
	if (env->backend && o->network->fixed) {
		b->way = &mel_netrows_fixed;
		return 0;
	}
	if (!env->whole)
		streams = mel_netrows_follow(b, env, err);
	if (streams && o->window)
		return mel_fail(
		    err, "window: the network streams exactly without one");
	if (streams)
		b->way = &mel_netrows_stream;
	else if (o->window && !env->whole)
		b->way = &mel_netrows_excerpts;
	return streams < 0 ? -1 : 0;
}

static int
declare(struct mel_netrows *b, struct mel_streamable_spec *spec,
    struct mel_err *err)
{
	const struct mel_netrows_options *o = b->options;

	spec->upstream = true;
	spec->in_width = mel_net_port_width(&o->network->input[b->feed.rows]);
	spec->width = mel_net_port_width(b->port);
	spec->lookahead = b->way->lookahead(b);
	spec->inexact = b->way == &mel_netrows_excerpts;
	spec->rows = mel_strdup(o->name ? o->name : b->port->name, err);
	if (!spec->rows)
		return -1;
	return mel_feed_declare(&b->feed, &spec->needs, err);
}

static int
open_rows(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct mel_netrows_options *o = options;
	struct mel_netrows *b = state;

	b->options = o;
	if (mel_feed_open(&b->feed, o->network, &o->inputs, err) ||
	    choose_rows(b, err) || choose_output(b, err) ||
	    choose_way(b, env, err) || declare(b, spec, err))
		return -1;
	return env->spec_only ? 0 : b->way->open(b, env, err);
}

static int
begin_rows(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct mel_netrows *b = state;

	b->data = data;
	b->upstream = upstream;
	b->ran = false;
	b->next = b->given = b->at = 0;
	mel_inflow_begin(&b->flow);
	*width = mel_net_port_width(b->port);
	return b->way->begin ? b->way->begin(b, err) : 0;
}

int
mel_netrows_check(const struct mel_netrows *b, struct mel_err *err)
{
	const float *x = b->result.data;
	size_t n = mel_tensor_count(&b->result);

	for (size_t i = 0; i < n; i++) {
		if (!isfinite(x[i]))
			return mel_fail(err,
			    "output \"%s\" is not finite in row %zu",
			    b->port->name,
			    (size_t)b->given +
				i / (size_t)mel_net_port_width(b->port));
	}
	return 0;
}

struct mel_tensor
mel_netrows_view(const struct mel_netrows *b, int64_t first, int64_t n)
{
	int64_t dim[2] = {n, mel_streamable_width(b->upstream)};

	return mel_tensor_view(MEL_F32,
	    mel_net_port_rank(&b->options->network->input[b->feed.rows]), dim,
	    mel_inflow_row(&b->flow, b->upstream, first));
}

static int64_t
pull_rows(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct mel_netrows *b = state;
	int64_t width = mel_net_port_width(b->port), n;

	while (!b->ran && (!b->result.dtype || b->next == b->result.dim[0])) {
		if (b->way->make(b, wanted, err))
			return -1;
	}
	if (!b->result.dtype)
		return 0;
	n = b->result.dim[0] - b->next;
	if (n > wanted)
		n = wanted;
	if (n)
		memcpy(rows, (float *)b->result.data + b->next * width,
		    (size_t)(n * width) * sizeof(*rows));
	b->next += n;
	return n;
}

static void
reset_rows(void *state)
{
	struct mel_netrows *b = state;

	mel_tensor_free(&b->result);
	mel_tensor_free(&b->window);
}

static void
close_rows(void *state)
{
	struct mel_netrows *b = state;

	reset_rows(b);
	mel_session_close(b->session);
	mel_stream_close(&b->stream);
	mel_windows_close(&b->windows);
	mel_netrows_drop_step(b);
	free(b->step);
	mel_timeline_close(&b->timeline);
	if (b->options)
		mel_feed_close(&b->feed);
	free(b->out);
	mel_inflow_free(&b->flow);
}

/* The two types differ in where the network comes from. */
#define COMMON_OPTIONS                                                         \
	{"inputs", 0, MEL_OPT_MAP,                                             \
	    offsetof(struct mel_netrows_options, inputs),                      \
	    .arg = "{INPUT: TENSOR}",                                          \
	    .help = "tensors for inputs of another name"},                     \
	    {"rows", 0, MEL_OPT_STRING,                                        \
		offsetof(struct mel_netrows_options, rows), .arg = "INPUT",    \
		.help = "input that takes the rows; if there are several"},    \
	    {"output", 0, MEL_OPT_STRING,                                      \
		offsetof(struct mel_netrows_options, output), .arg = "OUTPUT", \
		.help = "output that gives the rows; the first if not said"},  \
	    {"name", 0, MEL_OPT_STRING,                                        \
		offsetof(struct mel_netrows_options, name), .arg = "PORT",     \
		.help = "name of the rows; the output's if not said"},         \
	    {"window", 0, MEL_OPT_INT,                                         \
		offsetof(struct mel_netrows_options, window), .arg = "ROWS",   \
		.min = 1, .max = 1e6,                                          \
		.help = "give so many rows at a time, though the network "     \
			"needs all: inexact"},                                 \
	    {"margin", 0, MEL_OPT_INT,                                         \
		offsetof(struct mel_netrows_options, margin), .arg = "ROWS",   \
		.preset = "-1", .min = -1, .max = 1e6,                         \
		.help =                                                        \
		    "with window: it is run on so many more on each side"},    \
	{                                                                      \
		0                                                              \
	}

static const struct mel_option network_table[] = {
    {"network", 0, MEL_OPT_OBJECT,
	offsetof(struct mel_netrows_options, network), .object = "network",
	.arg = "NAME", .required = true, .help = "one of the addon's networks"},
    COMMON_OPTIONS,
};

static const struct mel_option decoder_table[] = {
    {"network", 0, MEL_OPT_OBJECT,
	offsetof(struct mel_netrows_options, network), .object = "decoder",
	.arg = "NAME",
	.help = "one of the addon's networks; its decoder if not said"},
    COMMON_OPTIONS,
};

const struct mel_streamable_type mel_network_streamable_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Network",
    .help = "runs one of the addon's networks on rows",
    .options = network_table,
    .options_size = sizeof(struct mel_netrows_options),
    .state_size = sizeof(struct mel_netrows),
    .open = open_rows,
    .begin = begin_rows,
    .pull = pull_rows,
    .reset = reset_rows,
    .close = close_rows,
};

const struct mel_streamable_type mel_decoder_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Decoder",
    .help = "the decoder of the addon: rows in, mel frames out",
    .options = decoder_table,
    .options_size = sizeof(struct mel_netrows_options),
    .state_size = sizeof(struct mel_netrows),
    .open = open_rows,
    .begin = begin_rows,
    .pull = pull_rows,
    .reset = reset_rows,
    .close = close_rows,
};
