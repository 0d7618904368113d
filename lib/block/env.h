/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_ENV_H
#define MEL_BLOCK_ENV_H

#include <stdbool.h>
#include <stdint.h>

struct mel_backend;
struct mel_pool;
struct mel_tensor;

/* What a block may use of the world. Outlives the block. */
struct mel_env {
	struct mel_pool *pool; /* may be NULL: one thread */

	/* Networks are run on all rows of an utterance at once: what streaming
	 * is measured against. */
	bool whole;

	/*
	 * What runs networks that were compiled for fixed lengths, see
	 * net/backend.h; NULL: networks run as they are, at any length.
	 */
	const struct mel_backend *backend;
	int isa; /* enum mel_isa of base/isa.h; for backend */

	/* Opened to learn its spec: neither run nor begin will come, so what
	 * only they need can be left undone. */
	bool spec_only;

	/* A remark fit to show, e.g. "2 unknown symbols skipped". May come
	 * from any thread. note may be NULL. */
	void (*note)(void *ctx, const char *block, const char *text);

	/* Side rows of a streamable block, f32 [n, width], under a name that
	 * its spec declares in `side`. tap may be NULL. */
	void (*tap)(void *ctx, const char *name, const struct mel_tensor *rows);

	/*
	 * A window went through a program of fixed length: of `size` steps
	 * `fresh` had not been computed before and `padded` were none at all;
	 * the others were context. May come from any thread. ran may be NULL.
	 */
	void (*ran)(void *ctx, const char *network, int64_t size, int64_t fresh,
	    int64_t padded);
	void *ctx; /* handed to all of them */

	/* Blocks may start programs (Exec). */
	bool allow_exec;
};

#endif
