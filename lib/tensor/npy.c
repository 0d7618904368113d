/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/npy.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "tensor/tensor.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "elements are read and written as they lie in memory");

#define MAGIC     "\x93NUMPY"
#define MAGIC_LEN 6
#define PREFIX    8 /* magic and version [bytes] */

struct header {
	enum mel_dtype dtype;
	int ndim;
	int64_t dim[MEL_MAX_DIMS];
	bool fortran; /* the first axis is the one that changes fastest */
};

static const struct {
	const char *descr;
	enum mel_dtype dtype;
} types[] = {
    {"<f4", MEL_F32},
    {"<f8", MEL_F64},
    {"<f2", MEL_F16},
    {"<i8", MEL_I64},
    {"<i4", MEL_I32},
    {"<i2", MEL_I16},
    {"|u1", MEL_U8},
    {"|b1", MEL_BOOL},
    {"<u1", MEL_U8},
    {"<b1", MEL_BOOL},
};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

/* The header's text and how far it is read. */
struct text {
	const char *s;
	size_t n;
	size_t pos;
};

static void
skip_space(struct text *t)
{
	while (t->pos < t->n && (t->s[t->pos] == ' ' || t->s[t->pos] == '\t'))
		t->pos++;
}

static bool
accept(struct text *t, char c)
{
	skip_space(t);
	if (t->pos == t->n || t->s[t->pos] != c)
		return false;
	t->pos++;
	return true;
}

static int
expect(struct text *t, char c, struct mel_err *err)
{
	if (accept(t, c))
		return 0;
	return mel_fail(err, "header byte %zu: '%c' expected", t->pos, c);
}

/* A quoted string without escapes, shorter than size. */
static int
parse_string(struct text *t, char *out, size_t size, struct mel_err *err)
{
	char quote = accept(t, '"') ? '"' : '\'';
	size_t len = 0;

	if (quote == '\'' && expect(t, quote, err))
		return -1;
	while (t->pos < t->n && t->s[t->pos] != quote) {
		if (t->s[t->pos] == '\\' || len + 1 == size)
			return mel_fail(err,
			    "header byte %zu: a string that does not belong",
			    t->pos);
		out[len++] = t->s[t->pos++];
	}
	out[len] = '\0';
	return expect(t, quote, err);
}

static int
parse_descr(struct text *t, struct header *h, struct mel_err *err)
{
	char descr[16];

	if (accept(t, '['))
		return mel_fail(err, "arrays of structures are not supported");
	if (parse_string(t, descr, sizeof(descr), err))
		return -1;
	for (size_t i = 0; i < N_TYPES; i++) {
		if (!strcmp(descr, types[i].descr)) {
			h->dtype = types[i].dtype;
			return 0;
		}
	}
	if (descr[0] == '>')
		return mel_fail(
		    err, "big endian elements (%s) are not supported", descr);
	if (!strcmp(descr, "|O"))
		return mel_fail(err, "arrays of objects are not supported");
	return mel_fail(err,
	    "elements of type \"%s\" are not supported, only "
	    "f4 f8 f2 i8 i4 i2 u1 b1",
	    descr);
}

static int
parse_order(struct text *t, struct header *h, struct mel_err *err)
{
	static const char *const words[] = {"False", "True"};

	skip_space(t);
	for (int i = 0; i < 2; i++) {
		size_t n = strlen(words[i]);

		if (t->n - t->pos < n || memcmp(t->s + t->pos, words[i], n))
			continue;
		t->pos += n;
		h->fortran = i;
		return 0;
	}
	return mel_fail(err, "header byte %zu: True or False expected", t->pos);
}

static int
parse_length(struct text *t, int64_t *out, struct mel_err *err)
{
	size_t start;
	int64_t v = 0;

	skip_space(t);
	start = t->pos;
	for (; t->pos < t->n; t->pos++) {
		char c = t->s[t->pos];

		if (c < '0' || c > '9')
			break;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, c - '0', &v))
			return mel_fail(
			    err, "header byte %zu: too large", t->pos);
	}
	if (t->pos == start)
		return mel_fail(err, "header byte %zu: length expected", start);
	*out = v;
	return 0;
}

