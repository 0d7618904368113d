/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/record.h"

#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/err.h"

/* Tensors are read in place, so the host must have the format's byte order. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "the record stream needs a little-endian host");

static const char *const kinds[] = {
    [MEL_HEAD] = "head",
    [MEL_DATA] = "data",
    [MEL_END] = "end",
    [MEL_FINISH] = "finish",
    [MEL_ERROR] = "error",
    [MEL_NOTE] = "note",
    [MEL_BEGIN] = "begin",
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *
mel_kind_name(unsigned kind)
{
	return kind < N_KINDS ? kinds[kind] : "?";
}

size_t
mel_record_padding(uint64_t n)
{
	return (size_t)(-n & (MEL_RECORD_ALIGN - 1));
}

uint64_t
mel_record_size(const struct mel_record_header *header)
{
	return MEL_RECORD_HEADER + (uint64_t)header->meta_len +
	       mel_record_padding(header->meta_len) + header->data_len +
	       mel_record_padding(header->data_len);
}

static uint32_t
checksum(const unsigned char bytes[MEL_RECORD_HEADER])
{
	return (uint32_t)crc32(0, bytes, MEL_RECORD_HEADER - 4);
}

void
mel_record_pack(const struct mel_record_header *header,
    unsigned char bytes[MEL_RECORD_HEADER])
{
	memcpy(bytes, "MELP", 4);
	bytes[4] = MEL_RECORD_VERSION;
	bytes[5] = header->kind;
	bytes[6] = header->dtype;
	bytes[7] = header->ndim;
	mel_put_u32le(bytes + 8, header->utt);
	mel_put_u32le(bytes + 12, header->port);
	mel_put_u64le(bytes + 16, header->first);
	for (int i = 0; i < MEL_RECORD_DIMS; i++)
		mel_put_u32le(bytes + 24 + 4 * i, header->dim[i]);
	mel_put_u32le(bytes + 40, header->meta_len);
	mel_put_u32le(bytes + 44, header->seq);
	mel_put_u64le(bytes + 48, header->data_len);
	mel_put_u32le(bytes + 56, header->t_us);
	mel_put_u32le(bytes + 60, checksum(bytes));
}

static void
get_numbers(const unsigned char *bytes, struct mel_record_header *h)
{
	h->kind = bytes[5];
	h->dtype = bytes[6];
	h->ndim = bytes[7];
	h->utt = mel_get_u32le(bytes + 8);
	h->port = mel_get_u32le(bytes + 12);
	h->first = mel_get_u64le(bytes + 16);
	for (int i = 0; i < MEL_RECORD_DIMS; i++)
		h->dim[i] = mel_get_u32le(bytes + 24 + 4 * i);
	h->meta_len = mel_get_u32le(bytes + 40);
	h->seq = mel_get_u32le(bytes + 44);
	h->data_len = mel_get_u64le(bytes + 48);
	h->t_us = mel_get_u32le(bytes + 56);
}

static int
check_shape(const struct mel_record_header *h, struct mel_err *err)
{
	int64_t dim[MEL_RECORD_DIMS];
	size_t bytes = 0;

	if (h->ndim > MEL_RECORD_DIMS)
		return mel_fail(
		    err, "%u axes, at most %d", h->ndim, MEL_RECORD_DIMS);
	for (int i = 0; i < MEL_RECORD_DIMS; i++) {
		dim[i] = h->dim[i];
		if (i >= h->ndim && h->dim[i])
			return mel_fail(
			    err, "length given for axis %d of %u", i, h->ndim);
	}
	if (h->kind != MEL_DATA) {
		if (h->dtype != MEL_NONE || h->ndim || h->data_len || h->port)
			return mel_fail(err, "%s record with a tensor",
			    mel_kind_name(h->kind));
		if (h->first && h->kind != MEL_END)
			return mel_fail(err, "%s record with a row number",
			    mel_kind_name(h->kind));
		return 0;
	}
	if (mel_shape_check(h->dtype, h->ndim, dim, &bytes, err))
		return -1;
	if (h->data_len != bytes)
		return mel_fail(err, "%llu bytes of data, its shape has %zu",
		    (unsigned long long)h->data_len, bytes);
	return 0;
}

int
mel_record_unpack(const unsigned char bytes[MEL_RECORD_HEADER], uint64_t limit,
    struct mel_record_header *header, struct mel_err *err)
{
	if (memcmp(bytes, "MELP", 4) != 0)
		return mel_fail(err, "not a melpipe record");
	if (mel_get_u32le(bytes + 60) != checksum(bytes))
		return mel_fail(err, "damaged record header (CRC)");
	if (bytes[4] != MEL_RECORD_VERSION)
		return mel_fail(err, "stream version %u, %d is known", bytes[4],
		    MEL_RECORD_VERSION);
	if (bytes[5] >= N_KINDS)
		return mel_fail(err, "unknown record kind %u", bytes[5]);
	get_numbers(bytes, header);
	if (header->meta_len > MEL_META_LIMIT)
		return mel_fail(err, "%lu bytes of JSON, at most %u",
		    (unsigned long)header->meta_len, MEL_META_LIMIT);
	/* data_len alone first, so that the sum cannot overflow. */
	if (header->data_len > limit || mel_record_size(header) > limit)
		return mel_fail(err,
		    "record with %llu bytes of data, a record has at most %llu",
		    (unsigned long long)header->data_len,
		    (unsigned long long)limit);
	return check_shape(header, err);
}
