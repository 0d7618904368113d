/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "addon/build.h"
#include "addon/builtin.h"
#include "block/decl.h"
#include "block/sequence.h"
#include "fixture.h"
#include "tap.h"
#include "tensor/head.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/writer.h"

/*
 * Programs as blocks. This one is also the program: with an argument it reads
 * and writes streams as that says.
 */

#define ROWS 700 /* of 16 bytes: more than is read at a time */

/* The program. */

struct child {
	const char *how;
	struct mel_reader *reader;
	struct mel_writer *writer;
	int64_t rows; /* of the utterance so far */
	int done;     /* utterances */
	float late[ROWS * WIDTH];
};

static bool
does(const struct child *c, const char *how)
{
	return !strcmp(c->how, how);
}

static void
give(struct child *c, int64_t n, float *rows)
{
	int64_t width = does(c, "wide") ? WIDTH + 1 : WIDTH,
		dim[2] = {n, width};
	struct mel_tensor t = mel_tensor_view(MEL_F32, 2, dim, rows);

	if (mel_writer_data(c->writer, 0, &t, NULL))
		exit(90);
}

static void
child_head(struct child *c)
{
	struct mel_head head = {0};
	struct mel_port port = {.name = (char *)(uintptr_t) "answer",
	    .dtype = does(c, "double") ? MEL_F64 : MEL_F32,
	    .ndim = 2,
	    .dim = {MEL_OPEN, does(c, "wide") ? WIDTH + 1 : WIDTH},
	    .sort = does(c, "rowless") ? MEL_SEQUENCE : MEL_ROWS};

	if (mel_head_add(&head, &port, NULL) ||
	    mel_writer_head(c->writer, &head, NULL))
		exit(91);
	mel_head_free(&head);
}

static void
child_begin(struct child *c, json_t *meta)
{
	static float many[20000 * WIDTH];
	json_t *other = json_pack("{s:s}", "key", "other");

	c->rows = 0;
	if (does(c, "quits") && c->done == 1)
		exit(3);
	mel_writer_begin(c->writer, does(c, "key") ? other : meta, NULL);
	json_decref(other);
	for (int i = 0; i < 20000 * WIDTH; i++)
		many[i] = (float)i;
	if (does(c, "ahead"))
		give(c, 20000, many);
	if (does(c, "level"))
		c->late[0] = (float)json_number_value(json_object_get(
		    json_object_get(meta, "controls"), "level"));
	if (does(c, "notes")) {
		json_t *note = json_pack("{s:s}", "warning", "mind the gap");

		mel_writer_note(c->writer, note, NULL);
		json_decref(note);
	}
}

static void
child_rows(struct child *c, const struct mel_tensor *t)
{
	int64_t n = t->dim[0];

	if (does(c, "crash") && c->rows >= 10)
		abort();
	if (does(c, "exit") && c->rows >= 10)
		exit(3);
	if (does(c, "hang") && c->rows >= 10)
		pause();
	if (does(c, "garbage") && c->rows >= 10 && write(1, "garbage", 7) < 7)
		exit(92);
	if (does(c, "error") && c->rows >= 10) {
		mel_writer_error(c->writer, NULL, "x", "no such speaker", NULL);
		pause();
	}
	if (does(c, "short") && c->rows + n > 5) {
		if (c->rows < 5)
			give(c, 5 - c->rows, t->data);
		if (c->rows < 5)
			mel_writer_end(c->writer, NULL, NULL);
		c->rows += n;
		return;
	}
	if (does(c, "late") && c->rows + n <= ROWS)
		memcpy(c->late + c->rows * WIDTH, t->data, mel_tensor_bytes(t));
	else if (!does(c, "late") && !does(c, "level") && !does(c, "ahead"))
		give(c, n, t->data);
	c->rows += n;
}

