/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/ark.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "tensor/tensor.h"

#define BLOCK 16384
#define TOKEN 64 /* longest number in text, with its NUL [bytes] */

struct mel_ark {
	mel_read_fn *read;
	void *ctx;
	size_t limit;
	int fd;     /* for mel_ark_open_fd */
	locale_t c; /* numbers have a point whatever the locale */
	struct mel_buf key;
	uint64_t offset; /* of the next byte in the source */
	size_t pos, len; /* what is left of the block */
	unsigned char block[BLOCK];
};

int
mel_ark_open(struct mel_ark **ark, mel_read_fn *read_fn, void *ctx,
    size_t limit, struct mel_err *err)
{
	struct mel_ark *a = mel_alloc(1, sizeof(*a), err);

	if (!a)
		return -1;
	a->read = read_fn;
	a->ctx = ctx;
	a->limit = limit;
	a->c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
	if (!a->c) {
		mel_fail_errno(err, "locale C");
		free(a);
		return -1;
	}
	*ark = a;
	return 0;
}

static ssize_t
read_fd(void *ctx, void *buf, size_t n)
{
	return read(*(int *)ctx, buf, n);
}

int
mel_ark_open_fd(struct mel_ark **ark, int fd, size_t limit, struct mel_err *err)
{
	if (mel_ark_open(ark, read_fd, NULL, limit, err))
		return -1;
	(*ark)->fd = fd;
	(*ark)->ctx = &(*ark)->fd;
	return 0;
}

void
mel_ark_close(struct mel_ark *ark)
{
	if (!ark)
		return;
	mel_buf_free(&ark->key);
	freelocale(ark->c);
	free(ark);
}

