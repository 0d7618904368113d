/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_INFER_H
#define MEL_NET_INFER_H

#include <stdint.h>

#include "tensor/tensor.h"

struct mel_err;
struct mel_node;

/*
 * Small steps of shape rules. All fail with the node's name and return 0, -1
 * or, where they read a value that is not known yet, MEL_INFER_LATER.
 */

/* Input number i, or NULL if it is absent or the node has fewer. */
const struct mel_tensor *mel_input(
    const struct mel_node *node, const struct mel_tensor *const in[], int i);

/* Sets dtype and dims of *out, whose product must fit. */
int mel_infer_shape(const struct mel_node *node, struct mel_tensor *out,
    enum mel_dtype dtype, int ndim, const int64_t *dim, struct mel_err *err);

/* *out has the shape and type of *in. */
void mel_infer_like(struct mel_tensor *out, const struct mel_tensor *in);

/* axis in [-ndim, ndim); *out in [0, ndim). */
int mel_infer_axis(const struct mel_node *node, int64_t axis, int ndim,
    int *out, struct mel_err *err);

/*
 * The value of a tensor of i64 or i32 with at most one axis. *n: the room in
 * out, then how many there are. what: "axes", "shape" ..., for the message.
 */
int mel_infer_ints(const struct mel_node *node, const struct mel_tensor *t,
    const char *what, int64_t *out, int *n, struct mel_err *err);

/* The value of a tensor with exactly one element. */
int mel_infer_int(const struct mel_node *node, const struct mel_tensor *t,
    const char *what, int64_t *out, struct mel_err *err);

/* A list of different axes as flags: axis d is set in *mask as bit d. */
int mel_infer_axes(const struct mel_node *node, const struct mel_tensor *t,
    int ndim, unsigned *mask, struct mel_err *err);

/* Fails unless dtype is one of a set of 1u << MEL_... bits. */
int mel_infer_type(const struct mel_node *node, enum mel_dtype dtype,
    unsigned allowed, struct mel_err *err);

#define MEL_TYPE_INT   (1u << MEL_I64 | 1u << MEL_I32)
#define MEL_TYPE_FLOAT (1u << MEL_F32)
#define MEL_TYPE_ALL   (~1u)

/* Product of dims lo to hi - 1. */
int64_t mel_dims_product(const struct mel_tensor *t, int lo, int hi);

#endif
