/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_ERR_H
#define MEL_BASE_ERR_H

/*
 * Errors of the whole library.
 *
 * A function that can fail returns 0 (or a pointer, or a count) on success
 * and -1 (or NULL) on failure, and writes one line without a newline into the
 * caller's struct mel_err. The line is fit to show as it stands: it names the
 * file or stream, the place in it and the cause. The library never prints.
 *
 * Every `struct mel_err *err` in the library may be NULL: the message is then
 * dropped. Nothing is written there on success. A mistake of the programmer
 * is an assert(), not an error.
 */

#define MEL_ERR_SIZE 512 /* [bytes], longer messages are cut */

struct mel_err {
	char msg[MEL_ERR_SIZE]; /* NUL-terminated, no newline */
};

/* Writes the message and returns -1, so that `return mel_fail(...)` reads. */
int mel_fail(struct mel_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with ": " and strerror(errno) behind it. */
int mel_fail_errno(struct mel_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The failure of a library that does not tell bad input from a lack of memory:
 * "out of memory" if errno is ENOMEM, else the message. errno must have been 0
 * when the library was called.
 */
int mel_fail_library(struct mel_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "WHERE: " in front of the message that is there, and returns -1. */
int mel_fail_in(struct mel_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
