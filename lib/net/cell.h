/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_CELL_H
#define MEL_NET_CELL_H

#include <stdbool.h>
#include <stddef.h>

#include "tensor/tensor.h"

struct mel_err;

/*
 * Values that live as long as somebody refers to them: what Loop carries, what
 * If gives, sequences and their tensors. A cell is either one tensor or a
 * sequence, which is a list of references to cells of tensors; so a sequence
 * is copied by copying references. A cell's content does not change once it
 * has been handed on.
 *
 * A store keeps released cells by size. A session that does the same again
 * asks for the same sizes and allocates nothing. One thread at a time.
 */

#define MEL_CELL_CLASSES 256

struct mel_cell {
	struct mel_tensor t;   /* dtype MEL_NONE: a sequence; never owned */
	size_t n;              /* items of a sequence */
	int refs;              /* > 0 while in use */
	int class;             /* size class of t.data */
	struct mel_cell *next; /* released cell of the same class */
	struct mel_cell *all;  /* next of all cells of the store */
};

/* Starts as {0}. */
struct mel_store {
	struct mel_cell *released[MEL_CELL_CLASSES];
	struct mel_cell *all;
};

/* Frees all cells, in use or not. */
void mel_store_free(struct mel_store *store);

/* A cell for a tensor of this shape, content undefined, one reference. */
struct mel_cell *mel_cell_new(struct mel_store *store,
    const struct mel_tensor *shape, struct mel_err *err);

/* An empty sequence with room for n items. */
struct mel_cell *mel_cell_list(
    struct mel_store *store, size_t n, struct mel_err *err);

struct mel_cell *mel_cell_keep(struct mel_cell *cell); /* one more reference */

/* One reference less; accepts NULL. */
void mel_cell_drop(struct mel_store *store, struct mel_cell *cell);

/* The items of a sequence, [cell->n]. */
struct mel_cell **mel_cell_items(const struct mel_cell *list);

/* How many bytes (of a tensor) or items (of a sequence) there is room for. */
size_t mel_cell_room(const struct mel_cell *cell);

/* A value that somebody else owns: a tensor anywhere, or a sequence. */
struct mel_ref {
	struct mel_tensor t;   /* dtype MEL_NONE: a sequence or nothing */
	struct mel_cell *cell; /* where it lies, NULL: elsewhere */
	bool last; /* nobody will read it again: with one reference only, the
		      cell may be changed */
};

/* A reference to the value's cell, or to a copy if it is in none. */
struct mel_cell *mel_ref_keep(
    struct mel_store *store, const struct mel_ref *ref, struct mel_err *err);

#endif
