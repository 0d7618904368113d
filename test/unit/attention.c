/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/err.h"
#include "base/pool.h"
#include "net/graph.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/op.h"
#include "net/tally.h"
#include "noise.h"
#include "onnxfile.h"
#include "tap.h"

/*
 * Attention as exporters write it, against the same graph with the weights as
 * a second output, which therefore stays as it is.
 */

enum mask {
	NO_MASK,
	BIAS,      /* scores + f32 */
	FILL_INF,  /* Where(mask, -inf, scores): may hide a whole row */
	FILL_LOW,  /* Where(mask, scores, -1e9) */
	FILL_BOTH, /* -inf before softmax, 0 behind */
	MASKS
};

enum form {
	HEADS,    /* [B, T, H, D], Transposes around */
	CHANNEL,  /* [B, H, D, T], K as it is, Q and V turned */
	THREE,    /* [T, B, D], no heads */
	SQUEEZED, /* as HEADS, one axis more in between */
	FORMS
};

struct shape {
	int64_t batch, heads, rows, keys, depth, width;
	enum mask mask;
	enum form form;
	bool divide, per_row;
};

static struct mel_buf
perm(const int64_t *v, int n)
{
	return attr_ints((struct mel_buf){0}, "perm", v, n);
}

static void
add_turns(struct mel_buf *g, enum form form)
{
	static const int64_t heads[] = {0, 2, 1, 3}, swap[] = {0, 1, 3, 2};
	static const int64_t to_k[] = {0, 2, 3, 1}, first[] = {1, 0, 2};
	static const int64_t last[] = {0, 2, 1};
	const struct mel_buf none = {0};

	if (form == SQUEEZED) {
		add_init_i64(g, "axes", (int64_t[]){0}, 1);
		add_node(g, "Transpose", "q", "q0", perm(heads, 4));
		add_node(g, "Unsqueeze", "q0 axes", "q1", none);
		add_node(g, "Squeeze", "q1 axes", "qt", none);
		add_node(g, "Transpose", "k", "k0", perm(to_k, 4));
		add_node(g, "Unsqueeze", "k0 axes", "k1", none);
		add_node(g, "Squeeze", "k1 axes", "kt", none);
		add_node(g, "Transpose", "v", "vt", perm(heads, 4));
	} else if (form == HEADS) {
		add_node(g, "Transpose", "q", "qt", perm(heads, 4));
		add_node(g, "Transpose", "k", "kt", perm(to_k, 4));
		add_node(g, "Transpose", "v", "vt", perm(heads, 4));
	} else if (form == CHANNEL) {
		add_node(g, "Transpose", "q", "qt", perm(swap, 4));
		add_node(g, "Relu", "k", "kt", (struct mel_buf){0});
		add_node(g, "Transpose", "v", "vt", perm(swap, 4));
	} else {
		add_node(g, "Transpose", "q", "qt", perm(first, 3));
		add_node(g, "Transpose", "k", "k1", perm(first, 3));
		add_node(g, "Transpose", "k1", "kt", perm(last, 3));
		add_node(g, "Transpose", "v", "vt", perm(first, 3));
	}
}

static void
add_masks(struct mel_buf *g, enum mask mask)
{
	const struct mel_buf none = {0};
	const float low = mask == FILL_LOW ? -1e9f : -INFINITY, zero = 0;

	add_init(g, "low", PB_F32, 0, NULL, &low, 4);
	add_init(g, "zero", PB_F32, 0, NULL, &zero, 4);
	if (mask == BIAS)
		add_node(g, "Add", "mask s2", "s3", none);
	else if (mask == FILL_LOW)
		add_node(g, "Where", "mask s2 low", "s3", none);
	else if (mask)
		add_node(g, "Where", "mask low s2", "s3", none);
	add_node(g, "Softmax", mask ? "s3" : "s2", "w",
	    attr_int((struct mel_buf){0}, "axis", -1));
	if (mask == FILL_BOTH)
		add_node(g, "Where", "mask zero w", "w2", none);
}

