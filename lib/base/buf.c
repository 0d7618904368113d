/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

int
mel_buf_add(
    struct mel_buf *buf, const void *bytes, size_t n, struct mel_err *err)
{
	size_t need;

	if (!mel_size_add(&need, buf->len, n) || !mel_size_add(&need, need, 1))
		return mel_fail(err, "out of memory: %zu bytes more", n);
	if (mel_reserve(&buf->data, &buf->cap, need, 1, err))
		return -1;
	if (n)
		memcpy(buf->data + buf->len, bytes, n);
	buf->len += n;
	buf->data[buf->len] = '\0';
	return 0;
}

int
mel_buf_puts(struct mel_buf *buf, const char *s, struct mel_err *err)
{
	return mel_buf_add(buf, s, strlen(s), err);
}

int
mel_buf_printf(struct mel_buf *buf, struct mel_err *err, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return mel_fail(err, "text cannot be formatted");
	if (mel_reserve(
		&buf->data, &buf->cap, buf->len + (size_t)n + 1, 1, err))
		return -1;
	va_start(ap, fmt);
	vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf->len += (size_t)n;
	return 0;
}

void
mel_buf_free(struct mel_buf *buf)
{
	free(buf->data);
	*buf = (struct mel_buf){0};
}
