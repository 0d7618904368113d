/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <zlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "records.h"
#include "tap.h"
#include "tensor/head.h"

/* The order of records: what is spelled, whole records read, why no more. */
static void
test_order(void)
{
	static const struct {
		const char *letters, *why;
		size_t n;
	} cases[] = {
	    {"HF", NULL, 2},
	    {"HBTREF", NULL, 6},
	    {"HBTRRRREF", NULL, 9},
	    {"HBTEF", NULL, 5},
	    {"HNBNTNRNENF", NULL, 11},
	    {"HBXF", NULL, 4},
	    {"HBTRXBTREF", NULL, 10},
	    {"HBTREBTRREF", NULL, 11},
	    {"HFHF", NULL, 4},
	    {"HBTREFHBTREBXF", NULL, 14},
	    {"", "in: cut before the first record", 0},
	    {"H", "in: cut after record 0 (head)", 1},
	    {"HB", "in: cut after record 1 (begin, utterance 0)", 2},
	    {"HBTR", "in: cut after record 3 (data, utterance 0)", 4},
	    {"HBTREB", "in: cut after record 5 (begin, utterance 1)", 6},
	    {"HBTREN", "in: cut after record 5 (note)", 6},
	    {"HBN", "in: cut after record 2 (note, utterance 0)", 3},
	    {"HFH", "in: cut after record 0 (head, stream 2)", 3},
	    {"F", "in: at the first record: finish record before a head", 0},
	    {"B", "in: at the first record: begin record before a head", 0},
	    {"HHF", "in: after record 0 (head): head record without a finish",
		1},
	    {"HEF", "end record outside an utterance", 1},
	    {"HTF", "data record outside an utterance", 1},
	    {"HXF", "error record outside an utterance", 1},
	    {"HBBF", "begin record inside an utterance", 2},
	    {"HBTF", "finish record inside an utterance", 3},
	    {"HBTRHF", "head record inside an utterance", 4},
	    {"HFN", "note record before a head", 2},
	    {"HBRTEF", "port \"tokens\": whole tensor behind rows", 3},
	    {"HBTTEF", "port \"tokens\": tensor twice in an utterance", 3},
	    {"HBREF", "end of utterance 0 without tensor \"tokens\"", 3},
	    {"HBTREBEF", "end of utterance 1 without tensor \"tokens\"", 6},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct records r = {0};
		struct mel_err err = {""};
		size_t n;
		int rc;

		records_spell(&r, cases[i].letters);
		rc = records_drain(r.bytes.data, r.bytes.len, 0, &n, &err);
		ok(rc == (cases[i].why ? -1 : 0) && n == cases[i].n &&
			strstr(err.msg, cases[i].why ? cases[i].why : ""),
		    "order %s: %zu records, %s", cases[i].letters, n, err.msg);
		mel_buf_free(&r.bytes);
	}
}

