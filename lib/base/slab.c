/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/slab.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

#define LEAST ((size_t)64 << 10) /* bytes of a chunk */
#define MOST  ((size_t)4 << 20)  /* unless a piece is larger */

static int
add_chunk(struct mel_slab *slab, size_t bytes, struct mel_err *err)
{
	size_t size = slab->expected < MOST ? slab->expected : MOST;
	unsigned char *p;

	size = size < LEAST ? LEAST : size;
	size = size < bytes ? bytes : size;
	if (mel_reserve(&slab->chunk, &slab->cap, slab->n + 1,
		sizeof(unsigned char *), err))
		return -1;
	p = mel_alloc_aligned(size, err);
	if (!p)
		return -1;
	slab->chunk[slab->n++] = p;
	slab->size = size;
	slab->used = 0;
	return 0;
}

void *
mel_slab_take(struct mel_slab *slab, size_t bytes, struct mel_err *err)
{
	size_t padded;
	void *p;

	if (!mel_size_add(&padded, bytes, 63)) {
		mel_fail(err, "out of memory: %zu bytes", bytes);
		return NULL;
	}
	padded &= ~(size_t)63;
	if (padded > slab->size - slab->used && add_chunk(slab, padded, err))
		return NULL;
	p = slab->chunk[slab->n - 1] + slab->used;
	slab->used += padded;
	slab->expected -= padded < slab->expected ? padded : slab->expected;
	return p;
}

void
mel_slab_free(struct mel_slab *slab)
{
	for (size_t i = 0; i < slab->n; i++)
		free(slab->chunk[i]);
	free(slab->chunk);
	*slab = (struct mel_slab){0};
}
