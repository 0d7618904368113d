/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/utterance.h"
#include "base/option.h"
#include "records.h"
#include "tap.h"

struct input {
	struct records records;
	struct records_source source;
	struct mel_reader *reader;
	struct mel_utterance u;
	struct mel_err err;
};

static void
start(struct input *in, const char *letters)
{
	*in = (struct input){0};
	records_spell(&in->records, letters);
	in->source.pos = (const unsigned char *)in->records.bytes.data;
	in->source.left = in->records.bytes.len;
	if (mel_reader_open(
		&in->reader, records_read, &in->source, "in", 0, &in->err))
		abort();
}

static void
stop(struct input *in)
{
	mel_utterance_free(&in->u);
	mel_reader_close(in->reader);
	mel_buf_free(&in->records.bytes);
}

static int
next(struct input *in, const struct mel_utterance_options *options)
{
	return mel_utterance_next(&in->u, in->reader, options, &in->err);
}

static void
test_whole(void)
{
	const struct mel_tensor *mel, *tokens;
	struct input in;

	start(&in, "HNBTRRNRENBTEF");
	ok(next(&in, NULL) == 1 && in.u.index == 0 &&
		!strcmp(in.u.key, "000001") && in.u.state == MEL_UTT_WHOLE &&
		in.u.end && in.u.tensors.n == 2,
	    "whole");
	tokens = mel_bundle_get(&in.u.tensors, "tokens");
	mel = mel_bundle_get(&in.u.tensors, "mel");
	ok(tokens && tokens->dim[0] == 2 && ((int32_t *)tokens->data)[1] == 8,
	    "a sequence port");
	ok(mel && mel->ndim == 2 && mel->dim[0] == 6 && mel->dim[1] == 3 &&
		((float *)mel->data)[17] == 6 && ((float *)mel->data)[12] == 1,
	    "rows of three records are one tensor");
	ok(in.u.bytes == 6 * 12 + 8, "bytes");
	ok(next(&in, NULL) == 1 && in.u.index == 1, "the second");
	mel = mel_bundle_get(&in.u.tensors, "mel");
	ok(mel && mel->dim[0] == 0 && mel->dim[1] == 3, "no rows: 0 rows");
	ok(next(&in, NULL) == 0 && !in.u.key, "the end");
	stop(&in);
}

static void
test_errors(void)
{
	struct input in;

	start(&in, "HBTRXBXBTREF");
	ok(next(&in, NULL) == 1 && in.u.state == MEL_UTT_ERROR &&
		!in.u.tensors.n && !strcmp(in.u.error, "no") && in.u.key,
	    "D: rows before an error record are void");
	ok(next(&in, NULL) == 1 && in.u.state == MEL_UTT_ERROR, "nothing else");
	ok(next(&in, NULL) == 1 && in.u.state == MEL_UTT_WHOLE &&
		!in.u.error[0] && in.u.index == 2,
	    "others go on");
	stop(&in);
	start(&in, "HBTR");
	ok(next(&in, NULL) == -1 && strstr(in.err.msg, "cut") && !in.u.begin,
	    "a cut: %s", in.err.msg);
	stop(&in);
	start(&in, "");
	ok(next(&in, NULL) == -1, "nothing at all: %s", in.err.msg);
	stop(&in);
	start(&in, "HF");
	ok(next(&in, NULL) == 0, "a head alone is a stream");
	stop(&in);
}

static void
test_limit(void)
{
	struct mel_utterance_options options = {.limit = 2 * 24 + 8};
	struct input in;

	start(&in, "HBTRRREBTRREBTRRRXF");
	ok(next(&in, &options) == 1 && in.u.state == MEL_UTT_REFUSED &&
		strstr(in.u.error, "56 bytes") && !in.u.tensors.n && in.u.end,
	    "too much: %s", in.u.error);
	ok(next(&in, &options) == 1 && in.u.state == MEL_UTT_WHOLE, "as much");
	ok(next(&in, &options) == 1 && in.u.state == MEL_UTT_ERROR,
	    "an error record says more than the limit");
	ok(next(&in, &options) == 0, "the end");
	stop(&in);
}

static void
test_ports(void)
{
	char mel[] = "mel", *names[] = {mel};
	struct mel_strings ports = {.item = names, .n = 1};
	struct mel_utterance_options options = {.ports = &ports};
	struct input in;

	start(&in, "HBTREF");
	ok(next(&in, &options) == 1 && in.u.tensors.n == 1 &&
		mel_bundle_get(&in.u.tensors, "mel"),
	    "only what is wanted");
	stop(&in);
}

/* Growth across the doubling of memory keeps every row. */
static void
test_many(void)
{
	static float rows[300 * 3];
	struct mel_record_header h = {.kind = MEL_DATA,
	    .dtype = MEL_F32,
	    .ndim = 2,
	    .dim = {300, 3},
	    .port = 1,
	    .data_len = sizeof(rows)};
	const struct mel_tensor *mel;
	struct input in;
	bool good = true;

	start(&in, "HBT");
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned k = 0; k < 900; k++)
			rows[k] = (float)(i * 900 + k);
		h.seq = 3 + i;
		h.first = 300 * i;
		records_add(&in.records, h, NULL, rows);
	}
	h = (struct mel_record_header){
	    .kind = MEL_END, .seq = 23, .first = 6000};
	records_add(&in.records, h, "{\"rows\":6000}", NULL);
	in.source.pos = (const unsigned char *)in.records.bytes.data;
	in.source.left = in.records.bytes.len;
	ok(next(&in, NULL) == 1, "72000 bytes in 20 records");
	mel = mel_bundle_get(&in.u.tensors, "mel");
	for (int i = 0; mel && i < 18000; i++)
		good &= ((float *)mel->data)[i] == (float)i;
	ok(mel && mel->dim[0] == 6000 && good, "every row in its place");
	stop(&in);
}

static void
test_contract(void)
{
	struct mel_record_header h = {.kind = MEL_HEAD};
	struct input in;

	start(&in, "HBTREFHBTREF");
	ok(next(&in, NULL) == 1 && next(&in, NULL) == 1 && in.u.index == 1 &&
		next(&in, NULL) == 0,
	    "cat a b");
	stop(&in);
	start(&in, "HBTREF");
	records_add(&in.records, h,
	    "{\"melpipe\":1,\"ports\":[],\"done\":0,\"contract\":{}}", NULL);
	in.source.pos = (const unsigned char *)in.records.bytes.data;
	in.source.left = in.records.bytes.len;
	ok(next(&in, NULL) == 1 && next(&in, NULL) == -1 &&
		strstr(in.err.msg, "contract"),
	    "D: a second contract: %s", in.err.msg);
	stop(&in);
}

int
main(void)
{
	test_whole();
	test_errors();
	test_limit();
	test_ports();
	test_many();
	test_contract();
	return tap_done();
}
