/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#include "base/err.h"
#include "net/kernels.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "noise.h"
#include "onnxfile.h"
#include "tap.h"

/* Packed weights in files: written, taken, refused. */

static char *dir;
static char model[160], packed[160]; /* of one network that tests change */

static const char *const patterns[] = {"addons/kathleen/*.onnx",
    "test/data/taco/*.onnx", "test/data/onnx/layers/*/*.onnx",
    "test/data/onnx/models/*/*.onnx"};

static void
find_models(glob_t *found)
{
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		if (glob(patterns[i], i ? GLOB_APPEND : 0, NULL, found)) {
			printf("Bail out! %s\n", patterns[i]);
			exit(1);
		}
	}
}

static bool
write_packed(const struct mel_network *net, const char *path)
{
	struct mel_outfile out;

	return !mel_outfile_open(&out, path, NULL) &&
	       !mel_network_write_packed(net, out.fd, NULL) &&
	       !mel_outfile_commit(&out, NULL);
}

/* Made ready from the file, it has the same weights, and all in the file. */
static bool
takes(const struct mel_network *made, const char *path, enum mel_isa isa)
{
	struct mel_network *net;
	struct mel_err err = {""};
	bool good;

	if (mel_network_load(&net, path, isa, &err))
		return false;
	good = !mel_network_ready(net, packed, &err) && !net->packs.slab.n &&
	       !mel_packs_compare(&net->packs, &made->packs, &err);
	if (!good)
		printf("# %s: %s\n", path, err.msg);
	mel_network_close(net);
	return good;
}

static uLong
add_sum(uLong sum, const struct mel_packs *packs)
{
	for (size_t i = 0; i < packs->n; i++)
		sum = crc32(
		    sum, packs->piece[i].data, (uInt)packs->piece[i].bytes);
	return sum;
}

/*
 * All networks there are. Another sum than that of layout 1 means that old
 * files would be taken and are wrong: LAYOUT of net/packs.c must be counted up
 * with it.
 */
static void
test_all(enum mel_isa isa, uLong want)
{
	uLong sum = crc32(0, NULL, 0);
	size_t good = 0, pieces = 0;
	glob_t found = {0};

	find_models(&found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i];
		struct mel_network *net;

		if (mel_network_open(&net, path, isa, NULL))
			continue;
		good += write_packed(net, packed) && takes(net, path, isa) &&
			!mel_network_check_packed(net, packed, NULL);
		pieces += net->packs.n;
		sum = add_sum(sum, &net->packs);
		mel_network_close(net);
	}
	ok(good == found.gl_pathc && pieces > good,
	    "%s: %zu of %zu networks take their %zu packed weights from files",
	    mel_isa_names[isa], good, found.gl_pathc, pieces);
	ok(sum == want, "%s: they are those of layout 1: %08lx",
	    mel_isa_names[isa], sum);
	globfree(&found);
}

/* ---- files that do not fit ---- */

/* y = x W, the weights in w.bin. */
static void
write_model(int64_t in, int64_t out)
{
	static float w[64 * 64];
	int64_t dim[2] = {in, out}, x[2] = {-1, in};
	struct mel_buf g = {0}, entry = {0}, t = {0};
	const struct mel_buf none = {0};
	char path[200];
	FILE *f;

	for (size_t i = 0; i < 64 * 64; i++)
		w[i] = noise();
	snprintf(path, sizeof(path), "%s/w.bin", dir);
	f = fopen(path, "wb");
	if (!f || !fwrite(w, (size_t)(in * out) * sizeof(float), 1, f) ||
	    fclose(f))
		abort();
	put_int(&t, 1, dim[0]);
	put_int(&t, 1, dim[1]);
	put_int(&t, 2, PB_F32);
	put_str(&t, 8, "W");
	put_str(&entry, 1, "location");
	put_str(&entry, 2, "w.bin");
	put_msg(&t, 13, &entry);
	put_int(&t, 14, 1);
	add_io(&g, 11, "x", PB_F32, 2, x);
	add_bare_io(&g, 12, "y");
	add_node(&g, "MatMul", "x W", "y", none);
	put_msg(&g, 5, &t);
	save_model(model, &g, 13);
}

static void
pack_model(void)
{
	struct mel_network *net;

	if (mel_network_open(&net, model, MEL_ISA_PORTABLE, NULL) ||
	    !write_packed(net, packed))
		abort();
	mel_network_close(net);
}

