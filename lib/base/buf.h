/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_BUF_H
#define MEL_BASE_BUF_H

#include <stddef.h>

struct mel_err;

/*
 * A growing byte string. Starts as {0}; `data` is owned by the buffer, always
 * NUL-terminated once anything was appended, and moves when it grows.
 */
struct mel_buf {
	char *data; /* [len] and a NUL, or NULL while nothing was appended */
	size_t len; /* [bytes] */
	size_t cap; /* [bytes] */
};

int mel_buf_add(
    struct mel_buf *buf, const void *bytes, size_t n, struct mel_err *err);
int mel_buf_puts(struct mel_buf *buf, const char *s, struct mel_err *err);
int mel_buf_printf(struct mel_buf *buf, struct mel_err *err, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* Gives up the memory; the buffer is {0} again. */
void mel_buf_free(struct mel_buf *buf);

#endif
