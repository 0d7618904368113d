/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TEXT_FRONT_H
#define MEL_TEXT_FRONT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/option.h"

struct mel_bundle;
struct mel_decls;
struct mel_env;
struct mel_err;
struct mel_sequence_spec;
struct mel_symbols;

/*
 * What the front ends share: their options, checked input, and the way from
 * symbols to ids.
 */

enum mel_front_unknown {
	MEL_UNKNOWN_SKIP,
	MEL_UNKNOWN_FAIL
};

/* First member of each front end's options. */
struct mel_front_options {
	char *symbols; /* full path, owned */
	char *begin;   /* symbol put before the tokens; NULL or "": none */
	char *end;     /* symbol put behind them; NULL or "": none */
	char *pad;     /* symbol that fills fixed shapes; NULL or "": none */
	int unknown;   /* enum mel_front_unknown */
};

/* The options as the tables of the front ends start with them. */
extern const char *const mel_front_unknown_names[];
#define MEL_FRONT_OPTION_SYMBOLS(needed)                                       \
	{                                                                      \
		.name = "symbols", .type = MEL_OPT_OBJECT, .object = "file",   \
		.drop = free,                                                  \
		.offset = offsetof(struct mel_front_options, symbols),         \
		.required = needed, .arg = "FILE",                             \
		.help = "symbol table, one symbol a line"                      \
	}
#define MEL_FRONT_OPTION_SYMBOL(member, text)                                  \
	{                                                                      \
		.name = #member, .type = MEL_OPT_STRING,                       \
		.offset = offsetof(struct mel_front_options, member),          \
		.arg = "SYMBOL", .help = text                                  \
	}
#define MEL_FRONT_OPTIONS                                                      \
	MEL_FRONT_OPTION_SYMBOLS(true),                                        \
	    MEL_FRONT_OPTION_SYMBOL(begin, "put before the tokens"),           \
	    MEL_FRONT_OPTION_SYMBOL(end, "put behind the tokens"),             \
	    MEL_FRONT_OPTION_SYMBOL(pad, "padding, unknown in a text"),        \
	{                                                                      \
		.name = "unknown", .type = MEL_OPT_CHOICE,                     \
		.offset = offsetof(struct mel_front_options, unknown),         \
		.choice = mel_front_unknown_names, .preset = "skip",           \
		.help = "what to do with a symbol that is not in the table"    \
	}

/* Starts as {0}. */
struct mel_front {
	struct mel_symbols *symbols; /* owned; NULL if the options name none */
	int64_t begin, end, pad;     /* ids, -1: none */
	int unknown;                 /* enum mel_front_unknown */
	const char *block;           /* type name, for notes */
	const struct mel_env *env;   /* of the block */
};

/*
 * Loads the table and finds begin, end and pad in it; declares the need of
 * `text` and `input_tokens` (optional, for one or the other comes) and that
 * `tokens` are given. On failure mel_front_close is still due.
 */
int mel_front_open(struct mel_front *front, const char *block,
    const struct mel_front_options *options, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err);

void mel_front_close(struct mel_front *front);

/* Declares an axis-0 tensor of bytes in one of the spec's lists. */
int mel_front_declare_bytes(
    struct mel_decls *decls, const char *name, bool optional, struct mel_err *);

/*
 * The text of `name` in the bundle, checked to be UTF-8 without NUL: *s is
 * not NUL-terminated and lives as long as the bundle. *s = NULL, and no
 * error, if there is none.
 */
int mel_front_text(const struct mel_bundle *in, const char *name,
    const char **s, size_t *n, struct mel_err *err);

/*
 * Gives `tokens`: the ids of the symbols of s [n bytes, checked], begin and
 * end around them. Symbols that the table lacks are skipped with one note, or
 * an error, as the options say.
 */
int mel_front_encode(const struct mel_front *front, const char *s, size_t n,
    struct mel_bundle *out, struct mel_err *err);

/* Gives `tokens`: the n ids as they are, each checked against the table. */
int mel_front_give_ids(const struct mel_front *front, const int64_t *id,
    size_t n, struct mel_bundle *out, struct mel_err *err);

#endif
