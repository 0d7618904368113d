/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_COMMAND_H
#define MEL_BLOCK_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/option.h"
#include "block/peer.h"

struct mel_bundle;
struct mel_decls;
struct mel_env;
struct mel_err;
struct mel_record;

/*
 * What the two kinds of Exec share: the program, what it is told of an
 * utterance, and the order in which it answers.
 */

/* First member of each kind's options. */
struct mel_command_options {
	struct mel_strings command;
	char *file; /* full path, owned; NULL: none */
	struct mel_strings tensors, controls;
	double timeout; /* [s] */
};

/* Rows of an option table; `tensors` says what they are for. */
#define MEL_COMMAND_AT(member) offsetof(struct mel_command_options, member)
#define MEL_COMMAND_OPTIONS(tensors_help)                                      \
	{"command", 0, MEL_OPT_LIST, MEL_COMMAND_AT(command), .arg = "LIST",   \
	    .required = true,                                                  \
	    .help = "the program, found in PATH, and its arguments"},          \
	    {"file", 0, MEL_OPT_OBJECT, MEL_COMMAND_AT(file),                  \
		.object = "file", .drop = free, .arg = "FILE",                 \
		.help = "its last argument: a file of the addon"},             \
	    {"tensors", 0, MEL_OPT_LIST, MEL_COMMAND_AT(tensors),              \
		.arg = "LIST", .help = tensors_help},                          \
	    {"controls", 0, MEL_OPT_LIST, MEL_COMMAND_AT(controls),            \
		.arg = "LIST", .help = "controls whose values it gets"},       \
	{                                                                      \
		"timeout", 0, MEL_OPT_FLOAT, MEL_COMMAND_AT(timeout),          \
		    .arg = "SECONDS", .preset = "60", .min = 0.001,            \
		    .max = 86400,                                              \
		    .help = "in which it may neither read nor answer"          \
	}

/* Starts as {0}. */
struct mel_command {
	const struct mel_command_options *options;
	const struct mel_env *env;
	const char **argv; /* owned; the texts are the options' */
	char *title;       /* owned; the command, for messages */
	struct mel_peer peer;
	bool headed;         /* the peer got a head */
	unsigned long count; /* utterances so far */
	char key[24];        /* of this one */
};

/*
 * Declares the needs and starts the program, unless blocks are opened for
 * their spec only; refused where the environment allows no programs. On
 * failure close is due, too.
 */
int mel_command_open(struct mel_command *command,
    const struct mel_command_options *options, const struct mel_env *env,
    struct mel_decls *needs, struct mel_err *err);

/* Sets what mel_peer asks for more. */
void mel_command_feed(struct mel_command *command,
    int (*more)(void *ctx, struct mel_err *err), void *ctx);

/*
 * Tells it of an utterance: head, if it is its first, begin, tensors. width:
 * floats of the rows that will follow in the port of the number
 * options->tensors.n, 0: none will. Starts a new program if there is none.
 */
int mel_command_begin(struct mel_command *command,
    const struct mel_bundle *data, int64_t width, struct mel_err *err);

/*
 * Its next HEAD, DATA or END; all else is dealt with here: notes are passed
 * on, a begin must have the key that it was told, an error record is a
 * failure, and so is the end of its stream. err not NULL.
 */
int mel_command_next(struct mel_command *command, struct mel_record *record,
    struct mel_err *err);

/* Dismisses it, or stops it if it knows of no utterance. Frees. */
void mel_command_close(struct mel_command *command);

#endif
