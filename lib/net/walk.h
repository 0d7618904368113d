/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_WALK_H
#define MEL_NET_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

struct mel_kernels;
struct mel_pool;
struct mel_run;

/*
 * One loop over n-d arrays for all operators that work element by element:
 * axes are merged where every operand allows it, then rows of the innermost
 * axis are handed to a row function, spread over the pool where that pays.
 * A row may be cut anywhere, so a row function must compute each element by
 * the same operations wherever the row begins and ends (row law).
 */

#define MEL_WALK_MAX 4 /* operands: one output and up to three inputs */

#define MEL_WALK_DIMS (2 * MEL_MAX_DIMS) /* Tile makes two of each axis */

/* Elements that are worth a task of their own. */
#define MEL_GRAIN_COPY 65536 /* one load, one store */
#define MEL_GRAIN_MATH 8192  /* exp, division ... */

struct mel_walk {
	int n;    /* operands; 0 is the output */
	int ndim; /* axes walked, outermost first */
	int64_t dim[MEL_WALK_DIMS];
	/* [elements], of any sign; 0 where an operand is broadcast */
	int64_t stride[MEL_WALK_MAX][MEL_WALK_DIMS];
	unsigned char *base[MEL_WALK_MAX]; /* element of index 0, 0, ... */
	size_t size[MEL_WALK_MAX];         /* of an element [bytes] */
};

/* A piece of one row. */
struct mel_row {
	size_t n;                   /* elements, > 0 */
	void *p[MEL_WALK_MAX];      /* first element of each operand */
	int64_t step[MEL_WALK_MAX]; /* [elements]; of single ones 1 */
	const void *params;         /* the loop's */
	const struct mel_kernels *kernels;
};

typedef void mel_row_fn(const struct mel_row *row);

/* What is done with every row. */
struct mel_loop {
	mel_row_fn *fn;
	const void *params; /* for row->params; of any type that fn expects */
	size_t grain;       /* elements worth a task: MEL_GRAIN_... */
};

/* Row-major strides [elements] of a shape. */
void mel_strides(int ndim, const int64_t *dim, int64_t *stride);

/*
 * Adds an operand: t's element type, its data + offset elements. stride:
 * [ndim], set by the caller in the walk afterwards or given here.
 */
void mel_walk_add(struct mel_walk *walk, const struct mel_tensor *t,
    int64_t offset, const int64_t *stride);

/* Runs the loop over everything. Merges axes in `walk`; any may be empty. */
void mel_walk_run(struct mel_walk *walk, const struct mel_loop *loop,
    const struct mel_run *run);

/*
 * Copies operand 1 to operand 0, which have the same element type: 1, 2, 4 or
 * 8 bytes of anything.
 */
void mel_walk_copy(struct mel_walk *walk, const struct mel_run *run);

/*
 * Fills out from in: index (i, j ...) of out is element
 * offset + i * stride[0] + j * stride[1] ... of in. stride: [out->ndim].
 */
void mel_walk_strided(const struct mel_tensor *out, const struct mel_tensor *in,
    int64_t offset, const int64_t *stride, const struct mel_run *run);

/* n elements of `size` bytes [1, 2, 4, 8], each a copy of *value. */
void mel_fill(void *out, const void *value, size_t size, size_t n);

/* Calls task(ctx, lo, hi) so that [0, n) is covered in pieces >= grain. */
struct mel_range {
	void (*task)(void *ctx, size_t lo, size_t hi);
	void *ctx;
	size_t n, grain;
};

void mel_range_run(const struct mel_range *range, struct mel_pool *pool);

#endif