/* A field of a header changed, its checksum right again. */
static void
test_fields(void)
{
	static const struct {
		const char *what, *why;
		unsigned record, offset, size; /* in HBTRREF */
		uint64_t value;
	} cases[] = {
	    {"version", "stream version 2, 1 is known", 0, 4, 1, 2},
	    {"kind", "unknown record kind 7", 1, 5, 1, 7},
	    {"dtype 10", "no such element type: 10", 3, 6, 1, 10},
	    {"dtype none", "no such element type: 0", 3, 6, 1, 0},
	    {"ndim", "5 axes, at most 4", 3, 7, 1, 5},
	    {"fewer axes", "length given for axis 1 of 1", 3, 7, 1, 1},
	    {"other dtype", "port \"mel\": i32, the head says f32", 3, 6, 1,
		MEL_I32},
	    {"utt of data", "utterance number 1, not 0", 3, 8, 4, 1},
	    {"utt of head", "utterance number 1, not 0", 0, 8, 4, 1},
	    {"utt of finish", "utterance number 1, not 0", 6, 8, 4, 1},
	    {"utt of begin", "utterance number 1, not 0", 1, 8, 4, 1},
	    {"port", "data for port 2 of 2", 3, 12, 4, 2},
	    {"port of begin", "begin record with a tensor", 1, 12, 4, 1},
	    {"first", "port \"mel\": row 3, expected row 2", 4, 16, 8, 3},
	    {"first repeats", "row 0, expected row 2", 4, 16, 8, 0},
	    {"first of tensor", "whole tensor with a row number", 2, 16, 8, 1},
	    {"first of note", "head record with a row number", 0, 16, 8, 1},
	    {"rows of end", "end counts 5 rows, 4 were there", 5, 16, 8, 5},
	    {"dim", "24 bytes of data, its shape has 36", 3, 24, 4, 3},
	    {"dim of begin", "length given for axis 0 of 0", 1, 24, 4, 1},
	    {"meta_len", "1048577 bytes of JSON", 1, 40, 4, 1048577},
	    {"seq", "record number 9, not 3", 3, 44, 4, 9},
	    {"seq of head", "record number 1, not 0", 0, 44, 4, 1},
	    {"data_len", "25 bytes of data, its shape has 24", 3, 48, 8, 25},
	    {"huge data", "a record has at most 67108864", 3, 48, 8,
		UINT64_MAX},
	    {"data of end", "end record with a tensor", 5, 48, 8, 64},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct records r = {0};
		struct mel_err err = {""};
		unsigned char *h, value[8];
		size_t n;

		records_spell(&r, "HBTRREF");
		h = (unsigned char *)r.bytes.data + r.at[cases[i].record];
		mel_put_u64le(value, cases[i].value);
		memcpy(h + cases[i].offset, value, cases[i].size);
		mel_put_u32le(h + 60, (uint32_t)crc32(0, h, 60));
		ok(records_drain(r.bytes.data, r.bytes.len, 0, &n, &err) ==
			    -1 &&
			n == cases[i].record && strstr(err.msg, cases[i].why),
		    "%s: %s", cases[i].what, err.msg);
		mel_buf_free(&r.bytes);
	}
}

/* JSON of one record; without a why it is accepted. */
#define PORT(rest) "{\"melpipe\":1,\"ports\":[{\"name\":\"a\"," rest "}]}"
static const struct {
	enum mel_kind kind;
	const char *meta, *why;
} json_cases[] = {
    {MEL_HEAD, "{\"melpipe\":1,\"ports\":[],\"later\":[1]}", NULL},
    {MEL_HEAD, NULL, "head: \"melpipe\" must be 1"},
    {MEL_HEAD, "{\"melpipe\":2}", "\"melpipe\" must be 1"},
    {MEL_HEAD, "{\"melpipe\":1}", "\"ports\" must be an array"},
    {MEL_HEAD, "[1]", "JSON that is not an object"},
    {MEL_HEAD, "{\"melpipe\":1", "JSON, byte 12:"},
    {MEL_HEAD, "{\"melpipe\":1} x", "JSON, byte"},
    {MEL_HEAD, "{\"a\":1,\"a\":2}", "duplicate object key"},
    {MEL_HEAD, "{\"a\":\"\xff\"}", "JSON, byte"},
    {MEL_HEAD, "{\"a\":NaN}", "JSON, byte"},
    {MEL_HEAD, PORT("\"dtype\":\"f31\""), "\"dtype\" must name"},
    {MEL_HEAD, PORT("\"dtype\":\"f32\""), "\"dims\" must be an array"},
    {MEL_HEAD, PORT("\"dtype\":\"f32\",\"dims\":[1,1,1,1,1]"),
	"more than 4 axes"},
    {MEL_HEAD, PORT("\"dtype\":\"f32\",\"dims\":[-1]"),
	"axis 0: must be null or a length"},
    {MEL_HEAD,
	PORT("\"dtype\":\"f32\",\"dims\":[4294967296],"
	     "\"sort\":\"sequence\""),
	"axis 0: bad length"},
    {MEL_HEAD, PORT("\"dtype\":\"f32\",\"dims\":[]"), "\"sort\" must"},
    {MEL_HEAD, PORT("\"dtype\":\"f32\",\"dims\":[3],\"sort\":\"stream\""),
	"the first axis of a stream must be open"},
    {MEL_HEAD, PORT("\"dtype\":\"f32\",\"dims\":[],\"sort\":\"stream\""),
	"the first axis of a stream must be open"},
    {MEL_HEAD,
	PORT("\"dtype\":\"f32\",\"dims\":[null,null],"
	     "\"sort\":\"stream\""),
	"axis 1: a stream has a fixed width"},
    {MEL_HEAD, "{\"melpipe\":1,\"ports\":[],\"addon\":{\"name\":\"a\"}}",
	"addon: \"digest\" must be a string"},
    {MEL_HEAD, "{\"melpipe\":1,\"ports\":[],\"contract\":1}",
	"\"contract\" must be an object"},
    {MEL_HEAD, "{\"melpipe\":1,\"ports\":[],\"done\":-1}",
	"\"done\" must be a count"},
    {MEL_BEGIN, "{\"key\":\"k\",\"frames\":3,\"x\":{}}", NULL},
    {MEL_BEGIN, NULL, "begin without \"key\""},
    {MEL_BEGIN, "{\"key\":\"\"}", "begin without \"key\""},
    {MEL_BEGIN, "{\"key\":\"k\",\"frames\":-3}", "must be a count"},
    {MEL_BEGIN, "{\"key\":\"k\",\"t0\":\"now\"}", "must be a count"},
    {MEL_END, "{\"rows\":0,\"stages\":[]}", NULL},
    {MEL_END, NULL, "end: \"rows\" must be a count"},
    {MEL_END, "{\"rows\":1}", "not the header's count"},
    {MEL_END, "{\"rows\":0,\"stages\":{}}", "must be an array"},
    {MEL_END, "{\"rows\":0,\"stages\":[{\"tool\":\"t\"}]}",
	"\"first_us\" must be a count"},
    {MEL_ERROR, "{\"message\":\"m\",\"key\":\"k\"}", "error without \"tool\""},
    {MEL_ERROR, "{\"tool\":\"t\",\"key\":\"k\"}", "error without \"message\""},
};

