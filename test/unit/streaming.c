/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LINK: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "net/graph.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/stream.h"
#include "noise.h"
#include "onnxfile.h"
#include "oom.h"
#include "streamtest.h"
#include "tap.h"
#include "tensor/tensor.h"

/*
 * Networks that stream: the rows of any blocks are, byte by byte, those of a
 * run on everything at once.
 */

#define ROWS 150

static const struct {
	const char *path;
	int64_t left, right, ratio;
} models[] = {
    {"addons/kathleen/decoder.onnx", 18, 18, 1},
    {"test/data/onnx/models/speedyspeech_decoder_11/model.onnx", 43, 43, 1},
    {"test/data/onnx/models/tacotron2_postnet_9/model.onnx", 10, 10, 1},
    {"test/data/onnx/models/hifigan_generator_13/model.onnx", 13, 13, 256},
    {"test/data/onnx/blocks/convnext_15/model.onnx", 3, 3, 1},
    {"test/data/onnx/blocks/film_15/model.onnx", 1, 1, 1},
    {"test/data/onnx/blocks/gate_11/model.onnx", 0, 0, 1},
    {"test/data/onnx/blocks/glow_coupling_11/model.onnx", 14, 14, 1},
    {"test/data/onnx/blocks/hifigan_11/model.onnx", 6, 6, 8},
    {"test/data/onnx/blocks/highway_11/model.onnx", 1, 1, 1},
    {"test/data/onnx/blocks/inception_16/model.onnx", 3, 3, 1},
    {"test/data/onnx/blocks/quartznet_13/model.onnx", 5, 5, 1},
    {"test/data/onnx/blocks/recurrent_15/model.onnx", 1, 1, 1},
    {"test/data/onnx/blocks/swiglu_13/model.onnx", 0, 0, 1},
};

static size_t
memory(const struct mel_stream *s)
{
	const struct mel_graph *g = s->timeline->graph;
	size_t bytes = s->scratch.cap + s->result.cap;

	for (int v = 0; v < g->n_value; v++)
		bytes += s->line[v].cap + s->beside[v].cap;
	for (int k = 0; k < g->most_in; k++)
		bytes += s->edge[k].cap;
	for (int k = 0; k < s->n_spare; k++)
		bytes += s->spare[k].cap;
	return bytes;
}

/* An endless stream: what it holds does not grow, and nothing is allocated. */
static void
check_memory(struct mel_stream *s, const struct mel_tensor *x, const char *path)
{
	int axis = s->timeline->value[s->timeline->graph->input[0].value].axis;
	struct mel_tensor part = cut(x, axis, 0, 32), out;
	size_t first = 0, last = 0;
	long before = 0;
	bool good = !mel_stream_begin(s, x, NULL);

	for (int i = 0; good && i < 60; i++) {
		good = !mel_stream_step(s, &part, false, &out, NULL);
		last = memory(s);
		first = i < 6 ? last : first;
		before = i < 6 ? allocations : before;
	}
	ok(good && last == first, "B10: %s: memory of an endless stream", path);
	ok(good && allocations == before,
	    "B10: %s: no allocation once it flows", path);
	free(part.data);
}

/* Of a network that is loaded and no more its context is known, too. */
static void
check_declared(const struct streamtest *ready, const char *path)
{
	struct mel_network *network;
	struct mel_timeline line = {0};
	struct mel_context context = {0};
	const struct mel_graph *g = mel_network_graph(ready->network);
	struct mel_time_input input = {.axis = ready->in_axis};
	struct mel_err err = {""};

	input.shape =
	    mel_tensor_view(MEL_F32, g->input[0].ndim, g->input[0].dim, NULL);
	if (mel_network_load(&network, path, MEL_ISA_AUTO, &err)) {
		ok(false, "%s loads: %s", path, err.msg);
		return;
	}
	g = mel_network_graph(network);
	ok(!network->packs.n &&
		!mel_timeline_open(&line, g, ready->kernels, &input, &err) &&
		mel_timeline_context(&line, g->output[0].value, &context) &&
		context.left == ready->context.left &&
		context.right == ready->context.right &&
		context.num == ready->context.num &&
		context.den == ready->context.den,
	    "%s: the same context before weights are packed %s", path, err.msg);
	mel_timeline_close(&line);
	ok(!mel_network_ready(network, NULL, &err) && network->packs.n &&
		!mel_network_ready(network, NULL, &err),
	    "%s: ready, and again %s", path, err.msg);
	mel_network_close(network);
}

static void
check_model(const char *path, int64_t left, int64_t right, int64_t ratio)
{
	static const int64_t blocks[] = {1, 7, 32, 64, 1000};
	struct streamtest o;
	struct mel_err err = {""};
	struct mel_tensor x, whole;
	int64_t dim[MEL_MAX_DIMS], computed = 0;
	const struct mel_io *io;

	if (streamtest_open(&o, path, MEL_ISA_AUTO, NULL, &err)) {
		ok(false, "%s: %s", path, err.msg);
		return;
	}
	if (!ok(o.streams, "%s streams", path)) {
		streamtest_close(&o);
		return;
	}
	check_declared(&o, path);
	io = &mel_network_graph(o.network)->input[0];
	ok(o.context.left == left && o.context.right == right &&
		o.context.num == ratio && o.context.den == 1,
	    "%s: context %lld, %lld", path, (long long)left, (long long)right);
	for (int d = 0; d < io->ndim; d++)
		dim[d] = d == o.in_axis ? ROWS : io->dim[d];
	x = noise_tensor(io->ndim, dim);
	ok(!mel_session_run(o.session, &x, &whole, &err), "%s: whole", path);
	for (int i = 9; i >= 0; i--) {
		const struct blocks by = {{blocks[i / 2]}, 1, !(i % 2)};

		ok(stream_equals(&o, &x, &whole, &by), "B6: %s: rows by %lld%s",
		    path, (long long)blocks[i / 2],
		    i % 2 ? ", the end after them" : "");
		computed = i == 9 ? o.stream.computed : computed;
		ok(o.stream.computed == computed,
		    "B2: %s: each row of each layer once by %lld", path,
		    (long long)blocks[i / 2]);
	}
	check_memory(&o.stream, &x, path);
	mel_tensor_free(&x);
	streamtest_close(&o);
}