static int
parse_shape(struct text *t, struct header *h, struct mel_err *err)
{
	if (expect(t, '(', err))
		return -1;
	while (!accept(t, ')')) {
		if (h->ndim == MEL_MAX_DIMS)
			return mel_fail(err,
			    "more than %d axes are not supported",
			    MEL_MAX_DIMS);
		if (parse_length(t, &h->dim[h->ndim++], err))
			return -1;
		if (!accept(t, ','))
			return expect(t, ')', err);
	}
	return 0;
}

/* seen: one bit for each of the three keys, all must come once. */
static int
parse_entry(
    struct text *t, struct header *h, unsigned *seen, struct mel_err *err)
{
	static const char *const names[] = {"descr", "fortran_order", "shape"};
	char key[16];
	unsigned k = 0;

	if (parse_string(t, key, sizeof(key), err) || expect(t, ':', err))
		return -1;
	while (k < 3 && strcmp(key, names[k]))
		k++;
	if (k == 3)
		return mel_fail(err, "header: unknown key \"%s\"", key);
	if (*seen & 1u << k)
		return mel_fail(err, "header: \"%s\" twice", key);
	*seen |= 1u << k;
	if (k == 0)
		return parse_descr(t, h, err);
	return k == 1 ? parse_order(t, h, err) : parse_shape(t, h, err);
}

static int
parse_text(const void *text, size_t len, struct header *h, struct mel_err *err)
{
	struct text t = {.s = text, .n = len};
	unsigned seen = 0;

	*h = (struct header){0};
	if (expect(&t, '{', err))
		return -1;
	while (!accept(&t, '}')) {
		if (parse_entry(&t, h, &seen, err))
			return -1;
		if (accept(&t, ','))
			continue;
		if (expect(&t, '}', err))
			return -1;
		break;
	}
	if (seen != 7)
		return mel_fail(
		    err, "header without descr, fortran_order or shape");
	accept(&t, '\n');
	if (t.pos != t.n)
		return mel_fail(
		    err, "header byte %zu: nothing expected", t.pos);
	return 0;
}

bool
mel_npy_ahead(int fd)
{
	char magic[MAGIC_LEN];
	off_t at = lseek(fd, 0, SEEK_CUR);

	return at >= 0 && pread(fd, magic, MAGIC_LEN, at) == MAGIC_LEN &&
	       !memcmp(magic, MAGIC, MAGIC_LEN);
}

/*
 * From the prefix: how long the number behind it is that holds the length of
 * the text [2 or 4 bytes].
 */
static int
check_prefix(
    const unsigned char prefix[PREFIX], size_t *width, struct mel_err *err)
{
	if (memcmp(prefix, MAGIC, MAGIC_LEN))
		return mel_fail(err, "not a .npy file");
	if (prefix[6] < 1 || prefix[6] > 3 || prefix[7])
		return mel_fail(err, ".npy version %d.%d is not supported",
		    prefix[6], prefix[7]);
	*width = prefix[6] == 1 ? 2 : 4;
	return 0;
}

static int
text_length(
    const unsigned char *p, size_t width, size_t *len, struct mel_err *err)
{
	*len = width == 2 ? mel_get_u16le(p) : mel_get_u32le(p);
	if (*len > MEL_NPY_HEADER)
		return mel_fail(err, "header of %zu bytes: at most %d", *len,
		    MEL_NPY_HEADER);
	return 0;
}

/* A byte that is neither 0 nor 1 would break what MEL_BOOL promises. */
static int
check_bools(const struct mel_tensor *t, struct mel_err *err)
{
	const unsigned char *p = t->data;
	size_t n = t->dtype == MEL_BOOL ? mel_tensor_count(t) : 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] > 1)
			return mel_fail(
			    err, "element %zu: %d is no truth value", i, p[i]);
	}
	return 0;
}

static int
new_tensor(struct mel_tensor *t, const struct header *h, size_t limit,
    struct mel_err *err)
{
	size_t bytes;

