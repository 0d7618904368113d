/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "tensor/ark.h"
#include "tensor/scp.h"
#include "tap.h"
#include "tensor/tensor.h"

#define LIMIT 4096

/*
 * By hand from kaldi-matrix.cc, kaldi-vector.cc and kaldi-table-inl.h: matrix
 * 2 x 3 of floats, vector of 1 double, matrix 1 x 1 of doubles, vector of 2
 * floats, a matrix as text, a vector as text.
 */
static const char sample[] =
    "utt1 \0BFM \x04\x02\0\0\0\x04\x03\0\0\0"
    "\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40"
    "\0\0\x80\xbf\0\0\0\xc0\0\0\x40\xc0"
    "d \0BDV \x04\x01\0\0\0\0\0\0\0\0\0\xf8\x3f"
    "e \0BDM \x04\x01\0\0\0\x04\x01\0\0\0\0\0\0\0\0\0\xf0\x3f"
    "utt2 \0BFV \x04\x02\0\0\0\0\0\0\x3f\0\0\x80\x3e"
    "t1  [\n  0.5 -1e-3 \n  nan inf ]\n"
    "t2  [ 1 2 3 ]\n"
    "t3  [ ]\n";
#define SAMPLE (sizeof(sample) - 1)

struct source {
	const char *p;
	size_t left, portion;
};

static ssize_t
portion(void *ctx, void *buf, size_t n)
{
	struct source *s = ctx;

	n = n < s->portion ? n : s->portion;
	n = n < s->left ? n : s->left;
	memcpy(buf, s->p, n);
	s->p += n;
	s->left -= n;
	return (ssize_t)n;
}

static bool
is(const struct mel_tensor *t, const char *shape)
{
	char text[64];

	return !strcmp(mel_shape_text(t, text, sizeof(text)), shape);
}

static void
test_sample(size_t step)
{
	static const struct {
		const char *key, *shape;
	} want[] = {{"utt1", "f32 [2, 3]"}, {"d", "f64 [1]"},
	    {"e", "f64 [1, 1]"}, {"utt2", "f32 [2]"}, {"t1", "f32 [2, 2]"},
	    {"t2", "f32 [3]"}, {"t3", "f32 [0, 0]"}};
	struct source s = {sample, SAMPLE, step};
	struct mel_tensor t = {0};
	struct mel_err err = {0};
	struct mel_ark *ark;
	const char *key;

	ok(!mel_ark_open(&ark, portion, &s, LIMIT, &err), "open");
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		int rc = mel_ark_next(ark, &key, &t, &err);

		if (!ok(rc == 1 && !strcmp(key, want[i].key) &&
			    is(&t, want[i].shape),
			"entry %zu by %zu bytes %s", i, step, err.msg))
			break;
		if (i == 0)
			ok(((float *)t.data)[5] == -3, "a float");
		if (i == 1)
			ok(*(double *)t.data == 1.5, "a double");
		if (i == 4)
			ok(((float *)t.data)[1] == -1e-3f &&
				((float *)t.data)[2] != ((float *)t.data)[2],
			    "text, NaN too");
		mel_tensor_free(&t);
	}
	ok(mel_ark_next(ark, &key, &t, &err) == 0, "the end");
	mel_ark_close(ark);
}

/* Reads all entries; the return is that of the last call. */
static int
read_all(const char *bytes, size_t n, int *entries, struct mel_err *err)
{
	struct source s = {bytes, n, 5};
	struct mel_tensor t = {0};
	struct mel_ark *ark;
	const char *key;
	int rc;

	*entries = 0;
	if (mel_ark_open(&ark, portion, &s, LIMIT, err))
		return -1;
	while ((rc = mel_ark_next(ark, &key, &t, err)) > 0) {
		++*entries;
		mel_tensor_free(&t);
	}
	mel_ark_close(ark);
	return rc;
}

