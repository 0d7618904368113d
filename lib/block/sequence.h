/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_SEQUENCE_H
#define MEL_BLOCK_SEQUENCE_H

#include <stdint.h>

struct mel_bundle;
struct mel_decls;
struct mel_env;
struct mel_err;
struct mel_sequence_spec;
struct mel_sequence_type;

/* A sequence block behind its checks. */
struct mel_sequence;

/*
 * Opens a block. options: a struct of type->options_size bytes as filled by
 * the option table, or NULL for none; on success the block owns it (and what
 * the table says it owns) and frees it at close; on failure it stays the
 * caller's. where: the place in the addon, for messages, copied.
 */
int mel_sequence_open(struct mel_sequence **block,
    const struct mel_sequence_type *type, void *options, const char *where,
    const struct mel_env *env, struct mel_err *err);

void mel_sequence_close(struct mel_sequence *block);

const struct mel_sequence_type *mel_sequence_type_of(
    const struct mel_sequence *block);
const struct mel_sequence_spec *mel_sequence_spec_of(
    const struct mel_sequence *block);

/* What it was opened with: its options, its place in the addon. */
const void *mel_sequence_options_of(const struct mel_sequence *block);
const char *mel_sequence_where_of(const struct mel_sequence *block);

/* Checks the wiring; appends what the block gives to `gives`. */
int mel_sequence_connect(struct mel_sequence *block,
    const struct mel_decls *have, struct mel_decls *gives, struct mel_err *err);

/*
 * Runs it: checks that every needed tensor is there in its declared form, and
 * that what comes out is what was declared. out must be empty; on failure it
 * is empty again. What it holds may be views: valid until the next run.
 */
int mel_sequence_run(struct mel_sequence *block, const struct mel_bundle *in,
    struct mel_bundle *out, struct mel_err *err);

/* Runs so far, and the time they took [ns]. */
uint64_t mel_sequence_calls(const struct mel_sequence *block);
uint64_t mel_sequence_busy_ns(const struct mel_sequence *block);

#endif
