/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/option.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "tensor/bundle.h"
#include "tap.h"
#include "tensor/tensor.h"
#include "tensor/text.h"

static void
test_sizes(void)
{
	size_t n = 1;
	struct mel_err err;
	int64_t huge[2] = {INT64_MAX, INT64_MAX}, neg[1] = {-1};
	int64_t none[3] = {4, 0, 5};
	size_t bytes;

	ok(!mel_size_mul(&n, SIZE_MAX, 2) && n == 1, "product overflows");
	ok(!mel_size_add(&n, SIZE_MAX, 1) && n == 1, "sum overflows");
	ok(mel_shape_check(MEL_F32, 2, huge, NULL, &err), "huge dims");
	ok(mel_shape_check(MEL_F32, 1, neg, NULL, &err), "negative dim");
	ok(mel_shape_check(99, 0, NULL, NULL, &err), "unknown dtype");
	ok(!mel_shape_check(MEL_F32, 3, none, &bytes, &err) && !bytes,
	    "an axis of length 0 is legal");
}

static void
test_err(void)
{
	struct mel_err err;

	mel_fail(&err, "a\nb %d", 7);
	ok(!strcmp(err.msg, "a b 7"), "messages are one line");
	mel_fail(&err, "%s",
	    "\x1b[2J\xc2\x9b"
	    "2J\x7f\xc3\x9b");
	ok(!strcmp(err.msg, " [2J  2J \xc3\x9b"), "terminals obey none");
	mel_fail(&err, "a\nb %d", 7);
	mel_fail_in(&err, "%s", "file");
	ok(!strcmp(err.msg, "file: a b 7"), "prefix");
	ok(mel_fail(NULL, "x") == -1, "no place for the message");
}

static void
test_numbers(void)
{
	double v;
	int64_t i;

	ok(!mel_parse_double("1.5", &v, NULL) && v == 1.5, "1.5");
	ok(mel_parse_double("1,5", &v, NULL) == -1, "1,5 is no number");
	ok(mel_parse_double("nan", &v, NULL) == -1, "nan is refused");
	ok(mel_parse_double("", &v, NULL) == -1, "nothing is refused");
	ok(mel_parse_int("99999999999999999999", &i, NULL) == -1,
	    "too large a number");
}

struct values {
	bool flag;
	int64_t count;
	double rate;
	char *name;
	int kind;
	struct mel_strings list;
	struct mel_amount amount;
};

static const char *const kinds[] = {"one", "two", NULL};
static const struct mel_option table[] = {
    {.name = "flag",
	.type = MEL_OPT_FLAG,
	.offset = offsetof(struct values, flag),
	.help = "a flag"},
    {.name = "count",
	.letter = 'c',
	.type = MEL_OPT_INT,
	.offset = offsetof(struct values, count),
	.min = 1,
	.max = 9,
	.preset = "3",
	.help = "a count"},
    {.name = "rate",
	.type = MEL_OPT_FLOAT,
	.offset = offsetof(struct values, rate),
	.help = "a rate"},
    {.name = "name",
	.type = MEL_OPT_STRING,
	.offset = offsetof(struct values, name),
	.preset = "x",
	.help = "a name"},
    {.name = "kind",
	.type = MEL_OPT_CHOICE,
	.offset = offsetof(struct values, kind),
	.choice = kinds,
	.help = "a kind"},
    {.name = "list",
	.type = MEL_OPT_LIST,
	.offset = offsetof(struct values, list),
	.help = "a list"},
    {.name = "amount",
	.type = MEL_OPT_AMOUNT,
	.offset = offsetof(struct values, amount),
	.help = "an amount"},
    {0},
};

static int
set(struct values *v, const char *name, const char *text, struct mel_err *err)
{
	return mel_option_set(mel_option_find(table, name), v, text, err);
}

