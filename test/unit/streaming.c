/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "net/graph.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/stream.h"
#include "noise.h"
#include "onnxfile.h"
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
	for (int k = 0; k < s->n_spare; k++)
		bytes += s->spare[k].cap;
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

/* One network, as it is and as a stream. */
struct open_model {
	struct mel_network *network;
	struct mel_session *session;
	struct mel_timeline line;
	struct mel_stream stream;
	struct mel_context context;
	int axis; /* time, of the input */
};

static bool
open_model(
    struct open_model *o, const char *path, bool ready, struct mel_err *err)
{
	struct mel_time_input input = {.axis = MEL_AXIS_NONE};
	const struct mel_graph *g;

	*o = (struct open_model){0};
	if (mel_network_load(&o->network, path, MEL_ISA_AUTO, err) ||
	    (ready && mel_network_ready(o->network, err)))
		return false;
	g = mel_network_graph(o->network);
	input.shape =
	    mel_tensor_view(MEL_F32, g->input[0].ndim, g->input[0].dim, NULL);
	for (int d = 0; d < input.shape.ndim; d++) {
		if (input.shape.dim[d] < 0)
			input.axis = d;
	}
	input.shape.dim[input.axis] = ROWS;
	o->axis = input.axis;
	if (mel_timeline_open(&o->line, g, o->network->kernels, &input, err))
		return false;
	if (!mel_timeline_context(&o->line, g->output[0].value, &o->context)) {
		int cause = o->line.value[g->output[0].value].cause;

		mel_fail(err, "it does not stream: %s",
		    cause < 0 ? "no time" : g->node[cause].kind);
		return false;
	}
	if (!ready)
		return true;
	return !mel_stream_open(&o->stream, &o->line, g->output[0].value,
		   o->network->kernels, NULL, err) &&
	       !mel_session_open(&o->session, o->network, NULL, err);
}

static void
close_model(struct open_model *o)
{
	mel_session_close(o->session);
	mel_stream_close(&o->stream);
	mel_timeline_close(&o->line);
	mel_network_close(o->network);
}

/* Of a network that is loaded and no more, so much is known. */
static void
check_declared(const struct open_model *ready, const char *path)
{
	struct open_model o;
	struct mel_err err = {""};
	bool good = open_model(&o, path, false, &err) && !o.network->slab.n;

	ok(good && !memcmp(&o.context, &ready->context, sizeof(o.context)),
	    "%s: the same context before weights are packed %s", path, err.msg);
	ok(!mel_network_ready(o.network, &err) && o.network->slab.n &&
		!mel_network_ready(o.network, &err),
	    "%s: ready, and again", path);
	close_model(&o);
}

static void
check_model(const char *path, int64_t left, int64_t right, int64_t ratio)
{
	static const int64_t blocks[] = {1, 7, 32, 64, 1000};
	struct open_model o;
	struct mel_err err = {""};
	struct mel_tensor x, whole;
	int64_t dim[MEL_MAX_DIMS], computed = 0;
	const struct mel_io *io;

	if (!open_model(&o, path, true, &err)) {
		ok(false, "%s: %s", path, err.msg);
		return;
	}
	check_declared(&o, path);
	io = &mel_network_graph(o.network)->input[0];
	ok(o.context.left == left && o.context.right == right &&
		o.context.num == ratio && o.context.den == 1,
	    "%s: context %lld, %lld", path, (long long)left, (long long)right);
	for (int d = 0; d < io->ndim; d++)
		dim[d] = d == o.axis ? ROWS : io->dim[d];
	x = noise_tensor(io->ndim, dim);
	ok(!mel_session_run(o.session, &x, &whole, &err), "%s: whole", path);
	for (int i = 9; i >= 0; i--) {
		ok(stream_equals(&o.stream, &x, &whole, blocks[i / 2], i % 2),
		    "B6: %s: rows by %lld%s", path, (long long)blocks[i / 2],
		    i % 2 ? ", the end after them" : "");
		computed = i == 9 ? o.stream.computed : computed;
		ok(o.stream.computed == computed,
		    "B2: %s: each row of each layer once by %lld", path,
		    (long long)blocks[i / 2]);
	}
	check_memory(&o.stream, &x, path);
	mel_tensor_free(&x);
	close_model(&o);
}

/* ---- random graphs ---- */

#define CHANNELS 4

/* A graph being made: `at` is a value [1, CHANNELS, T'] that nodes go on from.
 */
struct maker {
	struct mel_buf graph;
	int n; /* names so far */
	char at[16];
};