static void
add_inputs(struct mel_buf *g, const struct shape *s)
{
	int64_t any[4] = {-1, -1, -1, -1};
	int n = s->form == THREE ? 3 : 4;

	add_io(g, 11, "q", PB_F32, n, any);
	add_io(g, 11, "k", PB_F32, n, any);
	add_io(g, 11, "v", PB_F32, n, any);
	if (s->mask)
		add_io(
		    g, 11, "mask", s->mask == BIAS ? PB_F32 : PB_BOOL, n, any);
	add_bare_io(g, 12, "y");
}

static void
write_model(const char *path, const struct shape *s, bool open)
{
	static const int64_t heads[] = {0, 2, 1, 3}, swap[] = {0, 1, 3, 2};
	static const int64_t first[] = {1, 0, 2};
	float scale = 1 / sqrtf((float)s->depth), root = 1 / scale;
	struct mel_buf g = {0};
	const struct mel_buf none = {0};

	add_inputs(&g, s);
	if (open)
		add_bare_io(&g, 12, "w");
	add_turns(&g, s->form);
	add_init(&g, "scale", PB_F32, 0, NULL, s->divide ? &root : &scale, 4);
	add_node(&g, "MatMul", "qt kt", "s1", none);
	add_node(&g, s->divide ? "Div" : "Mul", "s1 scale", "s2", none);
	add_masks(&g, s->mask);
	add_node(
	    &g, "MatMul", s->mask == FILL_BOTH ? "w2 vt" : "w vt", "o", none);
	if (s->form == THREE)
		add_node(&g, "Transpose", "o", "y", perm(first, 3));
	else if (s->form == CHANNEL)
		add_node(&g, "Transpose", "o", "y", perm(swap, 4));
	else
		add_node(&g, "Transpose", "o", "y", perm(heads, 4));
	save_model(path, &g, 13);
}

static struct mel_tensor
operand(const struct shape *s, int64_t len, int64_t size)
{
	int64_t heads[] = {s->batch, len, s->heads, size};
	int64_t channel[] = {s->batch, s->heads, size, len};
	int64_t three[] = {len, s->batch, size};

	if (s->form == THREE)
		return noise_tensor(3, three);
	return noise_tensor(4, s->form == CHANNEL ? channel : heads);
}

static struct mel_tensor
random_mask(const struct shape *s)
{
	int64_t rows = s->per_row ? s->rows : 1;
	int64_t four[] = {s->batch, 1, rows, s->keys};
	int64_t three[] = {1, rows, s->keys};
	struct mel_tensor t = {0};
	int n = s->form == THREE ? 3 : 4;

	if (s->mask == BIAS)
		return noise_tensor(n, n == 3 ? three : four);
	if (mel_tensor_new(&t, MEL_BOOL, n, n == 3 ? three : four, NULL))
		abort();
	for (size_t i = 0; i < mel_tensor_count(&t); i++)
		((uint8_t *)t.data)[i] = noise() > 0;
	return t;
}

static struct mel_network *
open_model(const char *dir, const struct shape *s, bool open, enum mel_isa isa)
{
	char path[128];
	struct mel_network *net;
	struct mel_err err;

	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	write_model(path, s, open);
	if (mel_network_open(&net, path, isa, &err)) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return net;
}

static int
count_fused(const struct mel_network *net)
{
	const struct mel_graph *g = mel_network_graph(net);
	int n = 0;

	for (int i = 0; i < g->n_node; i++)
		n += !strcmp(g->node[i].op->name, "(attention)");
	return n;
}

/* y, owned. */
static struct mel_tensor
run(const struct mel_network *net, const struct mel_tensor *in, int threads)
{
	struct mel_pool *pool;
	struct mel_session *session;
	struct mel_tensor out[2], y = {0};
	struct mel_err err;

	if (mel_pool_open(&pool, threads, &err) ||
	    mel_session_open(&session, net, pool, &err) ||
	    mel_session_run(session, in, out, &err) ||
	    mel_tensor_new(&y, MEL_F32, out[0].ndim, out[0].dim, &err)) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	if (mel_tensor_count(&y))
		memcpy(y.data, out[0].data, mel_tensor_bytes(&y));
	mel_session_close(session);
	mel_pool_close(pool);
	return y;
}

