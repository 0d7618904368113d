/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/writer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "tensor/grammar.h"
#include "tensor/head.h"
#include "tensor/meta.h"
#include "tensor/record.h"
#include "tensor/tensor.h"

struct mel_writer {
	mel_put_fn *put;
	void *ctx; /* of put */
	int fd;    /* what it points at when that is a descriptor */
	struct mel_writer_options options;
	struct mel_grammar grammar;
	struct mel_buf front; /* header and JSON of the record, padded */
	char *key;            /* owned; of this utterance */
	uint64_t t0;          /* of this utterance [us since the epoch] */
	uint32_t first_us;    /* when its first rows went out; 0: none did */
	bool broken;
	struct mel_err err; /* the write that failed */
};

uint64_t
mel_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* 0 is "no time", so the first microsecond counts as the second. */
static uint32_t
elapsed(const struct mel_writer *w)
{
	uint64_t now;

	if (!w->options.times)
		return 0;
	now = mel_now_us();
	if (now <= w->t0)
		return 1;
	return now - w->t0 > UINT32_MAX ? UINT32_MAX : (uint32_t)(now - w->t0);
}

int
mel_writer_open_sink(struct mel_writer **writer, mel_put_fn *put, void *ctx,
    const struct mel_writer_options *options, struct mel_err *err)
{
	struct mel_writer *w = mel_alloc(1, sizeof(*w), err);

	*writer = w;
	if (!w)
		return -1;
	w->put = put;
	w->ctx = ctx;
	w->options = *options;
	if (!w->options.limit)
		w->options.limit = MEL_RECORD_LIMIT;
	return 0;
}

void
mel_writer_close(struct mel_writer *writer)
{
	if (!writer)
		return;
	mel_grammar_free(&writer->grammar);
	mel_buf_free(&writer->front);
	free(writer->key);
	free(writer);
}

