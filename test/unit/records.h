/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RECORDS_H
#define RECORDS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/buf.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/tensor.h"

struct mel_err;
struct mel_reader;

/*
 * Streams made record by record, right ones and wrong ones, without the
 * library's writer. Included by the tests of the stream.
 */

#define RECORDS_MAX 64

struct records {
	struct mel_buf bytes;
	size_t at[RECORDS_MAX + 1]; /* where record i begins; [n] is the end */
	unsigned char kind[RECORDS_MAX];
	size_t n;
};

#define RECORDS_HEAD                                                           \
	"{\"melpipe\":1,\"ports\":["                                           \
	"{\"name\":\"tokens\",\"dtype\":\"i32\",\"dims\":[null],"              \
	"\"sort\":\"sequence\"},"                                              \
	"{\"name\":\"mel\",\"dtype\":\"f32\",\"dims\":[null,3],"               \
	"\"sort\":\"stream\"}],\"done\":2}"

/* meta may be NULL, data has header->data_len bytes. */
__attribute__((unused)) static void
records_add(struct records *r, struct mel_record_header header,
    const char *meta, const void *data)
{
	static const unsigned char zeros[MEL_RECORD_ALIGN];
	unsigned char bytes[MEL_RECORD_HEADER];
	size_t len = meta ? strlen(meta) : 0;

	if (r->n == RECORDS_MAX)
		abort();
	header.meta_len = (uint32_t)len;
	mel_record_pack(&header, bytes);
	r->at[r->n] = r->bytes.len;
	r->kind[r->n++] = header.kind;
	if (mel_buf_add(&r->bytes, bytes, sizeof(bytes), NULL) ||
	    mel_buf_add(&r->bytes, meta, len, NULL) ||
	    mel_buf_add(&r->bytes, zeros, mel_record_padding(len), NULL) ||
	    mel_buf_add(&r->bytes, data, header.data_len, NULL) ||
	    mel_buf_add(
		&r->bytes, zeros, mel_record_padding(header.data_len), NULL))
		abort();
	r->at[r->n] = r->bytes.len;
}

struct speller {
	uint32_t seq, utt;
	uint64_t first;
	bool open; /* an utterance is */
};

__attribute__((unused)) static void
spell_data(struct records *r, struct speller *s, char letter)
{
	static const int32_t tokens[2] = {7, 8};
	static const float rows[6] = {1, 2, 3, 4, 5, 6};
	struct mel_record_header h = {.kind = MEL_DATA,
	    .seq = s->seq,
	    .utt = s->utt,
	    .dtype = MEL_I32,
	    .ndim = 1,
	    .dim = {2},
	    .data_len = sizeof(tokens)};

	if (letter == 'R') {
		h.port = 1;
		h.dtype = MEL_F32;
		h.ndim = 2;
		h.dim[1] = 3;
		h.first = s->first;
		h.data_len = sizeof(rows);
		s->first += 2;
	}
	records_add(r, h, NULL,
	    letter == 'R' ? (const void *)rows : (const void *)tokens);
}

/* All but data. */
__attribute__((unused)) static void
spell_plain(struct records *r, struct speller *s, char letter)
{
	static const char letters[] = "HDEFXNB"; /* by enum mel_kind */
	static const char error[] =
	    "{\"tool\":\"t\",\"message\":\"no\",\"key\":\"k\"}";
	const char *kind = strchr(letters, letter), *meta = NULL;
	struct mel_record_header h = {
	    .seq = s->seq, .utt = s->open ? s->utt : 0};
	char text[64];

	if (!kind)
		abort();
	h.kind = (uint8_t)(kind - letters);
	if (letter == 'H') {
		meta = RECORDS_HEAD;
	} else if (letter == 'X') {
		meta = error;
	} else if (letter == 'N') {
		meta = "{\"warning\":\"w\"}";
	} else if (letter == 'B') {
		snprintf(text, sizeof(text), "{\"key\":\"%06u\",\"t0\":0}",
		    (unsigned)s->utt + 1);
		meta = text;
	} else if (letter == 'E') {
		h.first = s->first;
		snprintf(
		    text, sizeof(text), "{\"rows\":%u}", (unsigned)s->first);
		meta = text;
	}
	records_add(r, h, meta, NULL);
}

/*
 * One record a letter, numbered as they should be: H head, B begin, T tokens,
 * R two rows, E end, X error, N note, F finish.
 */
__attribute__((unused)) static void
records_spell(struct records *r, const char *letters)
{
	struct speller s = {0};

	for (; *letters; letters++) {
		if (*letters == 'H')
			s = (struct speller){0};
		if (*letters == 'B') {
			s.open = true;
			s.first = 0;
		}
		if (*letters == 'T' || *letters == 'R')
			spell_data(r, &s, *letters);
		else
			spell_plain(r, &s, *letters);
		if (*letters == 'E' || *letters == 'X') {
			s.open = false;
			s.utt++;
		}
		s.seq++;
	}
}

/* Bytes in memory as a source. */
struct records_source {
	const unsigned char *pos;
	size_t left;
	size_t step;     /* at most so many bytes at a time, 0: any */
	int interrupted; /* so many EINTR before the next bytes */
	int error;       /* errno at the end instead of an end, 0: none */
};

__attribute__((unused)) static ssize_t
records_read(void *ctx, void *buf, size_t n)
{
	struct records_source *s = ctx;

	if (s->interrupted > 0) {
		s->interrupted--;
		errno = EINTR;
		return -1;
	}
	if (!s->left && s->error) {
		errno = s->error;
		return -1;
	}
	if (s->step && n > s->step)
		n = s->step;
	if (n > s->left)
		n = s->left;
	if (n)
		memcpy(buf, s->pos, n);
	s->pos += n;
	s->left -= n;
	return (ssize_t)n;
}

/*
 * Reads all. Returns the reader's last answer; *n whole records were there and
 * err says why no more.
 */
__attribute__((unused)) static int
records_drain(const void *bytes, size_t len, uint64_t limit, size_t *n,
    struct mel_err *err)
{
	struct records_source source = {.pos = bytes, .left = len};
	struct mel_record record;
	struct mel_reader *reader;
	int rc;

	*n = 0;
	if (mel_reader_open(&reader, records_read, &source, "in", limit, err))
		return -1;
	while ((rc = mel_reader_next(reader, &record, err)) > 0)
		++*n;
	mel_reader_close(reader);
	return rc;
}

#endif
