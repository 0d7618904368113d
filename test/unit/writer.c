/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "tap.h"
#include "tensor/head.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/tensor.h"
#include "tensor/writer.h"

static const struct mel_writer_options quiet = {.tool = "tts-test"};

static int
scratch(void)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

static struct mel_writer *
open_writer(int fd, const struct mel_writer_options *options)
{
	struct mel_writer *w;

	if (mel_writer_open(&w, fd, options, NULL))
		abort();
	return w;
}

/* Rewinds fd. */
static struct mel_reader *
open_reader(int fd)
{
	struct mel_reader *r;

	lseek(fd, 0, SEEK_SET);
	if (mel_reader_open_fd(&r, fd, "in", 0, NULL))
		abort();
	return r;
}

static void
add_port(struct mel_head *head, const char *name, enum mel_dtype dtype,
    int width, enum mel_port_sort sort)
{
	struct mel_port port = {.name = (char *)(uintptr_t)name,
	    .dtype = dtype,
	    .ndim = width ? 2 : 1,
	    .dim = {MEL_OPEN, width},
	    .sort = sort};

	if (mel_head_add(head, &port, NULL))
		abort();
}

/* tokens i32 [n], mel f32 [n, 3] */
static struct mel_head
usual_head(void)
{
	struct mel_head head = {.done = 3};

	add_port(&head, "tokens", MEL_I32, 0, MEL_SEQUENCE);
	add_port(&head, "mel", MEL_F32, 3, MEL_ROWS);
	return head;
}

static int
begin(struct mel_writer *w, const char *key, struct mel_err *err)
{
	json_t *meta = json_pack("{s:s, s:i}", "key", key, "frames", 4);
	int rc = mel_writer_begin(w, meta, err);

	json_decref(meta);
	return rc;
}

static int
send_tokens(struct mel_writer *w, struct mel_err *err)
{
	int32_t ids[3] = {1, -2, 3};
	struct mel_tensor t =
	    mel_tensor_view(MEL_I32, 1, (const int64_t[]){3}, ids);

	return mel_writer_data(w, 0, &t, err);
}

static int
send_rows(struct mel_writer *w, int64_t rows, struct mel_err *err)
{
	float mel[300] = {0.5F, -1, 1e-30F};
	struct mel_tensor t =
	    mel_tensor_view(MEL_F32, 2, (const int64_t[]){rows, 3}, mel);

	return mel_writer_data(w, 1, &t, err);
}

/* Every element type and rank, with awkward sizes. */
static void
write_types(struct mel_writer *w)
{
	static unsigned char bytes[1024];
	struct mel_head head = {0};
	struct mel_tensor t;

	for (int type = MEL_F32; type <= MEL_BOOL; type++) {
		struct mel_port port = {
		    .dtype = (enum mel_dtype)type, .sort = MEL_SEQUENCE};

		port.name = (char *)(uintptr_t)mel_dtype_name(port.dtype);
		port.ndim = type % 5;
		for (int i = 0; i < port.ndim; i++)
			port.dim[i] = i ? i + 1 : MEL_OPEN;
		mel_head_add(&head, &port, NULL);
	}
	head.contract = json_pack("{s:i, s:f}", "rate", 22050, "floor", 1e-5);
	head.addon = json_pack("{s:s, s:s}", "name", "a", "digest", "0");
	head.extra = json_pack("{s:[i]}", "later", 1);
	ok(!mel_writer_head(w, &head, NULL) && !begin(w, "\xc3\xa4 b", NULL),
	    "head with everything");
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i & 1);
	for (int i = 0; i < 9; i++) {
		int64_t dim[4] = {i == 5 ? 0 : i, 2, 3, 4};

		t = mel_tensor_view(
		    head.port[i].dtype, head.port[i].ndim, dim, bytes);
		ok(!mel_writer_data(w, i, &t, NULL), "%s, %d axes",
		    head.port[i].name, head.port[i].ndim);
	}
	ok(!mel_writer_end(w, NULL, NULL) && !mel_writer_finish(w, NULL),
	    "end and finish");
	mel_head_free(&head);
}

