/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_BUNDLE_H
#define MEL_TENSOR_BUNDLE_H

#include <stddef.h>

#include "tensor/tensor.h"

struct mel_err;

/*
 * Named tensors of one utterance, in the order in which they were put. Names
 * are unique. Starts as {0}.
 */
struct mel_bundle {
	struct mel_named {
		char *name; /* owned */
		struct mel_tensor tensor;
	} * item; /* [n] */
	size_t n;
	size_t cap;
};

/* NULL if there is none. Valid until the bundle is changed or freed. */
const struct mel_tensor *mel_bundle_get(
    const struct mel_bundle *b, const char *name);

/*
 * Moves the tensor in: on success the bundle owns what *t owned and *t is the
 * zero struct. A view is stored as a view. A name that is there is an error.
 */
int mel_bundle_put(struct mel_bundle *b, const char *name, struct mel_tensor *t,
    struct mel_err *err);

/* Stores views of all tensors of src that b does not have by name. */
int mel_bundle_view_all(
    struct mel_bundle *b, const struct mel_bundle *src, struct mel_err *err);

/* A new f32 scalar. */
int mel_bundle_put_f32(
    struct mel_bundle *b, const char *name, float value, struct mel_err *err);

void mel_bundle_free(struct mel_bundle *b);

#endif