static void
child_end(struct child *c)
{
	if (does(c, "late"))
		give(c, c->rows, c->late);
	if (does(c, "level") || does(c, "rowless"))
		give(c, 1, c->late);
	if (!does(c, "short"))
		mel_writer_end(c->writer, NULL, NULL);
	c->done++;
	if (does(c, "deaf"))
		exit(0);
	if (does(c, "finish")) {
		mel_writer_finish(c->writer, NULL);
		pause();
	}
}

static int
child_main(const char *how)
{
	static struct child c;
	const struct mel_writer_options options = {.tool = "child"};
	struct mel_record r;

	c.how = how;
	if (mel_reader_open_fd(&c.reader, 0, "child", 0, NULL) ||
	    mel_writer_open(&c.writer, 1, &options, NULL))
		return 93;
	while (mel_reader_next(c.reader, &r, NULL) > 0) {
		const struct mel_head *head = mel_reader_head(c.reader);

		if (r.header.kind == MEL_HEAD)
			child_head(&c);
		else if (r.header.kind == MEL_BEGIN)
			child_begin(&c, r.meta);
		else if (r.header.kind == MEL_DATA &&
			 head->port[r.header.port].sort == MEL_ROWS)
			child_rows(&c, &r.tensor);
		else if (r.header.kind == MEL_END)
			child_end(&c);
		else if (r.header.kind == MEL_FINISH)
			mel_writer_finish(c.writer, NULL);
	}
	mel_reader_close(c.reader);
	mel_writer_close(c.writer);
	return 0;
}

/* The tests. */

static struct mel_registry registry;
static const char *self;
static int notes;

static void
note(void *ctx, const char *block, const char *text)
{
	(void)ctx;
	notes += !strcmp(block, "Exec") && !strcmp(text, "mind the gap");
}

struct run {
	struct fixture_block b;
	struct mel_streamable *block;
	struct mel_bundle data;
	struct ramp ramp;
	struct mel_streamable *upstream;
	float rows[20000 * WIDTH];
};

static int
descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static bool
open_run(struct run *r, const char *how, const char *more)
{
	static const struct mel_env env = {.note = note, .allow_exec = true};
	struct mel_err err = {""};
	struct mel_buf yaml = {0};

	memset(r, 0, sizeof(*r));
	mel_buf_printf(
	    &yaml, NULL, "{type: Exec, command: [%s, %s]%s}", self, how, more);
	if (!ok(fixture_block_open_in(&r->b, &registry, MEL_KIND_STREAMABLE,
		    yaml.data, &env, &err),
		"%s opens %s", how, err.msg))
		exit(1);
	mel_buf_free(&yaml);
	r->block = r->b.block.streamable;
	r->ramp.total = ROWS;
	if (mel_streamable_spec_of(r->block)->upstream)
		r->upstream = ramp_block(&r->ramp);
	mel_bundle_put_f32(&r->data, "control:level", 1.5f, NULL);
	return true;
}

static void
close_run(struct run *r)
{
	fixture_block_close(&r->b);
	mel_streamable_close(r->upstream);
	mel_bundle_free(&r->data);
}

static bool
begin(struct run *r)
{
	if (r->upstream)
		mel_streamable_begin(r->upstream, &r->data, NULL, NULL);
	return !mel_streamable_begin(r->block, &r->data, r->upstream, NULL);
}

/* Rows of an utterance; -1 with *err. */
static int64_t
utterance(struct run *r, struct mel_err *err)
{
	int64_t n, total = 0;

	if (!begin(r))
		return mel_fail(err, "does not begin");
	while ((n = mel_streamable_pull(
		    r->block, 100, r->rows + total * WIDTH, err)) > 0)
		total += n;
	return n < 0 ? -1 : total;
}

static bool
is_ramp(const struct run *r, int64_t n)
{
	for (int64_t i = 0; i < n * WIDTH; i++) {
		if (r->rows[i] != ramp_value(i / WIDTH, i % WIDTH))
			return false;
	}
	return true;
}

