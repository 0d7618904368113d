/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_DECL_H
#define MEL_BLOCK_DECL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

struct mel_bundle;
struct mel_err;

/*
 * What a block says about a tensor before there is one, so that wiring is
 * checked when an addon is opened and not when speech is due.
 */
struct mel_decl {
	const char *name;     /* owned by the list it is in */
	enum mel_dtype dtype; /* MEL_NONE: any */
	int ndim;             /* -1: any */
	int64_t width;        /* of the last axis; 0: not known */
	const char *rate;     /* the same; of axis 0: "tokens", "frames", any
				 word; NULL: not known. Scalars have none */
	bool optional;        /* of a need: may be absent */
};

struct mel_decls {
	struct mel_decl *item; /* [n] */
	size_t n;
	size_t cap;
};

/* NULL if there is none of that name. */
const struct mel_decl *mel_decls_find(
    const struct mel_decls *decls, const char *name);

/* Copies; a name that is there is an error. */
int mel_decls_add(
    struct mel_decls *decls, const struct mel_decl *decl, struct mel_err *err);

/* Adds all of src whose names are not there yet. */
int mel_decls_add_new(
    struct mel_decls *decls, const struct mel_decls *src, struct mel_err *err);

#define MEL_DECL_RATE 32 /* bytes of a rate, the NUL counted */

/*
 * Reads a form as messages have it: "f32", "i64 [tokens]", "f32 [tokens,
 * 192]": element type and axes, which are a rate (the first only), a width
 * (the last only) or "?"; without brackets a scalar. Sets all of *decl but
 * name and optional; its rate becomes NULL or `rate`.
 */
int mel_decl_parse(struct mel_decl *decl, const char *text,
    char rate[MEL_DECL_RATE], struct mel_err *err);

void mel_decls_free(struct mel_decls *decls);

/* Checks that `have` offers what `need` asks for; the message names both. */
int mel_decl_check(const struct mel_decl *need, const struct mel_decl *have,
    struct mel_err *err);

/* Checks a real tensor against what was declared. */
int mel_decl_check_tensor(const struct mel_decl *decl,
    const struct mel_tensor *tensor, struct mel_err *err);

/* Checks that all that is needed is in `have`, in the form wanted. */
int mel_decls_check(const struct mel_decls *needs, const struct mel_decls *have,
    struct mel_err *err);

/* The same of real tensors. */
int mel_decls_check_bundle(const struct mel_decls *needs,
    const struct mel_bundle *bundle, struct mel_err *err);

#endif
