/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <unistd.h>

#include "base/isa.h"
#include "net/network.h"
#include "onnxfile.h"
#include "run.h"

/*
 * The packed weights of a network, some of whose bytes are others: the first
 * two say where those begin, the third is odd where the file ends with them.
 * What is taken is run.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char model[] = "/tmp/mel-packs-XXXXXX";
static struct mel_buf good; /* the file as it should be */

static void
clean_up(void)
{
	unlink(model);
	mel_buf_free(&good);
}

/* y = x W */
static void
write_model(void)
{
	static const float w[15];
	int64_t dim[2] = {3, 5}, x[2] = {-1, 3};
	const struct mel_buf none = {0};
	struct mel_buf g = {0};

	add_io(&g, 11, "x", PB_F32, 2, x);
	add_bare_io(&g, 12, "y");
	add_node(&g, "MatMul", "x W", "y", none);
	add_init(&g, "W", PB_F32, 2, dim, w, sizeof(w));
	close(mkstemp(model));
	save_model(model, &g, 13);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct mel_network *network;
	char path[64];
	int fd = bytes_as_file("", 0, path);

	(void)argc, (void)argv;
	write_model();
	if (mel_network_open(&network, model, MEL_ISA_PORTABLE, NULL) ||
	    mel_network_write_packed(network, fd, NULL) ||
	    mel_read_file(path, 1 << 20, &good, NULL))
		abort();
	mel_network_close(network);
	close(fd);
	atexit(clean_up);
	return 0;
}

/* The descriptor of the changed file. */
static int
change(const uint8_t *data, size_t size, char path[64])
{
	size_t at = (size_t)(data[0] | data[1] << 8) % (good.len + 1);
	size_t n = size - 3, rest = good.len - at;
	struct mel_buf b = {0};
	int fd;

	mel_buf_add(&b, good.data, at, NULL);
	mel_buf_add(&b, data + 3, n, NULL);
	if (!(data[2] & 1) && n < rest)
		mel_buf_add(&b, good.data + at + n, rest - n, NULL);
	fd = bytes_as_file(b.data ? b.data : "", b.len, path);
	mel_buf_free(&b);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mel_network *network;
	char path[64];
	int fd;

	if (size < 3)
		return 0;
	fd = change(data, size, path);
	if (mel_network_load(&network, model, MEL_ISA_PORTABLE, NULL))
		abort();
	if (!mel_network_ready(network, path, NULL))
		run_network(network);
	mel_network_close(network);
	close(fd);
	return 0;
}
