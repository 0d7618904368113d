/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/io.h"
#include "tensor/ark.h"
#include "tensor/convert.h"
#include "tensor/tensor.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "numbers are written as they lie in memory");

#define EXACT (1ll << 53) /* whole numbers a double holds */

int
mel_ark_check(const char *key, const struct mel_tensor *t, struct mel_err *err)
{
	size_t n = mel_tensor_count(t);

	if (!*key || strpbrk(key, " \t\n\r\v\f"))
		return mel_fail(err, "key \"%s\": none for Kaldi", key);
	if (t->ndim > 2)
		return mel_fail(
		    err, "%d axes: a Kaldi matrix has two", t->ndim);
	for (int i = 0; i < t->ndim; i++) {
		if (t->dim[i] > INT32_MAX)
			return mel_fail(err, "axis %d: too long for Kaldi", i);
	}
	for (size_t i = 0; t->dtype == MEL_I64 && i < n; i++) {
		int64_t v = ((const int64_t *)t->data)[i];

		if (v > EXACT || v < -EXACT)
			return mel_fail(
			    err, "%lld: Kaldi has doubles only", (long long)v);
	}
	return 0;
}

static int
put_int(struct mel_buf *b, int64_t v, struct mel_err *err)
{
	unsigned char bytes[5] = {4};

	mel_put_u32le(bytes + 1, (uint32_t)v);
	return mel_buf_add(b, bytes, sizeof(bytes), err);
}

static int
put_binary(struct mel_buf *b, const struct mel_tensor *t, struct mel_err *err)
{
	bool wide = t->dtype == MEL_F64, empty = !mel_tensor_count(t);
	int64_t rows = t->ndim ? t->dim[0] : 1;

	if (mel_buf_add(b, "\0B", 2, err) ||
	    mel_buf_puts(b, wide ? "D" : "F", err) ||
	    mel_buf_puts(b, t->ndim == 2 ? "M " : "V ", err) ||
	    put_int(b, empty ? 0 : rows, err))
		return -1;
	if (t->ndim == 2 && put_int(b, empty ? 0 : t->dim[1], err))
		return -1;
	return mel_buf_add(b, t->data, mel_tensor_bytes(t), err);
}

static int
put_number(struct mel_buf *b, const struct mel_tensor *t, size_t i,
    struct mel_err *err)
{
	return mel_buf_printf(b, err, "%.*g ", t->dtype == MEL_F64 ? 17 : 9,
	    mel_tensor_value(t, i));
}

/* The layout of Kaldi's own Write, down to the spaces. */
static int
put_text(struct mel_buf *b, const struct mel_tensor *t, struct mel_err *err)
{
	size_t n = mel_tensor_count(t);
	size_t width = t->ndim == 2 ? (size_t)t->dim[1] : 0;

	if (mel_buf_puts(b, width && n ? " [" : " [ ", err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (width && i % width == 0 && mel_buf_puts(b, "\n  ", err))
			return -1;
		if (put_number(b, t, i, err))
			return -1;
	}
	return mel_buf_puts(b, "]\n", err);
}

/* Numbers have a point whatever the locale. */
static int
put_text_in_c(
    struct mel_buf *b, const struct mel_tensor *t, struct mel_err *err)
{
	locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), old;
	int rc;

	if (!c)
		return mel_fail_errno(err, "locale C");
	old = uselocale(c);
	rc = put_text(b, t, err);
	uselocale(old);
	freelocale(c);
	return rc;
}

int
mel_ark_write(struct mel_ark_out *out, const char *key,
    const struct mel_tensor *t, struct mel_err *err)
{
	struct mel_buf b = {0};
	struct mel_tensor f = {0};
	int rc;

	if (mel_tensor_convert(&f, t, mel_dtype_float(t->dtype), err))
		return -1;
	rc = mel_buf_printf(&b, err, "%s ", key);
	if (!rc)
		rc = out->text ? put_text_in_c(&b, &f, err)
			       : put_binary(&b, &f, err);
	mel_tensor_free(&f);
	if (!rc)
		rc = mel_write_full(out->fd, b.data, b.len, err);
	if (!rc) {
		out->object = out->size + strlen(key) + 1;
		out->size += b.len;
	}
	mel_buf_free(&b);
	return rc;
}