static void
test_types(void)
{
	int fd = scratch();
	struct mel_writer *w = open_writer(fd, &quiet);
	struct mel_reader *r = open_reader(fd);
	struct mel_record record;
	const struct mel_head *head;
	unsigned bad = 0;

	write_types(w);
	lseek(fd, 0, SEEK_SET);
	mel_reader_next(r, &record, NULL);
	head = mel_reader_head(r);
	ok(head->n_ports == 9 && head->contract && head->addon &&
		json_object_get(head->extra, "later") &&
		json_real_value(json_object_get(head->contract, "floor")) ==
		    1e-5,
	    "the head comes back, the unknown key, too");
	mel_reader_next(r, &record, NULL);
	ok(!strcmp(json_string_value(json_object_get(record.meta, "key")),
	       "\xc3\xa4 b"),
	    "key in UTF-8");
	for (unsigned i = 0; i < 9; i++) {
		mel_reader_next(r, &record, NULL);
		bad += record.tensor.dtype != i + 1 ||
		       record.header.port != i ||
		       record.tensor.ndim != head->port[i].ndim ||
		       (mel_tensor_bytes(&record.tensor) > 1 &&
			   ((unsigned char *)record.tensor.data)[1] != 1);
	}
	ok(!bad, "9 types come back");
	mel_reader_next(r, &record, NULL);
	mel_reader_next(r, &record, NULL);
	ok(record.header.kind == MEL_FINISH &&
		mel_reader_next(r, &record, NULL) == 0,
	    "whole");
	mel_reader_close(r);
	mel_writer_close(w);
	close(fd);
}

static void
write_two(struct mel_writer *w, const struct mel_head *head)
{
	json_t *note = json_pack("{s:s}", "warning", "w");
	struct mel_err err = {""};
	int bad = mel_writer_head(w, head, &err);

	bad |= mel_writer_note(w, note, &err);
	bad |= begin(w, "a", &err) || send_tokens(w, &err);
	bad |= send_rows(w, 3, &err) || mel_writer_note(w, note, &err);
	bad |= send_rows(w, 0, &err) || send_rows(w, 1, &err);
	bad |= mel_writer_end(w, NULL, &err) || begin(w, "b", &err);
	bad |= mel_writer_error(w, NULL, "tts-x", "cut \xc3", &err);
	bad |= mel_writer_error(w, "c", NULL, "bad line", &err);
	bad |= mel_writer_finish(w, &err);
	ok(!bad, "two utterances and a failed line: %s", err.msg);
	json_decref(note);
}

/* Two streams by one writer; errors in the middle. */
static void
test_streams(void)
{
	static const char kinds[] = "0561151264643";
	int fd = scratch();
	struct mel_writer *w = open_writer(fd, &quiet);
	struct mel_head head = usual_head();
	struct mel_record record;
	struct mel_reader *r;
	size_t n = 0, bad = 0;

	write_two(w, &head);
	write_two(w, &head);
	r = open_reader(fd);
	while (mel_reader_next(r, &record, NULL) > 0) {
		bad += record.header.kind != kinds[n % 13] - '0' ||
		       record.header.seq != n % 13 || record.header.t_us;
		if (n == 9 || n == 11)
			ok(!strcmp(json_string_value(
				       json_object_get(record.meta, "tool")),
			       n == 9 ? "tts-x" : "tts-test") &&
				!strcmp(json_string_value(json_object_get(
					    record.meta, "message")),
				    n == 9 ? "cut ?" : "bad line"),
			    "error record %zu", n);
		n++;
	}
	ok(n == 26 && !bad, "kinds and numbers: %zu, %zu wrong", n, bad);
	mel_reader_close(r);
	mel_writer_close(w);
	mel_head_free(&head);
	close(fd);
}

