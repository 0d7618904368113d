/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_IMPORT_H
#define MEL_TENSOR_IMPORT_H

#include <stddef.h>
#include <stdint.h>

struct mel_err;
struct mel_tensor;

/*
 * Tensors from files of other programs, one after the other, with a key each.
 */
enum mel_import_format {
	MEL_IMPORT_NPY, /* standard input: any number, one after the other */
	MEL_IMPORT_ARK, /* binary and text, see tensor/ark.h */
	MEL_IMPORT_SCP, /* see tensor/scp.h */
	MEL_IMPORT_HTK, /* see tensor/htk.h */
	MEL_IMPORT_F32, /* numbers only: rows of a width that must be given */
	MEL_IMPORT_F64,
};

struct mel_import_options {
	enum mel_import_format format;
	int64_t width; /* numbers in a row, >= 1, for F32 and F64 */
	size_t limit;  /* most data of one tensor [bytes] */
};

struct mel_import;

/* path: NULL or "-" is standard input. Messages name it. */
int mel_import_open(struct mel_import **import, const char *path,
    const struct mel_import_options *options, struct mel_err *err);

/*
 * The next tensor, new; t must hold none. Returns 1; 0 at the end; -1. The key
 * is valid until the next call: that of the archive; else the file's name
 * without folder and suffix, and for standard input the number of the tensor
 * from 1, six digits.
 */
int mel_import_next(struct mel_import *import, const char **key,
    struct mel_tensor *t, struct mel_err *err);

void mel_import_close(struct mel_import *import);

#endif
