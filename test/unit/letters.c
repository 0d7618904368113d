/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The smallest whole voice, and networks that are wrong in one thing each:
 * checks that test/data/letters and test/data/broken are what this program
 * writes; `build/unit/letters --write` writes them. The golden outputs are
 * computed by hand.
 *
 *	embed.onnx    ids [1, time] to encoded [1, time, 4], durations [1, time]
 *	decoder.onnx  frames [1, 4, time] to mel [1, 4, time]: Conv, kernel 3
 *
 * And one whose rows need all of time, test/data/attend.onnx: x [1, time, 4]
 * to y [1, time, 4], attention of each row to all.
 */
#include <math.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "onnxfile.h"
#include "tap.h"
#include "tensor/npy.h"
#include "tensor/tensor.h"

#define WIDTH   4
#define SYMBOLS 8
#define LETTERS "test/data/letters/"
#define BROKEN  "test/data/broken/"

static bool writing;

static const float durations[SYMBOLS] = {0, 1, 0, 2, 2.6f, 1.5f, 3, 0.2f};

static float
table(int id, int c)
{
	return (float)(id * (c + 2) % 7) / 4 - 0.5f;
}

static float
weight(int out, int in, int tap)
{
	return (float)((out * 12 + in * 3 + tap) * 7 % 11) / 8 - 0.5f;
}

/* Writes the file, or checks that it is as it should be. */
static void
give(const char *path, const void *data, size_t n)
{
	struct mel_buf file = {0};
	struct mel_err err = {""};

	if (writing)
		save_bytes(path, data, n);
	ok(!mel_read_file(path, 1 << 20, &file, &err) && file.len == n &&
		!memcmp(file.data, data, n),
	    "%s is what is meant %s", path, err.msg);
	mel_buf_free(&file);
}

static void
give_model(const char *path, struct mel_buf *graph)
{
	struct mel_buf model = pb_model(graph, 13);

	give(path, model.data, model.len);
	mel_buf_free(&model);
}

static void
give_npy(const char *path, const struct mel_tensor *t)
{
	char temp[] = "/tmp/melpipe-XXXXXX";
	int fd = mkstemp(temp);
	struct mel_buf file = {0};

	if (fd < 0 || mel_npy_write(fd, t, NULL) ||
	    mel_read_file(temp, 1 << 20, &file, NULL))
		abort();
	give(path, file.data, file.len);
	mel_buf_free(&file);
	close(fd);
	unlink(temp);
}

/* first: value of the table's first element behind its row 0. */
static void
give_embed(const char *path, float first)
{
	int64_t ids[2] = {1, -1}, rows[3] = {1, -1, WIDTH};
	int64_t dim[2] = {SYMBOLS, WIDTH};
	float values[SYMBOLS * WIDTH];
	struct mel_buf g = {0}, none = {0};

	for (int i = 0; i < SYMBOLS * WIDTH; i++)
		values[i] = table(i / WIDTH, i % WIDTH);
	values[4 * WIDTH] = first;
	add_init(&g, "table", PB_F32, 2, dim, values, sizeof(values));
	add_init(&g, "lasts", PB_F32, 1, dim, durations, sizeof(durations));
	add_io(&g, 11, "ids", PB_I64, 2, ids);
	add_io(&g, 12, "encoded", PB_F32, 3, rows);
	add_io(&g, 12, "durations", PB_F32, 2, ids);
	add_node(&g, "Gather", "table ids", "encoded", none);
	add_node(&g, "Gather", "lasts ids", "durations", none);
	give_model(path, &g);
}

/* kind: operator behind the Conv, or NULL; width: as declared for mel. */
static void
give_decoder(const char *path, float first, const char *kind, int64_t width)
{
	int64_t across[3] = {1, WIDTH, -1}, out[3] = {1, width, -1};
	int64_t dim[3] = {WIDTH, WIDTH, 3}, pads[2] = {1, 1};
	float w[WIDTH * WIDTH * 3];
	struct mel_buf g = {0}, none = {0};

	for (int i = 0; i < WIDTH * WIDTH * 3; i++)
		w[i] = weight(i / 12, i / 3 % 4, i % 3);
	w[0] = first;
	add_init(&g, "w", PB_F32, 3, dim, w, sizeof(w));
	add_io(&g, 11, "frames", PB_F32, 3, across);
	add_io(&g, 12, "mel", PB_F32, 3, out);
	add_node(&g, "Conv", "frames w", kind ? "conv" : "mel",
	    attr_ints(none, "pads", pads, 2));
	if (kind)
		add_node(&g, kind, "conv", "mel", none);
	give_model(path, &g);
}

static void
give_attention(const char *path)
{
	static const int64_t turn[3] = {0, 2, 1};
	int64_t rows[3] = {1, -1, WIDTH};
	struct mel_buf g = {0}, none = {0};

	add_io(&g, 11, "x", PB_F32, 3, rows);
	add_io(&g, 12, "y", PB_F32, 3, rows);
	add_node(
	    &g, "Transpose", "x", "keys", attr_ints(none, "perm", turn, 3));
	add_node(&g, "MatMul", "x keys", "scores", none);
	add_node(
	    &g, "Softmax", "scores", "weights", attr_int(none, "axis", -1));
	add_node(&g, "MatMul", "weights x", "y", none);
	give_model(path, &g);
}

/* The text "abad": ids 4, 5, 4, 7. */
static const int64_t text[4] = {4, 5, 4, 7};

static void
give_golden(void)
{
	int64_t n = sizeof(text) / sizeof(*text), frames = 0, dim[2];
	int token[64];
	int32_t counts[4];
	float mel[64 * WIDTH] = {0};
	struct mel_tensor t;

	for (int64_t i = 0; i < n; i++) {
		counts[i] = (int32_t)rint((double)durations[text[i]]);
		for (int k = 0; k < counts[i]; k++)
			token[frames++] = (int)text[i];
	}
	for (int64_t f = 0; f < frames; f++) {
		for (int i = 0; i < WIDTH * WIDTH * 3; i++) {
			int64_t at = f + i % 3 - 1;

			if (at >= 0 && at < frames)
				mel[f * WIDTH + i / 12] +=
				    weight(i / 12, i / 3 % 4, i % 3) *
				    table(token[at], i / 3 % 4);
		}
	}
	dim[0] = n;
	t = mel_tensor_view(MEL_I64, 1, dim, (void *)(uintptr_t)text);
	give_npy(LETTERS "golden/0_tokens.npy", &t);
	t = mel_tensor_view(MEL_I32, 1, dim, counts);
	give_npy(LETTERS "golden/0_counts.npy", &t);
	dim[0] = frames;
	dim[1] = WIDTH;
	t = mel_tensor_view(MEL_F32, 2, dim, mel);
	give_npy(LETTERS "golden/0_mel.npy", &t);
	ok(frames == 8, "eight frames");
}

int
main(int argc, char **argv)
{
	writing = argc > 1 && !strcmp(argv[1], "--write");
	give_embed(LETTERS "embed.onnx", table(4, 0));
	give_decoder(LETTERS "decoder.onnx", weight(0, 0, 0), NULL, WIDTH);
	give_golden();
	give_attention("test/data/attend.onnx");
	give_embed(BROKEN "embed-nan.onnx", NAN);
	give_decoder(BROKEN "nan.onnx", NAN, NULL, WIDTH);
	give_decoder(BROKEN "operator.onnx", 0, "Frobnicate", WIDTH);
	give_decoder(BROKEN "width.onnx", 0, NULL, WIDTH + 1);
	return tap_done();
}
