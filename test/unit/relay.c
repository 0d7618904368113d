/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/rng.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "onnxfile.h"
#include "tap.h"
#include "tensor/tensor.h"

/*
 * Random graphs of convolutions along time, as they are and with the passes
 * that lay them out time-major and absorb what is elementwise: the same bytes.
 */

#define WIDTH 24 /* channels of x */
#define CASES 60

static char path[512];
static const struct mel_buf none;

struct graph {
	struct mel_buf buf;
	uint64_t seed, counter; /* of all that is random in it */
	int n;                  /* values made so far: v0 is x */
	bool turned;            /* the last one is [N, T, C] */
	const char *prefix;
};

/* In [0, 1). */
static float
any(struct graph *g)
{
	return mel_rng_uniform(g->seed, 1, g->counter++);
}

static int
choose(struct graph *g, int n)
{
	return (int)(any(g) * (float)n) % n;
}

static void
weights(struct graph *g, const char *name, int ndim, const int64_t *dim)
{
	size_t n = 1;
	float *w;

	for (int d = 0; d < ndim; d++)
		n *= (size_t)dim[d];
	w = malloc(n * sizeof(*w));
	for (size_t i = 0; i < n; i++)
		w[i] = any(g) * 0.3f - 0.14f;
	add_init(&g->buf, name, PB_F32, ndim, dim, w, n * sizeof(*w));
	free(w);
}

/* A node that reads the last value, `more` behind it. */
static void
follow(struct graph *g, const char *kind, const char *more, struct mel_buf attr)
{
	char in[256], out[64];

	snprintf(in, sizeof(in), "%s%d%s%s", g->prefix, g->n, *more ? " " : "",
	    more);
	snprintf(out, sizeof(out), "%s%d", g->prefix, ++g->n);
	add_node(&g->buf, kind, in, out, attr);
}

static void
turn(struct graph *g)
{
	const int64_t perm[3] = {0, 2, 1};

	follow(g, "Transpose", "", attr_ints(none, "perm", perm, 3));
	g->turned = !g->turned;
}

static void
conv(struct graph *g)
{
	static const int64_t groups[] = {1, 1, 2, WIDTH};
	int64_t taps = 1 + 2 * choose(g, 3), dilation = 1 + choose(g, 2);
	int64_t group = groups[choose(g, 4)], side = (taps - 1) * dilation / 2;
	int64_t dim[3] = {WIDTH, WIDTH / group, taps}, width = WIDTH;
	char w[32], b[32], both[64];

	if (g->turned)
		turn(g);
	snprintf(w, sizeof(w), "w%d", g->n);
	snprintf(b, sizeof(b), "b%d", g->n);
	snprintf(both, sizeof(both), "%s %s", w, b);
	weights(g, w, 3, dim);
	weights(g, b, 1, &width);
	follow(g, "Conv", both,
	    attr_int(
		attr_ints(attr_ints(none, "pads", (int64_t[]){side, side}, 2),
		    "dilations", &dilation, 1),
		"group", group));
}

static void
batch_norm(struct graph *g)
{
	const int64_t width = WIDTH;
	float positive[WIDTH];
	char name[4][32], more[160];

	if (g->turned)
		turn(g);
	for (int i = 0; i < 4; i++)
		snprintf(name[i], sizeof(name[i]), "n%d_%d", g->n, i);
	for (int i = 0; i < 3; i++)
		weights(g, name[i], 1, &width);
	for (int i = 0; i < WIDTH; i++)
		positive[i] = 0.5f + (float)i / WIDTH;
	add_init(
	    &g->buf, name[3], PB_F32, 1, &width, positive, sizeof(positive));
	snprintf(more, sizeof(more), "%s %s %s %s", name[0], name[1], name[2],
	    name[3]);
	follow(g, "BatchNormalization", more, none);
}

/* Adds a value made before that has the same layout. */
static void
residual(struct graph *g, int from, bool turned)
{
	char more[64];

	if (g->turned != turned)
		turn(g);
	snprintf(more, sizeof(more), "%s%d", g->prefix, from);
	follow(g, choose(g, 3) ? "Add" : "Sub", more, none);
}

