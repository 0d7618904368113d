/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "tensor/compare.h"
#include "base/err.h"
#include "tensor/diff.h"
#include "records.h"
#include "tap.h"

static const struct mel_tolerance exact = {.exact = true};
static const struct mel_tolerance plain = {0};

static void
test_numbers(void)
{
	float a[] = {1, 2, -0.0f, NAN, INFINITY, 6};
	float b[] = {1, 2.5f, 0, NAN, INFINITY, 5};
	int64_t dim[] = {2, 3};
	struct mel_tensor x = mel_tensor_view(MEL_F32, 2, dim, a);
	struct mel_tensor y = mel_tensor_view(MEL_F32, 2, dim, b);
	struct mel_difference d;
	char text[128];

	ok(!mel_tensor_compare(&x, &y, &plain, &d) && d.count == 2 &&
		d.first == 1 && d.worst == 5 && d.most == 1,
	    "0 and -0, NaN and NaN are the same");
	ok(!strcmp(mel_difference_text(&d, &x, &y, text, sizeof(text)),
	       "row 0, column 1: 2 and 2.5; 2 of 6 differ, by 1 at row 1, "
	       "column 2"),
	    "%s", text);
	ok(!mel_tensor_compare(&x, &y, &exact, &d) && d.count == 3,
	    "exact: -0 is not 0");
	ok(mel_tensor_compare(
	       &x, &y, &(struct mel_tolerance){.abs = 0.5, .rel = 0.1}, &d),
	    "0.5 + 0.1 x 5 allow 1");
	ok(!mel_tensor_compare(
	       &x, &y, &(struct mel_tolerance){.abs = 0.49, .rel = 0.1}, NULL),
	    "0.49 + 0.1 x 5 do not");
	b[4] = -INFINITY;
	ok(!mel_tensor_compare(
	       &x, &y, &(struct mel_tolerance){.abs = 1e300, .rel = 1}, &d) &&
		d.count == 1 && isinf(d.most),
	    "no tolerance joins infinities");
}

static void
test_shapes(void)
{
	float f[6] = {0, 1};
	int16_t s[6] = {0, 1};
	int64_t big[] = {INT64_MAX}, small[] = {INT64_MIN};
	int64_t dim[] = {2, 3}, other[] = {3, 2}, none[] = {0, 3}, one = 1;
	struct mel_tensor x = mel_tensor_view(MEL_F32, 2, dim, f);
	struct mel_tensor y = mel_tensor_view(MEL_I16, 2, dim, s);
	struct mel_difference d;

	ok(mel_tensor_compare(&x, &y, &plain, &d), "types do not matter");
	ok(!mel_tensor_compare(&x, &y, &exact, &d) && d.shape && !d.count,
	    "exact: they do");
	y = mel_tensor_view(MEL_F32, 2, other, f);
	ok(!mel_tensor_compare(&x, &y, &plain, &d) && d.shape, "lengths");
	y = mel_tensor_view(MEL_F32, 1, dim, f);
	ok(!mel_tensor_compare(&x, &y, &plain, &d) && d.shape, "axes");
	x = mel_tensor_view(MEL_F32, 2, none, f);
	ok(mel_tensor_compare(&x, &x, &exact, &d), "nothing is nothing");
	x = mel_tensor_view(MEL_I64, 1, &one, big);
	y = mel_tensor_view(MEL_I64, 1, &one, small);
	ok(!mel_tensor_compare(&x, &y, &plain, &d) && d.most == 0x1p64,
	    "the widest distance");
}

static void
count(void *ctx, const char *line)
{
	(void)line;
	++*(int *)ctx;
}

/* The return of mel_diff on two spelled streams, or the differences. */
static int
diff_by(const char *a, const char *b, double rel, uint64_t limit,
    struct mel_err *err)
{
	struct records r[2] = {0};
	struct records_source s[2] = {0};
	struct mel_reader *reader[2];
	size_t n;
	int reported = 0, rc;
	struct mel_diff_options how = {.name = {"a", "b"},
	    .limit = limit,
	    .tolerance = {.rel = rel},
	    .report = count,
	    .ctx = &reported};