/* Three utterances through one program, which answers as it likes. */
static void
check_good(const char *how, const char *more, int64_t rows)
{
	static struct run r;
	struct mel_err err = {""};

	open_run(&r, how, more);
	for (int i = 0; i < 3; i++) {
		int64_t n = utterance(&r, &err);

		ok(n == rows && (rows != ROWS || is_ramp(&r, n)),
		    "%s: %lld rows %s", how, (long long)n, err.msg);
	}
	close_run(&r);
}

/*
 * Fails with those words (all of them), never hangs, is the same the next time
 * or, `again`, works then.
 */
static void
check_bad(const char *how, const char *words, bool again)
{
	static struct run r;
	const struct child c = {.how = how};
	struct mel_err err = {""};
	bool all = true;
	char list[256];
	int64_t n = 0;

	open_run(&r, how, does(&c, "hang") ? ", timeout: 2" : "");
	for (int i = 0; i < 2 && n >= 0; i++)
		n = utterance(&r, &err); /* some fail at the second */
	snprintf(list, sizeof(list), "%s", words);
	for (char *w = strtok(list, "|"); w; w = strtok(NULL, "|"))
		all &= strstr(err.msg, w) != NULL;
	ok(n < 0 && all && strstr(err.msg, "here (Exec): ") == err.msg &&
		strstr(err.msg, how),
	    "%s: %s", how, err.msg);
	n = utterance(&r, NULL);
	ok(again ? n == ROWS : n < 0, "%s: the next one gets a fresh one", how);
	close_run(&r);
}

static void
check_form(const char *text, enum mel_dtype dtype, int ndim, int64_t width)
{
	char rate[MEL_DECL_RATE];
	struct mel_decl d = {.name = "x"};
	struct mel_err err = {""};
	bool good = !mel_decl_parse(&d, text, rate, &err);

	if (!dtype)
		ok(!good && strstr(err.msg, text), "no form: %s", err.msg);
	else
		ok(good && d.dtype == dtype && d.ndim == ndim &&
			d.width == width && !d.rate == !strstr(text, "tokens"),
		    "a form: %s", text);
}

static void
test_forms(void)
{
	static const char *const wrong[] = {"", "f31", "f32[", "f32 []",
	    "f32 [tokens", "f32 [tokens]]", "f32 [tokens,]", "f32 [4]",
	    "f32 [tokens, 0]", "f32 [tokens, -1]", "f32 [tokens, frames]",
	    "f32 [a, 4, 4]", "f32 tokens", "f32 [?,?,?,?,?,?,?,?,?]",
	    "f32 [abcdefghijklmnopqrstuvwxyzabcdefg]"};

	check_form("f32", MEL_F32, 0, 0);
	check_form("i64 [tokens]", MEL_I64, 1, 0);
	check_form("f32 [tokens, 192]", MEL_F32, 2, 192);
	check_form("u8[ ? ,?, 7 ]", MEL_U8, 3, 7);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		check_form(wrong[i], MEL_NONE, 0, 0);
}

/* A SequenceBlock: the same program, run; words as of check_bad, "": good. */
static void
check_sequence(const char *how, const char *gives, const char *words)
{
	static const struct mel_env env = {.allow_exec = true};
	int64_t id[3] = {1, 2, 3}, dim[1] = {3};
	struct mel_tensor t = mel_tensor_view(MEL_I64, 1, dim, id);
	struct mel_bundle in = {0}, out = {0};
	struct mel_err err = {""};
	struct mel_buf yaml = {0};
	struct fixture_block b;
	int rc = 0;

	mel_buf_printf(&yaml, NULL,
	    "{type: Exec, command: [%s, %s], tensors: [ids], gives: {%s}}",
	    self, how, gives);
	mel_bundle_put(&in, "ids", &t, NULL);
	if (fixture_block_open_in(
		&b, &registry, MEL_KIND_SEQUENCE, yaml.data, &env, &err)) {
		for (int i = 0; !rc && i < 3; i++) {
			mel_bundle_free(&out);
			rc =
			    mel_sequence_run(b.block.sequence, &in, &out, &err);
		}
	} else {
		rc = -1;
	}
	ok(*words ? rc && strstr(err.msg, words) : !rc && out.n == 1,
	    "sequence, %s: %s", how, err.msg);
	fixture_block_close(&b);
	mel_bundle_free(&in);
	mel_bundle_free(&out);
	mel_buf_free(&yaml);
}