/* The largest difference; NaN only where both have it. */
static double
difference(const struct mel_tensor *a, const struct mel_tensor *b)
{
	const float *x = a->data, *y = b->data;
	double worst = mel_tensor_same_shape(a, b) ? 0 : INFINITY;

	for (size_t i = 0; worst < 1 && i < mel_tensor_count(a); i++) {
		if (isnan(x[i]) && isnan(y[i]))
			continue;
		worst = fmax(worst, isnan(x[i]) || isnan(y[i])
					? INFINITY
					: fabs((double)x[i] - y[i]));
	}
	return worst;
}

static struct shape
random_attention(int round)
{
	static const int64_t rows[] = {1, 2, 40, 113, 130, 230};
	static const int64_t keys[] = {1, 3, 64, 256, 257, 600};
	struct shape s = {
	    .batch = between(1, 2),
	    .heads = between(1, 3),
	    .rows = rows[between(0, 5)],
	    .keys = keys[between(0, 5)],
	    .depth = between(1, 70),
	    .width = between(1, 70),
	    .mask = (enum mask)(round % MASKS),
	    .form = (enum form)(round / MASKS % FORMS),
	    .divide = round % 2,
	    .per_row = round % 3,
	};

	return s;
}

static void
make_inputs(const struct shape *s, struct mel_tensor in[4])
{
	in[0] = operand(s, s->rows, s->depth);
	in[1] = operand(s, s->keys, s->depth);
	in[2] = operand(s, s->keys, s->width);
	in[3] = s->mask ? random_mask(s) : (struct mel_tensor){0};
}

static void
free_inputs(struct mel_tensor in[4])
{
	for (int i = 0; i < 4; i++)
		mel_tensor_free(&in[i]);
}

static void
test_unfused(const char *dir, enum mel_isa isa, const char *name)
{
	int fused = 0, threads = 0;
	double worst = 0;
	const int rounds = 4 * MASKS * FORMS;

	for (int round = 0; round < rounds; round++) {
		struct shape s = random_attention(round);
		struct mel_tensor in[4], a, b, c;
		struct mel_network *net = open_model(dir, &s, false, isa);
		struct mel_network *plain = open_model(dir, &s, true, isa);

		make_inputs(&s, in);
		/* CHANNEL: Relu of K keeps it from being turned; as it is. */
		a = run(net, in, 1);
		b = run(plain, in, 1);
		c = run(net, in, 3);
		fused += count_fused(net) == 1 && !count_fused(plain);
		worst = fmax(worst, difference(&a, &b));
		threads += same(&a, &c);
		mel_tensor_free(&a);
		mel_tensor_free(&b);
		mel_tensor_free(&c);
		free_inputs(in);
		mel_network_close(net);
		mel_network_close(plain);
	}
	ok(fused == rounds, "%s: attention is found in %d graphs of %d", name,
	    fused, rounds);
	ok(worst < 2e-6, "%s: the numbers of the graph as it was (%g)", name,
	    worst);
	ok(threads == rounds, "%s: the same bytes on 3 threads", name);
}

/* What the products of a run are worth to those who measure. */
static double
count_work(const struct mel_network *net, const struct mel_tensor *in)
{
	struct mel_tally tally = {0};
	struct mel_session *session;
	struct mel_tensor out[2];
	struct mel_err err;
	double work = 0;

	if (mel_session_open(&session, net, NULL, &err)) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	mel_tally_start(&tally, &session->exec);
	if (!mel_session_run(session, in, out, &err)) {
		for (size_t i = 0; i < tally.n; i++)
			work += tally.node[i].work;
	}
	mel_tally_free(&tally);
	mel_session_close(session);
	return work;
}

