/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

int
mel_rows_add(
    struct mel_rows *rows, const struct mel_tensor *t, struct mel_err *err)
{
	size_t have = mel_tensor_bytes(&rows->t);
	size_t more = mel_tensor_bytes(t), need;
	int64_t before = rows->t.dtype ? rows->t.dim[0] : 0;

	if (!mel_size_add(&need, have, more))
		return mel_fail(err, "too many rows");
	if (mel_reserve(&rows->data, &rows->cap, need ? need : 1, 1, err))
		return -1;
	if (more)
		memcpy((char *)rows->data + have, t->data, more);
	rows->t = *t;
	rows->t.owned = false;
	rows->t.data = rows->data;
	if (before)
		rows->t.dim[0] += before;
	return 0;
}

void
mel_rows_clear(struct mel_rows *rows)
{
	rows->t = (struct mel_tensor){0};
}

void
mel_rows_free(struct mel_rows *rows)
{
	free(rows->data);
	*rows = (struct mel_rows){0};
}
