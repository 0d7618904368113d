/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/exec.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/control.h"
#include "block/env.h"
#include "block/peer.h"
#include "block/streamable.h"
#include "tensor/bundle.h"
#include "tensor/head.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/writer.h"

struct options {
	struct mel_strings command;
	char *file; /* full path, or NULL */
	struct mel_strings tensors, controls;
	int64_t width, lookahead;
	bool source;
	double timeout; /* [s] */
	char *name;
};

struct exec {
	const struct options *options;
	const struct mel_env *env;
	const char **argv; /* owned; the texts are the options' */
	char *title;       /* owned; the command, for messages */
	struct mel_peer peer;
	bool headed;         /* it got a head */
	unsigned long count; /* utterances so far */

	/* The utterance. */
	struct mel_streamable *upstream; /* or NULL */
	char key[24];
	int64_t width;
	float *in; /* [rows, width of upstream], owned */
	size_t cap;
	int64_t fed, given, wanted; /* rows: to it, to downstream, at least */
	bool told;                  /* it was told the end */
	bool ended;                 /* it said the end */
	struct mel_tensor rows;     /* of its last record, the reader's */
	int64_t next;               /* of rows */
};

/* What it is told. */

static int
tell_end(struct exec *x, struct mel_err *err)
{
	x->told = true;
	return mel_writer_end(x->peer.writer, NULL, err);
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
		return mel_fail(err, "%s: rows are too wide", x->title);
	if (mel_reserve(&x->in, &x->cap, floats, sizeof(*x->in), err))
		return -1;
	dim[0] = mel_streamable_pull(x->upstream, n, x->in, err);
	mel_peer_wake(&x->peer);
	if (dim[0] <= 0)
		return dim[0] ? -1 : tell_end(x, err);
	x->fed += dim[0];
	rows = mel_tensor_view(MEL_F32, 2, dim, x->in);
	return mel_writer_data(
	    x->peer.writer, (int)x->options->tensors.n, &rows, err);
}

/* What it answers. */

static int
check_head(const struct exec *x, struct mel_err *err)
{
	const struct mel_head *head = mel_reader_head(x->peer.reader);
	int number = mel_head_rows(head);
	const struct mel_port *port = head->port + number;

	if (number < 0)
		return mel_fail(err, "%s: gives no rows", x->title);
	if (port->dtype != MEL_F32 || port->ndim != 2 ||
	    port->dim[1] != x->width)
		return mel_fail(err,
		    "%s: gives rows \"%s\" of %s, %lld wide; f32, %lld wide, "
		    "are wanted",
		    x->title, port->name, mel_dtype_name(port->dtype),
		    port->ndim == 2 ? (long long)port->dim[1] : 0LL,
		    (long long)x->width);
	return 0;
}

static int
check_begin(const struct exec *x, const json_t *meta, struct mel_err *err)
{
	const char *key = json_string_value(json_object_get(meta, "key"));

	if (strcmp(key, x->key) != 0)
		return mel_fail(err, "%s: answers utterance %s, not %s",
		    x->title, key, x->key);
	return 0;
}

static void
pass_note(const struct exec *x, const json_t *meta)
{
	const char *text = json_string_value(json_object_get(meta, "warning"));

	if (text && x->env->note)
		x->env->note(x->env->ctx, mel_exec_type.name, text);
}

/* Ports that are not the rows are not looked at. */
static void
take_rows(struct exec *x, const struct mel_record *record)
{
	if ((int)record->header.port !=
	    mel_head_rows(mel_reader_head(x->peer.reader)))
		return;
	x->rows = record->tensor;
	x->next = 0;
}

static int
take(struct exec *x, const struct mel_record *record, struct mel_err *err)
{
	if (record->header.kind != MEL_NOTE)
		mel_peer_wake(&x->peer);
	switch (record->header.kind) {
	case MEL_HEAD:
		return check_head(x, err);
	case MEL_BEGIN:
		return check_begin(x, record->meta, err);
	case MEL_DATA:
		take_rows(x, record);
		return 0;
	case MEL_NOTE:
		pass_note(x, record->meta);
		return 0;
	case MEL_END:
		x->ended = true;
		return 0;
	case MEL_ERROR:
		return mel_fail(err, "%s: %s", x->title,
		    json_string_value(
			json_object_get(record->meta, "message")));
	default:
		return mel_fail(err, "%s: ends its stream", x->title);
	}
}