static void
add_weights(struct maker *m, const char *name, int64_t a, int64_t b, int64_t c)
{
	int64_t dim[3] = {a, b, c};
	struct mel_tensor t = noise_tensor(c ? 3 : b ? 2 : 1, dim);

	add_init(
	    &m->graph, name, PB_F32, t.ndim, dim, t.data, mel_tensor_bytes(&t));
	mel_tensor_free(&t);
}

/* One node from `at`; `more`: further inputs. */
static void
go_on(struct maker *m, const char *kind, const char *more, struct mel_buf attr)
{
	char in[64], out[16];

	snprintf(in, sizeof(in), "%s%s%s", m->at, *more ? " " : "", more);
	snprintf(out, sizeof(out), "v%d", m->n++);
	add_node(&m->graph, kind, in, out, attr);
	strcpy(m->at, out);
}

/* Back to CHANNELS by T' after a node that wants [T', 1, CHANNELS]. */
static void
turn(struct maker *m, int64_t a, int64_t b, int64_t c)
{
	int64_t perm[3] = {a, b, c};

	go_on(m, "Transpose", "",
	    attr_ints((struct mel_buf){0}, "perm", perm, 3));
}

static void
make_conv(struct maker *m, bool same)
{
	int64_t taps = between(1, 5), dilation = between(1, 3);
	int64_t reach = (taps - 1) * dilation,
		stride = same ? 1 : between(1, 3);
	int64_t pads[2] = {between(0, reach), between(0, reach)};
	struct mel_buf attr = {0};
	char w[16];

	if (same)
		pads[1] = reach - pads[0];
	snprintf(w, sizeof(w), "w%d", m->n);
	add_weights(m, w, CHANNELS, CHANNELS, taps);
	attr = attr_ints(attr, "pads", pads, 2);
	attr = attr_ints(attr, "dilations", &dilation, 1);
	go_on(m, "Conv", w, attr_ints(attr, "strides", &stride, 1));
}

static void
make_spread(struct maker *m)
{
	int64_t taps = between(1, 6), stride = between(1, 3);
	int64_t pads[2] = {between(0, 1), between(0, 1)};
	struct mel_buf attr = {0};
	char w[16];

	snprintf(w, sizeof(w), "w%d", m->n);
	add_weights(m, w, CHANNELS, CHANNELS, taps + 2);
	attr = attr_ints(attr, "pads", pads, 2);
	go_on(m, "ConvTranspose", w, attr_ints(attr, "strides", &stride, 1));
}

static void
make_residual(struct maker *m)
{
	char before[16];

	strcpy(before, m->at);
	make_conv(m, true);
	go_on(m, "Tanh", "", (struct mel_buf){0});
	go_on(m, "Add", before, (struct mel_buf){0});
}

static void
make_pad(struct maker *m)
{
	static const char *const modes[] = {"constant", "reflect", "edge"};
	int64_t pads[6] = {0, 0, between(0, 4), 0, 0, between(0, 4)};
	char name[16];

	snprintf(name, sizeof(name), "p%d", m->n);
	add_init_i64(&m->graph, name, pads, 6);
	go_on(m, "Pad", name,
	    attr_str((struct mel_buf){0}, "mode", modes[between(0, 2)]));
}

static void
make_pool(struct maker *m)
{
	int64_t taps = between(1, 4), stride = between(1, 2);
	int64_t pads[2] = {between(0, taps - 1), between(0, taps - 1)};
	bool max = between(0, 1);
	struct mel_buf attr = attr_ints((struct mel_buf){0}, "pads", pads, 2);

	attr = attr_ints(attr, "strides", &stride, 1);
	attr = attr_ints(attr, "kernel_shape", &taps, 1);
	if (!max)
		attr = attr_int(attr, "count_include_pad", between(0, 1));
	go_on(m, max ? "MaxPool" : "AveragePool", "", attr);
}

static void
make_recurrent(struct maker *m)
{
	bool lstm = between(0, 1);
	int64_t gates = lstm ? 4 : 3;
	char w[16], r[16], both[40];

	snprintf(w, sizeof(w), "w%d", m->n);
	snprintf(r, sizeof(r), "r%d", m->n);
	snprintf(both, sizeof(both), "%s %s", w, r);
	add_weights(m, w, 1, gates * CHANNELS, CHANNELS);
	add_weights(m, r, 1, gates * CHANNELS, CHANNELS);
	turn(m, 2, 0, 1);
	go_on(m, lstm ? "LSTM" : "GRU", both,
	    attr_int((struct mel_buf){0}, "hidden_size", CHANNELS));
	go_on(m, "Squeeze", "one", (struct mel_buf){0});
	turn(m, 1, 2, 0);
}

static void
make_sum(struct maker *m)
{
	go_on(m, "CumSum", "two",
	    attr_int((struct mel_buf){0}, "exclusive", between(0, 1)));
}

