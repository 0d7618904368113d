/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "net/graph.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/stream.h"
#include "noise.h"
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
};

/* Rows [lo, hi) of t along axis. */
static struct mel_tensor
cut(const struct mel_tensor *t, int axis, int64_t lo, int64_t hi)
{
	struct mel_tensor part = *t;
	size_t outer = 1, row = mel_dtype_size(t->dtype), n, all;

	for (int d = 0; d < t->ndim; d++) {
		outer *= d < axis ? (size_t)t->dim[d] : 1;
		row *= d > axis ? (size_t)t->dim[d] : 1;
	}
	n = (size_t)(hi - lo) * row;
	all = (size_t)t->dim[axis] * row;
	part.dim[axis] = hi - lo;
	part.data = malloc(outer * n + 1);
	for (size_t i = 0; i < outer; i++)
		memcpy((char *)part.data + i * n,
		    (char *)t->data + i * all + (size_t)lo * row, n);
	return part;
}

static bool
same_rows(const struct mel_tensor *got, const struct mel_tensor *whole,
    int axis, int64_t at)
{
	struct mel_tensor want = cut(whole, axis, at, at + got->dim[axis]);
	bool same = !mel_tensor_bytes(got) ||
		    !memcmp(want.data, got->data, mel_tensor_bytes(got));

	free(want.data);
	return same;
}

/* Streams x by blocks of `block` rows, the end with the last one or after. */
static bool
stream_equals(struct mel_stream *s, const struct mel_tensor *x,
    const struct mel_tensor *whole, int64_t block, bool apart)
{
	int in_axis =
	    s->timeline->value[s->timeline->graph->input[0].value].axis;
	int axis = s->timeline->value[s->output].axis;
	int64_t n = x->dim[in_axis], at = 0, from = 0;
	struct mel_err err = {""};
	bool good = !mel_stream_begin(s, x, &err);

	while (good && !s->ended) {
		int64_t to = from + block > n ? n : from + block;
		struct mel_tensor part = cut(x, in_axis, from, to), out;
		bool end = apart ? from == n : to == n;

		good = !mel_stream_step(s, &part, end, &out, &err) &&
		       at + out.dim[axis] <= whole->dim[axis] &&
		       same_rows(&out, whole, axis, at);
		at += good ? out.dim[axis] : 0;
		from = to;
		free(part.data);
	}
	if (err.msg[0])
		printf("# %s\n", err.msg);
	return good && at == whole->dim[axis];
}

static size_t
memory(const struct mel_stream *s)
{
	const struct mel_graph *g = s->timeline->graph;
	size_t bytes = s->scratch.cap + s->result.cap;

	for (int v = 0; v < g->n_value; v++)
		bytes += s->line[v].cap + s->beside[v].cap;
	for (int k = 0; k < g->most_in; k++)
		bytes += s->edge[k].cap;
	return bytes;
}

/* An endless stream: what it holds does not grow. */
static void
check_memory(struct mel_stream *s, const struct mel_tensor *x, const char *path)
{
	int axis = s->timeline->value[s->timeline->graph->input[0].value].axis;
	struct mel_tensor part = cut(x, axis, 0, 32), out;
	size_t first = 0, last = 0;
	bool good = !mel_stream_begin(s, x, NULL);

	for (int i = 0; good && i < 60; i++) {
		good = !mel_stream_step(s, &part, false, &out, NULL);
		last = memory(s);
		first = i < 6 ? last : first;
	}
	ok(good && last == first, "B10: %s: memory of an endless stream", path);
	free(part.data);
}

static void
check_model(const char *path, int64_t left, int64_t right, int64_t ratio)
{
	static const int64_t blocks[] = {1, 7, 32, 64, 1000};
	struct mel_network *network;
	struct mel_session *session;
	struct mel_timeline line = {0};
	struct mel_stream stream = {0};
	struct mel_time_input input = {.axis = MEL_AXIS_NONE};
	struct mel_context c = {0};
	struct mel_tensor x, whole;
	struct mel_err err = {""};
	const struct mel_graph *g;
	int64_t computed = 0;

	if (mel_network_open(&network, path, MEL_ISA_AUTO, &err)) {
		ok(false, "%s: %s", path, err.msg);
		return;
	}
	g = mel_network_graph(network);
	input.shape =
	    mel_tensor_view(MEL_F32, g->input[0].ndim, g->input[0].dim, NULL);
	for (int d = 0; d < input.shape.ndim; d++) {
		if (input.shape.dim[d] < 0)
			input.axis = d;
	}
	input.shape.dim[input.axis] = ROWS;
	if (mel_timeline_open(&line, g, network->kernels, &input, &err) ||
	    !mel_timeline_context(&line, g->output[0].value, &c) ||
	    mel_stream_open(&stream, &line, g->output[0].value,
		network->kernels, NULL, &err) ||
	    mel_session_open(&session, network, NULL, &err)) {
		ok(false, "%s: cannot be streamed %s", path, err.msg);
		return;
	}
	ok(c.left == left && c.right == right && c.num == ratio && c.den == 1,
	    "%s: context %lld, %lld", path, (long long)left, (long long)right);
	x = noise_tensor(input.shape.ndim, input.shape.dim);
	ok(!mel_session_run(session, &x, &whole, &err), "%s: whole", path);
	for (int i = 9; i >= 0; i--) {
		ok(stream_equals(&stream, &x, &whole, blocks[i / 2], i % 2),
		    "B6: %s: rows by %lld%s", path, (long long)blocks[i / 2],
		    i % 2 ? ", the end after them" : "");
		computed = i == 9 ? stream.computed : computed;
		ok(stream.computed == computed,
		    "B2: %s: each row of each layer once by %lld", path,
		    (long long)blocks[i / 2]);
	}
	check_memory(&stream, &x, path);
	mel_tensor_free(&x);
	mel_session_close(session);
	mel_stream_close(&stream);
	mel_timeline_close(&line);
	mel_network_close(network);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++)
		check_model(models[i].path, models[i].left, models[i].right,
		    models[i].ratio);
	return tap_done();
}
