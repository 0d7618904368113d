/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TEXT_LINES_H
#define MEL_TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct mel_err;

/*
 * Utterances from lines of text: a byte order mark at the start and a CR
 * before LF are removed, lines of white space alone are skipped, the last
 * line needs no LF. Lines are handed out as soon as they are complete.
 */

#define MEL_LINE_LIMIT (4u << 20) /* longest line [bytes] */

struct mel_lines {
	int fd;              /* the caller's */
	bool keys;           /* lines are "key|text" */
	uint64_t number;     /* of the present line, from 1 */
	struct mel_buf key;  /* its key: as given, or the number, 6 digits */
	struct mel_buf text; /* its text; may be wrong, see mel_lines_next */

	unsigned char buffer[65536]; /* private from here on */
	size_t pos, len;
	bool ended;
};

void mel_lines_open(struct mel_lines *lines, int fd, bool keys);

/*
 * The next line. Returns 1; 0 at the end; -1 if reading failed. *fault is
 * empty, or says why this line cannot be spoken (no UTF-8, NUL, too long,
 * no key); reading can go on.
 */
int mel_lines_next(
    struct mel_lines *lines, struct mel_err *fault, struct mel_err *err);

void mel_lines_close(struct mel_lines *lines);

/* Whether a text can be spoken: UTF-8 without NUL. -1: why not. */
int mel_lines_check(const char *text, size_t n, struct mel_err *err);

#endif