static void
test_work(const char *dir)
{
	struct shape s = {.batch = 2,
	    .heads = 3,
	    .rows = 5,
	    .keys = 7,
	    .depth = 11,
	    .width = 13,
	    .form = HEADS};
	struct mel_network *net = open_model(dir, &s, false, MEL_ISA_AUTO);
	struct mel_network *plain = open_model(dir, &s, true, MEL_ISA_AUTO);
	struct mel_tensor in[4];
	double one, two;

	make_inputs(&s, in);
	one = count_work(net, in);
	two = count_work(plain, in);
	ok(one == 2.0 * 2 * 3 * 5 * 7 * (11 + 13) && one == two,
	    "as much work as its two products (%g, %g)", one, two);
	free_inputs(in);
	mel_network_close(net);
	mel_network_close(plain);
}

/* Rows [lo, hi) of [B, T, H, D], B = 1. */
static struct mel_tensor
some_rows(const struct mel_tensor *t, int64_t lo, int64_t hi)
{
	int64_t dim[4] = {1, hi - lo, t->dim[2], t->dim[3]};
	float *from = t->data;

	return mel_tensor_view(
	    MEL_F32, 4, dim, from + lo * t->dim[2] * t->dim[3]);
}

static void
test_rows(const char *dir, enum mel_isa isa, const char *name)
{
	struct shape s = {.batch = 1,
	    .heads = 2,
	    .rows = 250,
	    .keys = 300,
	    .depth = 32,
	    .width = 32,
	    .form = HEADS};
	struct mel_network *net = open_model(dir, &s, false, isa);
	struct mel_tensor in[4], all;
	int good = 0;

	make_inputs(&s, in);
	all = run(net, in, 1);
	for (int i = 0; i < 20; i++) {
		int64_t lo = between(0, 249), hi = between(lo + 1, 250);
		struct mel_tensor part[3] = {
		    some_rows(&in[0], lo, hi), in[1], in[2]};
		struct mel_tensor want = some_rows(&all, lo, hi);
		struct mel_tensor got = run(net, part, 1 + i % 2);

		good += same(&got, &want);
		mel_tensor_free(&got);
	}
	ok(good == 20, "%s: a row is the same bytes in any number of rows",
	    name);
	mel_tensor_free(&all);
	free_inputs(in);
	mel_network_close(net);
}

/* A NaN in one query, an infinite key: as softmax has them. */
static void
test_special(const char *dir)
{
	struct shape s = {.batch = 1,
	    .heads = 1,
	    .rows = 20,
	    .keys = 300,
	    .depth = 8,
	    .width = 8,
	    .form = HEADS};
	struct mel_network *net = open_model(dir, &s, false, MEL_ISA_AUTO);
	struct mel_network *plain = open_model(dir, &s, true, MEL_ISA_AUTO);
	struct mel_tensor in[4], a, b;

	make_inputs(&s, in);
	((float *)in[0].data)[3 * 8 + 1] = NAN;
	((float *)in[1].data)[280 * 8] = INFINITY;
	a = run(net, in, 1);
	b = run(plain, in, 1);
	ok(difference(&a, &b) < 1e-6 && isnan(((float *)a.data)[3 * 8]),
	    "NaN and infinite scores are those of the graph as it was");
	mel_tensor_free(&a);
	mel_tensor_free(&b);
	free_inputs(in);
	mel_network_close(net);
	mel_network_close(plain);
}

/* No keys, no queries. */
static void
test_empty(const char *dir)
{
	struct shape s = {.batch = 2,
	    .heads = 2,
	    .rows = 5,
	    .keys = 0,
	    .depth = 4,
	    .width = 3,
	    .form = HEADS};
	struct mel_network *net = open_model(dir, &s, false, MEL_ISA_AUTO);
	struct mel_tensor in[4], y;
	float sum = 0;

	make_inputs(&s, in);
	y = run(net, in, 1);
	for (size_t i = 0; i < mel_tensor_count(&y); i++)
		sum += fabsf(((float *)y.data)[i]);
	ok(mel_tensor_count(&y) == 2 * 2 * 5 * 3 && sum == 0,
	    "no keys: zeros, as a product of nothing");
	mel_tensor_free(&y);
	free_inputs(in);
	s.rows = 0;
	s.keys = 7;
	make_inputs(&s, in);
	y = run(net, in, 1);
	ok(!mel_tensor_count(&y), "no queries: nothing");
	mel_tensor_free(&y);
	free_inputs(in);
	mel_network_close(net);
}

