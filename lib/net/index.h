/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_INDEX_H
#define MEL_NET_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

struct mel_err;
struct mel_node;

/* Tensors of indices, i64 or i32, where negative ones count from the end. */

/* Number i of t as it stands. */
int64_t mel_index_at(const struct mel_tensor *t, size_t i);

/* Number i of t in [0, n), if mel_index_check has said so. */
int64_t mel_index_in(const struct mel_tensor *t, size_t i, int64_t n);

/* Fails unless all numbers of t are in [-n, n); the message names one. */
int mel_index_check(const struct mel_node *node, const struct mel_tensor *t,
    int64_t n, struct mel_err *err);

/* Fails unless t is i64 or i32. */
int mel_index_type(const struct mel_node *node, const struct mel_tensor *t,
    struct mel_err *err);

/*
 * GatherND, ScatterND: the last axis of t holds tuples that point at slices
 * of data behind its first `batch` axes.
 */
struct mel_tuples {
	const struct mel_tensor *t, *data;
	int batch;        /* leading axes of both that run together */
	int len;          /* of a tuple */
	size_t count;     /* tuples in all */
	size_t per_batch; /* tuples for one index of the batch axes */
	size_t slice;     /* elements of a slice */
	int64_t stride[MEL_MAX_DIMS]; /* of data [elements] */
};

/* Checks shapes and sets everything. Needs no values. */
int mel_tuples_init(struct mel_tuples *tuples, const struct mel_node *node,
    const struct mel_tensor *data, const struct mel_tensor *t, int batch,
    struct mel_err *err);

/* Where the slice of tuple i begins in data [elements]; -1 on an error. */
int64_t mel_tuples_offset(const struct mel_tuples *tuples,
    const struct mel_node *node, size_t i, struct mel_err *err);

#endif
