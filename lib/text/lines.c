/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/utf8.h"

void
mel_lines_open(struct mel_lines *l, int fd, bool keys)
{
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->keys = keys;
}

void
mel_lines_close(struct mel_lines *l)
{
	mel_buf_free(&l->key);
	mel_buf_free(&l->text);
}

int
mel_lines_check(const char *text, size_t n, struct mel_err *err)
{
	size_t valid;

	if (memchr(text, '\0', n))
		return mel_fail(err, "NUL in the text");
	valid = mel_utf8_valid(text, n);
	if (valid < n)
		return mel_fail(
		    err, "not UTF-8 at byte %zu of the line", valid + 1);
	return 0;
}

/* More bytes: 1, 0 at the end, -1. */
static int
fill(struct mel_lines *l, struct mel_err *err)
{
	ssize_t got;

	do {
		got = read(l->fd, l->buffer, sizeof(l->buffer));
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return mel_fail_errno(err, "read");
	l->pos = 0;
	l->len = (size_t)got;
	l->ended = !got;
	return got > 0;
}

/*
 * One line into text, without its LF; *whole is its length, of which text
 * holds no more than the limit.
 */
static int
read_line(struct mel_lines *l, size_t *whole, struct mel_err *err)
{
	bool done = false, some = false;

	l->text.len = 0;
	*whole = 0;
	while (!done) {
		const unsigned char *start, *lf;
		size_t n;

		if (l->pos == l->len) {
			int rc = l->ended ? 0 : fill(l, err);

			if (rc <= 0)
				return rc ? -1 : some;
		}
		some = true;
		start = l->buffer + l->pos;
		lf = memchr(start, '\n', l->len - l->pos);
		n = lf ? (size_t)(lf - start) : l->len - l->pos;
		done = lf != NULL;
		l->pos += n + done;
		*whole += n;
		if (l->text.len + n <= MEL_LINE_LIMIT &&
		    mel_buf_add(&l->text, start, n, err))
			return -1;
	}
	return 1;
}

static void
cut_front(struct mel_buf *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}

static bool
is_blank(const struct mel_buf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		if (!strchr(" \t\v\f\r", b->data[i]) || !b->data[i])
			return false;
	}
	return true;
}

/* Splits "key|text"; without --keys the key is the number. */
static int
take_key(struct mel_lines *l, struct mel_err *fault, struct mel_err *err)
{
	const char *bar = NULL;

	l->key.len = 0;
	if (l->keys)
		bar = memchr(l->text.data, '|', l->text.len);
	if (!l->keys || !bar || bar == l->text.data) {
		if (l->keys)
			mel_fail(fault, "no key: key|text is wanted");
		return mel_buf_printf(&l->key, err, "%06" PRIu64, l->number);
	}
	if (mel_buf_add(
		&l->key, l->text.data, (size_t)(bar - l->text.data), err))
		return -1;
	cut_front(&l->text, (size_t)(bar - l->text.data) + 1);
	if (mel_lines_check(l->key.data, l->key.len, fault)) {
		mel_fail_in(fault, "key");
		l->key.len = 0;
		return mel_buf_printf(&l->key, err, "%06" PRIu64, l->number);
	}
	return 0;
}

int
mel_lines_next(struct mel_lines *l, struct mel_err *fault, struct mel_err *err)
{
	size_t whole;
	int rc;

	fault->msg[0] = '\0';
	do {
		rc = read_line(l, &whole, err);
		if (rc <= 0)
			return rc;
		l->number++;
		/* Something to point at even in an empty line. */
		if (mel_buf_add(&l->text, "", 0, err))
			return -1;
		if (l->number == 1 && l->text.len >= 3 &&
		    !memcmp(l->text.data, "\xef\xbb\xbf", 3))
			cut_front(&l->text, 3);
		if (l->text.len && l->text.data[l->text.len - 1] == '\r')
			l->text.data[--l->text.len] = '\0';
	} while (whole <= MEL_LINE_LIMIT && is_blank(&l->text));
	if (take_key(l, fault, err))
		return -1;
	if (whole > MEL_LINE_LIMIT)
		mel_fail(fault, "a line of %zu bytes, the limit is %u", whole,
		    MEL_LINE_LIMIT);
	else if (!fault->msg[0])
		mel_lines_check(l->text.data, l->text.len, fault);
	return 1;
}