static void
scale(struct graph *g)
{
	int64_t dim[3] = {1, g->turned ? 1 : WIDTH, g->turned ? WIDTH : 1};
	int64_t shape[3];
	char name[32];
	int skip = choose(g, 2); /* with or without the axis of items */

	memcpy(shape, dim, sizeof(dim));
	snprintf(name, sizeof(name), "s%d", g->n);
	weights(g, name, 3 - skip, shape + skip);
	follow(g, choose(g, 2) ? "Mul" : "Add", name, none);
}

static void
product(struct graph *g)
{
	int64_t dim[2] = {WIDTH, WIDTH};
	char name[32];

	if (!g->turned)
		turn(g);
	snprintf(name, sizeof(name), "m%d", g->n);
	weights(g, name, 2, dim);
	follow(g, "MatMul", name, none);
}

/* What takes its operand twice: x act(x), or GELU as it was once exported. */
static void
gate(struct graph *g)
{
	static const char *const act[] = {"Sigmoid", "Tanh", "Softplus"};
	float half = 0.5f, root = 1.41421354f, one = 1.0f;
	bool gelu = choose(g, 2), left = choose(g, 2);
	char x[32], y[32], name[32], both[80], out[32];

	snprintf(x, sizeof(x), "%s%d", g->prefix, g->n);
	snprintf(name, sizeof(name), "g%d", g->n);
	if (gelu) {
		add_init(&g->buf, name, PB_F32, 0, NULL, &root, sizeof(root));
		follow(g, "Div", name, none);
		follow(g, "Erf", "", none);
		name[0] = 'h';
		add_init(&g->buf, name, PB_F32, 0, NULL, &one, sizeof(one));
		follow(g, "Add", name, none);
	} else {
		follow(g, act[choose(g, 3)], "", none);
	}
	snprintf(y, sizeof(y), "%s%d", g->prefix, g->n);
	snprintf(both, sizeof(both), "%s %s", left ? x : y, left ? y : x);
	snprintf(out, sizeof(out), "%s%d", g->prefix, ++g->n);
	add_node(&g->buf, gelu ? "Mul" : "Sub", both, out, none);
	if (!gelu)
		return;
	name[0] = 'k';
	add_init(&g->buf, name, PB_F32, 0, NULL, &half, sizeof(half));
	follow(g, "Mul", name, none);
}

/* Cuts, joins and reductions along an axis. */
static void
along(struct graph *g)
{
	int64_t axis = choose(g, 2) ? 1 : -1, pads[6] = {0};
	int64_t to = 1000, from = 0;
	char more[96], name[32];

	snprintf(name, sizeof(name), "a%d", g->n);
	switch (choose(g, 3)) {
	case 0:
		follow(g, "Softmax", "", attr_int(none, "axis", axis));
		break;
	case 1: /* a frame in front and one less behind */
		pads[g->turned ? 1 : 2] = 1;
		pads[g->turned ? 4 : 5] = -1;
		add_init_i64(&g->buf, name, pads, 6);
		follow(g, "Pad", name, none);
		break;
	default:
		add_init_i64(&g->buf, name, &from, 1);
		snprintf(more, sizeof(more), "%s t%d x%d", name, g->n, g->n);
		snprintf(name, sizeof(name), "t%d", g->n);
		add_init_i64(&g->buf, name, &to, 1);
		snprintf(name, sizeof(name), "x%d", g->n);
		add_init_i64(&g->buf, name, &axis, 1);
		follow(g, "Slice", more, none);
	}
}