/* 1 if a byte is left, 0 at the end, -1. */
static int
fill(struct mel_ark *a, struct mel_err *err)
{
	ssize_t got;

	if (a->pos < a->len)
		return 1;
	do {
		got = a->read(a->ctx, a->block, BLOCK);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return mel_fail_errno(err, "read");
	a->pos = 0;
	a->len = (size_t)got;
	return got > 0;
}

static int
cut(const struct mel_ark *a, struct mel_err *err)
{
	return mel_fail(err, "cut at byte %llu", (unsigned long long)a->offset);
}

/* The next byte, which stays; -1 at an error or, with a message, the end. */
static int
peek(struct mel_ark *a, struct mel_err *err)
{
	int rc = fill(a, err);

	if (rc <= 0)
		return rc ? -1 : cut(a, err);
	return a->block[a->pos];
}

static void
skip(struct mel_ark *a)
{
	a->pos++;
	a->offset++;
}

static int
take(struct mel_ark *a, void *to, size_t n, struct mel_err *err)
{
	unsigned char *p = to;

	while (n) {
		int rc = fill(a, err);
		size_t part = a->len - a->pos;

		if (rc <= 0)
			return rc ? -1 : cut(a, err);
		part = part < n ? part : n;
		memcpy(p, a->block + a->pos, part);
		a->pos += part;
		a->offset += part;
		p += part;
		n -= part;
	}
	return 0;
}

static bool
is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A number as Kaldi writes it: its size in a byte, then its bytes. */
static int
take_int(struct mel_ark *a, int64_t *out, struct mel_err *err)
{
	unsigned char b[5];

	if (take(a, b, sizeof(b), err))
		return -1;
	*out = (int32_t)mel_get_u32le(b + 1);
	if (b[0] == 4 && *out >= 0)
		return 0;
	return mel_fail(
	    err, "damaged before byte %llu", (unsigned long long)a->offset);
}

static int
take_numbers(struct mel_ark *a, enum mel_dtype dtype, int ndim,
    struct mel_tensor *t, struct mel_err *err)
{
	int64_t dim[2];
	size_t bytes;

	for (int i = 0; i < ndim; i++) {
		if (take_int(a, &dim[i], err))
			return -1;
	}
	if (mel_shape_check(dtype, ndim, dim, &bytes, err))
		return -1;
	if (bytes > a->limit)
		return mel_fail(
		    err, "data of %zu bytes: at most %zu", bytes, a->limit);
	if (mel_tensor_room(t, dtype, ndim, dim, err))
		return -1;
	if (!take(a, t->data, bytes, err))
		return 0;
	mel_tensor_free(t);
	return -1;
}

static int
refuse(const char *tag, struct mel_err *err)
{
	if (tag[0] == 4)
		return mel_fail(err, "integers are not supported");
	if (!strncmp(tag, "CM", 2))
		return mel_fail(err,
		    "compressed matrices (CM) are not supported: "
		    "copy-feats --compress=false undoes that");
	if (!strncmp(tag, "SM", 2))
		return mel_fail(err, "sparse matrices are not supported");
	return mel_fail(
	    err, "object of unknown type, neither FM, DM, FV nor DV");
}

static int
take_binary(struct mel_ark *a, struct mel_tensor *t, struct mel_err *err)
{
	char tag[4] = {0};

	/* "\0B" and the type, of which integers have none but a size. */
	if (take(a, tag, 2, err))
		return -1;
	if (tag[1] != 'B')
		return mel_fail(err, "no binary mark at byte %llu",
		    (unsigned long long)a->offset - 2);
	if (take(a, tag, 1, err))
		return -1;
	if (tag[0] == 4)
		return refuse(tag, err);
	if (take(a, tag + 1, 2, err))
		return -1;
	if (!memcmp(tag, "FM ", 3))
		return take_numbers(a, MEL_F32, 2, t, err);
	if (!memcmp(tag, "DM ", 3))
		return take_numbers(a, MEL_F64, 2, t, err);
	if (!memcmp(tag, "FV ", 3))
		return take_numbers(a, MEL_F32, 1, t, err);
	if (!memcmp(tag, "DV ", 3))
		return take_numbers(a, MEL_F64, 1, t, err);
	return refuse(tag, err);
}

/* Rows of text as they are read. */
struct rows {
	float *value;
	size_t n, cap;
	size_t row;     /* elements of the row being read */
	int64_t dim[2]; /* complete rows, their length */
	bool matrix;    /* a line ended inside the brackets */
};

static int
take_number(struct mel_ark *a, struct rows *r, struct mel_err *err)
{
	char token[TOKEN], *end;
	size_t n = 0;
	locale_t old;
	int c;

	while ((c = peek(a, err)) >= 0 && !is_space(c) && c != ']') {
		if (n == TOKEN - 1)
			return mel_fail(err, "no number before byte %llu",
			    (unsigned long long)a->offset);
		token[n++] = (char)c;
		skip(a);
	}
	if (c < 0)
		return -1;
	token[n] = '\0';
	if ((r->n + 1) * sizeof(float) > a->limit)
		return mel_fail(err, "more than %zu bytes", a->limit);
	if (mel_reserve(&r->value, &r->cap, r->n + 1, sizeof(float), err))
		return -1;
	old = uselocale(a->c);
	r->value[r->n++] = strtof(token, &end);
	uselocale(old);
	r->row++;
	if (end != token + n)
		return mel_fail(err, "\"%s\" is no number", token);
	return 0;
}

static int
end_row(struct rows *r, struct mel_err *err)
{
	if (!r->row)
		return 0;
	if (r->dim[0] && (size_t)r->dim[1] != r->row)
		return mel_fail(err, "row %lld of %zu numbers behind %lld",
		    (long long)r->dim[0], r->row, (long long)r->dim[1]);
	r->dim[0]++;
	r->dim[1] = (int64_t)r->row;
	r->row = 0;
	return 0;
}

static int
take_rows(struct mel_ark *a, struct rows *r, struct mel_err *err)
{
	int c;

	while ((c = peek(a, err)) >= 0 && c != ']') {
		if (!is_space(c)) {
			if (take_number(a, r, err))
				return -1;
			continue;
		}
		skip(a);
		if (c != '\n')
			continue;
		r->matrix = true;
		if (end_row(r, err))
			return -1;
	}
	if (c < 0)
		return -1;
	skip(a);
	return end_row(r, err);
}

static int
take_text(struct mel_ark *a, struct mel_tensor *t, struct mel_err *err)
{
	struct rows r = {0};
	bool vector;
	int rc, c;

	while ((c = peek(a, err)) >= 0 && is_space(c) && c != '\n')
		skip(a);
	if (c < 0)
		return -1;
	if (c != '[')
		return mel_fail(err, "'[' expected at byte %llu",
		    (unsigned long long)a->offset);
	skip(a);
	rc = take_rows(a, &r, err);
	if (!rc) {
		vector = !r.matrix && r.n;
		rc = mel_tensor_new(t, MEL_F32, vector ? 1 : 2,
		    vector ? &r.dim[1] : r.dim, err);
	}
	if (!rc && r.n)
		memcpy(t->data, r.value, r.n * sizeof(float));
	free(r.value);
	return rc;
}

int
mel_ark_object(struct mel_ark *a, struct mel_tensor *t, struct mel_err *err)
{
	int c = peek(a, err);

	if (c < 0)
		return -1;
	return c ? take_text(a, t, err) : take_binary(a, t, err);
}

/* White space before a key; 1 if something follows, 0 at the end, -1. */
static int
skip_space(struct mel_ark *a, struct mel_err *err)
{
	int rc;

	while ((rc = fill(a, err)) > 0 && is_space(a->block[a->pos]))
		skip(a);
	return rc;
}

static int
take_key(struct mel_ark *a, struct mel_err *err)
{
	int c;

	a->key.len = 0;
	while ((c = peek(a, err)) > 0 && !is_space(c)) {
		char byte = (char)c;

		if (a->key.len == MEL_ARK_KEY)
			return mel_fail(
			    err, "key longer than %d bytes", MEL_ARK_KEY);
		if (mel_buf_add(&a->key, &byte, 1, err))
			return -1;
		skip(a);
	}
	if (c < 0)
		return -1;
	if (!c || mel_utf8_valid(a->key.data, a->key.len) < a->key.len)
		return mel_fail(err, "no key before byte %llu",
		    (unsigned long long)a->offset);
	if (c != '\n')
		skip(a);
	return 0;
}

int
mel_ark_next(struct mel_ark *a, const char **key, struct mel_tensor *t,
    struct mel_err *err)
{
	int rc = skip_space(a, err);

	if (rc <= 0)
		return rc;
	if (take_key(a, err))
		return -1;
	if (mel_ark_object(a, t, err))
		return mel_fail_in(err, "entry \"%.80s\"", a->key.data);
	*key = a->key.data;
	return 1;
}
