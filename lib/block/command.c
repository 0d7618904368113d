/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/command.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "block/control.h"
#include "block/decl.h"
#include "block/env.h"
#include "tensor/bundle.h"
#include "tensor/head.h"
#include "tensor/record.h"
#include "tensor/writer.h"

static int
make_argv(struct mel_command *c, struct mel_err *err)
{
	const struct mel_command_options *o = c->options;
	struct mel_buf title = {0};
	size_t n = 0;

	if (!o->command.n || !o->command.item[0][0])
		return mel_fail(err, "command: names no program");
	c->argv = mel_alloc(o->command.n + 2, sizeof(*c->argv), err);
	if (!c->argv)
		return -1;
	for (; n < o->command.n; n++)
		c->argv[n] = o->command.item[n];
	c->argv[n] = o->file;
	for (size_t i = 0; c->argv[i]; i++) {
		if (mel_buf_printf(
			&title, err, "%s%s", i ? " " : "", c->argv[i])) {
			mel_buf_free(&title);
			return -1;
		}
	}
	/* A message has more to say than a long command. */
	if (title.len > 120)
		strcpy(title.data + 117, "...");
	c->title = title.data;
	return 0;
}

static int
declare(const struct mel_command_options *o, struct mel_decls *needs,
    struct mel_err *err)
{
	for (size_t i = 0; i < o->tensors.n; i++) {
		struct mel_decl need = {.name = o->tensors.item[i], .ndim = -1};

		if (mel_decls_add(needs, &need, err))
			return -1;
	}
	for (size_t i = 0; i < o->controls.n; i++) {
		struct mel_amount amount = {.control = o->controls.item[i]};

		if (mel_amount_declare(&amount, needs, err))
			return -1;
	}
	return 0;
}

/* What a program is told beyond begin and tensors, unless a kind says more. */
static int
no_more(void *ctx, struct mel_err *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

int
mel_command_open(struct mel_command *c,
    const struct mel_command_options *options, const struct mel_env *env,
    struct mel_decls *needs, struct mel_err *err)
{
	c->options = options;
	c->env = env;
	if (make_argv(c, err) || declare(options, needs, err))
		return -1;
	c->peer = (struct mel_peer){.argv = c->argv,
	    .title = c->title,
	    .timeout = (uint64_t)(options->timeout * 1e9),
	    .more = no_more};
	if (env->spec_only)
		return 0;
	if (!env->allow_exec)
		return mel_fail(err,
		    "would run \"%s\": programs run with --allow-exec only",
		    c->title);
	/* At once: it gets ready while networks are opened. */
	return mel_peer_start(&c->peer, err);
}

void
mel_command_feed(struct mel_command *c,
    int (*more)(void *ctx, struct mel_err *err), void *ctx)
{
	c->peer.more = more;
	c->peer.ctx = ctx;
}

/* What follows has the shapes of the first utterance. */
static int
tell_head(struct mel_command *c, const struct mel_bundle *data, int64_t width,
    struct mel_err *err)
{
	const struct mel_strings *names = &c->options->tensors;
	struct mel_port rows = {.name = (char *)(uintptr_t) "rows",
	    .dtype = MEL_F32,
	    .ndim = 2,
	    .dim = {MEL_OPEN, width},
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
	if (!rc && width)
		rc = mel_head_add(&head, &rows, err);
	if (!rc)
		rc = mel_writer_head(c->peer.writer, &head, err);
	mel_head_free(&head);
	c->headed = !rc;
	return rc;
}

static int
put_controls(const struct mel_command *c, const struct mel_bundle *data,
    json_t *to, struct mel_err *err)
{
	const struct mel_strings *names = &c->options->controls;

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
tell_begin(
    struct mel_command *c, const struct mel_bundle *data, struct mel_err *err)
{
	json_t *controls = json_object();
	json_t *meta =
	    json_pack("{s:s, s:O}", "key", c->key, "controls", controls);
	int rc = meta ? put_controls(c, data, controls, err)
		      : mel_fail(err, "out of memory");

	if (!rc)
		rc = mel_writer_begin(c->peer.writer, meta, err);
	json_decref(meta);
	json_decref(controls);
	return rc;
}

int
mel_command_begin(struct mel_command *c, const struct mel_bundle *data,
    int64_t width, struct mel_err *err)
{
	const struct mel_strings *names = &c->options->tensors;

	snprintf(c->key, sizeof(c->key), "%06lu", ++c->count);
	if (!mel_peer_runs(&c->peer)) {
		c->headed = false;
		if (mel_peer_start(&c->peer, err))
			return -1;
	}
	if ((!c->headed && tell_head(c, data, width, err)) ||
	    tell_begin(c, data, err))
		return -1;
	for (size_t i = 0; i < names->n; i++) {
		if (mel_writer_data(c->peer.writer, (int)i,
			mel_bundle_get(data, names->item[i]), err))
			return -1;
	}
	return 0;
}

static int
check_begin(
    const struct mel_command *c, const json_t *meta, struct mel_err *err)
{
	const char *key = json_string_value(json_object_get(meta, "key"));

	if (strcmp(key, c->key) != 0)
		return mel_fail(err, "%s: answers utterance %s, not %s",
		    c->title, key, c->key);
	return 0;
}

static void
pass_note(const struct mel_command *c, const json_t *meta)
{
	const char *text = json_string_value(json_object_get(meta, "warning"));

	if (text && c->env->note)
		c->env->note(c->env->ctx, "Exec", text);
}

int
mel_command_next(
    struct mel_command *c, struct mel_record *record, struct mel_err *err)
{
	while (!mel_peer_next(&c->peer, record, err)) {
		if (record->header.kind != MEL_NOTE)
			mel_peer_wake(&c->peer);
		switch (record->header.kind) {
		case MEL_NOTE:
			pass_note(c, record->meta);
			break;
		case MEL_BEGIN:
			if (check_begin(c, record->meta, err))
				return -1;
			break;
		case MEL_ERROR:
			return mel_fail(err, "%s: %s", c->title,
			    json_string_value(
				json_object_get(record->meta, "message")));
		case MEL_FINISH:
			return mel_fail(err, "%s: ends its stream", c->title);
		default:
			return 0;
		}
	}
	return -1;
}

void
mel_command_close(struct mel_command *c)
{
	if (mel_peer_runs(&c->peer) && c->headed)
		mel_peer_dismiss(&c->peer);
	mel_peer_free(&c->peer);
	free(c->argv);
	free(c->title);
}
