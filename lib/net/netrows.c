/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/netblock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/env.h"
#include "block/streamable.h"
#include "net/feed.h"
#include "net/fixed.h"
#include "net/graph.h"
#include "net/inflow.h"
#include "net/netdef.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/stream.h"
#include "net/timeline.h"
#include "net/windows.h"
#include "tensor/tensor.h"

struct options {
	struct mel_netdef *network; /* borrowed */
	struct mel_strings inputs;
	char *rows, *output, *name;
	int64_t window, margin; /* rows; 0, -1: not said */
};

/*
 * A network that streams takes as many rows as it needs for those that are
 * asked for; with programs of fixed length, those of a window. Any other runs
 * once, on all rows of the utterance, when the first of its own rows is asked
 * for; or, if the option says so, on excerpts of it.
 */
struct netrows {
	const struct options *options;
	struct mel_feed feed;
	const struct mel_net_port *port; /* the output whose rows are given */
	int output;                      /* its number */
	struct mel_session *session;
	struct mel_tensor *out; /* [n_output], the session's */

	struct mel_timeline timeline;
	struct mel_context context;
	bool streams;
	struct mel_tensor *step; /* [n_input] rows of one step, owned */
	struct mel_stream stream;
	int64_t given; /* rows before those of result */

	bool fixed;
	struct mel_windows windows;
	bool cut;   /* in excerpts, of options->window rows and margins */
	int64_t at; /* the first row that the next one gives */
	struct mel_tensor window; /* what result is a view of */

	const struct mel_bundle *data;
	struct mel_streamable *upstream;
	struct mel_inflow flow;
	bool ran;
	struct mel_tensor result; /* [rows, width] */
	int64_t next;             /* row of it */
};

