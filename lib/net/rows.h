/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ROWS_H
#define MEL_NET_ROWS_H

#include <stddef.h>

#include "tensor/tensor.h"

struct mel_err;

/* Tensors put together along their first axis, which only one alone lacks. */
struct mel_rows {
	struct mel_tensor t; /* a view of data, until rows are added; dtype
				MEL_NONE: nothing yet */
	void *data;          /* owned */
	size_t cap;          /* bytes */
};

/* t: of the type and the other lengths of those before. */
int mel_rows_add(
    struct mel_rows *rows, const struct mel_tensor *t, struct mel_err *err);

/* Begins anew; keeps the memory. */
void mel_rows_clear(struct mel_rows *rows);
void mel_rows_free(struct mel_rows *rows);

#endif