/* A tensor that does not fit is refused, and the utterance goes on. */
static void
test_refused(void)
{
	int fd = scratch();
	struct mel_writer *w = open_writer(fd, &quiet);
	struct mel_head head = usual_head();
	struct mel_err err;
	struct mel_tensor wrong =
	    mel_tensor_view(MEL_F32, 1, (const int64_t[]){2}, &err);
	struct mel_tensor deep =
	    mel_tensor_view(MEL_F32, 5, (const int64_t[]){1, 1, 1, 1, 1}, &err);
	struct mel_reader *r;
	struct mel_record record;
	int n = 0;

	mel_writer_head(w, &head, NULL);
	begin(w, "a", NULL);
	ok(mel_writer_data(w, 0, &wrong, &err) &&
		strstr(err.msg, "port \"tokens\": f32, the head says i32"),
	    "type: %s", err.msg);
	ok(mel_writer_data(w, 1, &wrong, &err) &&
		strstr(err.msg, "port \"mel\": 1 axes, the head says 2"),
	    "rank: %s", err.msg);
	ok(mel_writer_data(w, 0, &deep, &err), "rank: %s", err.msg);
	ok(mel_writer_end(w, NULL, &err) &&
		strstr(err.msg, "without tensor \"tokens\""),
	    "missing: %s", err.msg);
	ok(!mel_writer_error(w, NULL, NULL, err.msg, NULL) &&
		!mel_writer_finish(w, NULL),
	    "the utterance ends with an error");
	r = open_reader(fd);
	while (mel_reader_next(r, &record, NULL) > 0)
		n++;
	ok(n == 4, "and the stream is whole");
	mel_reader_close(r);
	mel_writer_close(w);
	mel_head_free(&head);
	close(fd);
}

static void
test_limit(void)
{
	/* The head needs 320 bytes; 64 + 256 hold 21 rows of 12 bytes. */
	struct mel_writer_options small = {.tool = "t", .limit = 320};
	int fd = scratch();
	struct mel_writer *w = open_writer(fd, &small);
	struct mel_head head = usual_head();
	struct mel_record record;
	struct mel_reader *r;
	struct mel_err err = {""};
	static int32_t many[100];
	struct mel_tensor t =
	    mel_tensor_view(MEL_I32, 1, (const int64_t[]){100}, many);
	unsigned rows[8] = {0}, n = 0;

	ok(!mel_writer_head(w, &head, &err), "head: %s", err.msg);
	begin(w, "a", NULL);
	ok(mel_writer_data(w, 0, &t, &err) &&
		strstr(err.msg, "record of 512 bytes, at most 320"),
	    "a whole tensor is not split: %s", err.msg);
	ok(!send_tokens(w, NULL) && !send_rows(w, 50, &err) &&
		!mel_writer_end(w, NULL, NULL) && !mel_writer_finish(w, NULL),
	    "rows are");
	r = open_reader(fd);
	while (mel_reader_next(r, &record, NULL) > 0) {
		if (record.header.kind == MEL_DATA && record.header.port == 1)
			rows[n++ & 7] = record.header.dim[0];
	}
	ok(n == 3 && rows[0] == 21 && rows[1] == 21 && rows[2] == 8,
	    "21 + 21 + 8 rows");
	mel_reader_close(r);
	mel_writer_close(w);
	mel_head_free(&head);
	close(fd);
}

static void
test_full(void)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct mel_writer *w = open_writer(fd, &quiet);
	struct mel_head head = usual_head();
	struct mel_err err = {""}, again = {""};

	ok(mel_writer_head(w, &head, &err) && strstr(err.msg, "No space left"),
	    "full disk: %s", err.msg);
	close(fd);
	ok(mel_writer_head(w, &head, &again) && !strcmp(err.msg, again.msg),
	    "the first message stays");
	mel_writer_close(w);
	mel_writer_close(NULL);
	mel_head_free(&head);
}