/* The block. */

static int
make_argv(struct exec *x, struct mel_err *err)
{
	const struct options *o = x->options;
	struct mel_buf title = {0};
	size_t n = 0;

	if (!o->command.n || !o->command.item[0][0])
		return mel_fail(err, "command: names no program");
	x->argv = mel_alloc(o->command.n + 2, sizeof(*x->argv), err);
	if (!x->argv)
		return -1;
	for (; n < o->command.n; n++)
		x->argv[n] = o->command.item[n];
	x->argv[n] = o->file;
	for (size_t i = 0; x->argv[i]; i++) {
		if (mel_buf_printf(
			&title, err, "%s%s", i ? " " : "", x->argv[i])) {
			mel_buf_free(&title);
			return -1;
		}
	}
	/* A message has more to say than a long command. */
	if (title.len > 120)
		strcpy(title.data + 117, "...");
	x->title = title.data;
	return 0;
}

static int
declare(struct exec *x, struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = x->options;

	for (size_t i = 0; i < o->tensors.n; i++) {
		struct mel_decl need = {.name = o->tensors.item[i], .ndim = -1};

		if (mel_decls_add(&spec->needs, &need, err))
			return -1;
	}
	for (size_t i = 0; i < o->controls.n; i++) {
		struct mel_amount amount = {.control = o->controls.item[i]};

		if (mel_amount_declare(&amount, &spec->needs, err))
			return -1;
	}
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
	x->env = env;
	if (make_argv(x, err) || declare(x, spec, err))
		return -1;
	x->peer = (struct mel_peer){.argv = x->argv,
	    .title = x->title,
	    .timeout = (uint64_t)(o->timeout * 1e9),
	    .more = tell_more,
	    .ctx = x};
	if (env->spec_only)
		return 0;
	if (!env->allow_exec)
		return mel_fail(err,
		    "would run \"%s\": programs run with --allow-exec only",
		    x->title);
	/* At once: it gets ready while networks are opened. */
	return mel_peer_start(&x->peer, err);
}

/* What follows has the shapes of the first utterance. */
static int
tell_head(struct exec *x, const struct mel_bundle *data, struct mel_err *err)
{
	const struct mel_strings *names = &x->options->tensors;
	struct mel_port rows = {.name = (char *)(uintptr_t) "rows",
	    .dtype = MEL_F32,
	    .ndim = 2,
	    .dim = {MEL_OPEN},
	    .sort = MEL_ROWS};
	struct mel_head head = {0};
	int rc = 0;

	for (size_t i = 0; !rc && i < names->n; i++) {
		const struct mel_tensor *t =
		    mel_bundle_get(data, names->item[i]);
		struct mel_port port = {.name = names->item[i],
		    .dtype = t->dtype,
		    .ndim = t->ndim,
		    .dim = {MEL_OPEN, MEL_OPEN, MEL_OPEN, MEL_OPEN}};

		rc = mel_head_add(&head, &port, err);
	}
	if (!rc && x->upstream) {
		rows.dim[1] = mel_streamable_width(x->upstream);
		rc = mel_head_add(&head, &rows, err);
	}
	if (!rc)
		rc = mel_writer_head(x->peer.writer, &head, err);
	mel_head_free(&head);
	x->headed = !rc;
	return rc;
}

static int
put_controls(const struct exec *x, const struct mel_bundle *data, json_t *to,
    struct mel_err *err)
{
	const struct mel_strings *names = &x->options->controls;

	for (size_t i = 0; i < names->n; i++) {
		struct mel_amount amount = {
		    .control = names->item[i], .times = 1};
		double value;

		if (mel_amount_value(&amount, data, &value, err))
			return -1;
		if (json_object_set_new(to, names->item[i], json_real(value)))
			return mel_fail(err, "out of memory");
	}
	return 0;
}

