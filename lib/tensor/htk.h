/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_HTK_H
#define MEL_TENSOR_HTK_H

#include <stddef.h>

struct mel_err;
struct mel_tensor;

/*
 * HTK parameter files (The HTK Book 3.4, section 5.7.1): rows of floats, all
 * big endian, behind a header of 12 bytes. Read: kinds whose elements are
 * floats, uncompressed and without checksum; written: kind USER (9).
 */

/*
 * Reads a file or pipe to its end into t [rows, width], f32. *period becomes
 * the time from row to row [s]. limit: most data [bytes] that memory is taken
 * for. Messages do not name the source.
 */
int mel_htk_read(struct mel_tensor *t, double *period, int fd, size_t limit,
    struct mel_err *err);

/*
 * Whether the tensor fits: two axes, a row of at most 32764 bytes, at most
 * 2^31 - 1 rows.
 */
int mel_htk_check(const struct mel_tensor *t, struct mel_err *err);

/*
 * Writes a tensor that was checked; what is not f32 is rounded to it. period
 * [s] > 0, stored in units of 100 ns, rounded to even.
 */
int mel_htk_write(
    int fd, const struct mel_tensor *t, double period, struct mel_err *err);

#endif
