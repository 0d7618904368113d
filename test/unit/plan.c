/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LINK: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc */
#include "net/plan.h"

#include "base/err.h"
#include "base/pool.h"
#include "net/eval.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/op.h"
#include "onnxfile.h"
#include "oom.h"
#include "tap.h"

static char path[512];

static uint32_t state;

static uint32_t
pick(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

/*
 * A random graph of values [T, width]: elementwise with and without
 * broadcasting, views there and back, moves, shape arithmetic, and now and
 * then a length that is known only at run time.
 */
struct maker {
	struct mel_buf g;
	int width[256]; /* of value "vN" */
	int n;
};

static void
emit(struct maker *m, int width, const char *kind, const char *in,
    struct mel_buf attr)
{
	char out[16];

	snprintf(out, sizeof(out), "v%d", m->n);
	add_node(&m->g, kind, in, out, attr);
	m->width[m->n++] = width;
}

/* An intermediate value without the shape [T, width]. */
static void
emit_aside(struct maker *m, const char *kind, const char *in, const char *tag,
    struct mel_buf attr)
{
	char out[16];

	snprintf(out, sizeof(out), "%s%d", tag, m->n);
	add_node(&m->g, kind, in, out, attr);
}

static void
make_binary(struct maker *m, int a)
{
	static const char *const kinds[] = {"Add", "Sub", "Mul", "Max"};
	int b = (int)pick((uint32_t)m->n), tries = 0;
	char in[32];

	while (m->width[b] != m->width[a] && m->width[b] != 1 && tries++ < 20)
		b = (int)pick((uint32_t)m->n);
	if (m->width[b] != m->width[a] && m->width[b] != 1)
		b = a;
	if (pick(2))
		snprintf(in, sizeof(in), "v%d v%d", a, b);
	else
		snprintf(in, sizeof(in), "v%d v%d", b, a);
	emit(m, m->width[a], kinds[pick(4)], in, (struct mel_buf){0});
}

/* To one row of numbers, something done to it, and back. */
static void
make_views(struct maker *m, int a)
{
	const struct mel_buf none = {0};
	char in[64];
	int n = m->n;

	snprintf(in, sizeof(in), "v%d flat", a);
	emit_aside(m, "Reshape", in, "f", none);
	snprintf(in, sizeof(in), "f%d", n);
	emit_aside(m, pick(2) ? "Neg" : "Relu", in, "g", none);
	snprintf(in, sizeof(in), "v%d", a);
	emit_aside(m, "Shape", in, "s", none);
	snprintf(in, sizeof(in), "g%d s%d", n, n);
	emit(m, m->width[a], "Reshape", in, none);
}

/* Adds a number that depends on how large the input `count` is. */
static void
make_later(struct maker *m, int a)
{
	const struct mel_buf none = {0};
	int n = m->n;
	char in[64];

	emit_aside(m, "Range", "zero count unit", "r", none);
	snprintf(in, sizeof(in), "r%d", n);
	emit_aside(m, "Cast", in, "c", attr_int(none, "to", PB_F32));
	snprintf(in, sizeof(in), "c%d", n);
	emit_aside(m, "ReduceSum", in, "d", attr_int(none, "keepdims", 1));
	snprintf(in, sizeof(in), "v%d d%d", a, n);
	emit(m, m->width[a], "Add", in, none);
}

static void
make_slice(struct maker *m, int a)
{
	char in[32];

	snprintf(in, sizeof(in), "v%d one far one", a);
	emit(m, m->width[a] - 1, "Slice", in, (struct mel_buf){0});
}

static void
make_turn(struct maker *m, int a)
{
	const struct mel_buf none = {0};
	int n = m->n;
	char in[32];

	snprintf(in, sizeof(in), "v%d", a);
	emit_aside(m, "Transpose", in, "t", none);
	snprintf(in, sizeof(in), "t%d", n);
	emit_aside(m, "Abs", in, "u", none);
	snprintf(in, sizeof(in), "u%d", n);
	emit(m, m->width[a], "Transpose", in, none);
}

static void
make_node(struct maker *m, bool later)
{
	static const char *const unary[] = {"Relu", "Neg", "Abs", "Sigmoid"};
	int a = (int)pick((uint32_t)m->n), b = (int)pick((uint32_t)m->n);
	char in[32];

	switch (pick(later ? 9 : 8)) {
	case 0:
	case 1:
		snprintf(in, sizeof(in), "v%d", a);
		emit(m, m->width[a], unary[pick(4)], in, (struct mel_buf){0});
		break;
	case 2:
		if (m->width[a] + m->width[b] > 24)
			break;
		snprintf(in, sizeof(in), "v%d v%d", a, b);
		emit(m, m->width[a] + m->width[b], "Concat", in,
		    attr_int((struct mel_buf){0}, "axis", 1));
		break;
	case 3:
		snprintf(in, sizeof(in), "v%d one", a);
		emit(m, 1, "ReduceSum", in, (struct mel_buf){0});
		break;
	case 4:
		make_views(m, a);
		break;
	case 5:
		if (m->width[a] > 1)
			make_slice(m, a);
		break;
	case 6:
		make_turn(m, a);
		break;
	case 8:
		make_later(m, a);
		break;
	default:
		make_binary(m, a);
	}
}

static void
make_graph(uint32_t seed, bool later)
{
	const int64_t row = 8, flat = -1, one = 1, far = 1000, zero = 0;
	float bias[8];
	struct maker m = {0};
	char name[16];

	state = seed;
	for (int i = 0; i < 8; i++)
		bias[i] = (float)i / 8 - 0.3f;
	add_init_i64(&m.g, "flat", &flat, 1);
	add_init_i64(&m.g, "one", &one, 1);
	add_init_i64(&m.g, "far", &far, 1);
	add_init(&m.g, "zero", PB_I64, 0, NULL, &zero, 8);
	add_init(&m.g, "unit", PB_I64, 0, NULL, &one, 8);
	add_init(&m.g, "bias", PB_F32, 1, &row, bias, 32);
	add_io(&m.g, 11, "x", PB_F32, 2, (int64_t[]){-1, 8});
	add_io(&m.g, 11, "count", PB_I64, 0, NULL);
	emit(&m, 8, "Add", "x bias", (struct mel_buf){0});
	while (m.n < 30)
		make_node(&m, later);
	for (int i = m.n - 1; i > 0; i -= 1 + (int)pick(12)) {
		snprintf(name, sizeof(name), "v%d", i);
		add_io(&m.g, 12, name, PB_F32, 2, (int64_t[]){-1, m.width[i]});
	}
	save_model(path, &m.g, 13);
}

/* Node after node, every value in memory of its own. */
static struct mel_tensor *
naive(const struct mel_network *net, const struct mel_tensor *in)
{
	const struct mel_graph *g = mel_network_graph(net);
	struct mel_tensor *v = calloc((size_t)g->n_value, sizeof(*v));
	const struct mel_run run = {.kernels = net->kernels};
	const struct mel_tensor *ref[16];
	struct mel_tensor out[16];

	for (int i = 0; i < g->n_value; i++) {
		v[i] = g->value[i].constant;
		v[i].owned = false;
	}
	for (int i = 0; i < g->n_input; i++) {
		v[g->input[i].value] = in[i];
		v[g->input[i].value].owned = false;
	}
	for (int i = 0; i < g->n_node; i++) {
		const struct mel_node *n = &g->node[i];

		for (int k = 0; k < n->n_in; k++)
			ref[k] = n->in[k] < 0 ? NULL : &v[n->in[k]];
		if (mel_node_eval(n, ref, out, &run, NULL))
			abort();
		for (int k = 0; k < n->n_out; k++) {
			if (n->out[k] >= 0)
				v[n->out[k]] = out[k];
		}
	}
	return v;
}

/* Bytes of all outputs agree. */
static bool
agree(const struct mel_network *net, struct mel_session *session,
    const struct mel_tensor *in)
{
	const struct mel_graph *g = mel_network_graph(net);
	struct mel_tensor *want = naive(net, in), got[64];
	bool same = !mel_session_run(session, in, got, NULL);

	for (int i = 0; same && i < g->n_output; i++) {
		const struct mel_tensor *w = &want[g->output[i].value];

		same = mel_tensor_same_shape(w, &got[i]) &&
		       !memcmp(w->data, got[i].data, mel_tensor_bytes(w));
	}
	for (int v = 0; v < g->n_value; v++)
		mel_tensor_free(&want[v]);
	free(want);
	return same;
}

static struct mel_tensor
input(int64_t rows)
{
	struct mel_tensor x;

	if (mel_tensor_new(&x, MEL_F32, 2, (int64_t[]){rows, 8}, NULL))
		abort();
	for (int64_t i = 0; i < rows * 8; i++)
		((float *)x.data)[i] = (float)pick(2000) / 1000 - 1;
	return x;
}

/* More lengths than plans are remembered; some come again. */
static bool
try_lengths(struct mel_network *net, struct mel_pool *pool, bool poison)
{
	static const int64_t rows[] = {5, 1, 17, 5, 0, 2, 33, 3, 17, 5};
	struct mel_session *session;
	int64_t count;
	bool same = true;

	if (mel_session_open(&session, net, pool, NULL))
		return false;
	session->exec.poison = poison;
	for (size_t i = 0; same && i < sizeof(rows) / sizeof(*rows); i++) {
		struct mel_tensor in[2] = {
		    input(rows[i]), mel_tensor_view(MEL_I64, 0, NULL, &count)};

		count = (int64_t)i;
		same = agree(net, session, in);
		mel_tensor_free(&in[0]);
	}
	mel_session_close(session);
	return same;
}

static void
test_random(bool later, const char *what)
{
	struct mel_pool *pool;
	int bad = 0, graphs = 0;

	if (mel_pool_open(&pool, 2, NULL))
		abort();
	for (uint32_t seed = 1; seed <= 150; seed++, graphs++) {
		struct mel_network *net;
		struct mel_err err;

		make_graph(seed, later);
		if (mel_network_open(&net, path, MEL_ISA_AUTO, &err)) {
			printf("# %s\n", err.msg);
			bad++;
			continue;
		}
		if (!try_lengths(net, seed % 2 ? pool : NULL, seed % 3)) {
			printf("# seed %u\n", seed);
			bad++;
		}
		mel_network_close(net);
	}
	mel_pool_close(pool);
	ok(!bad, "%d %s: planned = every value on its own, at ten lengths",
	    graphs, what);
}

static bool
is_view_of(const struct mel_tensor *t, const struct mel_session *s)
{
	const unsigned char *p = t->data;

	return p >= s->frame.arena && p < s->frame.arena + s->frame.arena_bytes;
}

static void
test_steady(void)
{
	struct mel_network *net;
	struct mel_session *session;
	struct mel_tensor in[2] = {input(40)}, out[64];
	int64_t count = 3;
	long before;
	bool good = true;

	make_graph(7, false);
	in[1] = mel_tensor_view(MEL_I64, 0, NULL, &count);
	if (mel_network_open(&net, path, MEL_ISA_AUTO, NULL) ||
	    mel_session_open(&session, net, NULL, NULL) ||
	    mel_session_run(session, in, out, NULL))
		abort();
	ok(is_view_of(&out[0], session), "outputs lie in the arena");
	before = allocations;
	for (int i = 0; i < 5; i++)
		good &= !mel_session_run(session, in, out, NULL);
	ok(good && allocations == before,
	    "no allocation for shapes that were seen");
	in[0].dim[0] = 39;
	good = !mel_session_run(session, in, out, NULL);
	ok(good && allocations > before, "some for new ones");
	in[0].dim[0] = 40;
	before = allocations;
	good = !mel_session_run(session, in, out, NULL);
	ok(good && allocations == before, "and none for the old ones again");
	mel_session_close(session);
	mel_network_close(net);
	mel_tensor_free(&in[0]);
}

static void
check_input(struct mel_session *s, const struct mel_tensor *x, const char *want)
{
	int64_t count = 1;
	struct mel_tensor in[2] = {
	    *x, mel_tensor_view(MEL_I64, 0, NULL, &count)};
	struct mel_tensor out[64];
	struct mel_err err = {""};

	ok(mel_session_run(s, in, out, &err) == -1 && strstr(err.msg, want) &&
		strstr(err.msg, path),
	    "%s", err.msg);
}

static void
test_inputs(void)
{
	struct mel_network *net;
	struct mel_session *session;
	struct mel_tensor x = input(4), bad;

	make_graph(3, false);
	if (mel_network_open(&net, path, MEL_ISA_AUTO, NULL) ||
	    mel_session_open(&session, net, NULL, NULL))
		abort();
	bad = x;
	bad.dtype = MEL_I32;
	check_input(session, &bad, "input x: i32 [4, 8], not f32");
	bad = x;
	bad.ndim = 1;
	check_input(session, &bad, "input x: f32 [4] has not 2 axes");
	bad = x;
	bad.dim[1] = 4;
	check_input(session, &bad, "axis 1 must have length 8");
	bad = x;
	bad.dim[0] = -1;
	check_input(session, &bad, "negative length");
	mel_session_close(session);
	mel_network_close(net);
	mel_tensor_free(&x);
}

static bool
open_and_run(struct mel_err *err)
{
	struct mel_network *net = NULL;
	struct mel_session *session = NULL;
	int64_t count = 3;
	float x[16] = {0};
	struct mel_tensor out[64];
	const struct mel_tensor in[2] = {
	    mel_tensor_view(MEL_F32, 2, (int64_t[]){2, 8}, x),
	    mel_tensor_view(MEL_I64, 0, NULL, &count)};
	bool good = !mel_network_open(&net, path, MEL_ISA_AUTO, err) &&
		    !mel_session_open(&session, net, NULL, err) &&
		    !mel_session_run(session, in, out, err);

	mel_session_close(session);
	mel_network_close(net);
	return good;
}

/* Each allocation fails once: an error, no fault, no leak. */
static void
test_no_memory(void)
{
	long n = 0, silent = 0;
	bool good = false;

	make_graph(11, true);
	while (!good && n < 100000) {
		struct mel_err err = {""};

		fail_at = ++n;
		good = open_and_run(&err);
		silent += !good && !*err.msg;
		if (good && !fail_at) { /* libc found its way without it */
			good = false;
			continue;
		}
	}
	fail_at = 0;
	ok(good && n > 100 && !silent, "%ld failed allocations", n - 1);
}

/* An output that is an input, a constant, or another output. */
static void
test_direct(void)
{
	struct mel_buf g = {0};
	struct mel_network *net;
	struct mel_session *s;
	struct mel_tensor in = input(2), out[3];
	const float w = 7;

	add_init(&g, "w", PB_F32, 0, NULL, &w, 4);
	add_io(&g, 11, "x", PB_F32, 2, (int64_t[]){-1, 8});
	add_node(&g, "Identity", "x", "y", (struct mel_buf){0});
	add_node(&g, "Identity", "w", "z", (struct mel_buf){0});
	add_io(&g, 12, "y", PB_F32, 0, NULL);
	add_io(&g, 12, "z", PB_F32, 0, NULL);
	add_io(&g, 12, "x", PB_F32, 0, NULL);
	save_model(path, &g, 13);
	if (mel_network_open(&net, path, MEL_ISA_AUTO, NULL) ||
	    mel_session_open(&s, net, NULL, NULL) ||
	    mel_session_run(s, &in, out, NULL))
		abort();
	ok(!strcmp(mel_network_graph(net)->output[0].name, "y"),
	    "an output keeps its name");
	ok(out[0].data != in.data && !memcmp(out[0].data, in.data, 64),
	    "an output that is an input is a copy");
	ok(*(float *)out[1].data == 7, "an output that is a constant");
	mel_session_close(s);
	mel_network_close(net);
	mel_tensor_free(&in);
}

static bool
overlap(const struct mel_block *a, const struct mel_block *b)
{
	return a->first <= b->last && b->first <= a->last &&
	       a->offset < b->offset + b->size &&
	       b->offset < a->offset + a->size;
}

static void
test_blocks(void)
{
	struct mel_block block[200];
	size_t arena = 0, sum = 0;
	int bad = 0;

	state = 5;
	for (int i = 0; i < 200; i++) {
		block[i] = (struct mel_block){
		    .size = 64 * (1 + pick(50)), .first = (int)pick(100)};
		block[i].last = block[i].first + (int)pick(10);
		sum += block[i].size;
	}
	block[0].placed = true;
	block[0].offset = 640;
	ok(!mel_blocks_place(block, 200, &arena, NULL), "blocks are placed");
	for (int i = 0; i < 200; i++) {
		for (int j = 0; j < i; j++)
			bad += overlap(&block[i], &block[j]);
		bad += block[i].offset + block[i].size > arena;
	}
	ok(!bad && block[0].offset == 640, "none overlaps another");
	ok(arena < sum / 4, "%zu bytes do for %zu", arena, sum);
}

int
main(void)
{
	char *dir = temp_dir();

	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	test_random(false, "graphs");
	test_random(true, "graphs with lengths that come later");
	test_steady();
	test_inputs();
	test_direct();
	test_no_memory();
	test_blocks();
	unlink(path);
	rmdir(dir);
	free(dir);
	return tap_done();
}
