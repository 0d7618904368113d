/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/cell.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tensor/tensor.h"

/* Sizes 64, 80, 96, 112, 128, 160 ...: four to an octave. */
static size_t
class_size(int class)
{
	return (size_t)(4 + class % 4) << (4 + class / 4);
}

/* The smallest class of at least n bytes, or -1. */
static int
class_of(size_t n)
{
	int class = 0;

	if (n > SIZE_MAX / 4)
		return -1;
	while (class_size(class + 4) < n)
		class += 4;
	while (class_size(class) < n)
		class ++;
	return class;
}

void
mel_store_free(struct mel_store *store)
{
	while (store->all) {
		struct mel_cell *c = store->all;

		store->all = c->all;
		free(c->t.data);
		free(c);
	}
	*store = (struct mel_store){0};
}

static struct mel_cell *
take(struct mel_store *store, size_t bytes, struct mel_err *err)
{
	int class = class_of(bytes);
	struct mel_cell *c;

	if (class < 0) {
		mel_fail(err, "out of memory: %zu bytes", bytes);
		return NULL;
	}
	c = store->released[class];
	if (c) {
		store->released[class] = c->next;
	} else {
		c = mel_alloc(1, sizeof(*c), err);
		if (!c)
			return NULL;
		c->t.data = mel_alloc_aligned(class_size(class), err);
		if (!c->t.data) {
			free(c);
			return NULL;
		}
		c->class = class;
		c->all = store->all;
		store->all = c;
	}
	c->refs = 1;
	c->n = 0;
	return c;
}

struct mel_cell *
mel_cell_new(struct mel_store *store, const struct mel_tensor *shape,
    struct mel_err *err)
{
	struct mel_cell *c = take(store, mel_tensor_bytes(shape), err);

	if (c)
		c->t = mel_tensor_view(
		    shape->dtype, shape->ndim, shape->dim, c->t.data);
	return c;
}

struct mel_cell *
mel_cell_list(struct mel_store *store, size_t n, struct mel_err *err)
{
	struct mel_cell *c;
	size_t bytes;

	if (!mel_size_mul(&bytes, n, sizeof(struct mel_cell *))) {
		mel_fail(err, "out of memory: %zu tensors", n);
		return NULL;
	}
	c = take(store, bytes, err);
	if (c)
		c->t = (struct mel_tensor){.data = c->t.data};
	return c;
}

struct mel_cell *
mel_cell_keep(struct mel_cell *cell)
{
	cell->refs++;
	return cell;
}

void
mel_cell_drop(struct mel_store *store, struct mel_cell *cell)
{
	if (!cell)
		return;
	assert(cell->refs > 0);
	if (--cell->refs)
		return;
	/* Items are tensors: no deeper than one level. */
	for (size_t i = 0; i < cell->n; i++)
		mel_cell_drop(store, mel_cell_items(cell)[i]);
	cell->n = 0;
	cell->next = store->released[cell->class];
	store->released[cell->class] = cell;
}

struct mel_cell **
mel_cell_items(const struct mel_cell *list)
{
	return list->t.data;
}

size_t
mel_cell_room(const struct mel_cell *cell)
{
	size_t bytes = class_size(cell->class);

	return cell->t.dtype ? bytes : bytes / sizeof(struct mel_cell *);
}

struct mel_cell *
mel_ref_keep(
    struct mel_store *store, const struct mel_ref *ref, struct mel_err *err)
{
	struct mel_cell *copy;

	if (ref->cell && mel_tensor_same_shape(&ref->t, &ref->cell->t))
		return mel_cell_keep(ref->cell);
	copy = mel_cell_new(store, &ref->t, err);
	if (copy && mel_tensor_bytes(&ref->t))
		memcpy(copy->t.data, ref->t.data, mel_tensor_bytes(&ref->t));
	return copy;
}
