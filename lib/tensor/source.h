/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_SOURCE_H
#define MEL_TENSOR_SOURCE_H

#include "tensor/tensor.h"

/*
 * Tensors from files of other programs, one after the other, with a key each.
 */
enum mel_source_format {
	MEL_SOURCE_NPY, /* standard input: any number, one after the other */
	MEL_SOURCE_ARK, /* binary and text, see tensor/ark.h */
	MEL_SOURCE_SCP, /* see tensor/scp.h */
	MEL_SOURCE_HTK, /* see tensor/htk.h */
	MEL_SOURCE_F32, /* numbers only: rows of a width that must be given */
	MEL_SOURCE_F64,
};

struct mel_source_options {
	enum mel_source_format format;
	int64_t width; /* numbers in a row, >= 1, for F32 and F64 */
	size_t limit;  /* most data of one tensor [bytes] */
};

struct mel_source;

/* path: NULL or "-" is standard input. Messages name it. */
int mel_source_open(struct mel_source **source, const char *path,
    const struct mel_source_options *options, struct mel_err *err);

/*
 * The next tensor, new; t must hold none. Returns 1; 0 at the end; -1. The key
 * is valid until the next call: that of the archive; else the file's name
 * without folder and suffix, and for standard input the number of the tensor
 * from 1, six digits.
 */
int mel_source_next(struct mel_source *source, const char **key,
    struct mel_tensor *t, struct mel_err *err);

void mel_source_close(struct mel_source *source);

#endif
