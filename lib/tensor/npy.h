/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_NPY_H
#define MEL_TENSOR_NPY_H

#include <stdbool.h>
#include <stddef.h>

struct mel_err;
struct mel_tensor;

/*
 * NumPy's array format, versions 1.0 to 3.0 (numpy.lib.format): a magic, a
 * Python dictionary as text, the elements. Read and written: little endian,
 * elements f4, f8, f2, i8, i4, i2, u1, b1. Fortran order is read, and put into
 * C order. Big endian, objects, structures, other elements and more than
 * MEL_MAX_DIMS axes are refused by name, bf16 has no NumPy type and cannot be
 * written.
 */

#define MEL_NPY_HEADER 65536 /* longest header text that is read [bytes] */

/*
 * Whether a .npy file comes next at fd. Looks into files only, and moves
 * nothing; false for a pipe.
 */
bool mel_npy_ahead(int fd);

/*
 * Reads the array at the start of bytes [len] into the new tensor t; *used
 * becomes what it took [bytes], header and all, so that arrays saved one
 * behind the other can be read in turn. No memory is taken for a shape that
 * the bytes do not hold.
 */
int mel_npy_parse(struct mel_tensor *t, const void *bytes, size_t len,
    size_t *used, struct mel_err *err);

/*
 * Reads the next array from a file or pipe, exactly its bytes. Returns 1; 0
 * if the end came before its first byte; -1. limit: most data [bytes] that
 * memory is taken for. Messages do not name the source.
 */
int mel_npy_read(
    struct mel_tensor *t, int fd, size_t limit, struct mel_err *err);

/*
 * The same if that is all there is: 0, or -1, also if the end comes at once or
 * more bytes behind the array.
 */
int mel_npy_read_only(
    struct mel_tensor *t, int fd, size_t limit, struct mel_err *err);

/* The one array of a file ("-": standard input); more bytes are an error. */
int mel_npy_load(
    struct mel_tensor *t, const char *path, size_t limit, struct mel_err *err);

/* Writes version 1.0, data at a multiple of 64 bytes from where fd stands. */
int mel_npy_write(int fd, const struct mel_tensor *t, struct mel_err *err);

/* The same into a file that appears when complete ("-": standard output). */
int mel_npy_save(
    const char *path, const struct mel_tensor *t, struct mel_err *err);

#endif
