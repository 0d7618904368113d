/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/utf8.h"

enum {
	MAX_SYMBOLS = 65536,
	MAX_BYTES = 64, /* of one symbol */
	MAX_FILE = 1 << 22,
};

struct entry {
	const char *name; /* in text */
	size_t len;
	int64_t id;
};

struct mel_symbols {
	char *path;
	struct mel_buf text;   /* the file, ends of lines made NUL */
	struct entry *by_id;   /* [n] */
	struct entry *by_name; /* [n], sorted */
	size_t n, cap;
	size_t longest; /* [bytes] */
};

static int
compare(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int c = memcmp(a->name, b->name, a->len < b->len ? a->len : b->len);

	if (c)
		return c;
	return (a->len > b->len) - (a->len < b->len);
}

static int
check(const char *s, size_t len, struct mel_err *err)
{
	if (!len)
		return mel_fail(err, "empty line");
	if (len > MAX_BYTES)
		return mel_fail(err, "symbol of more than %d bytes", MAX_BYTES);
	if (mel_utf8_valid(s, len) < len)
		return mel_fail(err, "not UTF-8");
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return mel_fail(err, "control character");
	}
	return 0;
}

static int
add(struct mel_symbols *t, char *s, size_t len, struct mel_err *err)
{
	if (len && s[len - 1] == '\r')
		len--;
	if (check(s, len, err))
		return -1;
	if (t->n == MAX_SYMBOLS)
		return mel_fail(err, "more than %d symbols", MAX_SYMBOLS);
	if (mel_reserve(&t->by_id, &t->cap, t->n + 1, sizeof(*t->by_id), err))
		return -1;
	s[len] = '\0';
	t->by_id[t->n] = (struct entry){s, len, (int64_t)t->n};
	t->n++;
	if (len > t->longest)
		t->longest = len;
	return 0;
}

static int
split(struct mel_symbols *t, struct mel_err *err)
{
	char *s = t->text.data, *end = s + t->text.len, *stop;

	if (t->text.len >= 3 && !memcmp(s, "\xef\xbb\xbf", 3))
		s += 3;
	for (; s < end; s = stop + 1) {
		stop = memchr(s, '\n', (size_t)(end - s));
		if (!stop)
			stop = end;
		if (add(t, s, (size_t)(stop - s), err))
			return mel_fail_in(err, "%s:%zu", t->path, t->n + 1);
	}
	if (!t->n)
		return mel_fail(err, "%s: no symbols", t->path);
	return 0;
}

static int
sort(struct mel_symbols *t, struct mel_err *err)
{
	const struct entry *e;

	t->by_name = mel_alloc(t->n, sizeof(*t->by_name), err);
	if (!t->by_name)
		return -1;
	memcpy(t->by_name, t->by_id, t->n * sizeof(*t->by_name));
	qsort(t->by_name, t->n, sizeof(*t->by_name), compare);
	e = t->by_name;
	for (size_t i = 1; i < t->n; i++) {
		int64_t a = e[i - 1].id, b = e[i].id;

		if (compare(&e[i - 1], &e[i]))
			continue;
		return mel_fail(err, "%s:%lld: \"%s\" is on line %lld, too",
		    t->path, (long long)(a > b ? a : b) + 1, e[i].name,
		    (long long)(a < b ? a : b) + 1);
	}
	return 0;
}

int
mel_symbols_load(
    struct mel_symbols **symbols, const char *path, struct mel_err *err)
{
	struct mel_symbols *t = mel_alloc(1, sizeof(*t), err);

	*symbols = NULL;
	if (!t)
		return -1;
	t->path = mel_strdup(path, err);
	if (!t->path || mel_read_file(path, MAX_FILE, &t->text, err) ||
	    split(t, err) || sort(t, err)) {
		mel_symbols_free(t);
		return -1;
	}
	*symbols = t;
	return 0;
}

void
mel_symbols_free(struct mel_symbols *t)
{
	if (!t)
		return;
	free(t->path);
	mel_buf_free(&t->text);
	free(t->by_id);
	free(t->by_name);
	free(t);
}

int64_t
mel_symbols_count(const struct mel_symbols *t)
{
	return (int64_t)t->n;
}

const char *
mel_symbols_path(const struct mel_symbols *t)
{
	return t->path;
}

const char *
mel_symbols_name(const struct mel_symbols *t, int64_t id)
{
	return id >= 0 && id < (int64_t)t->n ? t->by_id[id].name : NULL;
}

int64_t
mel_symbols_id(const struct mel_symbols *t, const char *name, size_t len)
{
	struct entry key = {.name = name, .len = len};
	const struct entry *e =
	    bsearch(&key, t->by_name, t->n, sizeof(*t->by_name), compare);

	return e ? e->id : -1;
}

int64_t
mel_symbols_match(
    const struct mel_symbols *t, const char *s, size_t n, size_t *used)
{
	size_t len = 0, step;
	int64_t id, best = -1;

	mel_utf8_next(s, n, used);
	/* This may cut a code point; its parts match no symbol. */
	if (n > t->longest)
		n = t->longest;
	while (len < n) {
		mel_utf8_next(s + len, n - len, &step);
		len += step;
		id = mel_symbols_id(t, s, len);
		if (id < 0)
			continue;
		best = id;
		*used = len;
	}
	return best;
}