static void
test_json(void)
{
	for (size_t i = 0; i < sizeof(json_cases) / sizeof(json_cases[0]);
	     i++) {
		struct mel_record_header h = {.kind = json_cases[i].kind};
		struct records r = {0};
		struct mel_err err = {""};
		size_t n, before = 0;
		int rc;

		if (h.kind == MEL_BEGIN)
			records_spell(&r, "H");
		else if (h.kind != MEL_HEAD)
			records_spell(&r, "HBT");
		before = r.n;
		h.seq = (uint32_t)before;
		records_add(&r, h, json_cases[i].meta, NULL);
		rc = records_drain(r.bytes.data, r.bytes.len, 0, &n, &err);
		/* None of these streams has a finish. */
		ok(rc == -1 && n == before + !json_cases[i].why &&
			strstr(err.msg,
			    json_cases[i].why ? json_cases[i].why : "cut"),
		    "%s %s: %s", mel_kind_name(h.kind),
		    json_cases[i].meta ? json_cases[i].meta : "without JSON",
		    err.msg);
		mel_buf_free(&r.bytes);
	}
}

/* Every byte offset; the message names the last whole record. */
static void
test_cuts(void)
{
	struct records r = {0};
	size_t i = 0, n, bad = 0, edges = 0;
	char last[32];
	struct mel_err err;

	records_spell(&r, "HNBTRRREBTRNRXBTEF");
	for (size_t cut = 0; cut < r.bytes.len; cut++) {
		/* A copy of that size: a sanitizer sees reads behind it. */
		unsigned char *part = malloc(cut + 1);

		if (!part)
			abort();
		memcpy(part, r.bytes.data, cut);
		while (r.at[i + 1] <= cut)
			i++;
		snprintf(last, sizeof(last), "cut after record %zu (", i - 1);
		if (i == 0)
			strcpy(last, "cut before the first record");
		bad += records_drain(part, cut, 0, &n, &err) != -1 || n != i ||
		       !strstr(err.msg, last);
		edges += r.at[i] == cut;
		free(part);
	}
	ok(!bad && edges == r.n, "%zu offsets of %zu records: %zu unnoticed",
	    r.bytes.len, r.n, bad);
	ok(records_drain(r.bytes.data, r.bytes.len, 0, &n, &err) == 0 &&
		n == r.n,
	    "the whole stream is accepted");
	mel_buf_free(&r.bytes);
}