/* Writes all parts, in one call if the system takes them. */
static int
put_fd(void *ctx, struct iovec *part, int n, struct mel_err *err)
{
	int fd = *(int *)ctx;

	while (n) {
		ssize_t put = writev(fd, part, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return mel_fail_errno(err, "write");
		while (n && (size_t)put >= part->iov_len) {
			put -= (ssize_t)part->iov_len;
			part++;
			n--;
		}
		if (n) {
			part->iov_base = (char *)part->iov_base + put;
			part->iov_len -= (size_t)put;
		}
	}
	return 0;
}

int
mel_writer_open(struct mel_writer **writer, int fd,
    const struct mel_writer_options *options, struct mel_err *err)
{
	if (mel_writer_open_sink(writer, put_fd, NULL, options, err))
		return -1;
	(*writer)->fd = fd;
	(*writer)->ctx = &(*writer)->fd;
	return 0;
}

static int
send_parts(struct mel_writer *w, const struct mel_record_header *h,
    const void *data, struct mel_err *err)
{
	char zeros[MEL_RECORD_ALIGN] = {0};
	struct iovec part[3] = {
	    {w->front.data, w->front.len},
	    {(void *)(uintptr_t)data, (size_t)h->data_len},
	    {zeros, mel_record_padding(h->data_len)},
	};

	if (w->put(w->ctx, part, h->data_len ? 3 : 1, &w->err)) {
		w->broken = true;
		return mel_fail(err, "%s", w->err.msg);
	}
	return 0;
}

/* Header and JSON into w->front. */
static int
make_front(struct mel_writer *w, struct mel_record_header *h, json_t *meta,
    struct mel_err *err)
{
	static const unsigned char zeros[MEL_RECORD_HEADER];
	char *text = NULL;
	size_t len;
	int bad;

	if (meta) {
		/* jansson gives a part of the text when memory is out. */
		errno = 0;
		text = json_dumps(meta, JSON_COMPACT);
		if (!text || errno == ENOMEM) {
			free(text);
			return mel_fail(err, "out of memory");
		}
	}
	len = text ? strlen(text) : 0;
	w->front.len = 0;
	bad = mel_buf_add(&w->front, zeros, MEL_RECORD_HEADER, err) ||
	      mel_buf_add(&w->front, text, len, err) ||
	      mel_buf_add(&w->front, zeros, mel_record_padding(len), err);
	free(text);
	if (bad)
		return -1;
	if (len > MEL_META_LIMIT)
		return mel_fail(err,
		    "%zu bytes of JSON for a record, at most %u", len,
		    MEL_META_LIMIT);
	h->meta_len = (uint32_t)len;
	mel_record_pack(h, (unsigned char *)w->front.data);
	if (mel_record_size(h) > w->options.limit)
		return mel_fail(err, "record of %llu bytes, at most %llu",
		    (unsigned long long)mel_record_size(h),
		    (unsigned long long)w->options.limit);
	return 0;
}

/*
 * Sends one record. The kind and what belongs to it are filled in, the numbers
 * are done here. What the grammar refuses is not sent and can be mended.
 */
static int
emit(struct mel_writer *w, struct mel_record_header *h, json_t *meta,
    const void *data, struct mel_err *err)
{
	if (w->broken)
		return mel_fail(err, "%s", w->err.msg);
	if (h->kind != MEL_HEAD) {
		if (w->grammar.seq > UINT32_MAX)
			return mel_fail(err, "more than 2^32 records");
		h->seq = (uint32_t)w->grammar.seq;
	}
	if (h->kind == MEL_BEGIN || w->grammar.state >= MEL_IN_SEQUENCES)
		h->utt = w->grammar.utt;
	if (mel_grammar_check(&w->grammar, h, err) ||
	    mel_meta_check(h, meta, err))
		return -1;
	return make_front(w, h, meta, err) || send_parts(w, h, data, err);
}

/* The same, and moves on; for all kinds but the head. */
static int
emit_next(struct mel_writer *w, struct mel_record_header *h, json_t *meta,
    const void *data, struct mel_err *err)
{
	if (emit(w, h, meta, data, err))
		return -1;
	return mel_grammar_advance(&w->grammar, h, NULL, err);
}

int
mel_writer_head(
    struct mel_writer *writer, const struct mel_head *head, struct mel_err *err)
{
	struct mel_record_header h = {.kind = MEL_HEAD};
	struct mel_head copy = {0};
	json_t *json;
	int rc;

	assert(writer->grammar.state == MEL_BETWEEN_STREAMS);
	json = mel_head_to_json(head, err);
	if (!json)
		return -1;
	/* Through JSON and back: what is sent is what a reader would take. */
	rc = mel_head_from_json(&copy, json, err) ||
	     emit(writer, &h, json, NULL, err) ||
	     mel_grammar_advance(&writer->grammar, &h, &copy, err);
	mel_head_free(&copy);
	json_decref(json);
	return rc ? -1 : 0;
}

int
mel_writer_begin(struct mel_writer *writer, json_t *meta, struct mel_err *err)
{
	struct mel_record_header h = {.kind = MEL_BEGIN};
	json_int_t t0 = json_integer_value(json_object_get(meta, "t0"));
	json_t *copy;
	char *key;
	int rc = -1;

	assert(writer->grammar.state == MEL_BETWEEN_UTTERANCES);
	if (mel_meta_check(&h, meta, err))
		return -1;
	writer->t0 = 0;
	if (writer->options.times)
		writer->t0 = t0 ? (uint64_t)t0 : mel_now_us();
	writer->first_us = 0;
	h.t_us = elapsed(writer);
	key = mel_strdup(json_string_value(json_object_get(meta, "key")), err);
	copy = key ? mel_meta_copy(meta, err) : NULL;
	if (copy && json_object_set_new(
			copy, "t0", json_integer((json_int_t)writer->t0)))
		mel_fail(err, "out of memory");
	else if (copy)
		rc = emit_next(writer, &h, copy, NULL, err);
	json_decref(copy);
	if (rc) {
		free(key);
		return -1;
	}
	free(writer->key);
	writer->key = key;
	return 0;
}

/* Rows of the tensor that fit into one record; all of a whole tensor. */
static size_t
rows_per_record(const struct mel_writer *w, const struct mel_tensor *t)
{
	size_t rows = (size_t)t->dim[0];
	size_t bytes = rows ? mel_tensor_bytes(t) / rows : 0;
	uint64_t room = w->options.limit - MEL_RECORD_HEADER;

	room -= room % MEL_RECORD_ALIGN;
	if (bytes && rows > room / bytes)
		rows = (size_t)(room / bytes);
	/* One that is too large by itself is refused further down. */
	if (rows > UINT32_MAX)
		rows = UINT32_MAX;
	return rows ? rows : 1;
}

static int
check_tensor(const struct mel_tensor *t, struct mel_err *err)
{
	if (t->ndim > MEL_RECORD_DIMS)
		return mel_fail(err, "%d axes, a record has at most %d",
		    t->ndim, MEL_RECORD_DIMS);
	for (int i = 0; i < t->ndim; i++) {
		if (t->dim[i] > UINT32_MAX)
			return mel_fail(err, "axis %d is too long", i);
	}
	return 0;
}

static int
emit_data(struct mel_writer *w, int port, uint64_t first,
    const struct mel_tensor *t, struct mel_err *err)
{
	struct mel_record_header h = {.kind = MEL_DATA,
	    .dtype = (uint8_t)t->dtype,
	    .ndim = (uint8_t)t->ndim,
	    .port = (uint32_t)port,
	    .first = first,
	    .data_len = mel_tensor_bytes(t),
	    .t_us = elapsed(w)};

	for (int i = 0; i < t->ndim; i++)
		h.dim[i] = (uint32_t)t->dim[i];
	if (emit_next(w, &h, NULL, t->data, err))
		return -1;
	if (!w->first_us && (port == mel_head_rows(&w->grammar.head) ||
				mel_head_rows(&w->grammar.head) < 0))
		w->first_us = h.t_us;
	return 0;
}

static int
write_rows(struct mel_writer *w, int port, const struct mel_tensor *tensor,
    struct mel_err *err)
{
	struct mel_tensor part = *tensor;
	size_t rows = (size_t)tensor->dim[0], at = 0;
	size_t step = rows_per_record(w, tensor);
	size_t row_bytes = rows ? mel_tensor_bytes(tensor) / rows : 0;

	while (at < rows) {
		size_t n = rows - at < step ? rows - at : step;

		part.dim[0] = (int64_t)n;
		part.data = (char *)tensor->data + at * row_bytes;
		if (emit_data(w, port, w->grammar.count[port], &part, err))
			return -1;
		at += n;
	}
	return 0;
}

int
mel_writer_data(struct mel_writer *writer, int port,
    const struct mel_tensor *tensor, struct mel_err *err)
{
	const struct mel_head *head = &writer->grammar.head;
	bool rows;

	assert(writer->grammar.state >= MEL_IN_SEQUENCES);
	assert(port >= 0 && (size_t)port < head->n_ports);
	rows = head->port[port].sort == MEL_ROWS;
	if (rows && tensor->ndim != head->port[port].ndim)
		return mel_fail(err, "port \"%s\": %d axes, the head says %d",
		    head->port[port].name, tensor->ndim, head->port[port].ndim);
	if (check_tensor(tensor, err))
		return mel_fail_in(err, "port \"%s\"", head->port[port].name);
	return rows ? write_rows(writer, port, tensor, err)
		    : emit_data(writer, port, 0, tensor, err);
}

/* A copy of the stages so far, their times cleared if there are none. */
static json_t *
copy_stages(const struct mel_writer *w, json_t *stages)
{
	json_t *copy = stages ? mel_meta_copy(stages, NULL) : json_array();
	json_t *stage;
	size_t i;
	int bad = 0;

	json_array_foreach(copy, i, stage)
	{
		if (w->options.times)
			break;
		bad |= json_object_set_new(stage, "first_us", json_integer(0));
		bad |= json_object_set_new(stage, "last_us", json_integer(0));
	}
	if (!bad)
		return copy;
	json_decref(copy);
	return NULL;
}

int
mel_writer_end(struct mel_writer *writer, json_t *stages, struct mel_err *err)
{
	struct mel_record_header h = {.kind = MEL_END,
	    .first = mel_grammar_rows(&writer->grammar),
	    .t_us = elapsed(writer)};
	json_t *all, *meta;
	int rc = -1;

	assert(writer->grammar.state >= MEL_IN_SEQUENCES);
	if (!writer->first_us)
		writer->first_us = h.t_us;
	all = copy_stages(writer, stages);
	meta = json_pack(
	    "{s:I, s:O?}", "rows", (json_int_t)h.first, "stages", all);
	if (!all || !meta ||
	    json_array_append_new(
		all, json_pack("{s:s, s:I, s:I}", "tool", writer->options.tool,
			 "first_us", (json_int_t)writer->first_us, "last_us",
			 (json_int_t)h.t_us)))
		mel_fail(err, "out of memory");
	else
		rc = emit_next(writer, &h, meta, NULL, err);
	json_decref(meta);
	json_decref(all);
	return rc;
}

/* A JSON string; a message may be cut within a character. */
static json_t *
plain_string(const char *s)
{
	char *copy = mel_strdup(s, NULL);
	json_t *json = NULL;
	size_t n, at = 0;

	if (!copy)
		return NULL;
	n = strlen(copy);
	while ((at += mel_utf8_valid(copy + at, n - at)) < n)
		copy[at] = '?';
	json = json_string(copy);
	free(copy);
	return json;
}

static int
begin_with_key(struct mel_writer *w, const char *key, struct mel_err *err)
{
	json_t *text = plain_string(key);
	json_t *meta = json_pack("{s:O}", "key", text);
	int rc;

	json_decref(text);
	if (!meta)
		return mel_fail(err, "out of memory");
	rc = mel_writer_begin(w, meta, err);
	json_decref(meta);
	return rc;
}

int
mel_writer_error(struct mel_writer *writer, const char *key, const char *tool,
    const char *message, struct mel_err *err)
{
	struct mel_record_header h = {.kind = MEL_ERROR};
	json_t *meta, *text;
	int rc;

	assert(writer->grammar.state != MEL_BETWEEN_STREAMS);
	if (writer->grammar.state == MEL_BETWEEN_UTTERANCES &&
	    begin_with_key(writer, key, err))
		return -1;
	text = plain_string(message);
	meta = json_pack("{s:s, s:O, s:s}", "tool",
	    tool ? tool : writer->options.tool, "message", text, "key",
	    writer->key);
	json_decref(text);
	if (!meta)
		return mel_fail(err, "out of memory");
	h.t_us = elapsed(writer);
	rc = emit_next(writer, &h, meta, NULL, err);
	json_decref(meta);
	return rc;
}

int
mel_writer_note(struct mel_writer *writer, json_t *note, struct mel_err *err)
{
	struct mel_record_header h = {.kind = MEL_NOTE};

	assert(writer->grammar.state != MEL_BETWEEN_STREAMS);
	assert(json_is_object(note));
	if (writer->grammar.state >= MEL_IN_SEQUENCES)
		h.t_us = elapsed(writer);
	return emit_next(writer, &h, note, NULL, err);
}

int
mel_writer_finish(struct mel_writer *writer, struct mel_err *err)
{
	struct mel_record_header h = {.kind = MEL_FINISH};

	assert(writer->grammar.state == MEL_BETWEEN_UTTERANCES);
	return emit_next(writer, &h, NULL, NULL, err);
}
