/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static const struct {
	const char *name;
	size_t size;
} types[] = {
    [MEL_NONE] = {"none", 0},
    [MEL_F32] = {"f32", 4},
    [MEL_F64] = {"f64", 8},
    [MEL_F16] = {"f16", 2},
    [MEL_BF16] = {"bf16", 2},
    [MEL_I64] = {"i64", 8},
    [MEL_I32] = {"i32", 4},
    [MEL_I16] = {"i16", 2},
    [MEL_U8] = {"u8", 1},
    [MEL_BOOL] = {"bool", 1},
};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

size_t
mel_dtype_size(enum mel_dtype dtype)
{
	return (size_t)dtype < N_TYPES ? types[dtype].size : 0;
}

const char *
mel_dtype_name(enum mel_dtype dtype)
{
	return (size_t)dtype < N_TYPES ? types[dtype].name : "?";
}

enum mel_dtype
mel_dtype_parse(const char *name)
{
	for (size_t i = 1; i < N_TYPES; i++) {
		if (!strcmp(types[i].name, name))
			return (enum mel_dtype)i;
	}
	return MEL_NONE;
}

size_t
mel_tensor_count(const struct mel_tensor *t)
{
	size_t n = 1;

	for (int i = 0; i < t->ndim; i++)
		n *= (size_t)t->dim[i];
	return n;
}

size_t
mel_tensor_bytes(const struct mel_tensor *t)
{
	return mel_tensor_count(t) * mel_dtype_size(t->dtype);
}

int
mel_shape_check(enum mel_dtype dtype, int ndim, const int64_t *dim,
    size_t *bytes, struct mel_err *err)
{
	size_t n = mel_dtype_size(dtype);
	bool empty = false, fits = true;

	if (!n)
		return mel_fail(err, "no such element type: %d", (int)dtype);
	if (ndim < 0 || ndim > MEL_MAX_DIMS)
		return mel_fail(err, "%d axes: at most %d", ndim, MEL_MAX_DIMS);
	for (int i = 0; i < ndim; i++) {
		if (dim[i] < 0)
			return mel_fail(err, "axis %d: negative length", i);
		/* A later 0 makes it small again, but nobody needs that. */
		if (dim[i] && !mel_size_mul(&n, n, (size_t)dim[i]))
			fits = false;
		empty |= !dim[i];
	}
	if (!fits || n > PTRDIFF_MAX)
		return mel_fail(err, "tensor too large");
	if (bytes)
		*bytes = empty ? 0 : n;
	return 0;
}

int
mel_tensor_room(struct mel_tensor *t, enum mel_dtype dtype, int ndim,
    const int64_t *dim, struct mel_err *err)
{
	size_t bytes;
	void *data;

	if (mel_shape_check(dtype, ndim, dim, &bytes, err))
		return -1;
	data = mel_alloc_aligned(bytes, err);
	if (!data)
		return -1;
	*t = mel_tensor_view(dtype, ndim, dim, data);
	t->owned = true;
	return 0;
}

int
mel_tensor_new(struct mel_tensor *t, enum mel_dtype dtype, int ndim,
    const int64_t *dim, struct mel_err *err)
{
	if (mel_tensor_room(t, dtype, ndim, dim, err))
		return -1;
	memset(t->data, 0, mel_tensor_bytes(t));
	return 0;
}

struct mel_tensor
mel_tensor_view(enum mel_dtype dtype, int ndim, const int64_t *dim, void *data)
{
	struct mel_tensor t = {.dtype = dtype, .ndim = ndim, .data = data};

	for (int i = 0; i < ndim; i++)
		t.dim[i] = dim[i];
	return t;
}

int
mel_tensor_copy(
    struct mel_tensor *t, const struct mel_tensor *src, struct mel_err *err)
{
	struct mel_tensor copy;

	if (mel_tensor_room(&copy, src->dtype, src->ndim, src->dim, err))
		return -1;
	if (mel_tensor_bytes(src))
		memcpy(copy.data, src->data, mel_tensor_bytes(src));
	*t = copy;
	return 0;
}

void
mel_tensor_free(struct mel_tensor *t)
{
	if (!t)
		return;
	if (t->owned)
		free(t->data);
	*t = (struct mel_tensor){0};
}

bool
mel_tensor_same_dims(const struct mel_tensor *a, const struct mel_tensor *b)
{
	if (a->ndim != b->ndim)
		return false;
	for (int i = 0; i < a->ndim; i++) {
		if (a->dim[i] != b->dim[i])
			return false;
	}
	return true;
}

bool
mel_tensor_same_shape(const struct mel_tensor *a, const struct mel_tensor *b)
{
	return a->dtype == b->dtype && mel_tensor_same_dims(a, b);
}

char *
mel_shape_text(const struct mel_tensor *t, char *buf, size_t size)
{
	size_t len;

	snprintf(buf, size, "%s [", mel_dtype_name(t->dtype));
	for (int i = 0; i < t->ndim; i++) {
		len = strlen(buf);
		snprintf(buf + len, size - len, "%s%lld", i ? ", " : "",
		    (long long)t->dim[i]);
	}
	len = strlen(buf);
	snprintf(buf + len, size - len, "]");
	return buf;
}