/* Two turns of q in a row, of which the shapes allow one: refused, as such. */
static void
test_ranks(const char *dir)
{
	static const int64_t two[] = {0, 1}, four[] = {3, 2, 1, 0};
	static const int64_t last[] = {0, 1, 3, 2}, any[4] = {-1, -1, -1, -1};
	const struct mel_buf none = {0};
	struct mel_buf g = {0};
	struct mel_network *net;
	struct mel_tensor in[3], out[1];
	struct mel_session *session;
	struct mel_err err;
	char path[128];

	add_io(&g, 11, "q", PB_F32, 2, any);
	add_io(&g, 11, "k", PB_F32, 4, any);
	add_io(&g, 11, "v", PB_F32, 4, any);
	add_bare_io(&g, 12, "y");
	add_node(&g, "Transpose", "q", "q1", perm(two, 2));
	add_node(&g, "Transpose", "q1", "qt", perm(four, 4));
	add_node(&g, "Transpose", "k", "kt", perm(last, 4));
	add_node(&g, "MatMul", "qt kt", "s", none);
	add_node(
	    &g, "Softmax", "s", "w", attr_int((struct mel_buf){0}, "axis", -1));
	add_node(&g, "MatMul", "w v", "y", none);
	snprintf(path, sizeof(path), "%s/r.onnx", dir);
	save_model(path, &g, 13);
	in[0] = noise_tensor(2, (int64_t[]){5, 3});
	in[1] = in[2] = noise_tensor(4, (int64_t[]){1, 1, 7, 3});
	if (!ok(!mel_network_open(&net, path, MEL_ISA_AUTO, &err), "opened"))
		return;
	ok(!mel_session_open(&session, net, NULL, &err) &&
		mel_session_run(session, in, out, &err) == -1 &&
		strstr(err.msg, "operand 0 is not f32 with 4 axes"),
	    "turns of other ranks: %s", err.msg);
	mel_session_close(session);
	mel_network_close(net);
	mel_tensor_free(&in[0]);
	mel_tensor_free(&in[1]);
	unlink(path);
}

/* The kernel: a row in parts, against softmax of the whole row. */
static void
test_parts(const struct mel_kernels *k)
{
	double worst = 0;

	for (int round = 0; round < 200; round++) {
		float x[400], y[400], sum = 0;
		struct mel_softmax row = {-INFINITY, 0};
		size_t n = (size_t)between(1, 400), len;

		for (size_t i = 0; i < n; i++)
			x[i] = noise() > 0.8f ? -INFINITY : 90 * noise();
		x[between(0, (int64_t)n - 1)] = 1;
		k->softmax(y, x, n);
		for (size_t at = 0; at < n; at += len) {
			float factor;

			len = (size_t)between(1, (int64_t)(n - at));
			factor = k->softmax_part(x + at, len, &row);
			for (size_t i = 0; i < at; i++)
				x[i] *= factor;
		}
		for (size_t i = 0; i < n; i++) {
			x[i] /= row.sum;
			sum += x[i];
			worst = fmax(worst, fabs((double)x[i] - y[i]));
		}
		worst = fmax(worst, fabs(sum - 1.0) / 10);
	}
	ok(worst < 1e-6, "%s: softmax in parts is softmax (%g)", k->name,
	    worst);
}

int
main(void)
{
	static const enum mel_isa isas[] = {
	    MEL_ISA_PORTABLE, MEL_ISA_AVX2, MEL_ISA_AVX512};
	char *dir = temp_dir(), path[128];

	for (int i = 0; i < 3; i++) {
		const struct mel_kernels *k = mel_kernels_get(isas[i]);

		if (!k)
			continue;
		test_parts(k);
		test_unfused(dir, isas[i], k->name);
		test_rows(dir, isas[i], k->name);
	}
	test_special(dir);
	test_empty(dir);
	test_ranks(dir);
	test_work(dir);
	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	unlink(path);
	rmdir(dir);
	free(dir);
	return tap_done();
}
