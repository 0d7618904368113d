/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/wire.h"

#include <stdbool.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

#define MAX_DEPTH    64
#define MAX_MESSAGES (1 << 20)

enum message {
	MODEL,
	OPSET,
	GRAPH,
	NODE,
	ATTRIBUTE,
	TENSOR,
	ENTRY,
	VALUE_INFO,
	TYPE,
	TENSOR_TYPE,
	SHAPE,
	DIM,
	SEQUENCE,
	LIST,
	FUNCTION,
	N_MESSAGES,
};

enum sort {
	END,
	COPY, /* kept as it is */
	RAW,  /* becomes a stub */
	ONE,  /* a message, at most once */
	MANY, /* messages */
};

/* Fields that are not listed are left out. */
static const struct field {
	uint8_t number;
	uint8_t sort;
	uint8_t message; /* of ONE and MANY */
	uint8_t as;      /* number in the copy; 0: the same */
} fields[N_MESSAGES][16] = {
    [MODEL] = {{1, COPY, 0}, {7, ONE, GRAPH}, {8, MANY, OPSET},
	{25, MANY, FUNCTION}},
    [OPSET] = {{1, COPY, 0}, {2, COPY, 0}},
    [GRAPH] = {{1, MANY, NODE}, {2, COPY, 0}, {5, MANY, TENSOR},
	{11, MANY, VALUE_INFO}, {12, MANY, VALUE_INFO}},
    [NODE] = {{1, COPY, 0}, {2, COPY, 0}, {3, COPY, 0}, {4, COPY, 0},
	{5, MANY, ATTRIBUTE}, {7, COPY, 0}},
    [ATTRIBUTE] = {{1, COPY, 0}, {2, COPY, 0}, {3, COPY, 0}, {4, COPY, 0},
	{5, ONE, TENSOR}, {6, ONE, GRAPH}, {7, COPY, 0}, {8, COPY, 0},
	{9, COPY, 0}, {20, COPY, 0}, {21, COPY, 0}},
    [TENSOR] = {{1, COPY, 0}, {2, COPY, 0}, {4, COPY, 0}, {5, COPY, 0},
	{7, COPY, 0}, {8, COPY, 0}, {9, RAW, 0}, {10, COPY, 0}, {11, COPY, 0},
	{13, MANY, ENTRY}, {14, COPY, 0}},
    [ENTRY] = {{1, COPY, 0}, {2, COPY, 0}},
    [VALUE_INFO] = {{1, COPY, 0}, {2, ONE, TYPE}},
    [TYPE] = {{1, ONE, TENSOR_TYPE}, {4, ONE, SEQUENCE}},
    [TENSOR_TYPE] = {{1, COPY, 0}, {2, ONE, SHAPE}},
    [SHAPE] = {{1, MANY, DIM}},
    [DIM] = {{1, COPY, 0}, {2, COPY, 0}},
    [SEQUENCE] = {{1, ONE, TYPE}},
    /* A SequenceProto is given to protobuf-c as a GraphProto. */
    [LIST] = {{3, MANY, TENSOR, 5}},
    /* 11 is newer than protobuf-c's schema: an unknown field to it. */
    [FUNCTION] = {{1, COPY, 0}, {4, COPY, 0}, {5, COPY, 0}, {6, COPY, 0},
	{7, MANY, NODE}, {9, MANY, OPSET}, {10, COPY, 0},
	{11, MANY, ATTRIBUTE}},
};

struct scan {
	const uint8_t *start;
	struct mel_buf *out;
	int messages;
};

static int walk(struct scan *s, struct mel_cursor in, enum message type,
    int depth, struct mel_err *err);

static int
fail_at(const struct scan *s, const uint8_t *pos, const char *why,
    struct mel_err *err)
{
	return mel_fail(err, "byte %zu: %s", (size_t)(pos - s->start), why);
}

static bool
varint(struct mel_cursor *in, uint64_t *value)
{
	*value = 0;
	for (int shift = 0; shift < 64; shift += 7) {
		const uint8_t *p = mel_cursor_take(in, 1);

		if (!p)
			return false;
		*value |= (uint64_t)(*p & 127) << shift;
		if (!(*p & 128))
			return true;
	}
	return false;
}

/* Skips the value; *body is what a length-delimited one holds. */
static bool
value(struct mel_cursor *in, int wire, struct mel_cursor *body)
{
	uint64_t n;

	switch (wire) {
	case 0:
		return varint(in, &n);
	case 1:
		return mel_cursor_take(in, 8);
	case 2:
		if (!varint(in, &n) || n > mel_cursor_left(in))
			return false;
		body->pos = mel_cursor_take(in, n);
		body->end = in->pos;
		return true;
	case 5:
		return mel_cursor_take(in, 4);
	}
	return false; /* groups: nobody writes them */
}