	if (mel_shape_check(h->dtype, h->ndim, h->dim, &bytes, err))
		return -1;
	if (bytes > limit)
		return mel_fail(
		    err, "data of %zu bytes: at most %zu", bytes, limit);
	return mel_tensor_room(t, h->dtype, h->ndim, h->dim, err);
}

/* NumPy saves a.T of an array a so: what it is a view of, with axes reversed.
 */
static int
to_c_order(struct mel_tensor *t, struct mel_err *err)
{
	size_t size = mel_dtype_size(t->dtype), n = mel_tensor_count(t);
	size_t step[MEL_MAX_DIMS], last = 1, at = 0;
	int64_t index[MEL_MAX_DIMS] = {0};
	struct mel_tensor c;

	if (mel_tensor_room(&c, t->dtype, t->ndim, t->dim, err))
		return -1;
	for (int d = 0; d < t->ndim; d++) {
		step[d] = last;
		last *= (size_t)t->dim[d];
	}
	for (size_t i = 0; i < n; i++) {
		memcpy((char *)c.data + i * size, (char *)t->data + at * size,
		    size);
		for (int d = t->ndim; d-- > 0;) {
			at += step[d];
			if (++index[d] < t->dim[d])
				break;
			at -= step[d] * (size_t)t->dim[d];
			index[d] = 0;
		}
	}
	mel_tensor_free(t);
	*t = c;
	return 0;
}

/* The data is read; on failure t is released. */
static int
finish(struct mel_tensor *t, const struct header *h, struct mel_err *err)
{
	if (!check_bools(t, err) && (!h->fortran || !to_c_order(t, err)))
		return 0;
	mel_tensor_free(t);
	return -1;
}

static int
parse_header(struct mel_cursor *c, struct header *h, struct mel_err *err)
{
	const uint8_t *p = mel_cursor_take(c, PREFIX);
	size_t width, len;

	if (!p)
		return mel_fail(err, "not a .npy file");
	if (check_prefix(p, &width, err))
		return -1;
	p = mel_cursor_take(c, width);
	if (!p)
		return mel_fail(err, "cut inside the header");
	if (text_length(p, width, &len, err))
		return -1;
	p = mel_cursor_take(c, len);
	if (!p)
		return mel_fail(err, "cut inside the header");
	return parse_text(p, len, h, err);
}

static int
cut(size_t have, size_t want, struct mel_err *err)
{
	return mel_fail(err, "cut: %zu of %zu data bytes", have, want);
}

int
mel_npy_parse(struct mel_tensor *t, const void *bytes, size_t len, size_t *used,
    struct mel_err *err)
{
	struct mel_cursor c = {bytes, (const uint8_t *)bytes + len};
	struct header h;
	size_t need;

	if (parse_header(&c, &h, err) ||
	    mel_shape_check(h.dtype, h.ndim, h.dim, &need, err))
		return -1;
	if (need > mel_cursor_left(&c))
		return cut(mel_cursor_left(&c), need, err);
	if (new_tensor(t, &h, need, err))
		return -1;
	memcpy(t->data, mel_cursor_take(&c, need), need);
	*used = len - mel_cursor_left(&c);
	return finish(t, &h, err);
}

/* Like mel_read_full, but fewer than n bytes is a failure. */
static int
read_exactly(int fd, void *buf, size_t n, struct mel_err *err)
{
	ssize_t got = mel_read_full(fd, buf, n, err);

	if (got < 0)
		return -1;
	if ((size_t)got < n)
		return mel_fail(err, "cut inside the header");
	return 0;
}

static int
read_header(int fd, const unsigned char prefix[PREFIX], struct header *h,
    struct mel_err *err)
{
	unsigned char number[4];
	size_t width, len;
	char *text;
	int rc;

	if (check_prefix(prefix, &width, err) ||
	    read_exactly(fd, number, width, err) ||
	    text_length(number, width, &len, err))
		return -1;
	text = mel_alloc(len, 1, err);
	if (!text)
		return -1;
	rc = read_exactly(fd, text, len, err) || parse_text(text, len, h, err);
	free(text);
	return rc ? -1 : 0;
}