/* cat a b: only the cut between the two cannot be noticed. */
static void
test_two_streams(void)
{
	struct records r = {0};
	size_t n, unnoticed = 0, middle, where = 0;
	struct mel_err err;

	records_spell(&r, "HBTREF");
	middle = r.bytes.len;
	records_spell(&r, "HBXF");
	for (size_t cut = 0; cut < r.bytes.len; cut++) {
		if (records_drain(r.bytes.data, cut, 0, &n, &err) == 0) {
			unnoticed++;
			where = cut;
		}
	}
	ok(unnoticed == 1 && where == middle,
	    "two streams: %zu cuts unnoticed, at %zu", unnoticed, where);
	mel_buf_free(&r.bytes);
}

static void
test_flips(void)
{
	struct records r = {0};
	size_t n, bad = 0, other = 0;
	struct mel_err err;

	records_spell(&r, "HBTREBXF");
	for (size_t i = 0; i < r.n; i++) {
		unsigned char *h = (unsigned char *)r.bytes.data + r.at[i];

		for (int bit = 0; bit < 8 * MEL_RECORD_HEADER; bit++) {
			h[bit / 8] ^= (unsigned char)(1 << bit % 8);
			bad += records_drain(r.bytes.data, r.bytes.len, 0, &n,
				   &err) != -1 ||
			       n != i;
			h[bit / 8] ^= (unsigned char)(1 << bit % 8);
		}
	}
	ok(!bad, "one bit of a header: %zu unnoticed", bad);
	/* Padding, too; JSON and tensors may change without a fault. */
	for (size_t at = 0; at < r.bytes.len; at++) {
		r.bytes.data[at] ^= 0x55;
		other +=
		    records_drain(r.bytes.data, r.bytes.len, 0, &n, &err) == -1;
		r.bytes.data[at] ^= 0x55;
	}
	ok(other > r.n * MEL_RECORD_HEADER, "%zu of %zu bytes are checked",
	    other, r.bytes.len);
	mel_buf_free(&r.bytes);
}

static void
test_padding(void)
{
	struct records r = {0};
	struct mel_err err;
	size_t n;

	records_spell(&r, "HBTREF");
	r.bytes.data[r.at[3] - 1] = 1;
	ok(records_drain(r.bytes.data, r.bytes.len, 0, &n, &err) == -1 &&
		n == 2 && strstr(err.msg, "padding that is not zero"),
	    "padding of data: %s", err.msg);
	r.bytes.data[r.at[3] - 1] = 0;
	r.bytes.data[r.at[2] - 1] = ' ';
	ok(records_drain(r.bytes.data, r.bytes.len, 0, &n, &err) == -1 &&
		n == 1 && strstr(err.msg, "padding that is not zero"),
	    "padding of JSON: %s", err.msg);
	mel_buf_free(&r.bytes);
}

static void
test_bools(void)
{
	static const char head[] =
	    "{\"melpipe\":1,\"ports\":[{\"name\":\"a\",\"dtype\":\"bool\","
	    "\"dims\":[null],\"sort\":\"sequence\"}]}";
	struct mel_record_header h = {.kind = MEL_DATA,
	    .dtype = MEL_BOOL,
	    .ndim = 1,
	    .dim = {3},
	    .seq = 2,
	    .data_len = 3};
	struct records r = {0};
	struct mel_err err;
	size_t n;

	records_add(
	    &r, (struct mel_record_header){.kind = MEL_HEAD}, head, NULL);
	records_add(&r, (struct mel_record_header){.kind = MEL_BEGIN, .seq = 1},
	    "{\"key\":\"k\"}", NULL);
	records_add(&r, h, NULL, "\0\1\2");
	ok(records_drain(r.bytes.data, r.bytes.len, 0, &n, &err) == -1 &&
		n == 2 && strstr(err.msg, "neither 0 nor 1"),
	    "bool: %s", err.msg);
	mel_buf_free(&r.bytes);
}

