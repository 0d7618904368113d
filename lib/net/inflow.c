/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/inflow.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "block/streamable.h"

void
mel_inflow_begin(struct mel_inflow *f)
{
	f->base = f->fed = 0;
	f->ended = false;
}

void
mel_inflow_free(struct mel_inflow *f)
{
	free(f->in);
	*f = (struct mel_inflow){0};
}

float *
mel_inflow_row(const struct mel_inflow *f,
    const struct mel_streamable *upstream, int64_t row)
{
	return f->in + (row - f->base) * mel_streamable_width(upstream);
}

void
mel_inflow_drop(
    struct mel_inflow *f, const struct mel_streamable *upstream, int64_t keep)
{
	size_t bytes;

	if (keep <= f->base)
		return;
	bytes = (size_t)((f->fed - keep) * mel_streamable_width(upstream)) *
		sizeof(*f->in);
	if (bytes)
		memmove(f->in, mel_inflow_row(f, upstream, keep), bytes);
	f->base = keep;
}

int
mel_inflow_take(struct mel_inflow *f, struct mel_streamable *upstream,
    int64_t n, struct mel_err *err)
{
	size_t need;
	int64_t got;

	if (!mel_size_mul(&need, (size_t)(f->fed - f->base + n),
		(size_t)mel_streamable_width(upstream)))
		return mel_fail(err, "too many rows");
	if (mel_reserve(&f->in, &f->cap, need, sizeof(*f->in), err))
		return -1;
	got = mel_streamable_pull_full(
	    upstream, n, mel_inflow_row(f, upstream, f->fed), err);
	if (got < 0)
		return -1;
	f->fed += got;
	f->ended = got < n;
	return 0;
}

int
mel_inflow_take_all(
    struct mel_inflow *f, struct mel_streamable *upstream, struct mel_err *err)
{
	f->ended = true;
	return mel_streamable_pull_all(upstream, &f->in, &f->cap, &f->fed, err);
}
