/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/netblock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/env.h"
#include "block/streamable.h"
#include "net/feed.h"
#include "net/netdef.h"
#include "net/network.h"
#include "tensor/tensor.h"

struct options {
	struct mel_netdef *network; /* borrowed */
	struct mel_strings inputs;
	char *rows, *output, *name;
};

/*
 * The network runs once, on all rows of the utterance, when the first of its
 * own rows is asked for.
 */
struct netrows {
	const struct options *options;
	struct mel_feed feed;
	const struct mel_net_port *port; /* the output whose rows are given */
	int output;                      /* its number */
	struct mel_session *session;
	struct mel_tensor *out; /* [n_output], the session's */

	const struct mel_bundle *data;
	struct mel_streamable *upstream;
	float *in; /* [n_in, in_width] */
	size_t cap;
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
		return mel_fail(err,
		    "the network has no input %s to take "
		    "rows",
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

static int
declare(
    struct netrows *b, struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = b->options;

	spec->upstream = true;
	spec->in_width = mel_net_port_width(&o->network->input[b->feed.rows]);
	spec->width = mel_net_port_width(b->port);
	spec->lookahead = MEL_WHOLE;
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
	if (mel_feed_open(&b->feed, o->network, &o->inputs, err) ||
	    choose_rows(b, err) || choose_output(b, err) ||
	    declare(b, spec, err))
		return -1;
	b->out = mel_alloc((size_t)o->network->n_output, sizeof(*b->out), err);
	if (!b->out)
		return -1;
	if (env->spec_only)
		return 0;
	return mel_session_open(
	    &b->session, o->network->network, env->pool, err);
}

static int
begin_rows(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct netrows *b = state;

	(void)err;
	b->data = data;
	b->upstream = upstream;
	b->ran = false;
	b->next = 0;
	*width = mel_net_port_width(b->port);
	return 0;
}

#define STEP 256 /* rows pulled from upstream at a time */

static int
receive(struct netrows *b, int64_t *rows, struct mel_err *err)
{
	int64_t width = mel_streamable_width(b->upstream), n;
	size_t need;

	*rows = 0;
	do {
		if (!mel_size_mul(&need, (size_t)(*rows + STEP), (size_t)width))
			return mel_fail(err, "utterance is too long");
		if (mel_reserve(&b->in, &b->cap, need, sizeof(*b->in), err))
			return -1;
		n = mel_streamable_pull(
		    b->upstream, STEP, b->in + *rows * width, err);
		if (n < 0)
			return -1;
		*rows += n;
	} while (n);
	return 0;
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
			    i / (size_t)mel_net_port_width(b->port));
	}
	return 0;
}

static int
run_rows(struct netrows *b, struct mel_err *err)
{
	int64_t dim[2] = {0, mel_streamable_width(b->upstream)};
	struct mel_tensor rows;

	if (receive(b, &dim[0], err))
		return -1;
	b->ran = true;
	if (!dim[0])
		return 0; /* nothing to say: no rows, no error */
	rows = mel_tensor_view(MEL_F32,
	    mel_net_port_rank(&b->options->network->input[b->feed.rows]), dim,
	    b->in);
	if (mel_feed_fill(&b->feed, b->data, &rows, err) ||
	    mel_session_run(b->session, b->feed.in, b->out, err) ||
	    mel_net_port_unpack(b->port, &b->out[b->output], &b->result, err))
		return -1;
	return check_finite(b, err);
}

static int64_t
pull_rows(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct netrows *b = state;
	int64_t width = mel_net_port_width(b->port), n;

	if (!b->ran && run_rows(b, err))
		return -1;
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
	mel_tensor_free(&((struct netrows *)state)->result);
}

static void
close_rows(void *state)
{
	struct netrows *b = state;

	reset_rows(b);
	mel_session_close(b->session);
	if (b->options)
		mel_feed_close(&b->feed);
	free(b->out);
	free(b->in);
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