static void
test_limit(void)
{
	struct records r = {0};
	struct mel_err err;
	size_t n;

	/* The largest is the head. */
	records_spell(&r, "HBTREF");
	ok(records_drain(r.bytes.data, r.bytes.len, r.at[1], &n, &err) == 0,
	    "records of the limit are read");
	ok(records_drain(r.bytes.data, r.bytes.len, r.at[1] - 1, &n, &err) ==
		    -1 &&
		!n && strstr(err.msg, "a record has at most"),
	    "larger ones not: %s", err.msg);
	mel_buf_free(&r.bytes);
}

static void
test_foreign(void)
{
	static const char *const texts[] = {
	    "", "M", "MELP", "RIFF....WAVE", "x"};
	struct mel_err err;
	size_t n;

	for (int i = 0; i < 5; i++) {
		ok(records_drain(texts[i], strlen(texts[i]), 0, &n, &err) ==
			    -1 &&
			strstr(err.msg, i < 3 ? "cut before the first record"
					      : "not a melpipe record"),
		    "\"%s\": %s", texts[i], err.msg);
	}
}

static void
test_sources(void)
{
	struct records r = {0};
	struct records_source s = {.step = 1, .interrupted = 3};
	struct mel_record record;
	struct mel_reader *reader;
	struct mel_err err, again;
	size_t n = 0;

	records_spell(&r, "HBTREF");
	s.pos = (const unsigned char *)r.bytes.data;
	s.left = r.bytes.len;
	s.error = EIO;
	mel_reader_open(&reader, records_read, &s, "in", 0, &err);
	while (mel_reader_next(reader, &record, &err) > 0) {
		s.interrupted = 2;
		n++;
		if (n == 4)
			ok(record.header.dim[1] == 3 &&
				((float *)record.tensor.data)[5] == 6 &&
				((uintptr_t)record.tensor.data & 63) == 0,
			    "rows byte by byte, with interruptions");
	}
	ok(n == 6 && strstr(err.msg, "in: after record 5 (finish): read: "),
	    "read error: %s", err.msg);
	s.error = 0;
	ok(mel_reader_next(reader, &record, &again) == -1 &&
		!strcmp(err.msg, again.msg),
	    "the reader stays at the error");
	ok(mel_reader_offset(reader) == r.bytes.len, "offset");
	mel_reader_close(reader);
	mel_reader_close(NULL);
	mel_buf_free(&r.bytes);
}

static void
test_skip(void)
{
	struct records r = {0};
	struct records_source s = {0};
	struct mel_record record;
	struct mel_reader *reader;
	struct mel_err err;

	records_spell(&r, "HBTRREBTRXBTRF");
	s.pos = (const unsigned char *)r.bytes.data;
	s.left = r.bytes.len;
	mel_reader_open(&reader, records_read, &s, "in", 0, &err);
	ok(!mel_reader_head(reader)->n_ports, "no head yet");
	mel_reader_next(reader, &record, &err);
	ok(mel_head_find(mel_reader_head(reader), "mel") == 1, "head");
	mel_reader_next(reader, &record, &err);
	ok(mel_reader_skip(reader, &record, &err) == 1 &&
		record.header.kind == MEL_END && record.header.first == 4,
	    "skip to the end");
	mel_reader_next(reader, &record, &err);
	ok(mel_reader_skip(reader, &record, &err) == 1 &&
		record.header.kind == MEL_ERROR,
	    "skip to the error");
	mel_reader_next(reader, &record, &err);
	ok(mel_reader_skip(reader, &record, &err) == -1 &&
		strstr(err.msg, "finish record inside an utterance"),
	    "skip over a fault: %s", err.msg);
	mel_reader_close(reader);
	mel_buf_free(&r.bytes);
}

int
main(void)
{
	test_order();
	test_fields();
	test_json();
	test_cuts();
	test_two_streams();
	test_flips();
	test_padding();
	test_bools();
	test_limit();
	test_foreign();
	test_sources();
	test_skip();
	return tap_done();
}
