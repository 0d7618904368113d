/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <unistd.h>

#include "base/outdir.h"
#include "base/err.h"
#include "base/io.h"
#include "tap.h"

static void
test_names(struct mel_outdir *d)
{
	static const char *const bad[] = {
	    "", ".", "..", ".x", "a/b", "/a", "a\nb", "\x7f", "../../a"};
	struct mel_outfile out;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mel_err err;

		ok(mel_outdir_file(d, bad[i], NULL, "x", &out, &err) == -1 &&
			out.fd == -1,
		    "F: name refused: %s", err.msg);
		ok(mel_outdir_file(d, "good", bad[i], "x", &out, &err) == -1,
		    "F: port refused: %s", err.msg);
	}
}

static void
test_files(struct mel_outdir *d, const char *dir)
{
	struct mel_outfile out;
	struct mel_err err;
	char path[64];

	ok(!mel_outdir_file(d, "k", NULL, "npy", &out, &err) &&
		!mel_outfile_commit(&out, &err),
	    "a file");
	snprintf(path, sizeof(path), "%s/k.npy", dir);
	ok(!unlink(path), "is there as %s", path);
	ok(mel_outdir_file(d, "k", NULL, "npy", &out, &err) == -1 &&
		strstr(err.msg, "before"),
	    "F: a key twice: %s", err.msg);
	ok(!mel_outdir_file(d, "k", "mel", "npy", &out, &err) &&
		!mel_outfile_commit(&out, &err),
	    "another port");
	snprintf(path, sizeof(path), "%s/k.mel.npy", dir);
	ok(!unlink(path), "is there as %s", path);
}

int
main(void)
{
	char dir[] = "/tmp/melXXXXXX";
	struct mel_outdir d = {0};
	struct mel_err err;

	if (!ok(mkdtemp(dir) && !rmdir(dir), "temporary name"))
		return tap_done();
	ok(!mel_outdir_open(&d, dir, &err), "the folder is made");
	test_names(&d);
	test_files(&d, dir);
	mel_outdir_close(&d);
	ok(!mel_outdir_open(&d, dir, &err), "and may be there");
	mel_outdir_close(&d);
	ok(!rmdir(dir), "nothing else was left");
	ok(mel_outdir_open(&d, "/dev/null", &err), "no folder: %s", err.msg);
	return tap_done();
}
