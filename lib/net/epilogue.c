/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/epilogue.h"

#include <stdlib.h>
#include <string.h>

#include "net/elementwise.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/walk.h"
#include "tensor/tensor.h"

#define PIECE 4096 /* floats: half of a first-level cache */

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

/* A part of the rows that stays in the cache while all steps pass. */
struct piece {
	size_t r, rows;
	size_t col, cols; /* of each row; all of it if there are several */
	float *saved;     /* [rows, cols] */
};

/* Operand of a step at the piece; *step from one element to the next. */
static float *
find_operand(const struct mel_epilogue_step *s,
    const struct mel_epilogue_rows *rows, const struct piece *p, int64_t *step,
    bool *is_row)
{
	const struct mel_tensor *t;
	size_t count;

	*step = 1;
	*is_row = false;
	if (s->operand == MEL_EPILOGUE_SAVED)
		return p->saved;
	t = rows->in[s->operand];
	count = mel_tensor_count(t);
	if (count == 1) {
		*step = 0;
		return t->data;
	}
	*is_row = count <= rows->n;
	return (float *)t->data +
	       (*is_row ? 0 : (rows->first + p->r) * rows->n) + p->col;
}

static void
run_step(const struct mel_epilogue_step *s,
    const struct mel_epilogue_rows *rows, const struct piece *p, float *c)
{
	int own = s->right ? 2 : 1, other = 3 - own;
	size_t n = p->rows * p->cols, calls = 1;
	struct mel_row row = {
	    .params = s->params,
	    .kernels = rows->kernels,
	};
	bool is_row = false;

	if (s->save)
		memcpy(p->saved, c, n * sizeof(*c));
	row.step[0] = row.step[own] = 1;
	if (s->operand != MEL_EPILOGUE_ALONE)
		row.p[other] =
		    find_operand(s, rows, p, &row.step[other], &is_row);
	if (is_row)
		calls = p->rows;
	row.n = n / calls;
	for (size_t i = 0; i < calls; i++) {
		row.p[0] = row.p[own] = c + i * row.n;
		s->op->row[MEL_F32](&row);
	}
}

void
mel_epilogue_run(
    const struct mel_epilogue *e, const struct mel_epilogue_rows *rows)
{
	float saved[PIECE];
	struct piece p = {
	    .rows = rows->n < PIECE ? PIECE / rows->n : 1,
	    .cols = rows->n < PIECE ? rows->n : PIECE,
	    .saved = saved,
	};
	size_t height = p.rows, width = p.cols;

	for (; e->n && p.r < rows->m; p.r += height) {
		p.rows = rows->m - p.r < height ? rows->m - p.r : height;
		for (p.col = 0; p.col < rows->n; p.col += width) {
			p.cols =
			    rows->n - p.col < width ? rows->n - p.col : width;
			for (int i = 0; i < e->n; i++)
				run_step(&e->step[i], rows, &p,
				    rows->c + p.r * rows->n + p.col);
		}
	}
}
