/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/exec.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/option.h"
#include "block/block.h"
#include "block/command.h"
#include "block/decl.h"
#include "block/env.h"
#include "tensor/bundle.h"
#include "tensor/head.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/writer.h"

struct options {
	struct mel_command_options command; /* first: the shared table */
	struct mel_strings gives;           /* pairs: name, form */
};

struct exec {
	const struct options *options;
	struct mel_command command;
};

static int
declare(const struct mel_strings *gives, struct mel_decls *decls,
    struct mel_err *err)
{
	for (size_t i = 0; i < gives->n; i += 2) {
		char rate[MEL_DECL_RATE];
		struct mel_decl d = {.name = gives->item[i]};

		if (mel_decl_parse(&d, gives->item[i + 1], rate, err))
			return mel_fail_in(err, "gives: %s", d.name);
		if (mel_decls_add(decls, &d, err))
			return -1;
	}
	return 0;
}

static int
open_exec(void *state, const void *options, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct exec *x = state;

	x->options = o;
	if (declare(&o->gives, &spec->gives, err))
		return -1;
	return mel_command_open(
	    &x->command, &o->command, env, &spec->needs, err);
}

static bool
is_given(const struct options *o, const char *name)
{
	return mel_strings_value(&o->gives, name) != NULL;
}

/* Ports that are not declared are not looked at. */
static int
take(struct exec *x, const struct mel_record *record, struct mel_bundle *out,
    struct mel_err *err)
{
	const struct mel_head *head = mel_reader_head(x->command.peer.reader);
	const struct mel_port *port = &head->port[record->header.port];
	struct mel_tensor copy = {0};
	int rc;

	if (port->sort != MEL_SEQUENCE || !is_given(x->options, port->name))
		return 0;
	if (mel_tensor_copy(&copy, &record->tensor, err))
		return -1;
	rc = mel_bundle_put(out, port->name, &copy, err);
	mel_tensor_free(&copy);
	return rc;
}

static int
answer(struct exec *x, struct mel_bundle *out, struct mel_err *err)
{
	struct mel_record record = {0};

	while (record.header.kind != MEL_END) {
		if (mel_command_next(&x->command, &record, err))
			return -1;
		if (record.header.kind == MEL_DATA &&
		    take(x, &record, out, err))
			return -1;
	}
	return 0;
}

static int
run_exec(void *state, const struct mel_bundle *in, struct mel_bundle *out,
    struct mel_err *err)
{
	struct exec *x = state;
	struct mel_err why;

	if (!mel_command_begin(&x->command, in, 0, &why) &&
	    !mel_writer_end(x->command.peer.writer, NULL, &why)) {
		mel_peer_wake(&x->command.peer);
		if (!answer(x, out, &why))
			return 0;
	}
	mel_peer_stop(&x->command.peer);
	return mel_fail(err, "%s", why.msg);
}

static void
close_exec(void *state)
{
	mel_command_close(&((struct exec *)state)->command);
}

static const struct mel_option options[] = {
    MEL_COMMAND_OPTIONS("what it gets of the utterance"),
    {"gives", 0, MEL_OPT_MAP, offsetof(struct options, gives),
	.arg = "{TENSOR: FORM}", .required = true,
	.help = "its answer: names, and forms as f32 [tokens, 192]"},
    {0},
};

const struct mel_sequence_type mel_exec_sequence_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Exec",
    .help = "a program that reads and writes the record stream",
    .options = options,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct exec),
    .open = open_exec,
    .run = run_exec,
    .close = close_exec,
};
