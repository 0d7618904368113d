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

struct mel_reader {
	mel_read_fn *read;
	void *ctx;
	int fd;
	char *name; /* owned */
	uint64_t limit;
	unsigned char *body; /* owned, aligned: JSON and data of the record */
	size_t cap;
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
	free(reader->body);
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

/* Fills buf; fewer bytes only at the end of the input, -1 on an error. */
static ssize_t
fill(struct mel_reader *r, unsigned char *buf, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = r->read(r->ctx, buf + have, n - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return mel_fail_errno(&r->err, "read");
		if (!got)
			break;
		have += (size_t)got;
	}
	r->offset += have;
	return (ssize_t)have;
}

/* 1: a header; 0: the right end of the input; -1. */
static int
read_header(struct mel_reader *r, struct mel_record_header *header)
{
	unsigned char bytes[MEL_RECORD_HEADER];
	ssize_t got = fill(r, bytes, sizeof(bytes));

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
reserve(struct mel_reader *r, size_t n)
{
	unsigned char *body;

	if (n <= r->cap)
		return 0;
	body = mel_alloc_aligned(n, &r->err);
	if (!body)
		return -1;
	free(r->body);
	r->body = body;
	r->cap = n;
	return 0;
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

static int
read_body(struct mel_reader *r, const struct mel_record_header *header)
{
	size_t n = (size_t)(mel_record_size(header) - MEL_RECORD_HEADER);
	size_t meta_pad = mel_record_padding(header->meta_len);
	unsigned char *data;
	ssize_t got;

	if (reserve(r, n))
		return -1;
	got = fill(r, r->body, n);
	if (got < 0)
		return -1;
	if ((size_t)got < n)
		return fail_cut(r);
	data = r->body + header->meta_len + meta_pad;
	if (check_padding(data - meta_pad, meta_pad, &r->err) ||
	    check_padding(data + header->data_len,
		mel_record_padding(header->data_len), &r->err))
		return -1;
	return header->dtype == MEL_BOOL
		   ? check_bools(data, header->data_len, &r->err)
		   : 0;
}

static int
read_meta(struct mel_reader *r, const struct mel_record_header *header)
{
	json_decref(r->meta);
	r->meta = NULL;
	if (header->meta_len) {
		r->meta = mel_meta_parse(
		    (const char *)r->body, header->meta_len, &r->err);
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

	if (rc <= 0)
		return rc;
	if (read_body(r, h) || read_meta(r, h) || advance(r, h))
		return -1;
	record->meta = r->meta;
	if (h->kind != MEL_DATA)
		return 1;
	for (int i = 0; i < h->ndim; i++)
		dim[i] = h->dim[i];
	record->tensor = mel_tensor_view(h->dtype, h->ndim, dim,
	    r->body + h->meta_len + mel_record_padding(h->meta_len));
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
