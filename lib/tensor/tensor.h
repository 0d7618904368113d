/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_TENSOR_H
#define MEL_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mel_err;

/*
 * A typed array in row-major order, time first, without gaps.
 *
 * Ownership, for the whole library: callers own what they pass; `open`, `new`
 * and `load` create, `close` and `free` destroy and accept NULL (or the zero
 * struct); a view never outlives what it looks at.
 */

#define MEL_MAX_DIMS 8 /* ONNX cases reach 7; a record holds 4 */

/* The numbers are those of the record stream, see melpipe-frame(5). */
enum mel_dtype {
	MEL_NONE = 0,
	MEL_F32 = 1,
	MEL_F64 = 2,
	MEL_F16 = 3,
	MEL_BF16 = 4,
	MEL_I64 = 5,
	MEL_I32 = 6,
	MEL_I16 = 7,
	MEL_U8 = 8,
	MEL_BOOL = 9, /* one byte, 0 or 1 */
};

struct mel_tensor {
	enum mel_dtype dtype;      /* MEL_NONE: no tensor */
	int ndim;                  /* [0..MEL_MAX_DIMS], 0 is a scalar */
	int64_t dim[MEL_MAX_DIMS]; /* [ndim], each >= 0 */
	void *data; /* dim[0] x ... x dim[ndim-1] elements, host order */
	bool owned; /* data is this tensor's to free; else a view */
};

/* Bytes of one element; 0 for MEL_NONE and unknown numbers. */
size_t mel_dtype_size(enum mel_dtype dtype);

/* "f32", "i64" ...; "?" for unknown numbers. */
const char *mel_dtype_name(enum mel_dtype dtype);

/* The inverse; MEL_NONE for an unknown name. */
enum mel_dtype mel_dtype_parse(const char *name);

/* Product of the dims, 1 for a scalar. The tensor must be well formed. */
size_t mel_tensor_count(const struct mel_tensor *t);

/* count x element size. */
size_t mel_tensor_bytes(const struct mel_tensor *t);

/*
 * Checks dims from outside: 0 <= ndim <= MEL_MAX_DIMS, no negative one, and
 * the size in bytes fits. *bytes may be NULL.
 */
int mel_shape_check(enum mel_dtype dtype, int ndim, const int64_t *dim,
    size_t *bytes, struct mel_err *err);

/* A new tensor, data aligned to 64 bytes and cleared. t must hold none. */
int mel_tensor_new(struct mel_tensor *t, enum mel_dtype dtype, int ndim,
    const int64_t *dim, struct mel_err *err);

/*
 * The same, not cleared: for data that are all written, and for sizes that are
 * only claimed, which cost nothing until they are.
 */
int mel_tensor_room(struct mel_tensor *t, enum mel_dtype dtype, int ndim,
    const int64_t *dim, struct mel_err *err);

/* A view on data of somebody else; no copy. The shape must be well formed. */
struct mel_tensor mel_tensor_view(
    enum mel_dtype dtype, int ndim, const int64_t *dim, void *data);

/* A new tensor with the content of src (a view becomes owned). */
int mel_tensor_copy(
    struct mel_tensor *t, const struct mel_tensor *src, struct mel_err *err);

/* Releases owned data; t becomes the zero struct. */
void mel_tensor_free(struct mel_tensor *t);

/* Same rank and dims. */
bool mel_tensor_same_dims(
    const struct mel_tensor *a, const struct mel_tensor *b);

/* Same dtype, rank and dims. */
bool mel_tensor_same_shape(
    const struct mel_tensor *a, const struct mel_tensor *b);

/* "f32 [12, 80]" into buf, cut to fit. Returns buf. */
char *mel_shape_text(const struct mel_tensor *t, char *buf, size_t size);

#endif
