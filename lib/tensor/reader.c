/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "tensor/grammar.h"
#include "tensor/head.h"
#include "tensor/meta.h"
#include "tensor/record.h"
#include "tensor/tensor.h"

#define CHUNK ((size_t)65536) /* read at a time: what a pipe holds */

struct mel_reader {
	mel_read_fn *read;
	void *ctx;
	int fd;
	char *name; /* owned */
	uint64_t limit;
	/*
	 * Owned, aligned: [cap], bytes [at, have) are there and not used yet.
	 * Records are multiples of MEL_RECORD_ALIGN, and so is `at`.
	 */
	unsigned char *buf;
	size_t cap, at, have;
	struct mel_grammar grammar;
	json_t *meta; /* owned; of the present record */
	uint64_t offset;
	struct mel_record_header last; /* the last whole record */
	unsigned streams;              /* heads read so far */
	bool broken;
	struct mel_err err; /* what broke it */
};

static ssize_t
read_fd(void *ctx, void *buf, size_t n)
{
	return read(*(int *)ctx, buf, n);
}

int
mel_reader_open(struct mel_reader **reader, mel_read_fn *read_fn, void *ctx,
    const char *name, uint64_t limit, struct mel_err *err)
{
	struct mel_reader *r = mel_alloc(1, sizeof(*r), err);

	*reader = NULL;
	if (!r)
		return -1;
	r->read = read_fn;
	r->ctx = ctx;
	r->limit = limit ? limit : MEL_RECORD_LIMIT;
	r->name = mel_strdup(name, err);
	if (!r->name) {
		mel_reader_close(r);
		return -1;
	}
	*reader = r;
	return 0;
}

int
mel_reader_open_fd(struct mel_reader **reader, int fd, const char *name,
    uint64_t limit, struct mel_err *err)
{
	if (mel_reader_open(reader, read_fd, NULL, name, limit, err))
		return -1;
	(*reader)->fd = fd;
	(*reader)->ctx = &(*reader)->fd;
	return 0;
}

void
mel_reader_close(struct mel_reader *reader)
{
	if (!reader)
		return;
	mel_grammar_free(&reader->grammar);
	json_decref(reader->meta);
	free(reader->buf);
	free(reader->name);
	free(reader);
}

const char *
mel_reader_name(const struct mel_reader *reader)
{
	return reader->name;
}

const struct mel_head *
mel_reader_head(const struct mel_reader *reader)
{
	return &reader->grammar.head;
}

uint64_t
mel_reader_offset(const struct mel_reader *reader)
{
	return reader->offset;
}

/* "record 12 (data, utterance 1)", what every message ends in. */
static void
name_last(const struct mel_reader *r, char *text, size_t size)
{
	const struct mel_record_header *h = &r->last;
	char utt[32] = "", stream[32] = "";

	/* An utterance is open, or has just been closed by this record. */
	if (h->kind == MEL_BEGIN || h->kind == MEL_DATA || h->kind == MEL_END ||
	    h->kind == MEL_ERROR || r->grammar.state >= MEL_IN_SEQUENCES)
		snprintf(
		    utt, sizeof(utt), ", utterance %lu", (unsigned long)h->utt);
	if (r->streams > 1)
		snprintf(stream, sizeof(stream), ", stream %u", r->streams);
	snprintf(text, size, "after record %lu (%s%s%s)", (unsigned long)h->seq,
	    mel_kind_name(h->kind), utt, stream);
}

/* Completes the message in r->err, keeps it for good, returns -1. */
static int
fail_at(struct mel_reader *r, struct mel_err *err)
{
	char last[96] = "at the first record";

	if (r->streams)
		name_last(r, last, sizeof(last));
	mel_fail_in(&r->err, "%s: %s", r->name, last);
	r->broken = true;
	return mel_fail(err, "%s", r->err.msg);
}

static int
fail_cut(struct mel_reader *r)
{
	char last[96] = "before the first record";

	if (r->streams)
		name_last(r, last, sizeof(last));
	mel_fail(&r->err, "%s: cut %s", r->name, last);
	r->broken = true;
	return -1;
}

/* Room for n bytes from r->at on, at least. */
static int
make_room(struct mel_reader *r, size_t n)
{
	size_t rest = r->have - r->at, size = n > CHUNK ? n : CHUNK;
	unsigned char *buf = r->buf;

	if (n <= r->cap - r->at)
		return 0;
	if (n > r->cap) {
		buf = mel_alloc_aligned(size, &r->err);
		if (!buf)
			return -1;
		r->cap = size;
	}
	if (rest)
		memmove(buf, r->buf + r->at, rest);
	if (buf != r->buf)
		free(r->buf);
	r->buf = buf;
	r->at = 0;
	r->have = rest;
	return 0;
}

/*
 * Makes n bytes from r->at on be there; fewer only at the end of the input.
 * Returns how many of them are, -1 on an error. Takes more if more is there:
 * a record costs less than a call of the system.
 */
