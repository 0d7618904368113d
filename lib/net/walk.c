/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/walk.h"

#include <assert.h>
#include <string.h>

#include "base/pool.h"
#include "net/op.h"

struct pieces {
	const struct mel_range *range;
	size_t size;
};

static void
do_piece(void *ctx, size_t index, int worker)
{
	const struct pieces *p = ctx;
	size_t lo = index * p->size, hi = lo + p->size;

	(void)worker;
	if (hi > p->range->n)
		hi = p->range->n;
	p->range->task(p->range->ctx, lo, hi);
}

void
mel_range_run(const struct mel_range *range, struct mel_pool *pool)
{
	size_t threads = (size_t)mel_pool_threads(pool);
	size_t count = range->n / (range->grain ? range->grain : 1);
	struct pieces p = {range, range->n};

	if (!range->n)
		return;
	/* Two pieces a thread even out what other processes take away. */
	if (count > 2 * threads)
		count = 2 * threads;
	if (threads == 1 || count < 2)
		count = 1;
	p.size = (range->n + count - 1) / count;
	mel_pool_run(pool, (range->n + p.size - 1) / p.size, do_piece, &p);
}

void
mel_strides(int ndim, const int64_t *dim, int64_t *stride)
{
	int64_t n = 1;

	for (int i = ndim - 1; i >= 0; i--) {
		stride[i] = n;
		n *= dim[i] ? dim[i] : 1;
	}
}

void
mel_walk_add(struct mel_walk *walk, const struct mel_tensor *t, int64_t offset,
    const int64_t *stride)
{
	int k = walk->n++;

	assert(k < MEL_WALK_MAX);
	walk->size[k] = mel_dtype_size(t->dtype);
	walk->base[k] = t->data;
	if (offset)
		walk->base[k] += offset * (int64_t)walk->size[k];
	if (stride)
		memcpy(walk->stride[k], stride,
		    (size_t)walk->ndim * sizeof(*stride));
}

/* Axis d goes on where axis d + 1 ends, for every operand. */
static bool
mergeable(const struct mel_walk *w, int d)
{
	for (int k = 0; k < w->n; k++) {
		if (w->stride[k][d] != w->stride[k][d + 1] * w->dim[d + 1])
			return false;
	}
	return true;
}

static void
remove_axis(struct mel_walk *w, int d)
{
	for (int i = d; i + 1 < w->ndim; i++) {
		w->dim[i] = w->dim[i + 1];
		for (int k = 0; k < w->n; k++)
			w->stride[k][i] = w->stride[k][i + 1];
	}
	w->ndim--;
}

static void
merge_axes(struct mel_walk *w)
{
	for (int d = w->ndim - 1; d >= 0; d--) {
		if (w->dim[d] == 1)
			remove_axis(w, d);
	}
	for (int d = w->ndim - 2; d >= 0; d--) {
		if (mergeable(w, d)) {
			w->dim[d + 1] *= w->dim[d];
			remove_axis(w, d);
		}
	}
	if (!w->ndim) {
		w->ndim = 1;
		w->dim[0] = 1;
		for (int k = 0; k < w->n; k++)
			w->stride[k][0] = 1;
	}
}

struct job {
	const struct mel_walk *walk;
	const struct mel_loop *loop;
	const struct mel_kernels *kernels;
};

/* Index and offsets [elements] of element number `flat` of ndim axes. */
static void
seek(const struct mel_walk *w, int ndim, size_t flat, int64_t *at,
    int64_t *offset)
{
	for (int k = 0; k < w->n; k++)
		offset[k] = 0;
	for (int d = ndim - 1; d >= 0; d--) {
		at[d] = (int64_t)(flat % (size_t)w->dim[d]);
		flat /= (size_t)w->dim[d];
		for (int k = 0; k < w->n; k++)
			offset[k] += at[d] * w->stride[k][d];
	}
}