static void
make_slice(struct maker *m)
{
	int64_t from = between(0, 3),
		to = between(0, 1) ? -between(1, 3) : 1 << 30;
	int64_t step = between(1, 2);
	char a[16], b[16], c[16], all[64];

	snprintf(a, sizeof(a), "a%d", m->n);
	snprintf(b, sizeof(b), "b%d", m->n);
	snprintf(c, sizeof(c), "c%d", m->n);
	snprintf(all, sizeof(all), "%s %s two1 %s", a, b, c);
	add_init_i64(&m->graph, a, &from, 1);
	add_init_i64(&m->graph, b, &to, 1);
	add_init_i64(&m->graph, c, &step, 1);
	go_on(m, "Slice", all, (struct mel_buf){0});
}

/* Zeros in front, as causal networks have them. */
static void
make_concat(struct maker *m)
{
	char w[16], before[16];

	snprintf(w, sizeof(w), "w%d", m->n);
	add_weights(m, w, 1, CHANNELS, between(1, 3));
	strcpy(before, m->at);
	strcpy(m->at, w);
	go_on(m, "Concat", before, attr_int((struct mel_buf){0}, "axis", 2));
}

static void
make_repeat(struct maker *m)
{
	float scales[3] = {1, 1, (float)between(1, 3)};
	int64_t dim = 3;
	struct mel_buf attr = {0};
	char name[16], all[40];

	snprintf(name, sizeof(name), "s%d", m->n);
	snprintf(all, sizeof(all), "_ %s", name);
	add_init(&m->graph, name, PB_F32, 1, &dim, scales, sizeof(scales));
	attr = attr_str(attr, "mode", "nearest");
	attr = attr_str(attr, "nearest_mode", "floor");
	go_on(m, "Resize", all,
	    attr_str(attr, "coordinate_transformation_mode", "asymmetric"));
}

static void
make_layer(struct maker *m)
{
	switch (between(0, 11)) {
	case 0:
		make_conv(m, false);
		return;
	case 1:
		make_spread(m);
		return;
	case 2:
		make_pad(m);
		return;
	case 3:
		make_pool(m);
		return;
	case 4:
		make_recurrent(m);
		return;
	case 5:
		make_sum(m);
		return;
	case 6:
		make_slice(m);
		return;
	case 7:
		make_concat(m);
		return;
	case 8:
		make_repeat(m);
		return;
	default:
		make_residual(m);
		return;
	}
}

static void
make_graph(const char *path, int layers)
{
	struct maker m = {.at = "x"};
	int64_t shape[3] = {1, CHANNELS, -1}, two = 2, one = 1;

	add_io(&m.graph, 11, "x", PB_F32, 3, shape);
	add_init(&m.graph, "two", PB_I64, 0, NULL, &two, sizeof(two));
	add_init_i64(&m.graph, "two1", &two, 1);
	add_init_i64(&m.graph, "one", &one, 1);
	for (int i = 0; i < layers; i++)
		make_layer(&m);
	go_on(&m, "Sigmoid", "", (struct mel_buf){0});
	add_io(&m.graph, 12, m.at, PB_F32, 3, shape);
	save_model(path, &m.graph, 17);
}

static void
test_random(void)
{
	static const int64_t blocks[] = {1, 3, 16, 200};
	static const int64_t rows[] = {1, 2, 5, 40, 97};
	char *dir = temp_dir(), path[256];

	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	for (int i = 0; i < 150; i++) {
		struct open_model o;
		struct mel_err err = {""};
		int64_t n = rows[i % 5], dim[3] = {1, CHANNELS, n};
		struct mel_tensor x, whole;
		bool good = true;

		make_graph(path, 1 + i % 7);
		if (!open_model(&o, path, true, &err)) {
			ok(false, "graph %d: %s", i, err.msg);
			continue;
		}
		x = noise_tensor(3, dim);
		if (mel_session_run(o.session, &x, &whole, &err)) {
			mel_tensor_free(&x);
			close_model(&o);
			continue; /* too short for its windows */
		}
		for (int k = 0; good && k < 8; k++) {
			good = stream_equals(
			    &o.stream, &x, &whole, blocks[k / 2], k % 2);
			if (!good)
				printf("# graph %d, %lld rows by %lld\n", i,
				    (long long)n, (long long)blocks[k / 2]);
		}
		ok(good, "B6: random graph %d of %d layers", i, 1 + i % 7);
		mel_tensor_free(&x);
		close_model(&o);
	}
	unlink(path);
	rmdir(dir);
	free(dir);
}

int
main(void)
{
	test_random();
	for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++)
		check_model(models[i].path, models[i].left, models[i].right,
		    models[i].ratio);
	return tap_done();
}
