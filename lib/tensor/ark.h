/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_ARK_H
#define MEL_TENSOR_ARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io.h"

struct mel_err;
struct mel_tensor;

/*
 * Kaldi's archives (kaldi-table-inl.h, kaldi-matrix.cc, kaldi-vector.cc): one
 * entry after the other, each a key, a space and an object. Binary objects
 * begin with "\0B" and are a matrix (FM f32, DM f64) or a vector (FV, DV), all
 * little endian; text objects are numbers in brackets, a line for each row of
 * a matrix. Compressed (CM, CM2, CM3) and sparse matrices, integers and
 * posteriors are refused by name.
 */

/* Longest key that is read [bytes]. */
#define MEL_ARK_KEY 4096

struct mel_ark;

/* limit: most data of one object [bytes] that memory is taken for. */
int mel_ark_open(struct mel_ark **ark, mel_read_fn *read, void *ctx,
    size_t limit, struct mel_err *err);

/* The same on a descriptor, which stays the caller's. */
int mel_ark_open_fd(
    struct mel_ark **ark, int fd, size_t limit, struct mel_err *err);

void mel_ark_close(struct mel_ark *ark);

/*
 * The next entry, binary or text. Returns 1; 0 at the end; -1. The key is
 * UTF-8, valid until the next call. t, which must hold none, becomes [rows,
 * columns] or [length], f32 or f64; text has no type and is read as f32; an
 * empty text object is a matrix, text on one line a vector.
 */
int mel_ark_next(struct mel_ark *ark, const char **key, struct mel_tensor *t,
    struct mel_err *err);

/* An object without its key: what an entry of an scp points at. 0 or -1. */
int mel_ark_object(
    struct mel_ark *ark, struct mel_tensor *t, struct mel_err *err);

/*
 * Whether the tensor fits: a key without white space, at most two axes (a
 * scalar is a vector of one), lengths below 2^31, and no i64 beyond 2^53.
 */
int mel_ark_check(
    const char *key, const struct mel_tensor *t, struct mel_err *err);

/* Where archives are written to; not sought in, so it may be a pipe. */
struct mel_ark_out {
	int fd;          /* stays the caller's */
	bool text;       /* 9 digits for f32, 17 for f64: exact */
	uint64_t size;   /* written so far [bytes] */
	uint64_t object; /* of the last entry, behind key and space [bytes] */
};

/*
 * Appends an entry that was checked. f64, i64 and i32 become Kaldi's doubles,
 * the other types its floats. A matrix without elements is written as 0 x 0,
 * the only one that Kaldi knows.
 */
int mel_ark_write(struct mel_ark_out *out, const char *key,
    const struct mel_tensor *t, struct mel_err *err);

#endif