static void
test_refused(void)
{
#define BYTES(s) s, sizeof(s) - 1
	static const struct {
		const char *bytes;
		size_t n;
		const char *why;
	} bad[] = {
	    {BYTES("k \0BCM \0\0\0\0"), "compressed"},
	    {BYTES("k \0BCM2 \0\0\0\0"), "compressed"},
	    {BYTES("k \0BSM \0\0\0\0"), "sparse"},
	    {BYTES("k \0B\x04\x01\0\0\0"), "integers"},
	    {BYTES("k \0BXX \0\0\0\0"), "unknown type"},
	    {BYTES("k \0CFM \0\0\0\0"), "no binary mark at byte 2"},
	    {BYTES("k \0BFM \x04\xff\xff\xff\xff"), "damaged"},
	    {BYTES("k \0BFM \x08\x01\0\0\0"), "damaged"},
	    {BYTES("k \0BFM \x04\xff\xff\xff\x7f\x04\xff\xff\xff\x7f"),
		"too large"},
	    {BYTES("k \0BFM \x04\0\0\0\x01\x04\0\0\0\x01"), "at most 4096"},
	    {BYTES("k \0BFV \x04\x01\0\0\0\0\0"), "cut"},
	    {BYTES("k 1 2 3\n"), "'[' expected at byte 2"},
	    {BYTES("k [ 1 x ]\n"), "\"x\" is no number"},
	    {BYTES("k [ 1\0x ]\n"), "\"1\" is no number"},
	    {BYTES("k [\n 1 2\n 1 ]\n"), "row 1 of 1 numbers behind 2"},
	    {BYTES("k [ 1 2"), "cut at byte 7"},
	    {BYTES("k"), "cut"},
	    {BYTES("k\n"), "'[' expected"},
	    {BYTES("\0BFM "), "no key"},
	    {BYTES("\xff\xfe [ 1 ]\n"), "no key"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mel_err err = {0};
		int n;

		ok(read_all(bad[i].bytes, bad[i].n, &n, &err) == -1 && !n &&
			strstr(err.msg, bad[i].why),
		    "refused: %s", err.msg);
	}
}

static void
test_long(void)
{
	struct mel_err err = {0};
	char *long_key = malloc(2 * MEL_ARK_KEY);
	char text[2100] = "k [";
	int n;

	memset(long_key, 'k', 2 * MEL_ARK_KEY);
	ok(read_all(long_key, 2 * MEL_ARK_KEY, &n, &err) == -1 &&
		strstr(err.msg, "longer than"),
	    "a key without end: %s", err.msg);
	free(long_key);
	for (size_t i = 3; i < sizeof(text); i++)
		text[i] = i % 2 ? ' ' : '1';
	ok(read_all(text, sizeof(text), &n, &err) == -1 &&
		strstr(err.msg, "4096 bytes"),
	    "more text than the limit: %s", err.msg);
	memset(text + 3, '1', sizeof(text) - 3);
	ok(read_all(text, sizeof(text), &n, &err) == -1 &&
		strstr(err.msg, "no number"),
	    "a number without end: %s", err.msg);
}

/* Cut anywhere but behind an entry: -1; one byte changed: no accident. */
static void
test_damage(void)
{
	char bytes[SAMPLE];
	int ends = 0, bad = 0;

	for (size_t n = 0; n < SAMPLE; n++) {
		struct mel_err err = {0};
		char *exact = malloc(n + 1);
		int entries, rc;

		memcpy(exact, sample, n);
		rc = read_all(exact, n, &entries, &err);
		ends += rc == 0;
		bad += rc < 0 && !err.msg[0];
		free(exact);
	}
	/* 7 entries begin, and the text ones may lose their newline. */
	ok(ends == 7 + 3 && !bad, "%d cuts that end an entry", ends);
	for (size_t i = 0; i < SAMPLE; i++) {
		for (int v = 0; v < 256; v += 5) {
			struct mel_err err = {0};
			int entries;

			memcpy(bytes, sample, SAMPLE);
			bytes[i] = (char)v;
			bad += read_all(bytes, SAMPLE, &entries, &err) < 0 &&
			       !err.msg[0];
		}
	}
	ok(!bad, "damage");
}

static bool
same(const struct mel_tensor *a, const struct mel_tensor *b)
{
	return mel_tensor_same_shape(a, b) &&
	       !memcmp(a->data, b->data, mel_tensor_bytes(a));
}

static void
test_round(const struct mel_tensor *t, bool text, const char *path)
{
	struct mel_ark_out out = {.text = text};
	struct mel_tensor back = {0};
	struct mel_err err = {0};
	struct mel_ark *ark;
	const char *key;
	char list[128];
	struct mel_scp scp;
	FILE *f;

	out.fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	ok(!mel_ark_check("a", t, &err) && !mel_ark_write(&out, "a", t, &err) &&
		!mel_ark_write(&out, "bc", t, &err) &&
		(off_t)out.size == lseek(out.fd, 0, SEEK_END),
	    "written %s", err.msg);
	lseek(out.fd, 0, SEEK_SET);
	ok(!mel_ark_open_fd(&ark, out.fd, LIMIT, &err) &&
		mel_ark_next(ark, &key, &back, &err) == 1 && same(t, &back),
	    "there and back %s", err.msg);
	mel_tensor_free(&back);
	mel_ark_close(ark);
	close(out.fd);
	snprintf(list, sizeof(list), "%s.scp", path);
	f = fopen(list, "w");
	fprintf(f, "bc %s:%d\n", path, (int)out.object);
	fclose(f);
	ok(!mel_scp_open(&scp, open(list, O_RDONLY), LIMIT, &err) &&
		mel_scp_next(&scp, &key, &back, &err) == 1 &&
		!strcmp(key, "bc") && same(t, &back) &&
		mel_scp_next(&scp, &key, &back, &err) == 0,
	    "by its place in a script %s", err.msg);
	mel_tensor_free(&back);
	mel_scp_close(&scp);
	unlink(list);
	unlink(path);
}

static void
test_rounds(const char *path)
{
	float f[] = {0.1f, -1e-30f, 3e38f, 0x1.fffffep-3f, -0.0f, 7};
	double d[] = {0.1, -1e-300, 3e38, 1, -0.0, 7};
	int64_t dim[] = {2, 3}, six = 6;
	struct mel_tensor t = mel_tensor_view(MEL_F32, 2, dim, f);

	test_round(&t, false, path);
	test_round(&t, true, path);
	t = mel_tensor_view(MEL_F32, 1, &six, f);
	test_round(&t, false, path);
	test_round(&t, true, path);
	t = mel_tensor_view(MEL_F64, 2, dim, d);
	test_round(&t, false, path);
}

/* The sample's first entry, and the text of Kaldi's own Write. */
static void
test_bytes(const char *path)
{
	float f[] = {1, 2, 3, -1, -2, -3};
	int64_t dim[] = {2, 3}, none[] = {0, 80};
	struct mel_tensor t = mel_tensor_view(MEL_F32, 2, dim, f);
	struct mel_ark_out out = {
	    .fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600)};
	char got[256] = {0};

	ok(!mel_ark_write(&out, "utt1", &t, NULL) && out.object == 5 &&
		out.size == 44 && pread(out.fd, got, 44, 0) == 44 &&
		!memcmp(got, sample, 44),
	    "FM to the byte");
	t = mel_tensor_view(MEL_F32, 2, none, f);
	ok(!mel_ark_write(&out, "k", &t, NULL) &&
		pread(out.fd, got, 17, 44) == 17 &&
		!memcmp(got, "k \0BFM \x04\0\0\0\0\x04\0\0\0\0", 17),
	    "no rows are 0 x 0");
	out.text = true;
	t = mel_tensor_view(MEL_F32, 2, dim, f);
	memset(got, 0, sizeof(got));
	ok(!mel_ark_write(&out, "k", &t, NULL) &&
		pread(out.fd, got, 200, 61) > 0 &&
		!strcmp(got, "k  [\n  1 2 3 \n  -1 -2 -3 ]\n"),
	    "matrix as text");
	close(out.fd);
	unlink(path);
}