static void
test_options(void)
{
	struct values v = {0};
	struct mel_err err;
	struct mel_buf help = {0};

	ok(!mel_options_preset(table, &v, &err) && v.count == 3 &&
		!strcmp(v.name, "x"),
	    "presets");
	ok(set(&v, "count", "10", &err) && v.count == 3 &&
		strstr(err.msg, "1 to 9"),
	    "out of range: %s", err.msg);
	ok(set(&v, "kind", "three", &err) && strstr(err.msg, "one, two"),
	    "choices are named: %s", err.msg);
	ok(!set(&v, "kind", "two", &err) && v.kind == 1, "choice");
	ok(!set(&v, "list", "a", &err) && !set(&v, "list", "b", &err) &&
		v.list.n == 2 && !strcmp(v.list.item[1], "b"),
	    "list");
	ok(set(&v, "flag", "yes", &err) == -1, "yes is no flag value");
	ok(!set(&v, "amount", "2", &err) && v.amount.value == 2, "amount");
	ok(!mel_options_help(table, &help, &err) &&
		strstr(help.data, "-c, --count") &&
		strstr(help.data, "(1 to 9, default 3)") &&
		strstr(help.data, "--kind one|two"),
	    "help has letters, ranges, defaults and choices");
	mel_buf_free(&help);
	mel_options_free(table, &v);
	ok(!v.name && !v.list.n, "freed");
}

static void
test_utf8(void)
{
	static const char *bad[] = {"\xc0\x80", "\xed\xa0\x80", "\xff",
	    "\xf4\x90\x80\x80", "\xe2\x82", "\x80"};
	size_t used;
	char out[4];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(mel_utf8_valid(bad[i], strlen(bad[i])) == 0, "bad %zu", i);
	ok(mel_utf8_next("\xe2\x82\xac", 3, &used) == 0x20ac && used == 3,
	    "euro");
	ok(mel_utf8_put(out, 0x1f600) == 4 &&
		mel_utf8_next(out, 4, &used) == 0x1f600,
	    "there and back");
}

static void
count_task(void *ctx, size_t index, int worker)
{
	atomic_int *seen = ctx;

	(void)worker;
	atomic_fetch_add(&seen[index], 1);
}

static void
test_pool(void)
{
	static atomic_int seen[1000];
	struct mel_pool *pool;
	bool once = true;

	ok(mel_pool_open(&pool, 0, NULL) == -1, "0 threads");
	ok(!mel_pool_open(&pool, 4, NULL), "4 threads");
	for (int job = 0; job < 200; job++)
		mel_pool_run(pool, 1000, count_task, seen);
	for (int i = 0; i < 1000; i++)
		once &= seen[i] == 200;
	ok(once, "every task of every job ran once");
	mel_pool_close(pool);
}

/* Pieces make up the whole, none is too long, and threads are alike. */
static void
test_cut(int threads)
{
	struct mel_pool *pool;
	int whole = 0, even = 0;

	if (mel_pool_open(&pool, threads, NULL))
		abort();
	for (size_t n = 1; n <= 1000; n++) {
		struct mel_cut c = mel_pool_cut(pool, 1, n, 56, 112);
		size_t most =
		    (c.pieces + (size_t)threads - 1) / (size_t)threads;

		whole += c.piece * (c.pieces - 1) < n &&
			 c.piece * c.pieces >= n && c.piece <= 112;
		/* No thread has much more to do than the mean of all. */
		even += n < 28 * (size_t)threads ||
			most * c.piece * (size_t)threads <=
			    n + (size_t)threads * (size_t)threads + most;
	}
	ok(whole == 1000 && even == 1000,
	    "%d threads: %d lengths cut, %d evenly", threads, whole, even);
	ok(mel_pool_cut(pool, 7, 1, 1, 1).pieces == 1, "one row is one piece");
	mel_pool_close(pool);
}

static void
test_rng(void)
{
	double sum = 0, square = 0;
	uint32_t a[4], b[4];

	mel_rng_block(1, 2, 3, a);
	mel_rng_block(1, 2, 3, b);
	ok(!memcmp(a, b, sizeof(a)), "A7: same place, same numbers");
	/* Known answer of Philox 4x32-10 for all zero. */
	mel_rng_block(0, 0, 0, a);
	ok(a[0] == 0x6627e8d5 && a[1] == 0xe169c58d && a[2] == 0xbc57ac4c &&
		a[3] == 0x9b00dbd8,
	    "Philox known answer");
	for (int i = 0; i < 100000; i++) {
		float x = mel_rng_normal(7, 1, (uint64_t)i);

		sum += x;
		square += (double)x * x;
	}
	/* Standard errors of mean and variance are 0.003 and 0.0045. */
	ok(fabs(sum / 1e5) < 0.015 && fabs(square / 1e5 - 1) < 0.02,
	    "normal: mean %g, variance %g", sum / 1e5, square / 1e5);
}

