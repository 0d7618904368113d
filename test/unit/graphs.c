/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/isa.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "noise.h"
#include "onnxfile.h"
#include "randomgraph.h"
#include "streamtest.h"
#include "tap.h"
#include "tensor/tensor.h"

/*
 * The row law over random graphs: whole, in any blocks of rows, on any number
 * of threads the same bytes; near to them without fusing, and on other
 * instruction sets.
 */

#define STREAMING 400 /* graphs, most of which stream */
#define WHOLE     150 /* graphs of which some look at all rows */

static char path[300];
static struct mel_pool *pool[2]; /* of 2 and of 3 threads */

static const enum mel_isa isas[] = {
    MEL_ISA_PORTABLE, MEL_ISA_AVX2, MEL_ISA_AVX512};
#define ISAS 3

/* What a graph gave on one instruction set. */
struct result {
	bool ran;
	struct mel_tensor y; /* owned */
};

static void
write_graph(int number, int n_layers, bool whole)
{
	struct choices from = {.seed = (uint64_t)number + (whole ? 1000 : 0)};
	struct mel_buf model = randomgraph(&from, n_layers, whole);

	save_bytes(path, model.data, model.len);
	mel_buf_free(&model);
}

static void
make_inputs(const struct streamtest *t, int64_t rows, struct mel_tensor *x)
{
	const struct mel_graph *g = mel_network_graph(t->network);

	for (int i = 0; i < g->n_input; i++) {
		int64_t dim[MEL_MAX_DIMS];

		for (int d = 0; d < g->input[i].ndim; d++)
			dim[d] = d == t->axis[i] ? rows : g->input[i].dim[d];
		x[i] = noise_tensor(g->input[i].ndim, dim);
	}
}

/* The largest difference; values lie in (0, 1). */
static double
distance(const struct mel_tensor *a, const struct mel_tensor *b)
{
	double worst = 0;

	if (!mel_tensor_same_shape(a, b))
		return INFINITY;
	for (size_t i = 0; i < mel_tensor_count(a); i++) {
		double d = fabs((double)((float *)a->data)[i] -
				(double)((float *)b->data)[i]);

		worst = d >= worst || isnan(d) ? d : worst;
	}
	return worst;
}

/* On 2 and 3 threads, twice: with a plan that is new, and one that is not. */
static bool
threads_give(struct streamtest *t, const struct mel_tensor *x,
    const struct mel_tensor *want)
{
	bool good = true;

	for (int i = 0; good && i < 2; i++) {
		struct mel_session *session;
		struct mel_tensor y;

		if (mel_session_open(&session, t->network, pool[i], NULL))
			return false;
		for (int k = 0; good && k < 2; k++)
			good = !mel_session_run(session, x, &y, NULL) &&
			       same(&y, want);
		mel_session_close(session);
	}
	return good;
}

static bool
blocks_give(struct streamtest *t, const struct mel_tensor *x,
    const struct mel_tensor *want)
{
	static const struct blocks fixed[] = {{{1}, 1, true}, {{1}, 1, false},
	    {{3}, 1, true}, {{16}, 1, false}, {{200}, 1, true},
	    {{200}, 1, false}};
	bool good = true;

	for (size_t i = 0; good && i < sizeof(fixed) / sizeof(*fixed); i++)
		good = stream_equals(t, x, want, &fixed[i]);
	for (int i = 0; good && i < 4; i++) {
		const struct blocks any = {{between(1, 40), between(0, 9),
					       between(0, 3), between(0, 70)},
		    4, i % 2};

		good = stream_equals(t, x, want, &any);
	}
	return good;
}

/* Without fusing it is near. */
static double
plain_distance(
    enum mel_isa isa, const struct mel_tensor *x, const struct mel_tensor *want)
{
	struct mel_network *network;
	struct mel_session *session = NULL;
	struct mel_tensor y;
	double d = INFINITY;

	if (mel_network_open_plain(&network, path, isa, NULL))
		return d;
	if (!mel_session_open(&session, network, NULL, NULL) &&
	    !mel_session_run(session, x, &y, NULL))
		d = distance(&y, want);
	mel_session_close(session);
	mel_network_close(network);
	return d;
}