/* The model at path streams row by row what it gives at once. */
static void
check_small(const char *path, const char *what)
{
	const struct blocks by = {{1}, 1, true};
	struct mel_tensor x = noise_tensor(3, (int64_t[]){1, 3, 7}), whole;
	struct mel_err err = {""};
	struct streamtest o;

	if (!ok(!streamtest_open(&o, path, MEL_ISA_AUTO, NULL, &err), "%s %s",
		what, err.msg))
		return;
	ok(o.streams && !mel_session_run(o.session, &x, &whole, &err) &&
		stream_equals(&o, &x, &whole, &by),
	    "B6: %s: rows are those of the whole %s", what, err.msg);
	mel_tensor_free(&x);
	streamtest_close(&o);
}

/* Rows that are counted and not read; noise that is drawn once. */
static void
test_small(void)
{
	const int64_t shape[3] = {1, 3, -1}, one[3] = {1, 3, 1};
	const float row[3] = {1, 2, 3};
	const struct mel_buf none = {0};
	char *dir = temp_dir(), path[256];
	struct mel_buf g = {0};

	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	add_io(&g, 11, "x", PB_F32, 3, shape);
	add_init(&g, "row", PB_F32, 3, one, row, sizeof(row));
	add_node(&g, "Shape", "x", "s", none);
	add_node(&g, "Expand", "row s", "y", none);
	add_bare_io(&g, 12, "y");
	save_model(path, &g, 13);
	check_small(path, "an input of which only the length is read");
	g = (struct mel_buf){0};
	add_io(&g, 11, "x", PB_F32, 3, shape);
	add_node(&g, "Neg", "x", "z", none);
	add_node(&g, "RandomNormal", "", "n", attr_ints(none, "shape", one, 3));
	add_node(&g, "Add", "z n", "y", none);
	add_bare_io(&g, 12, "y");
	save_model(path, &g, 13);
	check_small(path, "noise without time");
	unlink(path);
	rmdir(dir);
	free(dir);
}

/*
 * A recurrent layer as PyTorch writes it: the last state has a name, whether
 * somebody reads it or not.
 */
static void
check_recurrent(const char *kind, const char *outputs, int64_t gates)
{
	const int64_t shape[3] = {1, 3, -1}, perm[3] = {2, 0, 1}, size = 2;
	const int64_t w[3] = {1, gates * size, 3}, r[3] = {1, gates * size, 2};
	float weight[24];
	char *dir = temp_dir(), path[256];
	struct mel_buf g = {0};

	for (int i = 0; i < 24; i++)
		weight[i] = (float)(i % 7 - 3) / 4;
	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	add_io(&g, 11, "x", PB_F32, 3, shape);
	add_init(&g, "w", PB_F32, 3, w, weight,
	    (size_t)(w[1] * w[2]) * sizeof(float));
	add_init(&g, "r", PB_F32, 3, r, weight,
	    (size_t)(r[1] * r[2]) * sizeof(float));
	add_node(&g, "Transpose", "x", "t",
	    attr_ints((struct mel_buf){0}, "perm", perm, 3));
	add_node(&g, kind, "t w r", outputs,
	    attr_int((struct mel_buf){0}, "hidden_size", size));
	add_bare_io(&g, 12, "y");
	save_model(path, &g, 13);
	check_small(path, kind);
	unlink(path);
	rmdir(dir);
	free(dir);
}

/* 512 rows of 2^53 floats: as a size_t that is 0 bytes. */
static void
test_too_many(void)
{
	const int64_t shape[3] = {1, 1, -1};
	const int64_t more[3] = {1, (int64_t)1 << 53, 1}, three = 3;
	char *dir = temp_dir(), path[256];
	struct mel_tensor x = noise_tensor(3, (int64_t[]){1, 1, 512}), out;
	struct mel_buf g = {0};
	struct mel_err err = {""};
	struct streamtest o;

	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	add_io(&g, 11, "x", PB_F32, 3, shape);
	add_init(&g, "more", PB_I64, 1, &three, more, sizeof(more));
	add_node(&g, "Expand", "x more", "y", (struct mel_buf){0});
	add_bare_io(&g, 12, "y");
	save_model(path, &g, 13);
	if (ok(!streamtest_open(&o, path, MEL_ISA_AUTO, NULL, &err) &&
		    o.streams && !mel_stream_begin(&o.stream, &x, &err),
		"rows of 2^53 floats stream %s", err.msg)) {
		ok(mel_stream_step(&o.stream, &x, true, &out, &err) == -1 &&
			strstr(err.msg, "too large"),
		    "until there are any");
		streamtest_close(&o);
	}
	mel_tensor_free(&x);
	unlink(path);
	rmdir(dir);
	free(dir);
}

int
main(void)
{
	test_too_many();
	test_small();
	check_recurrent("LSTM", "y h c", 4);
	check_recurrent("GRU", "y h", 3);
	check_recurrent("RNN", "y h", 1);
	for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++)
		check_model(models[i].path, models[i].left, models[i].right,
		    models[i].ratio);
	return tap_done();
}
