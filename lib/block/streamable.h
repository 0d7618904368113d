/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_STREAMABLE_H
#define MEL_BLOCK_STREAMABLE_H

#include <stddef.h>
#include <stdint.h>

struct mel_bundle;
struct mel_decls;
struct mel_env;
struct mel_err;
struct mel_streamable;
struct mel_streamable_spec;
struct mel_streamable_type;

/*
 * A streamable block behind its checks. Opening, options and ownership are as
 * in block/sequence.h.
 */
int mel_streamable_open(struct mel_streamable **block,
    const struct mel_streamable_type *type, void *options, const char *where,
    const struct mel_env *env, struct mel_err *err);

void mel_streamable_close(struct mel_streamable *block);

const struct mel_streamable_type *mel_streamable_type_of(
    const struct mel_streamable *block);
const struct mel_streamable_spec *mel_streamable_spec_of(
    const struct mel_streamable *block);

/* What it was opened with: its options, its place in the addon. */
const void *mel_streamable_options_of(const struct mel_streamable *block);
const char *mel_streamable_where_of(const struct mel_streamable *block);

/*
 * Checks the wiring. in_width: of the rows from upstream, 0 if unknown or
 * none. *width: of the rows given, 0 if only begin can tell.
 */
int mel_streamable_connect(struct mel_streamable *block,
    const struct mel_decls *have, int64_t in_width, int64_t *width,
    struct mel_err *err);

/*
 * Begins an utterance; one that is open is reset first. data and upstream
 * must live until reset or the next begin.
 */
int mel_streamable_begin(struct mel_streamable *block,
    const struct mel_bundle *data, struct mel_streamable *upstream,
    struct mel_err *err);

/* Floats of a row. Between begin and reset. */
int64_t mel_streamable_width(const struct mel_streamable *block);

/*
 * Up to `wanted` rows (> 0) into rows [wanted, width]. Returns 1..wanted, 0
 * at the end (again and again), -1 on failure (again and again, with the same
 * message).
 */
int64_t mel_streamable_pull(struct mel_streamable *block, int64_t wanted,
    float *rows, struct mel_err *err);

/* The same until all `wanted` rows are there or the end came. */
int64_t mel_streamable_pull_full(struct mel_streamable *block, int64_t wanted,
    float *rows, struct mel_err *err);

/*
 * The same to the end: *rows [*n, width], grown from what it has room for
 * (*cap floats; NULL and 0 to begin with); to be freed, also on failure.
 */
int mel_streamable_pull_all(struct mel_streamable *block, float **rows,
    size_t *cap, int64_t *n, struct mel_err *err);

/* Ends the utterance at any point of it. Harmless when there is none. */
void mel_streamable_reset(struct mel_streamable *block);

/* Time spent in begin and pulls so far, those upstream counted [ns]. */
uint64_t mel_streamable_busy_ns(const struct mel_streamable *block);

#endif
