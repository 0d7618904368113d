/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "tensor/npy.h"
#include "tap.h"
#include "tensor/tensor.h"

/* What numpy 1.24 writes for np.array([[1, -2, 0.5]], dtype='<f4'). */
static const char sample[] =
    "\x93NUMPY\x01\0\x76\0{'descr': '<f4', 'fortran_order': False, "
    "'shape': (1, 3), }                                                  "
    "        \n\0\0\x80\x3f\0\0\0\xc0\0\0\0\x3f";
#define SAMPLE (sizeof(sample) - 1)

static void
test_sample(void)
{
	struct mel_tensor t = {0};
	struct mel_err err;
	size_t used = 0;
	const float *v;

	if (!ok(!mel_npy_parse(&t, sample, SAMPLE, &used, &err), "numpy's"))
		return;
	v = t.data;
	ok(used == SAMPLE && t.dtype == MEL_F32 && t.ndim == 2 &&
		t.dim[0] == 1 && t.dim[1] == 3,
	    "type and shape");
	ok(v[0] == 1 && v[1] == -2 && v[2] == 0.5f, "values");
	mel_tensor_free(&t);
}

/* Reads a version 1.0 header with this text and n zero bytes behind it. */
static int
parse(const char *text, size_t n, struct mel_tensor *t, struct mel_err *err)
{
	char bytes[512] = "\x93NUMPY"
			  "\x01";
	size_t len = strlen(text), used;

	bytes[8] = (char)len;
	memcpy(bytes + 10, text, len);
	return mel_npy_parse(t, bytes, 10 + len + n, &used, err);
}

static void
test_refused(void)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
	    {"{'descr': '<f4', 'fortran_order': true, 'shape': (1,)}",
		"True or False"},
	    {"{'descr': '|b1', 'fortran_order': True, 'shape': (8, 9)}", "cut"},
	    {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}",
		"big endian"},
	    {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
		"objects"},
	    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}",
		"structures"},
	    {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}",
		"\"<c8\""},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
		"length"},
	    {"{'descr': '<f4', 'fortran_order': False, "
	     "'shape': (99999999999999999999,)}",
		"too large"},
	    {"{'descr': '<f4', 'fortran_order': False, "
	     "'shape': (9999999999, 9999999999)}",
		"too large"},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999,)}",
		"cut"},
	    {"{'descr': '<f4', 'fortran_order': False, "
	     "'shape': (1,1,1,1,1,1,1,1,1)}",
		"more than 8 axes"},
	    {"{'descr': '<f4', 'fortran_order': False}", "without"},
	    {"{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", "twice"},
	    {"{'descr': '<f4', 'x': False, 'shape': (1,)}", "unknown key"},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}x",
		"nothing expected"},
	    {"{'descr': '<f4", "expected"},
	    {"{'descr': '\\x3cf4'", "string"},
	    {"", "'{' expected"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mel_tensor t = {0};
		struct mel_err err = {0};

		ok(parse(bad[i].text, 64, &t, &err) == -1 &&
			strstr(err.msg, bad[i].why) && !t.data,
		    "K: %s", err.msg);
	}
}

static void
test_bools(void)
{
	static const char text[] =
	    "{'descr': '|b1', 'fortran_order': False, 'shape': (4,)}";
	char bytes[128] = "\x93NUMPY"
			  "\x01";
	struct mel_tensor t = {0};
	struct mel_err err;
	size_t used, len = sizeof(text) - 1;

	bytes[8] = (char)len;
	memcpy(bytes + 10, text, len);
	ok(!mel_npy_parse(&t, bytes, 10 + len + 4, &used, &err), "zeros");
	mel_tensor_free(&t);
	bytes[10 + len + 2] = 2;
	ok(mel_npy_parse(&t, bytes, 10 + len + 4, &used, &err) &&
		strstr(err.msg, "element 2"),
	    "2 is no truth value: %s", err.msg);
}

/* Every length of the sample but the whole is a cut, never a result. */
static void
test_cuts(void)
{
	int bad = 0;

	for (size_t n = 0; n < SAMPLE; n++) {
		struct mel_tensor t = {0};
		struct mel_err err = {0};
		size_t used;
		char *bytes = malloc(n ? n : 1);

		/* Own memory of the exact size, so that a sanitizer sees. */
		memcpy(bytes, sample, n);
		bad += !mel_npy_parse(&t, bytes, n, &used, &err) ||
		       !err.msg[0] || t.data;
		free(bytes);
	}
	ok(!bad, "cut at every byte");
}

