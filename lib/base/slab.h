/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_SLAB_H
#define MEL_BASE_SLAB_H

#include <stddef.h>

struct mel_err;

/*
 * Memory that is taken piece by piece and given back all at once: large
 * chunks, so that many small pieces share few pages. Starts as {0} with
 * `expected` set or not.
 */
struct mel_slab {
	size_t expected;       /* bytes in all, a guess; 0: unknown */
	unsigned char **chunk; /* [n] owned */
	size_t n, cap;
	size_t size, used; /* bytes of the last chunk */
};

/* `bytes` at an address divisible by 64, not cleared; NULL on failure. */
void *mel_slab_take(struct mel_slab *slab, size_t bytes, struct mel_err *err);

/* All that was taken is gone. */
void mel_slab_free(struct mel_slab *slab);

#endif