static const struct field *
find(enum message type, uint64_t number)
{
	const struct field *f = fields[type];

	while (f->sort != END && f->number != number)
		f++;
	return f;
}

/* Tag and a length of MEL_WIRE_LENGTH bytes whose value comes later. */
static int
open_field(struct scan *s, int number, struct mel_err *err)
{
	static const uint8_t length[MEL_WIRE_LENGTH] = {
	    0x80, 0x80, 0x80, 0x80, 0};
	uint8_t tag[2] = {(uint8_t)(number << 3 | 2), (uint8_t)(number >> 4)};

	if (number > 15)
		tag[0] |= 0x80;
	if (mel_buf_add(s->out, tag, number > 15 ? 2 : 1, err))
		return -1;
	return mel_buf_add(s->out, length, sizeof(length), err);
}

/* Writes the length of what came behind the head that ends at `start`. */
static int
close_field(struct scan *s, size_t start, struct mel_err *err)
{
	size_t n = s->out->len - start;

	if (s->out->len > INT32_MAX)
		return mel_fail(err, "more than 2 GB without the weights");
	for (int i = 0; i < MEL_WIRE_LENGTH; i++) {
		s->out->data[start - MEL_WIRE_LENGTH + (size_t)i] =
		    (char)(uint8_t)((n & 127) | (i < 4 ? 128 : 0));
		n >>= 7;
	}
	return 0;
}

static int
stub(struct scan *s, int number, struct mel_cursor body, struct mel_err *err)
{
	uint8_t place[MEL_WIRE_STUB];
	size_t start;

	mel_put_u64le(place, (uint64_t)(body.pos - s->start));
	mel_put_u64le(place + 8, mel_cursor_left(&body));
	if (open_field(s, number, err))
		return -1;
	start = s->out->len;
	if (mel_buf_add(s->out, place, sizeof(place), err))
		return -1;
	return close_field(s, start, err);
}

static int
nested(struct scan *s, const struct field *f, struct mel_cursor body, int depth,
    struct mel_err *err)
{
	size_t start;

	if (open_field(s, f->as ? f->as : f->number, err))
		return -1;
	start = s->out->len;
	if (walk(s, body, (enum message)f->message, depth + 1, err))
		return -1;
	return close_field(s, start, err);
}

static int
field(struct scan *s, const struct field *f, const uint8_t *tag,
    const uint8_t *end, struct mel_cursor body, struct mel_err *err)
{
	if (f->sort == END)
		return 0;
	if (f->sort == COPY)
		return mel_buf_add(s->out, tag, (size_t)(end - tag), err);
	if (!body.pos)
		return fail_at(s, tag, "not a message", err);
	return f->sort == RAW ? stub(s, f->number, body, err) : 1;
}

static int
walk(struct scan *s, struct mel_cursor in, enum message type, int depth,
    struct mel_err *err)
{
	uint32_t seen = 0;

	if (depth > MAX_DEPTH)
		return fail_at(s, in.pos, "nested too deeply", err);
	if (++s->messages > MAX_MESSAGES)
		return fail_at(s, in.pos, "too many messages", err);
	while (mel_cursor_left(&in)) {
		const uint8_t *tag = in.pos;
		struct mel_cursor body = {0};
		const struct field *f;
		uint64_t head;
		int rc;

		if (!varint(&in, &head) || !(head >> 3) ||
		    !value(&in, (int)(head & 7), &body))
			return fail_at(s, tag, "truncated or not ONNX", err);
		f = find(type, head >> 3);
		if (f->sort == ONE && seen >> f->number & 1)
			return fail_at(s, tag, "message given twice", err);
		if (f->sort == ONE)
			seen |= 1u << f->number;
		rc = field(s, f, tag, in.pos, body, err);
		if (rc > 0)
			rc = nested(s, f, body, depth, err);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int
mel_wire_scan(const uint8_t *bytes, size_t len, enum mel_wire_root root,
    struct mel_buf *out, struct mel_err *err)
{
	static const enum message roots[] = {[MEL_WIRE_MODEL] = MODEL,
	    [MEL_WIRE_TENSOR] = TENSOR,
	    [MEL_WIRE_LIST] = LIST};
	struct scan s = {.start = bytes, .out = out};
	struct mel_cursor in = {bytes, len ? bytes + len : bytes};

	if (!len)
		return mel_fail(err, "empty file");
	if (walk(&s, in, roots[root], 0, err))
		return -1;
	/* A message without any field that we know is still a message. */
	return out->data ? 0 : mel_buf_add(out, "", 0, err);
}