static void
test_times(void)
{
	struct mel_writer_options live = {.tool = "two", .times = true};
	uint64_t now = mel_now_us();
	int fd = scratch();
	struct mel_writer *w = open_writer(fd, &live);
	struct mel_head head = usual_head();
	json_t *meta = json_pack(
	    "{s:s, s:I}", "key", "a", "t0", (json_int_t)(now - 5000000));
	json_t *stages = json_pack(
	    "[{s:s, s:i, s:i}]", "tool", "one", "first_us", 11, "last_us", 12);
	json_t *old = json_pack("{s:s, s:i}", "key", "b", "t0", 1);
	struct mel_record record;
	struct mel_reader *r;
	json_t *got;

	mel_writer_head(w, &head, NULL);
	mel_writer_begin(w, meta, NULL);
	send_tokens(w, NULL);
	mel_writer_end(w, stages, NULL);
	mel_writer_begin(w, old, NULL);
	r = open_reader(fd);
	for (int i = 0; i < 4; i++)
		mel_reader_next(r, &record, NULL);
	got = json_object_get(record.meta, "stages");
	ok(record.header.t_us >= 5000000 && record.header.t_us < 3600000000 &&
		json_array_size(got) == 2 &&
		json_integer_value(
		    json_object_get(json_array_get(got, 0), "last_us")) == 12 &&
		json_integer_value(json_object_get(
		    json_array_get(got, 1), "last_us")) == record.header.t_us,
	    "times count from t0, stages are kept");
	ok(json_array_size(stages) == 1, "the caller's stages are not changed");
	mel_reader_next(r, &record, NULL);
	ok(record.header.t_us == UINT32_MAX, "t_us saturates");
	mel_reader_close(r);
	mel_writer_close(w);
	mel_head_free(&head);
	json_decref(meta);
	json_decref(old);
	json_decref(stages);
	close(fd);
}

/* What is kept in a file does not depend on the clock. */
static void
test_reproducible(void)
{
	json_t *stages = json_pack(
	    "[{s:s, s:i, s:i}]", "tool", "one", "first_us", 11, "last_us", 12);
	json_t *meta = json_pack("{s:s, s:i}", "key", "a", "t0", 17);
	struct mel_head head = usual_head();
	char bytes[2][4096];
	ssize_t n[2];

	for (int i = 0; i < 2; i++) {
		int fd = scratch();
		struct mel_writer *w = open_writer(fd, &quiet);

		mel_writer_head(w, &head, NULL);
		mel_writer_begin(w, meta, NULL);
		send_tokens(w, NULL);
		mel_writer_end(w, stages, NULL);
		mel_writer_finish(w, NULL);
		mel_writer_close(w);
		n[i] = pread(fd, bytes[i], sizeof(bytes[i]), 0);
		close(fd);
	}
	ok(n[0] > 0 && n[0] == n[1] && !memcmp(bytes[0], bytes[1], n[0]) &&
		memmem(bytes[0], n[0], "\"t0\":0", 6) &&
		memmem(bytes[0], n[0], "\"last_us\":0", 11) &&
		!memmem(bytes[0], n[0], "\"last_us\":12", 12),
	    "no times: equal bytes");
	json_decref(stages);
	json_decref(meta);
	mel_head_free(&head);
}

