/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "tensor/reader.h"
#include "tensor/record.h"

/*
 * The reader on anything. The first byte says whether headers get a right CRC:
 * without that the fuzzer would never come behind it.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ssize_t
take(void *ctx, void *buf, size_t n)
{
	struct mel_cursor *c = ctx;

	if (n > mel_cursor_left(c))
		n = mel_cursor_left(c);
	if (n)
		memcpy(buf, mel_cursor_take(c, n), n);
	return (ssize_t)n;
}

static void
mend(uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at + 64 <= size;) {
		uint8_t *h = bytes + at;
		uint64_t meta = mel_get_u32le(h + 40);
		uint64_t len = mel_get_u64le(h + 48);

		memcpy(h, "MELP\1", 5);
		mel_put_u32le(h + 60, (uint32_t)crc32(0, h, 60));
		if (len > size)
			break;
		at += 64 + meta + mel_record_padding(meta) + len +
		      mel_record_padding(len);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mel_reader *reader;
	struct mel_record record;
	struct mel_cursor source;
	uint8_t *copy;

	if (!size)
		return 0;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		mend(copy, size - 1);
	source = (struct mel_cursor){copy, copy + size - 1};
	if (!mel_reader_open(&reader, take, &source, "in", 1 << 20, NULL)) {
		while (mel_reader_next(reader, &record, NULL) > 0)
			;
		mel_reader_close(reader);
	}
	free(copy);
	return 0;
}
