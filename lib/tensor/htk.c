/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/htk.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "tensor/convert.h"
#include "tensor/tensor.h"

#define USER  9     /* parameter kind of one's own features */
#define KINDS 0x3f  /* the basic kind; qualifiers stand above */
#define ROW   32764 /* longest row [bytes], of an int16_t */
#define TICK  1e-7  /* unit of the period [s] */

#define COMPRESSED 02000
#define CHECKSUM   010000

struct header {
	uint32_t rows;
	uint32_t period; /* [100 ns] */
	uint16_t size;   /* of a row [bytes] */
	uint16_t kind;
};

_Static_assert(sizeof(struct header) == 12, "the file's header as it is");

/* Numbers of one byte order to the other, in place. */
static void
swap(uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i] = be32toh(v[i]);
}

static int
check_kind(const struct header *h, struct mel_err *err)
{
	int kind = h->kind & KINDS;

	if (h->kind & COMPRESSED)
		return mel_fail(err, "compressed (_C) is not supported");
	if (h->kind & CHECKSUM)
		return mel_fail(err, "a checksum (_K) is not supported");
	/* WAVEFORM, IREFC and DISCRETE are 16-bit integers. */
	if (kind == 0 || kind == 5 || kind == 10)
		return mel_fail(err, "kind %d holds no floats", kind);
	if (!h->size || h->size % 4)
		return mel_fail(err, "rows of %d bytes are no floats", h->size);
	return 0;
}

static int
read_header(int fd, struct header *h, struct mel_err *err)
{
	ssize_t got = mel_read_full(fd, h, sizeof(*h), err);

	if (got < 0)
		return -1;
	if (got < (ssize_t)sizeof(*h))
		return mel_fail(err, "cut inside the header");
	h->rows = be32toh(h->rows);
	h->period = be32toh(h->period);
	h->size = be16toh(h->size);
	h->kind = be16toh(h->kind);
	return check_kind(h, err);
}

int
mel_htk_read(struct mel_tensor *t, double *period, int fd, size_t limit,
    struct mel_err *err)
{
	struct header h;
	int64_t dim[2];
	size_t bytes;
	ssize_t got;
	void *data;

	if (read_header(fd, &h, err))
		return -1;
	dim[0] = h.rows;
	dim[1] = h.size / 4;
	bytes = (size_t)h.rows * h.size;
	if (bytes > limit)
		return mel_fail(
		    err, "data of %zu bytes: at most %zu", bytes, limit);
	/* One byte more tells whether the file ends here; not cleared. */
	data = mel_alloc_aligned(bytes + 1, err);
	if (!data)
		return -1;
	got = mel_read_full(fd, data, bytes + 1, err);
	if (got != (ssize_t)bytes) {
		free(data);
		if (got < 0)
			return -1;
		return mel_fail(err, "%s: the header says %zu data bytes",
		    (size_t)got < bytes ? "cut" : "too long", bytes);
	}
	swap(data, bytes / 4);
	*t = mel_tensor_view(MEL_F32, 2, dim, data);
	t->owned = true;
	*period = h.period * TICK;
	return 0;
}

int
mel_htk_check(const struct mel_tensor *t, struct mel_err *err)
{
	if (t->ndim != 2)
		return mel_fail(err, "%d axes: HTK has two", t->ndim);
	if (t->dim[1] < 1 || t->dim[1] > ROW / 4)
		return mel_fail(err, "rows of %lld: HTK has 1 to %d",
		    (long long)t->dim[1], ROW / 4);
	if (t->dim[0] > INT32_MAX)
		return mel_fail(err, "too many rows for HTK");
	return 0;
}

int
mel_htk_write(
    int fd, const struct mel_tensor *t, double period, struct mel_err *err)
{
	struct header h = {.rows = htobe32((uint32_t)t->dim[0]),
	    .size = htobe16((uint16_t)(t->dim[1] * 4)),
	    .kind = htobe16(USER)};
	double ticks = nearbyint(period / TICK);
	struct mel_tensor f = {0};
	int rc;

	if (!(ticks >= 1 && ticks <= INT32_MAX))
		return mel_fail(err, "period of %g s: none for HTK", period);
	h.period = htobe32((uint32_t)ticks);
	if (mel_tensor_convert(&f, t, MEL_F32, err))
		return -1;
	swap(f.data, mel_tensor_count(&f));
	rc = mel_write_full(fd, &h, sizeof(h), err);
	if (!rc)
		rc = mel_write_full(fd, f.data, mel_tensor_bytes(&f), err);
	mel_tensor_free(&f);
	return rc;
}