static ssize_t
fill(struct mel_reader *r, size_t n)
{
	if (make_room(r, n))
		return -1;
	while (r->have - r->at < n) {
		size_t room = r->cap - r->have;
		ssize_t got = r->read(r->ctx, r->buf + r->have, room);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return mel_fail_errno(&r->err, "read");
		if (!got)
			return (ssize_t)(r->have - r->at);
		r->have += (size_t)got;
	}
	return (ssize_t)n;
}

/* 1: a header; 0: the right end of the input; -1. */
static int
read_header(struct mel_reader *r, struct mel_record_header *header)
{
	ssize_t got = fill(r, MEL_RECORD_HEADER);
	const unsigned char *bytes = r->buf + r->at;

	if (got < 0)
		return -1;
	if (!got && r->streams && r->grammar.state == MEL_BETWEEN_STREAMS)
		return 0;
	/* A short text is no cut stream, it is no stream at all. */
	if (memcmp(bytes, "MELP", got < 4 ? (size_t)got : 4) != 0)
		return mel_fail(&r->err, "not a melpipe record");
	if (got < MEL_RECORD_HEADER)
		return fail_cut(r);
	if (mel_record_unpack(bytes, r->limit, header, &r->err) ||
	    mel_grammar_check(&r->grammar, header, &r->err))
		return -1;
	return 1;
}

static int
check_padding(const unsigned char *p, size_t n, struct mel_err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i])
			return mel_fail(err, "padding that is not zero");
	}
	return 0;
}

static int
check_bools(const unsigned char *p, size_t n, struct mel_err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] > 1)
			return mel_fail(err, "bool that is neither 0 nor 1");
	}
	return 0;
}

/* *body: JSON, padding, data, padding; of the reader until the next record. */
static int
read_body(struct mel_reader *r, const struct mel_record_header *header,
    unsigned char **body)
{
	size_t n = (size_t)mel_record_size(header);
	size_t meta_pad = mel_record_padding(header->meta_len);
	ssize_t got = fill(r, n);
	unsigned char *data;

	if (got < 0)
		return -1;
	if ((size_t)got < n)
		return fail_cut(r);
	*body = r->buf + r->at + MEL_RECORD_HEADER;
	r->at += n;
	r->offset += n;
	data = *body + header->meta_len + meta_pad;
	if (check_padding(data - meta_pad, meta_pad, &r->err) ||
	    check_padding(data + header->data_len,
		mel_record_padding(header->data_len), &r->err))
		return -1;
	return header->dtype == MEL_BOOL
		   ? check_bools(data, header->data_len, &r->err)
		   : 0;
}

static int
read_meta(struct mel_reader *r, const struct mel_record_header *header,
    const unsigned char *text)
{
	json_decref(r->meta);
	r->meta = NULL;
	if (header->meta_len) {
		r->meta = mel_meta_parse(
		    (const char *)text, header->meta_len, &r->err);
		if (!r->meta)
			return -1;
	}
	return mel_meta_check(header, r->meta, &r->err);
}

static int
advance(struct mel_reader *r, const struct mel_record_header *header)
{
	struct mel_head head = {0};

	if (header->kind == MEL_HEAD) {
		if (mel_head_from_json(&head, r->meta, &r->err))
			return -1;
		r->streams++;
	}
	if (mel_grammar_advance(&r->grammar, header, &head, &r->err)) {
		mel_head_free(&head);
		return -1;
	}
	r->last = *header;
	return 0;
}

static int
next(struct mel_reader *r, struct mel_record *record)
{
	struct mel_record_header *h = &record->header;
	int rc = read_header(r, h);
	int64_t dim[MEL_RECORD_DIMS];
	unsigned char *body;

	if (rc <= 0)
		return rc;
	if (read_body(r, h, &body) || read_meta(r, h, body) || advance(r, h))
		return -1;
	record->meta = r->meta;
	if (h->kind != MEL_DATA)
		return 1;
	for (int i = 0; i < h->ndim; i++)
		dim[i] = h->dim[i];
	record->tensor = mel_tensor_view(h->dtype, h->ndim, dim,
	    body + h->meta_len + mel_record_padding(h->meta_len));
	return 1;
}

int
mel_reader_next(
    struct mel_reader *reader, struct mel_record *record, struct mel_err *err)
{
	int rc;

	*record = (struct mel_record){0};
	if (!reader->broken) {
		rc = next(reader, record);
		if (rc >= 0)
			return rc;
		if (!reader->broken)
			return fail_at(reader, err);
	}
	*record = (struct mel_record){0};
	return mel_fail(err, "%s", reader->err.msg);
}

int
mel_reader_skip(
    struct mel_reader *reader, struct mel_record *record, struct mel_err *err)
{
	assert(reader->grammar.state >= MEL_IN_SEQUENCES);
	while (mel_reader_next(reader, record, err) > 0) {
		if (record->header.kind == MEL_END ||
		    record->header.kind == MEL_ERROR)
			return 1;
	}
	return -1;
}