static void
test_sequences(void)
{
	check_sequence("rowless", "answer: 'f32 [?, 4]'", "");
	check_sequence("rowless", "answer: 'i64 [?, 4]'", "\"answer\" is f32");
	check_sequence("rowless", "other: f32", "did not give \"other\"");
	check_sequence("echo", "answer: 'f32 [?, 4]'", "did not give");
	check_sequence("rowless", "answer: many", "\"many\" is no form");
	check_sequence("quits", "answer: f32", "did not give");
	check_sequence("key", "answer: f32", "answers utterance other");
	check_sequence("finish", "answer: f32", "did not give");
}

static void
test_abandoned(void)
{
	static struct run r;

	open_run(&r, "echo", "");
	for (int i = 0; i < 5; i++) {
		ok(begin(&r) &&
			mel_streamable_pull(r.block, 7, r.rows, NULL) > 0,
		    "abandoned %d times", i);
		mel_streamable_reset(r.block);
	}
	ok(utterance(&r, NULL) == ROWS && is_ramp(&r, ROWS), "and used again");
	close_run(&r);
}

static void
test_refused(void)
{
	struct fixture_block b;
	struct mel_err err = {""};

	ok(!fixture_block_open(&b, &registry, MEL_KIND_STREAMABLE,
	       "{type: Exec, command: [cat]}", &err) &&
		strstr(err.msg, "\"cat\"") && strstr(err.msg, "--allow-exec"),
	    "not allowed: %s", err.msg);
	fixture_block_close(&b);
	ok(!fixture_block_open(&b, &registry, MEL_KIND_STREAMABLE,
	       "{type: Exec, command: []}", &err) &&
		strstr(err.msg, "names no program"),
	    "no command: %s", err.msg);
	fixture_block_close(&b);
	ok(!fixture_block_open(&b, &registry, MEL_KIND_STREAMABLE,
	       "{type: Exec, command: [cat], source: true}", &err) &&
		strstr(err.msg, "width is needed"),
	    "a source without a width: %s", err.msg);
	fixture_block_close(&b);
}

int
main(int argc, char **argv)
{
	char path[256] = "";
	int before;

	if (argc > 1)
		return child_main(argv[1]);
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		return 1;
	self = path;
	fixture_open();
	if (mel_builtin_blocks(&registry, NULL))
		return 1;
	before = descriptors();
	check_good("echo", "", ROWS);
	check_good("echo", ", lookahead: 0", ROWS);
	check_good("late", "", ROWS);
	check_good("short", "", 5);
	check_good("notes", "", ROWS);
	ok(notes == 3, "its warnings are remarks");
	check_good("ahead", ", source: true, width: 4", 20000);
	check_good("level", ", controls: [level]", 1);
	check_bad("crash", "signal ABRT", false);
	check_bad("exit", "exit status 3|cut after record", false);
	check_bad("hang", "no answer for 2 s", false);
	check_bad("garbage", "not a melpipe record", false);
	check_bad("error", "no such speaker", false);
	check_bad("wide", "rows \"answer\" of f32, 5 wide; f32, 4 wide", false);
	check_bad("double", "of f64", false);
	check_bad("rowless", "gives no rows", false);
	check_bad("key", "answers utterance other, not 000001", false);
	check_bad("finish", "ends its stream", true);
	check_bad("deaf", "cut after record|exit status 0", true);
	check_bad("quits", "exit status 3", true);
	test_abandoned();
	test_sequences();
	test_forms();
	test_refused();
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD,
	    "no program is left, alive or dead");
	ok(descriptors() == before, "no descriptor is left open");
	mel_registry_free(&registry);
	fixture_close();
	return tap_done();
}