int
mel_npy_read(struct mel_tensor *t, int fd, size_t limit, struct mel_err *err)
{
	unsigned char prefix[PREFIX];
	struct header h;
	ssize_t got = mel_read_full(fd, prefix, PREFIX, err);
	size_t need;

	if (got <= 0)
		return (int)got;
	if (got < PREFIX)
		return mel_fail(err, "not a .npy file");
	if (read_header(fd, prefix, &h, err) || new_tensor(t, &h, limit, err))
		return -1;
	need = mel_tensor_bytes(t);
	got = mel_read_full(fd, t->data, need, err);
	if (got >= 0 && (size_t)got < need)
		got = cut((size_t)got, need, err);
	if (got < 0) {
		mel_tensor_free(t);
		return -1;
	}
	return finish(t, &h, err) ? -1 : 1;
}

int
mel_npy_read_only(
    struct mel_tensor *t, int fd, size_t limit, struct mel_err *err)
{
	char more;
	ssize_t got = mel_npy_read(t, fd, limit, err);

	if (got < 0)
		return -1;
	if (!got)
		return mel_fail(err, "empty: not a .npy file");
	got = mel_read_full(fd, &more, 1, err);
	if (!got)
		return 0;
	mel_tensor_free(t);
	return got < 0 ? -1 : mel_fail(err, "bytes behind the array");
}

int
mel_npy_load(
    struct mel_tensor *t, const char *path, size_t limit, struct mel_err *err)
{
	int fd, rc;

	if (!strcmp(path, "-")) {
		rc = mel_npy_read_only(t, STDIN_FILENO, limit, err);
		return rc ? mel_fail_in(err, "standard input") : 0;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return mel_fail_errno(err, "%s", path);
	rc = mel_npy_read_only(t, fd, limit, err);
	close(fd);
	return rc ? mel_fail_in(err, "%s", path) : 0;
}

static int
write_shape(
    const struct mel_tensor *t, struct mel_buf *buf, struct mel_err *err)
{
	for (int i = 0; i < t->ndim; i++) {
		/* A tuple of one has its comma. */
		if (mel_buf_printf(buf, err, "%s%lld%s", i ? ", " : "",
			(long long)t->dim[i], t->ndim == 1 ? "," : ""))
			return -1;
	}
	return 0;
}

/* Magic, version, length, text; padded to 64 bytes, newline last. */
static int
write_header(
    const struct mel_tensor *t, struct mel_buf *buf, struct mel_err *err)
{
	size_t i = 0, pad;

	while (i < N_TYPES && types[i].dtype != t->dtype)
		i++;
	if (i == N_TYPES)
		return mel_fail(
		    err, "%s has no .npy type", mel_dtype_name(t->dtype));
	if (mel_buf_add(buf, MAGIC "\x01\0\0\0", PREFIX + 2, err) ||
	    mel_buf_printf(buf, err,
		"{'descr': '%s', 'fortran_order': False, 'shape': (",
		types[i].descr) ||
	    write_shape(t, buf, err) || mel_buf_puts(buf, "), }", err))
		return -1;
	pad = 63 - buf->len % 64;
	if (mel_buf_printf(buf, err, "%*s\n", (int)pad, ""))
		return -1;
	mel_put_u16le(buf->data + PREFIX, (uint16_t)(buf->len - PREFIX - 2));
	return 0;
}

int
mel_npy_write(int fd, const struct mel_tensor *t, struct mel_err *err)
{
	struct mel_buf header = {0};
	int rc = write_header(t, &header, err);

	if (!rc)
		rc = mel_write_full(fd, header.data, header.len, err);
	if (!rc)
		rc = mel_write_full(fd, t->data, mel_tensor_bytes(t), err);
	mel_buf_free(&header);
	return rc;
}

int
mel_npy_save(const char *path, const struct mel_tensor *t, struct mel_err *err)
{
	struct mel_outfile out;

	if (mel_outfile_open(&out, path, err))
		return -1;
	if (mel_npy_write(out.fd, t, err)) {
		mel_outfile_abort(&out);
		return mel_fail_in(err, "%s", path);
	}
	return mel_outfile_commit(&out, err);
}
