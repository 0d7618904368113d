/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_RECORD_H
#define MEL_TENSOR_RECORD_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

struct mel_err;

/*
 * One record of the stream of melpipe-frame(5): a header of 64 bytes, JSON,
 * data, the last two padded with zeros to a multiple of 64 bytes.
 */

#define MEL_RECORD_VERSION 1
#define MEL_RECORD_HEADER  64
#define MEL_RECORD_ALIGN   64
#define MEL_RECORD_DIMS    4             /* axes a record can have */
#define MEL_RECORD_LIMIT   (64ull << 20) /* whole record [bytes], default */
#define MEL_META_LIMIT     (1u << 20)    /* JSON of a record [bytes] */

enum mel_kind {
	MEL_HEAD = 0,
	MEL_DATA = 1,
	MEL_END = 2,    /* of an utterance */
	MEL_FINISH = 3, /* of the stream */
	MEL_ERROR = 4,  /* ends an utterance instead of MEL_END */
	MEL_NOTE = 5,   /* allowed anywhere after the head; may be skipped */
	MEL_BEGIN = 6,  /* of an utterance */
};

/* The header as numbers. */
struct mel_record_header {
	uint8_t kind;
	uint8_t dtype;
	uint8_t ndim;
	uint32_t utt;   /* utterance number, from 0; 0 outside utterances */
	uint32_t port;  /* index into the head's ports; DATA only, else 0 */
	uint64_t first; /* DATA: index of the first row; END: rows sent */
	uint32_t dim[MEL_RECORD_DIMS]; /* unused ones are 0 */
	uint32_t meta_len;             /* JSON without padding [bytes] */
	uint32_t seq;                  /* record number, from 0 */
	uint64_t data_len;             /* without padding [bytes] */
	uint32_t t_us; /* since the utterance's t0 [us], saturates; 0: none */
};

/* A record as the reader gives it. */
struct mel_record {
	struct mel_record_header header;
	json_t *meta;             /* the reader's; NULL if meta_len = 0 */
	struct mel_tensor tensor; /* DATA: a view into the reader's buffer */
};

/* "head", "data", "end", "finish", "error", "note", "begin"; else "?". */
const char *mel_kind_name(unsigned kind);

/* Bytes behind n that complete a multiple of MEL_RECORD_ALIGN [0..63]. */
size_t mel_record_padding(uint64_t n);

/* The whole record with its padding [bytes]; lengths must be checked ones. */
uint64_t mel_record_size(const struct mel_record_header *header);

/* The header as bytes; lengths and numbers are taken as they are. */
void mel_record_pack(const struct mel_record_header *header,
    unsigned char bytes[MEL_RECORD_HEADER]);

/*
 * Checks magic, CRC, version, kind, dtype, ndim, that only DATA has a tensor,
 * that data_len is the product of dims and element size and that the whole
 * record is at most `limit` bytes: nothing needs to be checked again before
 * memory is taken for it.
 */
int mel_record_unpack(const unsigned char bytes[MEL_RECORD_HEADER],
    uint64_t limit, struct mel_record_header *header, struct mel_err *err);

#endif
