/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/plan.h"

struct item {
	struct mel_block *block;
	int number; /* ties in size keep the order of creation */
};

static int
larger_first(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->block->size != y->block->size)
		return x->block->size < y->block->size ? 1 : -1;
	return x->number < y->number ? -1 : 1;
}

static bool
meet(const struct mel_block *a, const struct mel_block *b)
{
	return a->first <= b->last && b->first <= a->last;
}

/* The lowest gap among `placed`, which are sorted by offset. */
static size_t
lowest(struct mel_block *const *placed, int n, const struct mel_block *b)
{
	size_t end = 0;

	for (int i = 0; i < n; i++) {
		if (!meet(placed[i], b))
			continue;
		if (placed[i]->offset >= end &&
		    placed[i]->offset - end >= b->size)
			break;
		if (placed[i]->offset + placed[i]->size > end)
			end = placed[i]->offset + placed[i]->size;
	}
	return end;
}

static void
insert(struct mel_block **placed, int *n, struct mel_block *b)
{
	int i = (*n)++;

	for (; i && placed[i - 1]->offset > b->offset; i--)
		placed[i] = placed[i - 1];
	placed[i] = b;
}

static int
place_all(struct item *todo, int n_todo, struct mel_block **placed, int n,
    struct mel_err *err)
{
	size_t end;

	qsort(todo, (size_t)n_todo, sizeof(*todo), larger_first);
	for (int i = 0; i < n_todo; i++) {
		struct mel_block *b = todo[i].block;

		b->offset = lowest(placed, n, b);
		b->placed = true;
		if (!mel_size_add(&end, b->offset, b->size))
			return mel_fail(err, "the arena is too large");
		insert(placed, &n, b);
	}
	return 0;
}

int
mel_blocks_place(
    struct mel_block *block, int n, size_t *arena, struct mel_err *err)
{
	struct mel_block **placed = mel_alloc((size_t)n, sizeof(*placed), err);
	struct item *todo = mel_alloc((size_t)n, sizeof(*todo), err);
	int n_placed = 0, n_todo = 0, rc = -1;

	if (placed && todo) {
		for (int i = 0; i < n; i++) {
			if (block[i].placed)
				insert(placed, &n_placed, &block[i]);
			else
				todo[n_todo++] = (struct item){&block[i], i};
		}
		rc = place_all(todo, n_todo, placed, n_placed, err);
	}
	free(placed);
	free(todo);
	for (int i = 0; !rc && i < n; i++) {
		if (block[i].offset + block[i].size > *arena)
			*arena = block[i].offset + block[i].size;
	}
	return rc;
}
