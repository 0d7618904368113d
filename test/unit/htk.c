/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "tensor/htk.h"
#include "tap.h"
#include "tensor/tensor.h"

/* By hand: 2 rows of 1.5, -2; 11.61 ms apart; kind USER. */
static const char sample[] = "\0\0\0\x02\0\x01\xc5\x84\0\x08\0\x09"
			     "\x3f\xc0\0\0\xc0\0\0\0\x3f\xc0\0\0\xc0\0\0\0";
#define SAMPLE (sizeof(sample) - 1)

static int
read_bytes(const char *bytes, size_t n, const char *path, struct mel_tensor *t,
    double *period, struct mel_err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), rc;

	*err = (struct mel_err){0};
	if (mel_write_full(fd, bytes, n, err))
		return -1;
	lseek(fd, 0, SEEK_SET);
	rc = mel_htk_read(t, period, fd, 1000, err);
	close(fd);
	return rc;
}

static void
test_sample(const char *path)
{
	struct mel_tensor t = {0};
	struct mel_err err;
	double period;
	char back[SAMPLE + 1];
	int fd;

	if (!ok(!read_bytes(sample, SAMPLE, path, &t, &period, &err), "read"))
		return;
	ok(t.ndim == 2 && t.dim[0] == 2 && t.dim[1] == 2 &&
		((float *)t.data)[2] == 1.5f && ((float *)t.data)[3] == -2,
	    "values");
	ok(period > 0.011609 && period < 0.011611, "period %g s", period);
	fd = open(path, O_RDWR | O_TRUNC);
	ok(!mel_htk_check(&t, &err) &&
		!mel_htk_write(fd, &t, 256 / 22050., &err) &&
		pread(fd, back, sizeof(back), 0) == SAMPLE &&
		!memcmp(back, sample, SAMPLE),
	    "the same bytes back");
	ok(mel_htk_write(fd, &t, 0, &err), "no period: %s", err.msg);
	close(fd);
	mel_tensor_free(&t);
}

static void
test_refused(const char *path)
{
	static const struct {
		size_t at;
		unsigned char value;
		const char *why;
	} bad[] = {{3, 3, "cut"}, {3, 1, "too long"}, {0, 0x80, "at most"},
	    {9, 6, "rows of 6"}, {9, 0, "rows of 0"}, {10, 4, "compressed"},
	    {10, 0x10, "checksum"}, {11, 0, "kind 0"}, {11, 10, "kind 10"}};
	struct mel_tensor t = {0};
	struct mel_err err;
	double period;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char bytes[SAMPLE];

		memcpy(bytes, sample, SAMPLE);
		bytes[bad[i].at] = (char)bad[i].value;
		ok(read_bytes(bytes, SAMPLE, path, &t, &period, &err) &&
			strstr(err.msg, bad[i].why),
		    "refused: %s", err.msg);
	}
	for (size_t n = 0; n < SAMPLE; n++)
		ok(read_bytes(sample, n, path, &t, &period, &err) &&
			strstr(err.msg, "cut"),
		    "at %zu: %s", n, err.msg);
}

static void
test_check(void)
{
	int64_t dim[] = {1, 8192}, one = 1;
	struct mel_tensor t = mel_tensor_view(MEL_F32, 2, dim, NULL);
	struct mel_err err;

	ok(mel_htk_check(&t, &err), "too wide: %s", err.msg);
	t.dim[1] = 8191;
	ok(!mel_htk_check(&t, &err), "8191 fit");
	t = mel_tensor_view(MEL_F32, 1, &one, NULL);
	ok(mel_htk_check(&t, &err), "one axis: %s", err.msg);
}

int
main(void)
{
	char dir[] = "/tmp/melXXXXXX", path[64];

	if (!ok(mkdtemp(dir) != NULL, "temporary folder"))
		return tap_done();
	snprintf(path, sizeof(path), "%s/a.htk", dir);
	test_sample(path);
	test_refused(path);
	test_check();
	unlink(path);
	rmdir(dir);
	return tap_done();
}
