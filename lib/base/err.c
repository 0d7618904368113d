/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message is one line whatever a file name or a text in it contains. */
static void
one_line(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = ' ';
	}
}

int
mel_fail(struct mel_err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	one_line(err->msg);
	return -1;
}

int
mel_fail_library(struct mel_err *err, const char *fmt, ...)
{
	va_list ap;

	if (errno == ENOMEM)
		return mel_fail(err, "out of memory");
	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	one_line(err->msg);
	return -1;
}

int
mel_fail_errno(struct mel_err *err, const char *fmt, ...)
{
	char space[128];
	const char *why;
	va_list ap;
	size_t len;

	if (!err)
		return -1;
	why = strerror_r(errno, space, sizeof(space)); /* GNU's */
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", why);
	one_line(err->msg);
	return -1;
}

int
mel_fail_in(struct mel_err *err, const char *fmt, ...)
{
	char old[MEL_ERR_SIZE];
	va_list ap;
	size_t len;

	if (!err)
		return -1;
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", old);
	one_line(err->msg);
	return -1;
}
