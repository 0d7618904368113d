/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/exec.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/command.h"
#include "block/env.h"
#include "block/streamable.h"
#include "tensor/head.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/writer.h"

struct options {
	struct mel_command_options command; /* first: the shared table */
	int64_t width, lookahead;
	bool source;
	char *name;
};

struct exec {
	const struct options *options;
	struct mel_command command;

	/* The utterance. */
	struct mel_streamable *upstream; /* or NULL */
	int64_t width;
	float *in; /* [rows, width of upstream], owned */
	size_t cap;
	int64_t fed, given, wanted; /* rows: to it, to downstream, at least */
	bool told;                  /* it was told the end */
	bool ended;                 /* it said the end */
	struct mel_tensor rows;     /* of its last record, the reader's */
	int64_t next;               /* of rows */
};

static int
tell_end(struct exec *x, struct mel_err *err)
{
	x->told = true;
	return mel_writer_end(x->command.peer.writer, NULL, err);
}

/* Rows that it is to have now: without a look-ahead as many as it reads. */
static int64_t
appetite(const struct exec *x)
{
	int64_t ahead = x->options->lookahead;

	if (x->told)
		return 0;
	return ahead == MEL_WHOLE ? x->wanted
				  : x->given + x->wanted + ahead - x->fed;
}

/* As of struct mel_peer: rows of upstream, or their end. */
static int
tell_more(void *ctx, struct mel_err *err)
{
	struct exec *x = ctx;
	int64_t n = appetite(x), dim[2];
	struct mel_tensor rows;
	size_t floats;

	if (n <= 0)
		return 0;
	dim[1] = mel_streamable_width(x->upstream);
	if (!mel_size_mul(&floats, (size_t)n, (size_t)dim[1]))
		return mel_fail(err, "%s: rows are too wide", x->command.title);
	if (mel_reserve(&x->in, &x->cap, floats, sizeof(*x->in), err))
		return -1;
	dim[0] = mel_streamable_pull(x->upstream, n, x->in, err);
	mel_peer_wake(&x->command.peer);
	if (dim[0] <= 0)
		return dim[0] ? -1 : tell_end(x, err);
	x->fed += dim[0];
	rows = mel_tensor_view(MEL_F32, 2, dim, x->in);
	return mel_writer_data(x->command.peer.writer,
	    (int)x->options->command.tensors.n, &rows, err);
}

static int
check_head(const struct exec *x, struct mel_err *err)
{
	const struct mel_head *head = mel_reader_head(x->command.peer.reader);
	int number = mel_head_rows(head);
	const struct mel_port *port = head->port + number;

	if (number < 0)
		return mel_fail(err, "%s: gives no rows", x->command.title);
	if (port->dtype != MEL_F32 || port->ndim != 2 ||
	    port->dim[1] != x->width)
		return mel_fail(err,
		    "%s: gives rows \"%s\" of %s, %lld wide; f32, %lld wide, "
		    "are wanted",
		    x->command.title, port->name, mel_dtype_name(port->dtype),
		    port->ndim == 2 ? (long long)port->dim[1] : 0LL,
		    (long long)x->width);
	return 0;
}

/* Ports that are not the rows are not looked at. */
static void
take_rows(struct exec *x, const struct mel_record *record)
{
	if ((int)record->header.port !=
	    mel_head_rows(mel_reader_head(x->command.peer.reader)))
		return;
	x->rows = record->tensor;
	x->next = 0;
}

static int
declare(struct exec *x, struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = x->options;

	spec->upstream = !o->source;
	spec->width = o->width;
	spec->lookahead = o->source ? 0 : o->lookahead;
	if (o->source && !o->width)
		return mel_fail(err, "source: width is needed");
	spec->rows = o->name ? mel_strdup(o->name, err) : NULL;
	return o->name && !spec->rows ? -1 : 0;
}

static int
open_exec(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct exec *x = state;

	x->options = o;
	if (declare(x, spec, err) ||
	    mel_command_open(&x->command, &o->command, env, &spec->needs, err))
		return -1;
	mel_command_feed(&x->command, tell_more, x);
	return 0;
}

static int
begin_exec(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct exec *x = state;
	int64_t takes = upstream ? mel_streamable_width(upstream) : 0;

	x->upstream = upstream;
	x->fed = x->given = x->next = 0;
	x->told = x->ended = false;
	x->rows = (struct mel_tensor){0};
	x->width = *width = x->options->width ? x->options->width : takes;
	if (mel_command_begin(&x->command, data, takes, err))
		return -1;
	return upstream ? 0 : tell_end(x, err);
}

/* Its next record. */
static int
listen(struct exec *x, struct mel_err *err)
{
	struct mel_record record;

	if (mel_command_next(&x->command, &record, err))
		return -1;
	if (record.header.kind == MEL_HEAD)
		return check_head(x, err);
	if (record.header.kind == MEL_DATA)
		take_rows(x, &record);
	else
		x->ended = true;
	return 0;
}

static int64_t
pull_exec(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct exec *x = state;
	int64_t n;

	x->wanted = wanted;
	mel_peer_wake(&x->command.peer);
	while (!x->ended && (!x->rows.dtype || x->next == x->rows.dim[0])) {
		if (listen(x, err))
			return -1;
	}
	if (x->ended)
		return 0;
	n = x->rows.dim[0] - x->next;
	if (n > wanted)
		n = wanted;
	memcpy(rows, (float *)x->rows.data + x->next * x->width,
	    (size_t)(n * x->width) * sizeof(*rows));
	x->next += n;
	x->given += n;
	return n;
}

/* In the midst of an utterance it cannot be told to forget it. */
static void
reset_exec(void *state)
{
	struct exec *x = state;

	if (!x->told || !x->ended)
		mel_peer_stop(&x->command.peer);
}

static void
close_exec(void *state)
{
	struct exec *x = state;

	mel_command_close(&x->command);
	free(x->in);
}

#define AT(member) offsetof(struct options, member)

static const struct mel_option options[] = {
    MEL_COMMAND_OPTIONS("what it gets of the utterance besides rows"),
    {"source", 0, MEL_OPT_FLAG, AT(source),
	.help = "it takes no rows, it makes them of the tensors"},
    {"width", 0, MEL_OPT_INT, AT(width), .arg = "FLOATS", .max = 65536,
	.help = "of its rows; if not said that of those it takes"},
    {"lookahead", 0, MEL_OPT_INT, AT(lookahead), .arg = "ROWS", .preset = "-1",
	.min = -1, .max = 1e6,
	.help = "it answers a row when it has so many more, and gives one for "
		"each; -1: it gets what it reads"},
    {"name", 0, MEL_OPT_STRING, AT(name), .arg = "PORT",
	.help = "name of the rows; as before if not said"},
    {0},
};

const struct mel_streamable_type mel_exec_rows_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Exec",
    .help = "a program that reads and writes the record stream",
    .options = options,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct exec),
    .open = open_exec,
    .begin = begin_exec,
    .pull = pull_exec,
    .reset = reset_exec,
    .close = close_exec,
};
