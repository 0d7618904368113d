/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_BLOCK_H
#define MEL_BLOCK_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block/decl.h"

struct mel_bundle;
struct mel_env;
struct mel_err;
struct mel_option;

/*
 * The two kinds of component. A new one fills one of the two structs below in
 * a source file of its own and is added to a list (addon/builtin.c); nothing
 * else needs to know it. Composites fill the same structs, so they stand
 * wherever their kind is expected.
 *
 * Nobody calls through these structs but the checked wrappers of
 * block/sequence.h and block/streamable.h, so a block may rely on the order
 * of calls, on declared tensors being there in the declared form, and on
 * sizes being right.
 */

#define MEL_BLOCK_ABI 2u /* rises when a struct of this page changes */

/* Filled by open of a sequence block. Names are copied by mel_decls_add. */
struct mel_sequence_spec {
	struct mel_decls needs;
	struct mel_decls gives;
};

/*
 * SequenceBlock: named tensors in, named tensors out, once per utterance.
 */
struct mel_sequence_type {
	uint32_t abi;     /* MEL_BLOCK_ABI; first, nothing is read before */
	const char *name; /* as in YAML: "Scale" */
	const char *help; /* one line, no full stop */
	const struct mel_option *options; /* ends with name NULL; or NULL */
	size_t options_size;              /* of the struct behind options */
	size_t state_size;                /* cleared before open */

	/*
	 * options: filled from the table, valid until close. May leave a
	 * half-opened state on failure: close is called for it, too.
	 */
	int (*open)(void *state, const void *options, const struct mel_env *env,
	    struct mel_sequence_spec *spec, struct mel_err *err);

	/*
	 * Optional. have: what will be there; gives: to be filled, starts as
	 * a copy of spec.gives (a width may become known). NULL: the wrapper
	 * checks spec.needs against have.
	 */
	int (*connect)(void *state, const struct mel_decls *have,
	    struct mel_decls *gives, struct mel_err *err);

	/*
	 * in: at least what spec.needs says. out: starts empty; put exactly
	 * spec.gives. Tensors put may be views of what lives until the next
	 * run or close. Called by one thread at a time.
	 */
	int (*run)(void *state, const struct mel_bundle *in,
	    struct mel_bundle *out, struct mel_err *err);

	void (*close)(void *state); /* may be NULL */
};

struct mel_streamable; /* a block that rows can be pulled from */

#define MEL_WHOLE (-1) /* look-ahead: the whole utterance */

/* Filled by open of a streamable block. Rows are f32. */
struct mel_streamable_spec {
	struct mel_decls needs; /* sequence data */
	bool upstream;          /* pulls rows from a block before it */
	int64_t in_width;       /* of the upstream's rows; 0: any */
	int64_t width;          /* of the rows given; 0: see below */
	char *width_of;    /* owned; width = last axis of this sequence tensor;
			      NULL (and width 0): as upstream's */
	char *rows;        /* owned; name of the rows given ("mel"); NULL: as
			      upstream's */
	int64_t lookahead; /* rows of upstream read beyond the one given,
			      >= 0, or MEL_WHOLE */
	struct mel_decls side; /* side rows: name and width */
	bool inexact; /* rows are not those of a run on the whole utterance,
			 because that was asked for; the row law holds */
};

/*
 * StreamableBlock: gives rows on demand, from sequence data and/or another
 * StreamableBlock. Life: open { begin { pull } reset } close; reset may come
 * at any point of an utterance. The row law: the concatenated rows do not
 * depend on how many are wanted per pull. Nothing is computed, and nothing
 * pulled from upstream, before it is asked for.
 */
struct mel_streamable_type {
	uint32_t abi;
	const char *name;
	const char *help;
	const struct mel_option *options;
	size_t options_size;
	size_t state_size;

	/* As of a sequence block. */
	int (*open)(void *state, const void *options, const struct mel_env *env,
	    struct mel_streamable_spec *spec, struct mel_err *err);

	/*
	 * Optional, for composites. in_width: of upstream's rows, 0 unknown
	 * or none; *width: to be set, 0 if not known yet. NULL: the wrapper
	 * checks the spec.
	 */
	int (*connect)(void *state, const struct mel_decls *have,
	    int64_t in_width, int64_t *width, struct mel_err *err);

	/*
	 * data: valid until reset. upstream: NULL if there is none; already
	 * begun, to be pulled by mel_streamable_pull. *width: to be set, the
	 * floats of a row, > 0.
	 */
	int (*begin)(void *state, const struct mel_bundle *data,
	    struct mel_streamable *upstream, int64_t *width,
	    struct mel_err *err);

	/*
	 * rows: [wanted, width], wanted > 0. Returns 1..wanted rows written,
	 * 0 at the end, -1 on failure. Not called again after 0 or -1.
	 */
	int64_t (*pull)(
	    void *state, int64_t wanted, float *rows, struct mel_err *err);

	void (*reset)(void *state); /* may be NULL; ends an utterance */
	void (*close)(void *state); /* may be NULL */
};

#endif