/* 0, or -1 with the reason. */
static int
try_packed(enum mel_isa isa, struct mel_err *err)
{
	struct mel_network *net;
	int rc;

	err->msg[0] = '\0';
	if (mel_network_load(&net, model, isa, err))
		return -1;
	rc = mel_network_ready(net, packed, err);
	if (rc && !mel_network_ready(net, NULL, NULL))
		abort(); /* what failed stays so */
	mel_network_close(net);
	return rc;
}

static void
check_refused(enum mel_isa isa, const char *want, const char *what)
{
	struct mel_err err;

	ok(try_packed(isa, &err) == -1 && strstr(err.msg, want) &&
		strstr(err.msg, packed),
	    "%s: %s", what, err.msg);
}

/* Sets the time of the last change of w.bin back to that of `st`. */
static void
set_time(const struct stat *st)
{
	const struct timespec t[2] = {st->st_atim, st->st_mtim};
	char path[200];

	snprintf(path, sizeof(path), "%s/w.bin", dir);
	if (utimensat(AT_FDCWD, path, t, 0))
		abort();
}

static void
test_changed(void)
{
	char path[200];
	struct mel_err err;
	struct stat st;

	snprintf(path, sizeof(path), "%s/w.bin", dir);
	write_model(8, 8);
	pack_model();
	stat(path, &st);
	ok(!try_packed(MEL_ISA_PORTABLE, &err), "external data, too");
	if (mel_isa_available(MEL_ISA_AVX2))
		check_refused(
		    MEL_ISA_AVX2, "another instruction set", "for another ISA");
	st.st_mtim.tv_sec -= 7;
	set_time(&st);
	ok(!try_packed(MEL_ISA_PORTABLE, &err),
	    "a copy that kept no time is known by its digest");
	write_model(8, 8);
	check_refused(
	    MEL_ISA_PORTABLE, "another state", "other weights of its size");
	write_model(8, 9);
	check_refused(MEL_ISA_PORTABLE, "another state", "another size");
}

static void
write_file(const char *path, const struct mel_buf *b, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (!f || (n && !fwrite(b->data, n, 1, f)) || fclose(f))
		abort();
}

static void
test_damaged(void)
{
	struct mel_buf b = {0};
	size_t refused = 0;
	struct mel_err err;
	bool named = true;

	write_model(3, 5);
	pack_model();
	if (mel_read_file(packed, 1 << 20, &b, NULL))
		abort();
	for (size_t n = 0; n < b.len; n++) {
		write_file(packed, &b, n);
		refused += try_packed(MEL_ISA_PORTABLE, &err) == -1;
		named &= strstr(err.msg, packed) != NULL;
	}
	ok(refused == b.len && named, "cut anywhere, it is refused by name");
	refused = 0;
	for (size_t i = 0; i < 8 * 192; i++) {
		b.data[i / 8] ^= (char)(1 << i % 8);
		write_file(packed, &b, b.len);
		refused += try_packed(MEL_ISA_PORTABLE, &err) == -1;
		b.data[i / 8] ^= (char)(1 << i % 8);
	}
	/* Not times and digests, of which one is enough, and padding. */
	ok(refused == 8 * (32 + 2 * 8 + 8),
	    "a changed bit before the weights: %zu times refused", refused);
	mel_buf_add(&b, "", 1, NULL);
	write_file(packed, &b, b.len);
	check_refused(MEL_ISA_PORTABLE, "longer", "a byte too many");
	mel_buf_free(&b);
}

int
main(void)
{
	static const struct {
		enum mel_isa isa;
		uLong sum;
	} of_layout[] = {
	    {MEL_ISA_PORTABLE, 0xdfd2dbf2},
	    {MEL_ISA_AVX2, 0xd54dcbba},
	    {MEL_ISA_AVX512, 0xc8f03aee},
	};
	char path[200];

	dir = temp_dir();
	snprintf(model, sizeof(model), "%s/m.onnx", dir);
	snprintf(packed, sizeof(packed), "%s/m.packed", dir);
	snprintf(path, sizeof(path), "%s/w.bin", dir);
	for (size_t i = 0; i < 3; i++) {
		if (mel_isa_available(of_layout[i].isa))
			test_all(of_layout[i].isa, of_layout[i].sum);
	}
	test_changed();
	test_damaged();
	unlink(model);
	unlink(packed);
	unlink(path);
	rmdir(dir);
	free(dir);
	return tap_done();
}