/* Counts of what went wrong, and distances. */
struct tally {
	int opened, ran, streamed;
	int threads, blocks, unlike; /* graphs that broke a law */
	double plain, portable;
};

static void
run_graph(
    struct tally *n, enum mel_isa isa, int64_t rows, struct result *result)
{
	struct streamtest t, more;
	struct mel_err err = {""};
	struct mel_tensor x[STREAMTEST_INPUTS], y;

	*result = (struct result){0};
	if (streamtest_open(&t, path, isa, NULL, &err)) {
		printf("# %s\n", err.msg);
		return;
	}
	n->opened++;
	counter = 0; /* the same on every instruction set */
	make_inputs(&t, rows, x);
	result->ran = !mel_session_run(t.session, x, &y, &err);
	if (result->ran) {
		n->ran++;
		mel_tensor_copy(&result->y, &y, NULL);
		n->threads += !threads_give(&t, x, &result->y);
		n->plain = fmax(n->plain, plain_distance(isa, x, &result->y));
	}
	if (result->ran && t.streams) {
		n->streamed++;
		n->blocks += !blocks_give(&t, x, &result->y);
		if (!streamtest_open(&more, path, isa, pool[1], NULL)) {
			n->blocks += !blocks_give(&more, x, &result->y);
			streamtest_close(&more);
		}
	}
	free_inputs(&t, x);
	streamtest_close(&t);
}

/* All instruction sets of this machine. */
static void
run_sets(struct tally *n, int number, int64_t rows)
{
	struct result r[ISAS] = {{0}};
	struct tally before = *n;

	for (int i = 0; i < ISAS; i++) {
		if (!mel_isa_available(isas[i]))
			continue;
		run_graph(n, isas[i], rows, &r[i]);
		n->unlike += r[i].ran != r[0].ran;
		if (r[i].ran && r[0].ran)
			n->portable =
			    fmax(n->portable, distance(&r[i].y, &r[0].y));
	}
	/* Both fuse the same products. */
	if (r[1].ran && r[2].ran)
		n->unlike += !same(&r[1].y, &r[2].y);
	if (n->threads != before.threads || n->blocks != before.blocks ||
	    n->unlike != before.unlike || n->opened == before.opened ||
	    n->plain > 2 * before.plain || n->portable > 2 * before.portable)
		printf("# graph %d, %lld rows: threads %d, blocks %d, "
		       "unlike %d, plain %g, portable %g\n",
		    number, (long long)rows, n->threads, n->blocks, n->unlike,
		    n->plain, n->portable);
	for (int i = 0; i < ISAS; i++)
		mel_tensor_free(&r[i].y);
}

static void
test_graphs(int graphs, bool whole, const char *what)
{
	static const int64_t rows[] = {1, 2, 5, 40, 97};
	struct tally n = {0};
	int sets = 0;

	for (int i = 0; i < ISAS; i++)
		sets += mel_isa_available(isas[i]);
	for (int i = 0; i < graphs; i++) {
		write_graph(i, 1 + i % 9, whole);
		run_sets(&n, i, rows[i % 5]);
	}
	ok(n.opened == sets * graphs, "%d %s open", graphs, what);
	ok(n.ran > sets * graphs / 2, "most are long enough: %d", n.ran / sets);
	ok(whole || n.streamed > n.ran * 9 / 10, "they stream: %d", n.streamed);
	ok(!n.threads, "B7: %s: any number of threads, the same bytes", what);
	ok(!n.blocks, "B6: %s: in any blocks of rows the same bytes", what);
	ok(!n.unlike, "%s: AVX2 and AVX-512 give the same bytes", what);
	ok(n.plain < 1e-5, "%s: fused and not, %.2g", what, n.plain);
	ok(n.portable < 1e-5, "%s: portable and not, %.2g", what, n.portable);
}

int
main(void)
{
	char *dir = temp_dir();

	setvbuf(stdout, NULL, _IOLBF, 0);

	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	for (int i = 0; i < 2; i++) {
		if (mel_pool_open(&pool[i], 2 + i, NULL))
			abort();
	}
	test_graphs(STREAMING, false, "graphs that stream");
	test_graphs(WHOLE, true, "graphs");
	for (int i = 0; i < 2; i++)
		mel_pool_close(pool[i]);
	unlink(path);
	rmdir(dir);
	free(dir);
	return tap_done();
}