/* Forward by n elements, at most to the end of the row. */
static void
advance(const struct mel_walk *w, int64_t n, int64_t *at, int64_t *offset)
{
	for (int d = w->ndim - 1; d >= 0; d--) {
		at[d] += n;
		for (int k = 0; k < w->n; k++)
			offset[k] += n * w->stride[k][d];
		if (at[d] < w->dim[d])
			return;
		for (int k = 0; k < w->n; k++)
			offset[k] -= at[d] * w->stride[k][d];
		at[d] = 0;
		n = 1;
	}
}

static void
walk_range(void *ctx, size_t lo, size_t hi)
{
	const struct job *job = ctx;
	const struct mel_walk *w = job->walk;
	struct mel_row row = {
	    .params = job->loop->params, .kernels = job->kernels};
	int64_t at[MEL_WALK_DIMS], offset[MEL_WALK_MAX];
	int last = w->ndim - 1;

	for (int k = 0; k < w->n; k++)
		row.step[k] = w->stride[k][last];
	seek(w, w->ndim, lo, at, offset);
	while (lo < hi) {
		row.n = (size_t)(w->dim[last] - at[last]);
		if (row.n > hi - lo)
			row.n = hi - lo;
		for (int k = 0; k < w->n; k++)
			row.p[k] = w->base[k] + offset[k] * (int64_t)w->size[k];
		job->loop->fn(&row);
		lo += row.n;
		advance(w, (int64_t)row.n, at, offset);
	}
}

void
mel_walk_run(struct mel_walk *walk, const struct mel_loop *loop,
    const struct mel_run *run)
{
	struct job job = {walk, loop, run->kernels};
	struct mel_range range = {walk_range, &job, 1, loop->grain};

	for (int d = 0; d < walk->ndim; d++)
		range.n *= (size_t)walk->dim[d];
	if (!range.n)
		return;
	merge_axes(walk);
	mel_range_run(&range, run->pool);
}

#define COPY_ROW(name, type)                                                   \
	static void name(const struct mel_row *row)                            \
	{                                                                      \
		type *out = row->p[0];                                         \
		const type *in = row->p[1];                                    \
		int64_t so = row->step[0], si = row->step[1];                  \
                                                                               \
		if (so == 1 && si == 1)                                        \
			memmove(out, in, row->n * sizeof(type));               \
		else                                                           \
			for (size_t i = 0; i < row->n; i++)                    \
				out[(int64_t)i * so] = in[(int64_t)i * si];    \
	}

COPY_ROW(copy_1, uint8_t)
COPY_ROW(copy_2, uint16_t)
COPY_ROW(copy_4, uint32_t)
COPY_ROW(copy_8, uint64_t)

/*
 * Transposing: the last two axes are contiguous in the input and in the
 * output, in this order. Squares that stay in the cache are copied one by one.
 */
#define TILE 16

#define COPY_TILES(name, type)                                                 \
	static void name(const struct mel_walk *w, const int64_t *offset,      \
	    int64_t lo, int64_t hi)                                            \
	{                                                                      \
		int last = w->ndim - 1;                                        \
		int64_t n = w->dim[last], so = w->stride[0][last - 1];         \
		int64_t si = w->stride[1][last], end;                          \
		type *out = (type *)(void *)w->base[0] + offset[0];            \
		const type *in = (type *)(void *)w->base[1] + offset[1];       \
                                                                               \
		for (int64_t c = 0; c < n; c = end) {                          \
			end = c + TILE < n ? c + TILE : n;                     \
			for (int64_t i = lo; i < hi; i++) {                    \
				for (int64_t j = c; j < end; j++)              \
					out[i * so + j] = in[i + j * si];      \
			}                                                      \
		}                                                              \
	}

COPY_TILES(tiles_1, uint8_t)
COPY_TILES(tiles_2, uint16_t)
COPY_TILES(tiles_4, uint32_t)
COPY_TILES(tiles_8, uint64_t)

