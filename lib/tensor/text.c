/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/text.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "tensor/convert.h"
#include "tensor/tensor.h"

/* Element i as text; returns its length. */
static int
print_value(const struct mel_tensor *t, size_t i, char *s, size_t size)
{
	switch (t->dtype) {
	case MEL_I64:
		/* A double would not hold all of them. */
		return snprintf(
		    s, size, "%" PRId64, ((const int64_t *)t->data)[i]);
	case MEL_F64:
		return snprintf(s, size, "%.17g", mel_tensor_value(t, i));
	case MEL_I32:
		return snprintf(s, size, "%.0f", mel_tensor_value(t, i));
	default:
		return snprintf(s, size, "%.9g", mel_tensor_value(t, i));
	}
}

int
mel_tensor_text(
    const struct mel_tensor *t, struct mel_buf *out, struct mel_err *err)
{
	size_t n = mel_tensor_count(t);
	size_t rows = t->ndim ? (size_t)t->dim[0] : 1;
	size_t width = rows ? n / rows : 0;
	char s[40];

	/* A record of no bytes may have 2^32 rows of no element. */
	for (size_t i = 0; width && i < rows; i++) {
		for (size_t k = 0; k < width; k++) {
			int len =
			    print_value(t, i * width + k, s, sizeof(s) - 1);

			s[len] = ' ';
			if (mel_buf_add(
				out, s, (size_t)len + (k + 1 < width), err))
				return -1;
		}
		if (mel_buf_puts(out, "\n", err))
			return -1;
	}
	return 0;
}
