/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/epilogue.h"

#include <stdlib.h>

#include "net/elementwise.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/walk.h"
#include "tensor/tensor.h"

void
mel_epilogue_clear(struct mel_epilogue *e)
{
	for (int i = 0; i < e->n; i++)
		free(e->step[i].params);
	e->n = 0;
}

int
mel_epilogue_check(const struct mel_node *node, const struct mel_epilogue *e,
    const struct mel_tensor *const in[], const struct mel_tensor *out,
    struct mel_err *err)
{
	size_t n = (size_t)out->dim[out->ndim - 1];

	for (int i = 0; i < e->n; i++) {
		const struct mel_tensor *t;
		size_t count;

		if (e->step[i].operand < 0)
			continue;
		t = in[e->step[i].operand];
		count = mel_tensor_count(t);
		if (t->dtype != MEL_F32 || (count != 1 && count != n &&
					       !mel_tensor_same_shape(t, out)))
			return mel_node_fail(node, err,
			    "input %d does not fit the result",
			    e->step[i].operand);
	}
	return 0;
}

/* Row r of an operand with `count` elements; *step from one to the next. */
static float *
operand_row(const struct mel_epilogue_rows *rows, const struct mel_tensor *t,
    size_t r, int64_t *step)
{
	size_t count = mel_tensor_count(t);
	float *data = t->data;

	*step = count != 1;
	return count > rows->n ? data + (rows->first + r) * rows->n : data;
}

static void
run_row(const struct mel_epilogue_step *s, const struct mel_epilogue_rows *rows,
    size_t r)
{
	float *c = rows->c + r * rows->n;
	int own = s->right ? 2 : 1, other = 3 - own;
	struct mel_row row = {
	    .n = rows->n,
	    .p[0] = c,
	    .params = s->params,
	    .kernels = rows->kernels,
	};

	row.p[own] = c;
	row.step[0] = row.step[own] = 1;
	if (s->operand >= 0)
		row.p[other] = operand_row(
		    rows, rows->in[s->operand], r, &row.step[other]);
	s->op->row[MEL_F32](&row);
}

void
mel_epilogue_run(
    const struct mel_epilogue *e, const struct mel_epilogue_rows *rows)
{
	for (size_t r = 0; r < rows->m; r++) {
		for (int i = 0; i < e->n; i++)
			run_row(&e->step[i], rows, r);
	}
}
