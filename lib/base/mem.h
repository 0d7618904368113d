/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_MEM_H
#define MEL_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mel_err;

/*
 * Checked sizes and allocation. All memory is released with free(3).
 * Every allocation of the library goes through here, so a test can make the
 * n-th one fail (test/unit/oom.c wraps malloc and friends at link time).
 */

/* *out = a * b; false and *out untouched if that does not fit. */
bool mel_size_mul(size_t *out, size_t a, size_t b);

/* *out = a + b; false and *out untouched if that does not fit. */
bool mel_size_add(size_t *out, size_t a, size_t b);

/* n objects of `size` bytes, all zero; n = 0 gives a pointer to free, too. */
void *mel_alloc(size_t n, size_t size, struct mel_err *err);

/* n bytes at an address divisible by 64, not cleared. */
void *mel_alloc_aligned(size_t n, struct mel_err *err);

/*
 * Makes room for `need` objects of `size` bytes in the array *items, whose
 * capacity is *cap objects: grows by doubling, keeps the content, does not
 * clear the new part. On failure array and capacity stay as they were.
 */
int mel_reserve(
    void *items, size_t *cap, size_t need, size_t size, struct mel_err *err);

/* Copies of a NUL-terminated string; of its first n bytes (NUL added). */
char *mel_strdup(const char *s, struct mel_err *err);
char *mel_strndup(const char *s, size_t n, struct mel_err *err);

#endif