static void
grow_graph(struct graph *g)
{
	static const char *const act[] = {
	    "Relu", "Tanh", "Sigmoid", "LeakyRelu", "Gelu", "Neg", "Softplus"};
	int steps = 3 + choose(g, 12), from = 0;
	bool turned = g->turned;

	for (int i = 0; i < steps; i++) {
		switch (choose(g, 10)) {
		case 0:
		case 1:
			conv(g);
			break;
		case 2:
		case 3:
			follow(g, act[choose(g, 7)], "", none);
			break;
		case 4:
			batch_norm(g);
			break;
		case 5:
			residual(g, from, turned);
			from = g->n;
			turned = g->turned;
			break;
		case 6:
			scale(g);
			break;
		case 7:
			product(g);
			break;
		case 8:
			gate(g);
			break;
		default:
			along(g);
		}
	}
}

static void
write_graph(uint64_t seed, const char *prefix)
{
	struct graph g = {.seed = seed, .prefix = prefix};
	char out[32], in[32];

	g.turned = choose(&g, 2);
	snprintf(in, sizeof(in), "%s0", prefix);
	add_io(&g.buf, 11, in, PB_F32, 3,
	    (int64_t[]){-1, g.turned ? -1 : WIDTH, g.turned ? WIDTH : -1});
	grow_graph(&g);
	snprintf(out, sizeof(out), "%s%d", prefix, g.n);
	add_bare_io(&g.buf, 12, out);
	save_model(path, &g.buf, 20);
}

typedef int open_fn(struct mel_network **network, const char *file,
    enum mel_isa isa, struct mel_err *err);

/* n items of t frames through the file; y is a copy, cleared on failure. */
static int
run_file(open_fn *open, int64_t n, int64_t t, struct mel_pool *pool,
    struct mel_tensor *y)
{
	struct mel_err err = {""};
	struct mel_network *net;
	struct mel_session *s = NULL;
	struct mel_tensor x, out;
	int64_t dim[3] = {n, t, t};
	float *data;

	*y = (struct mel_tensor){0};
	if (open(&net, path, MEL_ISA_AUTO, &err)) {
		printf("# %s\n", err.msg);
		return -1;
	}
	for (int d = 1; d < 3; d++) {
		if (mel_network_graph(net)->input[0].dim[d] == WIDTH)
			dim[d] = WIDTH;
	}
	if (mel_tensor_new(&x, MEL_F32, 3, dim, &err))
		abort();
	data = x.data;
	for (size_t i = 0; i < mel_tensor_count(&x); i++)
		data[i] = mel_rng_uniform(7, 2, i) * 2 - 1;
	if (mel_session_open(&s, net, pool, &err) ||
	    mel_session_run(s, &x, &out, &err) ||
	    mel_tensor_copy(y, &out, &err))
		printf("# %s\n", err.msg);
	mel_session_close(s);
	mel_network_close(net);
	mel_tensor_free(&x);
	return y->dtype ? 0 : -1;
}

static bool
same(const struct mel_tensor *a, const struct mel_tensor *b)
{
	return mel_tensor_same_shape(a, b) && mel_tensor_count(a) &&
	       !memcmp(a->data, b->data, mel_tensor_bytes(a));
}

static void
test_random(struct mel_pool *pool)
{
	static const int64_t lengths[] = {1, 2, 17, 130, 251};
	int bad = 0;

	for (uint64_t seed = 0; seed < CASES; seed++) {
		int64_t n = 1 + (int64_t)(seed % 3), t = lengths[seed % 5];
		struct mel_tensor plain, fused, two, renamed;

		write_graph(seed, "v");
		if (run_file(mel_network_open_plain, n, t, NULL, &plain) ||
		    run_file(mel_network_open, n, t, NULL, &fused) ||
		    run_file(mel_network_open, n, t, pool, &two))
			bad++;
		write_graph(seed, "other/");
		if (run_file(mel_network_open, n, t, NULL, &renamed))
			bad++;
		if (!same(&plain, &fused) || !same(&plain, &two) ||
		    !same(&plain, &renamed)) {
			printf("# seed %d differs\n", (int)seed);
			bad++;
		}
		mel_tensor_free(&plain);
		mel_tensor_free(&fused);
		mel_tensor_free(&two);
		mel_tensor_free(&renamed);
	}
	ok(!bad,
	    "%d random graphs: time-major, absorbed, on 3 threads, with "
	    "other names: the same bytes",
	    CASES);
}

