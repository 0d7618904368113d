/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_ENV_H
#define MEL_BLOCK_ENV_H

#include <stdbool.h>

struct mel_pool;
struct mel_tensor;

/* What a block may use of the world. Outlives the block. */
struct mel_env {
	struct mel_pool *pool; /* may be NULL: one thread */

	/* Networks are run on all rows of an utterance at once: what streaming
	 * is measured against. */
	bool whole;

	/* Opened to learn its spec: neither run nor begin will come, so what
	 * only they need can be left undone. */
	bool spec_only;

	/* A remark fit to show, e.g. "2 unknown symbols skipped". May come
	 * from any thread. note may be NULL. */
	void (*note)(void *ctx, const char *block, const char *text);

	/* Side rows of a streamable block, f32 [n, width], under a name that
	 * its spec declares in `side`. tap may be NULL. */
	void (*tap)(void *ctx, const char *name, const struct mel_tensor *rows);
	void *ctx; /* handed to both */

	/* Blocks may start programs (Exec). */
	bool allow_exec;
};

#endif
