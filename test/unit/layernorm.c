/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/err.h"
#include "base/pool.h"
#include "net/graph.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/op.h"
#include "noise.h"
#include "onnxfile.h"
#include "tap.h"

/*
 * LayerNormalization as it was written before opset 17, against the same graph
 * without passes; and graphs that only look like it.
 */

#define WIDTH 40

enum look {
	PLAIN,
	SWAPPED, /* constants on the left, the exponent an integer */
	RESIDUAL,
	/* From here on it is another function, or might be. */
	OTHER_AXIS,
	CUBE,
	READ_TWICE, /* what is divided is an output, too */
	WIDENED,    /* rows of one element, scaled by a longer row */
	UNPROVEN,   /* the width of the input is not declared */
	LOOKS
};

static const char *const look_name[LOOKS] = {"plain", "constants on the left",
    "a residual", "over time", "a cube", "a value that is read twice",
    "rows made longer", "a width that is not known"};

static char path[512];
static const struct mel_buf none;

static void
add_constants(struct mel_buf *g, enum look look)
{
	float epsilon = 1e-5f, power = look == CUBE ? 3 : 2, row[2][WIDTH];
	int64_t two = 2, width = WIDTH;
	int64_t square[2] = {WIDTH, look == WIDENED ? 1 : WIDTH};
	float *w = malloc(WIDTH * WIDTH * sizeof(*w));

	for (int i = 0; i < WIDTH * WIDTH; i++)
		w[i] = 0.3f * noise();
	for (int i = 0; i < WIDTH; i++) {
		row[0][i] = noise();
		row[1][i] = noise();
	}
	add_init(g, "w", PB_F32, 2, square, w,
	    (size_t)(square[0] * square[1]) * sizeof(*w));
	add_init(g, "scale", PB_F32, 1, &width, row[0], sizeof(row[0]));
	add_init(g, "bias", PB_F32, 1, &width, row[1], sizeof(row[1]));
	add_init(g, "epsilon", PB_F32, 0, NULL, &epsilon, sizeof(epsilon));
	if (look == SWAPPED)
		add_init(g, "two", PB_I64, 0, NULL, &two, sizeof(two));
	else
		add_init(g, "two", PB_F32, 0, NULL, &power, sizeof(power));
	free(w);
}

static void
write_graph(enum look look)
{
	const int64_t axis = look == OTHER_AXIS ? 1 : -1;
	bool swap = look == SWAPPED;
	struct mel_buf g = {0};

	add_io(&g, 11, "v", PB_F32, 3, (int64_t[]){1, -1, -1});
	add_bare_io(&g, 12, "y");
	add_constants(&g, look);
	if (look == UNPROVEN) {
		add_node(&g, "Relu", "v", "x", none);
	} else if (look == RESIDUAL) {
		add_node(&g, "MatMul", "v w", "p", none);
		add_node(&g, "Add", "v p", "x", none);
	} else {
		add_node(&g, "MatMul", "v w", "x", none);
	}
	add_node(
	    &g, "ReduceMean", "x", "mean", attr_ints(none, "axes", &axis, 1));
	add_node(&g, "Sub", "x mean", "d", none);
	if (look == READ_TWICE)
		add_bare_io(&g, 12, "d");
	add_node(&g, "Pow", "d two", "sq", none);
	add_node(
	    &g, "ReduceMean", "sq", "var", attr_ints(none, "axes", &axis, 1));
	add_node(&g, "Add", swap ? "epsilon var" : "var epsilon", "sum", none);
	add_node(&g, "Sqrt", "sum", "root", none);
	add_node(&g, "Div", "d root", "q", none);
	add_node(&g, "Mul", swap ? "scale q" : "q scale", "m", none);
	add_node(&g, "Add", swap ? "bias m" : "m bias", "y", none);
	save_model(path, &g, 13);
}

static struct mel_network *
open_graph(bool plain)
{
	struct mel_network *net;
	struct mel_err err;

	if ((plain ? mel_network_open_plain : mel_network_open)(
		&net, path, MEL_ISA_AUTO, &err)) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return net;
}

/* y, owned. */
static struct mel_tensor
run(const struct mel_network *net, const struct mel_tensor *in, int threads)
{
	struct mel_pool *pool;
	struct mel_session *session;
	struct mel_tensor out[2], y;
	struct mel_err err;

	if (mel_pool_open(&pool, threads, &err) ||
	    mel_session_open(&session, net, pool, &err) ||
	    mel_session_run(session, in, out, &err) ||
	    mel_tensor_copy(&y, &out[0], &err)) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	mel_session_close(session);
	mel_pool_close(pool);
	return y;
}

static int
count_fused(const struct mel_network *net)
{
	const struct mel_graph *g = mel_network_graph(net);
	int n = 0;

	for (int i = 0; i < g->n_node; i++)
		n += !strcmp(g->node[i].op->name, "LayerNormalization");
	return n;
}

static double
difference(const struct mel_tensor *a, const struct mel_tensor *b)
{
	const float *x = a->data, *y = b->data;
	double worst = mel_tensor_same_shape(a, b) ? 0 : INFINITY;

	for (size_t i = 0; worst < 1 && i < mel_tensor_count(a); i++)
		worst = fmax(worst, fabs((double)x[i] - y[i]));
	return worst;
}

/* The first rows of x alone. */
static bool
same_rows(const struct mel_network *net, const struct mel_tensor *x,
    const struct mel_tensor *y, int64_t rows)
{
	struct mel_tensor part = mel_tensor_view(
	    MEL_F32, 3, (int64_t[]){1, rows, x->dim[2]}, x->data);
	struct mel_tensor got = run(net, &part, 1);
	bool good = got.dim[1] == rows &&
		    !memcmp(got.data, y->data, mel_tensor_bytes(&got));

	mel_tensor_free(&got);
	return good;
}

/* Numbers around 1, so 2e-6 are some 16 units in the last place. */
static void
test_look(enum look look)
{
	bool wanted = look < OTHER_AXIS;
	struct mel_tensor x = noise_tensor(3, (int64_t[]){1, 150, WIDTH});
	struct mel_network *net, *plain;
	struct mel_tensor a, b, c;

	write_graph(look);
	net = open_graph(false);
	plain = open_graph(true);
	a = run(net, &x, 1);
	b = run(plain, &x, 1);
	c = run(net, &x, 3);
	ok(count_fused(net) == wanted && !count_fused(plain), "%s: %s",
	    look_name[look], wanted ? "one node" : "stays");
	ok(wanted ? difference(&a, &b) < 2e-6 : same(&a, &b),
	    "%s: the numbers of the graph as it was (%g)", look_name[look],
	    difference(&a, &b));
	ok(same(&a, &c) && (look == OTHER_AXIS || same_rows(net, &x, &a, 7)),
	    "%s: the same bytes on 3 threads, and of fewer rows",
	    look_name[look]);
	mel_network_close(net);
	mel_network_close(plain);
	mel_tensor_free(&a);
	mel_tensor_free(&b);
	mel_tensor_free(&c);
	mel_tensor_free(&x);
}

int
main(void)
{
	char *dir = temp_dir();

	snprintf(path, sizeof(path), "%s/net.onnx", dir);
	for (int look = 0; look < LOOKS; look++)
		test_look((enum look)look);
	remove(path);
	remove(dir);
	free(dir);
	return tap_done();
}