/* One byte changed at a time: an answer or a message, nothing else. */
static void
test_damage(void)
{
	char bytes[SAMPLE];
	int bad = 0, refused = 0;

	for (size_t i = 0; i < SAMPLE; i++) {
		for (int v = 0; v < 256; v++) {
			struct mel_tensor t = {0};
			struct mel_err err = {0};
			size_t used = 0;

			memcpy(bytes, sample, SAMPLE);
			bytes[i] = (char)v;
			if (mel_npy_parse(&t, bytes, SAMPLE, &used, &err)) {
				bad += !err.msg[0] || t.data;
				refused++;
			} else {
				bad += used > SAMPLE;
			}
			mel_tensor_free(&t);
		}
	}
	ok(!bad && refused > 1000, "damage: %d refused", refused);
}

static int
same(const struct mel_tensor *a, const struct mel_tensor *b)
{
	return mel_tensor_same_shape(a, b) &&
	       !memcmp(a->data, b->data, mel_tensor_bytes(a));
}

static void
test_file(enum mel_dtype dtype, int ndim, const char *path)
{
	struct mel_tensor t = {0}, back = {0};
	struct mel_err err = {0};
	int64_t dim[] = {3, 0, 2};
	struct mel_map map;

	dim[1] = ndim == 3 ? 0 : 5;
	if (!ok(!mel_tensor_new(&t, dtype, ndim, dim, &err), "tensor"))
		return;
	for (size_t i = 0; i < mel_tensor_bytes(&t); i++)
		((char *)t.data)[i] = (char)(dtype == MEL_BOOL ? i & 1 : i);
	ok(!mel_npy_save(path, &t, &err) &&
		!mel_npy_load(&back, path, 1 << 20, &err) && same(&t, &back),
	    "%s of %d axes there and back %s", mel_dtype_name(dtype), ndim,
	    err.msg);
	ok(!mel_map_open(&map, path, &err) &&
		(map.len - mel_tensor_bytes(&t)) % 64 == 0,
	    "data at a multiple of 64");
	mel_map_close(&map);
	mel_tensor_free(&t);
	mel_tensor_free(&back);
}

static void
test_limits(const char *path)
{
	struct mel_tensor t = {0};
	struct mel_err err;
	int64_t dim = 4;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ok(mel_write_full(fd, sample, SAMPLE, &err) == 0 &&
		mel_write_full(fd, sample, SAMPLE, &err) == 0,
	    "two arrays");
	close(fd);
	ok(mel_npy_load(&t, path, 64, &err) && strstr(err.msg, "behind"),
	    "only one is expected: %s", err.msg);
	ok(mel_npy_load(&t, path, 11, &err) && strstr(err.msg, "at most 11"),
	    "more than the limit: %s", err.msg);
	fd = open(path, O_RDONLY);
	for (int i = 0; i < 2; i++) {
		ok(mel_npy_ahead(fd), "more ahead");
		ok(mel_npy_read(&t, fd, 64, &err) == 1, "array %d", i);
		mel_tensor_free(&t);
	}
	ok(!mel_npy_ahead(fd) && mel_npy_read(&t, fd, 64, &err) == 0,
	    "the end");
	close(fd);
	unlink(path);
	ok(!mel_tensor_new(&t, MEL_BF16, 1, &dim, &err) &&
		mel_npy_save(path, &t, &err) && strstr(err.msg, "bf16") &&
		access(path, F_OK),
	    "bf16 leaves no file: %s", err.msg);
	mel_tensor_free(&t);
}

/* Whether more follows could not be read: that is said, and no guess. */
static void
test_read_error(void)
{
	struct mel_tensor t = {0};
	struct mel_err err;
	int fd[2];

	if (!ok(!pipe(fd), "a pipe"))
		return;
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	ok(!mel_write_full(fd[1], sample, SAMPLE, &err) &&
		mel_npy_read_only(&t, fd[0], 64, &err) == -1 && !t.data &&
		strstr(err.msg, strerror(EAGAIN)),
	    "an array and an error: %s", err.msg);
	close(fd[0]);
	close(fd[1]);
}

int
main(void)
{
	char dir[] = "/tmp/melXXXXXX", path[64];

	if (!ok(mkdtemp(dir) != NULL, "temporary folder"))
		return tap_done();
	snprintf(path, sizeof(path), "%s/a.npy", dir);
	test_sample();
	test_refused();
	test_bools();
	test_cuts();
	test_damage();
	for (int i = MEL_F32; i <= MEL_BOOL; i++) {
		for (int ndim = 0; i != MEL_BF16 && ndim <= 3; ndim++)
			test_file((enum mel_dtype)i, ndim, path);
	}
	test_limits(path);
	test_read_error();
	rmdir(dir);
	return tap_done();
}