static void
test_head_copy(void)
{
	struct mel_head head = usual_head(), copy = {0};
	struct mel_port port = {.name = head.port[1].name,
	    .dtype = MEL_F32,
	    .ndim = 1,
	    .dim = {MEL_OPEN},
	    .sort = MEL_ROWS};
	struct mel_err err = {""};

	head.contract = json_pack("{s:i}", "rate", 22050);
	ok(mel_head_rows(&head) == 1 && mel_head_find(&head, "f0") == -1,
	    "ports by name and sort");
	ok(mel_head_add(&head, &port, &err) &&
		!strcmp(err.msg, "port \"mel\" is there twice"),
	    "%s", err.msg);
	port.name = (char *)(uintptr_t) "";
	ok(mel_head_add(&head, &port, &err), "%s", err.msg);
	ok(!mel_head_copy(&copy, &head, NULL) && copy.n_ports == 2 &&
		copy.done == 3 && json_equal(copy.contract, head.contract),
	    "copy");
	mel_head_free(&head);
	ok(!strcmp(copy.port[1].name, "mel") && !head.n_ports,
	    "the copy outlives it");
	for (int i = 2; i < MEL_PORT_LIMIT; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		add_port(&copy, name, MEL_F32, 0, MEL_ROWS);
	}
	port.name = (char *)(uintptr_t) "last";
	ok(mel_head_add(&copy, &port, &err), "%s", err.msg);
	mel_head_free(&copy);
}

/* The bytes that a commented hex file means, in a new descriptor. */
static int
unhex(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256], *p;
	unsigned value;
	int fd = scratch(), used;

	if (!file)
		return fd;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "#")] = '\0';
		for (p = line; sscanf(p, "%2x%n", &value, &used) == 1;
		     p += used) {
			unsigned char byte = (unsigned char)value;

			if (write(fd, &byte, 1) != 1)
				abort();
		}
	}
	fclose(file);
	return fd;
}

/* Sends what was read through the writer. */
static int
pass_on(struct mel_writer *w, const struct mel_reader *r,
    const struct mel_record *record, struct mel_err *err)
{
	json_t *meta = record->meta, *stages;

	switch (record->header.kind) {
	case MEL_HEAD:
		return mel_writer_head(w, mel_reader_head(r), err);
	case MEL_BEGIN:
		return mel_writer_begin(w, meta, err);
	case MEL_DATA:
		return mel_writer_data(
		    w, (int)record->header.port, &record->tensor, err);
	case MEL_NOTE:
		return mel_writer_note(w, meta, err);
	case MEL_ERROR:
		return mel_writer_error(w, NULL,
		    json_string_value(json_object_get(meta, "tool")),
		    json_string_value(json_object_get(meta, "message")), err);
	case MEL_END:
		/* The writer adds the last one, "hand", itself. */
		stages = json_object_get(meta, "stages");
		json_array_remove(stages, json_array_size(stages) - 1);
		return mel_writer_end(w, stages, err);
	default:
		return mel_writer_finish(w, err);
	}
}

/* Hand-made streams, read and written again, are the same bytes. */
static void
test_hand_made(const char *path)
{
	static const struct mel_writer_options hand = {.tool = "hand"};
	static char bytes[2][8192];
	int in = unhex(path), out = scratch();
	struct mel_writer *w = open_writer(out, &hand);
	struct mel_reader *r = open_reader(in);
	struct mel_record record;
	struct mel_err err = {""};
	ssize_t n[2];
	int rc;

	while ((rc = mel_reader_next(r, &record, &err)) > 0) {
		if (pass_on(w, r, &record, &err))
			break;
	}
	n[0] = pread(in, bytes[0], sizeof(bytes[0]), 0);
	n[1] = pread(out, bytes[1], sizeof(bytes[1]), 0);
	ok(rc == 0 && n[0] > 1000 && n[0] == n[1] &&
		!memcmp(bytes[0], bytes[1], (size_t)n[0]),
	    "%s: %zd bytes, %s", path, n[1], err.msg);
	mel_reader_close(r);
	mel_writer_close(w);
	close(in);
	close(out);
}

int
main(void)
{
	test_types();
	test_streams();
	test_refused();
	test_limit();
	test_full();
	test_times();
	test_reproducible();
	test_head_copy();
	test_hand_made("test/data/stream/small.hex");
	test_hand_made("test/data/stream/types.hex");
	return tap_done();
}