	for (int i = 0; i < 2; i++) {
		records_spell(&r[i], i ? b : a);
		s[i].pos = (const unsigned char *)r[i].bytes.data;
		s[i].left = r[i].bytes.len;
		if (mel_reader_open(
			&reader[i], records_read, &s[i], how.name[i], 0, err))
			abort();
	}
	rc = mel_diff(reader, &how, &n, err);
	if (!rc && n != (size_t)reported)
		rc = -2;
	for (int i = 0; i < 2; i++) {
		mel_reader_close(reader[i]);
		mel_buf_free(&r[i].bytes);
	}
	return rc ? rc : (int)n;
}

static int
diff(const char *a, const char *b, uint64_t limit, struct mel_err *err)
{
	return diff_by(a, b, 0, limit, err);
}

/* A record of rows has 24 bytes: no more than two are ever held. */
static void
test_steps(void)
{
	struct mel_err err = {0};

	ok(diff("HBTRRRRREF", "HBTRRRRREF", 64, &err) == 0,
	    "an utterance is not held whole %s", err.msg);
	ok(diff_by("HBTRRRRREF", "HBTRRRRREF", 1, 64, &err) == -1,
	    "but where the largest number of it counts: %s", err.msg);
	ok(diff("HBTRRRRREBTREF", "HBTREBTREF", 64, &err) == 1 &&
		diff("HBTREBTREF", "HBTRRRRREBTREF", 64, &err) == 1,
	    "nor is one with more rows %s", err.msg);
	ok(diff("HBTRRRRREF", "HBTXF", 64, &err) == 1 &&
		diff("HBTXF", "HBTRRRRREF", 64, &err) == 1,
	    "nor if the other one failed %s", err.msg);
	ok(diff("HBTRRNRXBTREF", "HBTRNXBTREF", 64, &err) == 0,
	    "both failed, at other places %s", err.msg);
	ok(diff("HBTREBTRREFNHBTREF", "HBTRENBTRREFHBTREF", 64, &err) == -1,
	    "a note between streams is an error: %s", err.msg);
	ok(diff("HNBTREBTRREFHBTRRREF", "HBTRENBTRREFHBTRRREF", 64, &err) == 0,
	    "streams behind each other, notes between utterances %s", err.msg);
}

static void
test_streams(void)
{
	struct mel_err err = {0};

	ok(diff("HBTREF", "HNBTNREF", 0, &err) == 0, "notes do not count");
	ok(diff("HBTREF", "HBTRREF", 0, &err) == 1, "more rows");
	ok(diff("HBTREBTREF", "HBTREF", 0, &err) == 1, "a lost utterance");
	ok(diff("HBTXBTREF", "HBTXBTREF", 0, &err) == 0, "both failed");
	ok(diff("HBTXF", "HBTREF", 0, &err) == 1, "one failed");
	ok(diff("HBTREF", "HBTR", 0, &err) == -1 && strstr(err.msg, "b: cut"),
	    "a cut: %s", err.msg);
	ok(diff("HBTREF", "HBTREF", 31, &err) == -1, "limit: %s", err.msg);
	/* 5 x 32 bytes wait for b's, which never come. */
	ok(diff("HBTREBTREBTREBTREBTREF", "HBTREF", 100, &err) == -1 &&
		strstr(err.msg, "wait"),
	    "bounded: %s", err.msg);
	ok(diff("HBTREBTREBTREBTREBTREF", "HBTREF", 4 * 32, &err) == 4,
	    "and no more than that");
}

int
main(void)
{
	test_numbers();
	test_shapes();
	test_streams();
	test_steps();
	return tap_done();
}