static int
tell_begin(struct exec *x, const struct mel_bundle *data, struct mel_err *err)
{
	const struct mel_strings *names = &x->options->tensors;
	json_t *meta, *controls;
	int rc;

	if (!x->headed && tell_head(x, data, err))
		return -1;
	controls = json_object();
	meta = json_pack("{s:s, s:O}", "key", x->key, "controls", controls);
	rc = meta ? put_controls(x, data, controls, err)
		  : mel_fail(err, "out of memory");
	if (!rc)
		rc = mel_writer_begin(x->peer.writer, meta, err);
	json_decref(meta);
	json_decref(controls);
	for (size_t i = 0; !rc && i < names->n; i++)
		rc = mel_writer_data(x->peer.writer, (int)i,
		    mel_bundle_get(data, names->item[i]), err);
	if (!rc && !x->upstream)
		rc = tell_end(x, err);
	return rc;
}

static int
begin_exec(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct exec *x = state;

	x->upstream = upstream;
	x->fed = x->given = x->next = 0;
	x->told = x->ended = false;
	x->rows = (struct mel_tensor){0};
	snprintf(x->key, sizeof(x->key), "%06lu", ++x->count);
	*width = x->options->width;
	if (!*width && upstream)
		*width = mel_streamable_width(upstream);
	x->width = *width;
	if (!mel_peer_runs(&x->peer)) {
		x->headed = false;
		if (mel_peer_start(&x->peer, err))
			return -1;
	}
	return tell_begin(x, data, err);
}

static int64_t
pull_exec(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct exec *x = state;
	struct mel_record record;
	int64_t n;

	x->wanted = wanted;
	mel_peer_wake(&x->peer);
	while (!x->ended && (!x->rows.dtype || x->next == x->rows.dim[0])) {
		if (mel_peer_next(&x->peer, &record, err) ||
		    take(x, &record, err))
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
		mel_peer_stop(&x->peer);
}

static void
close_exec(void *state)
{
	struct exec *x = state;

	if (mel_peer_runs(&x->peer) && x->headed)
		mel_peer_dismiss(&x->peer);
	mel_peer_free(&x->peer);
	free(x->in);
	free(x->argv);
	free(x->title);
}

#define AT(member) offsetof(struct options, member)

static const struct mel_option options[] = {
    {"command", 0, MEL_OPT_LIST, AT(command), .arg = "LIST", .required = true,
	.help = "the program, found in PATH, and its arguments"},
    {"file", 0, MEL_OPT_OBJECT, AT(file), .object = "file", .drop = free,
	.arg = "FILE", .help = "its last argument: a file of the addon"},
    {"tensors", 0, MEL_OPT_LIST, AT(tensors), .arg = "LIST",
	.help = "what it gets of the utterance besides rows"},
    {"controls", 0, MEL_OPT_LIST, AT(controls), .arg = "LIST",
	.help = "controls whose values it gets"},
    {"source", 0, MEL_OPT_FLAG, AT(source),
	.help = "it takes no rows, it makes them of the tensors"},
    {"width", 0, MEL_OPT_INT, AT(width), .arg = "FLOATS", .max = 65536,
	.help = "of its rows; if not said that of those it takes"},
    {"lookahead", 0, MEL_OPT_INT, AT(lookahead), .arg = "ROWS", .preset = "-1",
	.min = -1, .max = 1e6,
	.help = "it answers a row when it has so many more, and gives one for "
		"each; -1: it gets what it reads"},
    {"timeout", 0, MEL_OPT_FLOAT, AT(timeout), .arg = "SECONDS", .preset = "60",
	.min = 0.001, .max = 86400,
	.help = "that it may neither answer nor read"},
    {"name", 0, MEL_OPT_STRING, AT(name), .arg = "PORT",
	.help = "name of the rows; as before if not said"},
    {0},
};

const struct mel_streamable_type mel_exec_type = {
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