/* The input that takes the rows: the one named, else the only tensor. */
static int
choose_rows(struct netrows *b, struct mel_err *err)
{
	const struct options *o = b->options;
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
choose_output(struct netrows *b, struct mel_err *err)
{
	const struct options *o = b->options;

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
say_whole(const struct netrows *b, const struct mel_env *env)
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
describe_inputs(const struct netrows *b, struct mel_time_input *in)
{
	const struct mel_netdef *def = b->options->network;

	for (int i = 0; i < def->n_input; i++) {
		if (!describe_input(&def->input[i], i == b->feed.rows, &in[i]))
			return false;
	}
	return true;
}

static int
find_time(struct netrows *b, const struct mel_env *env, struct mel_err *err)
{
	const struct mel_netdef *def = b->options->network;
	const struct mel_graph *g = mel_network_graph(def->network);
	struct mel_time_input *in =
	    mel_alloc((size_t)def->n_input, sizeof(*in), err);
	bool good;

	if (b->fixed)
		return 0;
	b->step = mel_alloc((size_t)def->n_input, sizeof(*b->step), err);
	if (!in || !b->step) {
		free(in);
		return -1;
	}
	good = !env->whole && describe_inputs(b, in) &&
	       !mel_timeline_open(
		   &b->timeline, g, def->network->kernels, in, NULL);
	free(in);
	if (!good)
		return 0;
	b->streams = mel_timeline_context(
	    &b->timeline, g->output[b->output].value, &b->context);
	if (!b->streams)
		say_whole(b, env);
	return 0;
}

/* Excerpts are asked for where nothing better is to be had, or not at all. */
static int
choose_cut(struct netrows *b, const struct mel_env *env, struct mel_err *err)
{
	const struct options *o = b->options;

	if ((o->window > 0) != (o->margin >= 0))
		return mel_fail(err, "window and margin belong together");
	if (o->window && b->streams)
		return mel_fail(
		    err, "window: the network streams exactly without one");
	b->cut = o->window && !b->fixed && !env->whole;
	return 0;
}

static int
declare(
    struct netrows *b, struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = b->options;

	spec->upstream = true;
	spec->in_width = mel_net_port_width(&o->network->input[b->feed.rows]);
	spec->width = mel_net_port_width(b->port);
	spec->lookahead = b->streams ? b->context.right : MEL_WHOLE;
	if (b->fixed && o->network->fixed->split)
		spec->lookahead = mel_fixed_largest(o->network->fixed);
	if (b->cut)
		spec->lookahead = o->window + o->margin - 1;
	spec->inexact = b->cut;
	spec->rows = mel_strdup(o->name ? o->name : b->port->name, err);
	if (!spec->rows)
		return -1;
	return mel_feed_declare(&b->feed, &spec->needs, err);
}

static int
open_rows(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct netrows *b = state;

	b->options = o;
	b->fixed = env->backend && o->network->fixed;
	if (mel_feed_open(&b->feed, o->network, &o->inputs, err) ||
	    choose_rows(b, err) || choose_output(b, err))
		return -1;
	if (find_time(b, env, err) || choose_cut(b, env, err) ||
	    declare(b, spec, err))
		return -1;
	b->out = mel_alloc((size_t)o->network->n_output, sizeof(*b->out), err);
	if (!b->out)
		return -1;
	if (env->spec_only)
		return 0;
	if (b->fixed)
		return mel_windows_open(&b->windows, o->network, env, err);
	if (b->streams)
		return mel_stream_open(&b->stream, &b->timeline,
		    b->timeline.graph->output[b->output].value,
		    o->network->network->kernels, env->pool, err);
	return mel_session_open(
	    &b->session, o->network->network, env->pool, err);
}

/* Inputs without time are what they would be for any number of rows. */
static int
begin_stream(struct netrows *b, struct mel_err *err)
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

static int
begin_rows(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct netrows *b = state;

	b->data = data;
	b->upstream = upstream;
	b->ran = false;
	b->next = b->given = b->at = 0;
	mel_inflow_begin(&b->flow);
	if (b->fixed)
		mel_windows_begin(&b->windows);
	*width = mel_net_port_width(b->port);
	return b->streams ? begin_stream(b, err) : 0;
}

static int
check_finite(const struct netrows *b, struct mel_err *err)
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

/* n rows from `first` on, as the network's port has them. */
static struct mel_tensor
view_rows(const struct netrows *b, int64_t first, int64_t n)
{
	int64_t dim[2] = {n, mel_streamable_width(b->upstream)};

	return mel_tensor_view(MEL_F32,
	    mel_net_port_rank(&b->options->network->input[b->feed.rows]), dim,
	    mel_inflow_row(&b->flow, b->upstream, first));
}

/* Runs the network on all rows there are from `first` on. */
static int
run_on(struct netrows *b, int64_t first, struct mel_err *err)
{
	struct mel_tensor rows = view_rows(b, first, b->flow.fed - first);

	mel_tensor_free(&b->result);
	if (mel_feed_fill(&b->feed, b->data, &rows, err) ||
	    mel_session_run(b->session, b->feed.in, b->out, err) ||
	    mel_net_port_unpack(b->port, &b->out[b->output], &b->result, err))
		return -1;
	return check_finite(b, err);
}

static int
run_rows(struct netrows *b, struct mel_err *err)
{
	if (mel_inflow_take_all(&b->flow, b->upstream, err))
		return -1;
	b->ran = true;
	/* No rows: nothing to say, no error. */
	return b->flow.fed ? run_on(b, 0, err) : 0;
}

static void
drop_step(struct netrows *b)
{
	for (int i = 0; b->step && i < b->options->network->n_input; i++)
		mel_tensor_free(&b->step[i]);
}

/* What the network gets with the rows of upstream that are there. */
static int
fill_step(struct netrows *b, struct mel_err *err)
{
	const struct mel_netdef *def = b->options->network;
	int64_t n = b->flow.fed - b->flow.base;
	struct mel_tensor rows = view_rows(b, b->flow.base, n);
	int rc = 0;

	drop_step(b);
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
step_rows(struct netrows *b, struct mel_err *err)
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
	return check_finite(b, err);
}

/* Feeds what is needed for the next `wanted` rows, not more. */
static int
feed_rows(struct netrows *b, int64_t wanted, struct mel_err *err)
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

/* An excerpt of the utterance, as if it were all; its middle is given. */
static int
run_excerpt(struct netrows *b, struct mel_err *err)
{
	const struct options *o = b->options;
	int64_t lo = b->at > o->margin ? b->at - o->margin : 0, n;
	int64_t need = b->at + o->window + o->margin - b->flow.fed;

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

/* ---- programs of fixed length ---- */

static int
run_window(struct netrows *b, const struct mel_windows_have *have,
    const struct mel_feed_part *part, struct mel_err *err)
{
	struct mel_tensor rows = view_rows(b, part->first, part->steps);

	b->given += b->result.dtype ? b->result.dim[0] : 0;
	b->next = 0;
	mel_tensor_free(&b->window);
	b->result = (struct mel_tensor){0};
	if (mel_feed_fill_part(&b->feed, b->data, &rows, part, err) ||
	    mel_windows_run(&b->windows, have, &b->feed, part, err) ||
	    mel_windows_take(
		&b->windows, b->output, &b->window, &b->result, err))
		return -1;
	b->ran = b->windows.done;
	return check_finite(b, err);
}

/* n more rows for a window; all there are if utterances are not split. */
static int
more_rows(struct netrows *b, int64_t n, struct mel_err *err)
{
	if (!b->options->network->fixed->split)
		return mel_inflow_take_all(&b->flow, b->upstream, err);
	mel_inflow_drop(&b->flow, b->upstream, mel_windows_keep(&b->windows));
	return mel_inflow_take(&b->flow, b->upstream, n, err);
}

/* The next window, with rows of upstream as far as it needs them. */
static int
next_window(struct netrows *b, int64_t wanted, struct mel_err *err)
{
	struct mel_windows_have have = {.steps = b->flow.fed};
	struct mel_feed_part part;
	int64_t need;
	int rc =
	    mel_windows_next(&b->windows, &have, wanted, &part, &need, err);

	if (need) {
		if (more_rows(b, need, err))
			return -1;
		have = (struct mel_windows_have){b->flow.fed, b->flow.ended};
		if (!b->flow.fed) {
			b->ran = true; /* nothing to say: no rows, no error */
			return 0;
		}
		rc = mel_windows_next(
		    &b->windows, &have, wanted, &part, &need, err);
	}
	return rc < 0 ? -1 : run_window(b, &have, &part, err);
}

/* More rows of the result, maybe none; until b->ran. */
static int
make_rows(struct netrows *b, int64_t wanted, struct mel_err *err)
{
	if (b->fixed)
		return next_window(b, wanted, err);
	if (b->cut)
		return run_excerpt(b, err);
	return b->streams ? feed_rows(b, wanted, err) : run_rows(b, err);
}

static int64_t
pull_rows(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct netrows *b = state;
	int64_t width = mel_net_port_width(b->port), n;

	while (!b->ran && (!b->result.dtype || b->next == b->result.dim[0])) {
		if (make_rows(b, wanted, err))
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
	struct netrows *b = state;

	mel_tensor_free(&b->result);
	mel_tensor_free(&b->window);
}

static void
close_rows(void *state)
{
	struct netrows *b = state;

	reset_rows(b);
	mel_session_close(b->session);
	mel_stream_close(&b->stream);
	mel_windows_close(&b->windows);
	if (b->options)
		drop_step(b);
	free(b->step);
	mel_timeline_close(&b->timeline);
	if (b->options)
		mel_feed_close(&b->feed);
	free(b->out);
	mel_inflow_free(&b->flow);
}

/* The two types differ in where the network comes from. */
#define COMMON_OPTIONS                                                         \
	{"inputs", 0, MEL_OPT_MAP, offsetof(struct options, inputs),           \
	    .arg = "{INPUT: TENSOR}",                                          \
	    .help = "tensors for inputs of another name"},                     \
	    {"rows", 0, MEL_OPT_STRING, offsetof(struct options, rows),        \
		.arg = "INPUT",                                                \
		.help = "input that takes the rows; if there are several"},    \
	    {"output", 0, MEL_OPT_STRING, offsetof(struct options, output),    \
		.arg = "OUTPUT",                                               \
		.help = "output that gives the rows; the first if not said"},  \
	    {"name", 0, MEL_OPT_STRING, offsetof(struct options, name),        \
		.arg = "PORT",                                                 \
		.help = "name of the rows; the output's if not said"},         \
	    {"window", 0, MEL_OPT_INT, offsetof(struct options, window),       \
		.arg = "ROWS", .min = 1, .max = 1e6,                           \
		.help = "give so many rows at a time, though the network "     \
			"needs all: inexact"},                                 \
	    {"margin", 0, MEL_OPT_INT, offsetof(struct options, margin),       \
		.arg = "ROWS", .preset = "-1", .min = -1, .max = 1e6,          \
		.help =                                                        \
		    "with window: it is run on so many more on each side"},    \
	{                                                                      \
		0                                                              \
	}

static const struct mel_option network_table[] = {
    {"network", 0, MEL_OPT_OBJECT, offsetof(struct options, network),
	.object = "network", .arg = "NAME", .required = true,
	.help = "one of the addon's networks"},
    COMMON_OPTIONS,
};

static const struct mel_option decoder_table[] = {
    {"network", 0, MEL_OPT_OBJECT, offsetof(struct options, network),
	.object = "decoder", .arg = "NAME",
	.help = "one of the addon's networks; its decoder if not said"},
    COMMON_OPTIONS,
};

const struct mel_streamable_type mel_network_streamable_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Network",
    .help = "runs one of the addon's networks on rows",
    .options = network_table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct netrows),
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
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct netrows),
    .open = open_rows,
    .begin = begin_rows,
    .pull = pull_rows,
    .reset = reset_rows,
    .close = close_rows,
};