static void
test_outfile(void)
{
	char dir[] = "/tmp/melXXXXXX", path[64];
	struct mel_outfile out;
	struct mel_err err;

	if (!ok(mkdtemp(dir) != NULL, "temporary folder"))
		return;
	snprintf(path, sizeof(path), "%s/f", dir);
	ok(!mel_outfile_open(&out, path, &err), "open");
	ok(!mel_write_full(out.fd, "abc", 3, &err), "write");
	ok(access(path, F_OK), "not there before it is complete");
	ok(!mel_outfile_commit(&out, &err) && !access(path, F_OK), "commit");
	ok(!mel_outfile_open(&out, path, &err), "again");
	mel_outfile_abort(&out);
	ok(!access(path, F_OK) && !unlink(path) && !rmdir(dir),
	    "abort leaves the old file and nothing else");
}

static atomic_bool writing;

/* Counts files that others may write. */
static void *
make_files(void *ctx)
{
	const char *path = ctx;
	struct stat st;
	size_t odd = 0;

	while (writing) {
		int fd = open(path, O_WRONLY | O_CREAT, 0666);

		odd += fstat(fd, &st) || st.st_mode & 022;
		close(fd);
		unlink(path);
	}
	return (void *)odd;
}

/* What an output opens must not change what other threads' files get. */
static void
test_modes(void)
{
	char dir[] = "/tmp/melXXXXXX", path[64], other[64];
	mode_t mask = umask(022);
	struct mel_outfile out;
	struct stat st = {0};
	pthread_t thread;
	size_t odd = 0;
	void *seen;

	if (!ok(mkdtemp(dir) != NULL, "temporary folder"))
		return;
	snprintf(path, sizeof(path), "%s/f", dir);
	/* In a folder of its own: one folder makes one file at a time. */
	snprintf(other, sizeof(other), "%s/d", dir);
	mkdir(other, 0700);
	strcat(other, "/f");
	writing = true;
	pthread_create(&thread, NULL, make_files, other);
	for (int i = 0; i < 3000; i++) {
		odd += mel_outfile_open(&out, path, NULL) != 0 ||
		       fstat(out.fd, &st) || (st.st_mode & 0777) != 0644;
		mel_outfile_abort(&out);
	}
	writing = false;
	pthread_join(thread, &seen);
	ok(!odd, "outputs are as any other new file");
	ok(!seen, "%zu files of another thread have odd modes", (size_t)seen);
	*strrchr(other, '/') = '\0';
	ok(!rmdir(other) && !rmdir(dir), "nothing is left");
	umask(mask);
}

static void
test_text(void)
{
	int64_t dim[2] = {1 << 20, 0};
	struct mel_tensor none = mel_tensor_view(MEL_F32, 2, dim, NULL);
	struct mel_buf out = {0};

	ok(!mel_tensor_text(&none, &out, NULL) && !out.len,
	    "rows of nothing are no lines");
	mel_buf_free(&out);
}

static void
test_bundle(void)
{
	struct mel_bundle b = {0}, views = {0};

	ok(!mel_bundle_put_f32(&b, "x", 2, NULL), "put");
	ok(mel_bundle_put_f32(&b, "x", 2, NULL) == -1, "a name twice");
	ok(!mel_bundle_view_all(&views, &b, NULL) &&
		mel_bundle_get(&views, "x")->data ==
		    mel_bundle_get(&b, "x")->data,
	    "views");
	mel_bundle_free(&views);
	mel_bundle_free(&b);
}

int
main(void)
{
	test_sizes();
	test_err();
	test_numbers();
	test_options();
	test_utf8();
	test_pool();
	for (int threads = 1; threads <= 5; threads++)
		test_cut(threads);
	test_rng();
	test_outfile();
	test_modes();
	test_text();
	test_bundle();
	return tap_done();
}
