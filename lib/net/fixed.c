/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/fixed.h"

#include <stdlib.h>

#define MOST_STRIDE ((int64_t)1 << 32)

int64_t
mel_fixed_stride(const struct mel_fixed *fixed)
{
	int64_t stride = 1;

	for (int i = 0; i < fixed->n_output; i++) {
		const struct mel_fixed_output *o = &fixed->output[i];

		/* A hostile one is larger than any program then. */
		if (o->timed && stride % o->den && stride < MOST_STRIDE)
			stride *= o->den;
	}
	return stride;
}

int64_t
mel_fixed_least(const struct mel_fixed *fixed)
{
	int64_t left = 0, right = 0;

	for (int i = 0; fixed->split && i < fixed->n_output; i++) {
		const struct mel_fixed_output *o = &fixed->output[i];

		left = o->timed && o->left > left ? o->left : left;
		right = o->timed && o->right > right ? o->right : right;
	}
	return left + right + 2 * mel_fixed_stride(fixed) - 1;
}

int64_t
mel_fixed_largest(const struct mel_fixed *fixed)
{
	return fixed->program[fixed->n_program - 1].size;
}

int64_t
mel_fixed_rows(const struct mel_fixed_output *o, int64_t n)
{
	int64_t rows = n * o->num + o->more;

	return rows > 0 ? rows / o->den : 0;
}

void
mel_fixed_free(struct mel_fixed *fixed)
{
	if (!fixed)
		return;
	for (int i = 0; i < fixed->n_program; i++)
		free(fixed->program[i].path);
	free(fixed->program);
	free(fixed->output);
	free(fixed);
}