/* Strips of TILE rows, lo to hi - 1 of all planes. */
static void
copy_strips(void *ctx, size_t lo, size_t hi)
{
	static void (*const by_size[])(
	    const struct mel_walk *, const int64_t *, int64_t, int64_t) = {
	    [1] = tiles_1, [2] = tiles_2, [4] = tiles_4, [8] = tiles_8};
	const struct mel_walk *w = ctx;
	int64_t at[MEL_WALK_DIMS], offset[MEL_WALK_MAX];
	int64_t rows = w->dim[w->ndim - 2];
	size_t strips = (size_t)((rows + TILE - 1) / TILE);

	for (size_t i = lo; i < hi; i++) {
		int64_t row = (int64_t)(i % strips) * TILE;

		seek(w, w->ndim - 2, i / strips, at, offset);
		by_size[w->size[0]](
		    w, offset, row, row + TILE < rows ? row + TILE : rows);
	}
}

/* Moves axis d to the place before the last one; a copy has no order. */
static void
make_plane(struct mel_walk *w, int d)
{
	int64_t dim = w->dim[d], so = w->stride[0][d], si = w->stride[1][d];
	int to = w->ndim - 2;

	for (; d < to; d++) {
		w->dim[d] = w->dim[d + 1];
		w->stride[0][d] = w->stride[0][d + 1];
		w->stride[1][d] = w->stride[1][d + 1];
	}
	w->dim[to] = dim;
	w->stride[0][to] = so;
	w->stride[1][to] = si;
}

/* The axis to be made a row of tiles, or -1 if that does not pay. */
static int
plane_axis(const struct mel_walk *w)
{
	int last = w->ndim - 1;

	if (w->stride[0][last] != 1 || w->stride[1][last] == 1 ||
	    w->dim[last] < TILE)
		return -1;
	for (int d = 0; d < last; d++) {
		if (w->stride[1][d] == 1 && w->dim[d] >= TILE)
			return d;
	}
	return -1;
}

static void
transpose(struct mel_walk *walk, const struct mel_run *run)
{
	struct mel_range range = {copy_strips, walk, 1, 0};
	int last = walk->ndim - 1;

	for (int d = 0; d < last - 1; d++)
		range.n *= (size_t)walk->dim[d];
	range.n *= (size_t)((walk->dim[last - 1] + TILE - 1) / TILE);
	range.grain = 1 + MEL_GRAIN_COPY / (TILE * (size_t)walk->dim[last]);
	mel_range_run(&range, run->pool);
}

void
mel_walk_copy(struct mel_walk *walk, const struct mel_run *run)
{
	static mel_row_fn *const by_size[] = {
	    [1] = copy_1, [2] = copy_2, [4] = copy_4, [8] = copy_8};
	int axis;

	assert(walk->n == 2 && walk->size[0] == walk->size[1]);
	for (int d = 0; d < walk->ndim; d++) {
		if (!walk->dim[d])
			return;
	}
	merge_axes(walk);
	axis = plane_axis(walk);
	if (axis >= 0) {
		make_plane(walk, axis);
		transpose(walk, run);
	} else {
		mel_walk_run(walk,
		    &(struct mel_loop){
			by_size[walk->size[0]], NULL, MEL_GRAIN_COPY},
		    run);
	}
}

void
mel_walk_strided(const struct mel_tensor *out, const struct mel_tensor *in,
    int64_t offset, const int64_t *stride, const struct mel_run *run)
{
	struct mel_walk walk = {.ndim = out->ndim};
	int64_t own[MEL_MAX_DIMS];

	if (!mel_tensor_count(out))
		return;
	memcpy(walk.dim, out->dim, sizeof(out->dim));
	mel_strides(out->ndim, out->dim, own);
	mel_walk_add(&walk, out, 0, own);
	mel_walk_add(&walk, in, offset, stride);
	mel_walk_copy(&walk, run);
}

void
mel_fill(void *out, const void *value, size_t size, size_t n)
{
	size_t have = size, more;

	if (!n)
		return;
	memmove(out, value, size);
	/* What is filled serves as the source of the next, larger piece. */
	for (n *= size; have < n; have += more) {
		more = have < n - have ? have : n - have;
		memcpy((char *)out + have, out, more);
	}
}
