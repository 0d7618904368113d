/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/*
 * The message, and behind, if not NULL, ": " and that. It is one line whatever
 * a file name or a text in it contains.
 */
__attribute__((format(printf, 2, 0))) static void
say(struct mel_err *err, const char *fmt, va_list ap, const char *behind)
{
	size_t len;

	if (!err)
		return;
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	len = strlen(err->msg);
	if (behind)
		snprintf(
		    err->msg + len, sizeof(err->msg) - len, ": %s", behind);
	mel_utf8_plain(err->msg, "", ' ');
}

int
mel_fail(struct mel_err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(err, fmt, ap, NULL);
	va_end(ap);
	return -1;
}

int
mel_fail_library(struct mel_err *err, const char *fmt, ...)
{
	va_list ap;

	if (errno == ENOMEM)
		return mel_fail(err, "out of memory");
	va_start(ap, fmt);
	say(err, fmt, ap, NULL);
	va_end(ap);
	return -1;
}

int
mel_fail_errno(struct mel_err *err, const char *fmt, ...)
{
	char space[128];
	const char *why = strerror_r(errno, space, sizeof(space)); /* GNU's */
	va_list ap;

	va_start(ap, fmt);
	say(err, fmt, ap, why);
	va_end(ap);
	return -1;
}

int
mel_fail_in(struct mel_err *err, const char *fmt, ...)
{
	char old[MEL_ERR_SIZE];
	va_list ap;

	if (!err)
		return -1;
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	say(err, fmt, ap, old);
	va_end(ap);
	return -1;
}