static int
count_kind(const char *kind)
{
	struct mel_network *net;
	int n = 0;

	if (mel_network_open(&net, path, MEL_ISA_AUTO, NULL))
		return -1;
	for (int i = 0; i < mel_network_graph(net)->n_node; i++)
		n += !*kind ||
		     !strcmp(mel_network_graph(net)->node[i].kind, kind);
	mel_network_close(net);
	return n;
}

/* [N, T, C] in and out; two blocks conv, relu, batch norm, residual. */
static void
test_vanish(void)
{
	struct graph g = {.seed = 1, .prefix = "v", .turned = true};
	int from;

	add_io(&g.buf, 11, "v0", PB_F32, 3, (int64_t[]){1, -1, WIDTH});
	turn(&g);
	for (int i = 0; i < 2; i++) {
		from = g.n;
		conv(&g);
		follow(&g, "Relu", "", none);
		batch_norm(&g);
		residual(&g, from, false);
	}
	turn(&g);
	add_bare_io(&g.buf, 12, "v10");
	save_model(path, &g.buf, 17);
	ok(count_kind("Transpose") == 0, "a residual network: no transposes");
	ok(count_kind("") == 2, "and one node a block");
}

/* A product with GELU or x act(x) behind it. */
static void
test_twice(void)
{
	int nodes = 0, absorbed = 0;

	for (uint64_t seed = 0; seed < 20; seed++) {
		struct graph g = {.seed = seed, .prefix = "v", .turned = true};
		char out[32];

		add_io(&g.buf, 11, "v0", PB_F32, 3, (int64_t[]){1, -1, WIDTH});
		product(&g);
		gate(&g);
		snprintf(out, sizeof(out), "v%d", g.n);
		add_bare_io(&g.buf, 12, out);
		save_model(path, &g.buf, 17);
		nodes += count_kind("");
		absorbed += count_kind("(product)");
	}
	ok(nodes == 20 && absorbed == 20,
	    "what takes a product twice is one node with it (%d of %d)",
	    absorbed, nodes);
}

/* Two products of one value, or what is made of them, that come together. */
static void
write_pair(uint64_t seed)
{
	struct graph g = {.seed = seed, .prefix = "v", .turned = true};
	char more[32];

	add_io(&g.buf, 11, "v0", PB_F32, 3, (int64_t[]){1, -1, WIDTH});
	for (int i = 0; i < 2; i++) {
		snprintf(more, sizeof(more), "v%d", g.n);
		if (i) {
			add_node(&g.buf, "Neg", "v0", "v100", none);
			g.n = 100;
			g.turned = true;
		}
		if (seed % 2)
			product(&g);
		else
			conv(&g);
		if (seed & 2)
			follow(&g, i ? "Sigmoid" : "Tanh", "", none);
	}
	follow(&g, seed & 4 ? "Mul" : "Add", more, none);
	snprintf(more, sizeof(more), "v%d", g.n);
	add_bare_io(&g.buf, 12, more);
	save_model(path, &g.buf, 17);
}

static void
test_pair(void)
{
	int good = 0;

	for (uint64_t seed = 0; seed < 24; seed++) {
		struct mel_tensor plain = {0}, fused = {0};

		write_pair(seed);
		good +=
		    !run_file(mel_network_open_plain, 1, 17, NULL, &plain) &&
		    !run_file(mel_network_open, 1, 17, NULL, &fused) &&
		    same(&plain, &fused);
		mel_tensor_free(&plain);
		mel_tensor_free(&fused);
	}
	ok(good == 24, "two products that come together: the same bytes");
}

int
main(void)
{
	char *dir = temp_dir();
	struct mel_pool *pool;

	if (mel_pool_open(&pool, 3, NULL))
		abort();
	snprintf(path, sizeof(path), "%s/net.onnx", dir);
	test_random(pool);
	test_vanish();
	test_twice();
	test_pair();
	remove(path);
	remove(dir);
	free(dir);
	mel_pool_close(pool);
	return tap_done();
}