static void
test_check(void)
{
	int64_t dim[3] = {1, 1, 1}, big[] = {(1ll << 53) + 1};
	struct mel_tensor t = mel_tensor_view(MEL_I64, 1, dim, big);
	struct mel_err err;

	ok(mel_ark_check("k", &t, &err), "i64: %s", err.msg);
	big[0] = 1ll << 53;
	ok(!mel_ark_check("k", &t, &err), "2^53 fits");
	ok(mel_ark_check("a b", &t, &err), "space: %s", err.msg);
	ok(mel_ark_check("", &t, &err), "empty: %s", err.msg);
	t = mel_tensor_view(MEL_F32, 3, dim, big);
	ok(mel_ark_check("k", &t, &err), "axes: %s", err.msg);
}

static void
test_scripts(const char *path)
{
	static const char *const bad[] = {"k", "k \n", " x y", "k /no/such:3",
	    "k /dev/null:0", "k a.ark:0[0:3]", "k cat a.ark |",
	    "k /dev/null:99999999999999999999", "\xff a"};
	struct mel_tensor t = {0};
	const char *key;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mel_scp scp;
		struct mel_err err = {0};
		FILE *f = fopen(path, "w");

		fputs(bad[i], f);
		fclose(f);
		ok(!mel_scp_open(&scp, open(path, O_RDONLY), LIMIT, &err) &&
			mel_scp_next(&scp, &key, &t, &err) == -1 &&
			!strncmp(err.msg, "line 1: ", 8),
		    "scp: %s", err.msg);
		mel_scp_close(&scp);
	}
	unlink(path);
}

int
main(void)
{
	char dir[] = "/tmp/melXXXXXX", path[64];

	if (!ok(mkdtemp(dir) != NULL, "temporary folder"))
		return tap_done();
	snprintf(path, sizeof(path), "%s/a.ark", dir);
	test_sample(1);
	test_sample(1000);
	test_refused();
	test_long();
	test_damage();
	test_rounds(path);
	test_bytes(path);
	test_check();
	test_scripts(path);
	ok(!rmdir(dir), "nothing left");
	return tap_done();
}
