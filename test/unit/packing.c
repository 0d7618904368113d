/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "base/slab.h"
#include "net/graph.h"
#include "net/network.h"
#include "net/op.h"
#include "net/weights.h"
#include "noise.h"
#include "onnxfile.h"
#include "tap.h"

/* Weights on their way from the file into packed matrices. */

/* Element (i, j) of the matrix that a pack describes. */
static float
element(const struct mel_pack *p, size_t i, size_t j)
{
	size_t taps = p->taps ? p->taps : 1, channels = p->rows / taps;
	size_t row = i % channels * taps + i / channels;
	float x;

	memcpy(&x,
	    (const char *)p->b +
		(row * p->row_step + j * p->col_step) * sizeof(x),
	    sizeof(x));
	return p->scale * x;
}

/* A product with the unit matrix gives the packed one back. */
static bool
unpacks(const struct mel_kernels *k, const struct mel_pack *p)
{
	bool good = true;

	for (size_t i = 0; i < p->k; i++) {
		float unit[64] = {0}, row[80];
		struct mel_gemm g = {.m = 1,
		    .n = p->n,
		    .taps = 1,
		    .k = p->k,
		    .a = unit,
		    .b = p->out,
		    .c = row};

		unit[i] = 1;
		k->gemm(&g);
		for (size_t j = 0; j < p->n; j++)
			good &= row[j] == element(p, i, j);
	}
	return good;
}

static bool
pack_round(const struct mel_kernels *k, int round)
{
	static char b[(64 * 80 + 1) * sizeof(float)];
	struct mel_pack p = {.n = (size_t)between(1, 80),
	    .scale = round % 2 ? 1.0f : 0.5f,
	    .taps = (size_t)between(0, 3)};
	bool good;

	p.k = p.rows = (p.taps ? p.taps : 1) * (size_t)between(1, 20);
	p.col_step = round % 3 ? p.k : 1;
	p.row_step = round % 3 ? 1 : p.n;
	for (size_t i = 0; i < 64 * 80; i++) {
		float x = noise();

		memcpy(b + 1 + i * sizeof(x), &x, sizeof(x));
	}
	p.b = (const float *)(const void *)(b + 1);
	p.out = aligned_alloc(
	    64, (k->packed_size(p.k, p.n) * sizeof(float) + 63) / 64 * 64);
	k->pack(&p);
	good = unpacks(k, &p);
	free(p.out);
	return good;
}

static void
test_pack(const struct mel_kernels *k)
{
	int good = 0;

	for (int round = 0; round < 300; round++)
		good += pack_round(k, round);
	ok(good == 300,
	    "%s: rows, columns and filters are packed from any "
	    "address",
	    k->name);
}

#define SIDE 160 /* SIDE x SIDE floats are large weights */

/*
 * y = x W, z = row 3 of V; both weights large, the node's name pads the file
 * so that they lie at every address modulo 4.
 */
static void
write_weights(const char *path, int pad, const float *w)
{
	int64_t dim[2] = {SIDE, SIDE}, in[2] = {-1, SIDE}, three = 3;
	struct mel_buf g = {0};
	const struct mel_buf none = {0};
	char name[8] = "neg";

	memset(name + 3, 'x', (size_t)pad);
	name[3 + pad] = 0;
	add_io(&g, 11, "x", PB_F32, 2, in);
	add_bare_io(&g, 12, "y");
	add_bare_io(&g, 12, "z");
	add_init(&g, "three", PB_I64, 0, NULL, &three, 8);
	add_node(&g, "Neg", "x", name, none); /* nobody reads it */
	add_node(&g, "MatMul", "x W", "y", none);
	add_node(&g, "Add", "V x0", "s", none);
	add_node(&g, "Gather", "s three", "z", none);
	add_node(&g, "ReduceSum", "x", "x0", none);
	add_init(&g, "W", PB_F32, 2, dim, w, SIDE * SIDE * sizeof(float));
	add_init(&g, "V", PB_F32, 2, dim, w, SIDE * SIDE * sizeof(float));
	save_model(path, &g, 13);
}

/* Large constants of the graph: their number; *gone have no data. */
static int
count_large(const struct mel_network *net, int *gone, int *aligned)
{
	const struct mel_graph *g = mel_network_graph(net);
	int n = 0;

	for (int v = 0; v < g->n_value; v++) {
		const struct mel_tensor *t = &g->value[v].constant;

		if (t->dtype != MEL_F32 ||
		    mel_tensor_bytes(t) < MEL_WEIGHTS_LARGE)
			continue;
		n++;
		*gone += !t->data;
		*aligned += t->data && (uintptr_t)t->data % 4 == 0;
	}
	return n;
}

static bool
runs(const struct mel_network *net, const float *w)
{
	int64_t dim[2] = {1, SIDE};
	float x[SIDE] = {0};
	struct mel_session *s;
	struct mel_tensor in = tensor_f32(2, dim, x), out[2];
	bool good = true;

	x[5] = 1;
	if (mel_session_open(&s, net, NULL, NULL) ||
	    mel_session_run(s, &in, out, NULL))
		return false;
	for (size_t j = 0; j < SIDE; j++) {
		good &= ((float *)out[0].data)[j] == w[5 * SIDE + j];
		good &= ((float *)out[1].data)[j] == w[3 * SIDE + j] + 1;
	}
	mel_session_close(s);
	return good;
}

static void
test_weights(void)
{
	static float w[SIDE * SIDE];
	char *dir = temp_dir(), path[128];
	int large = 0, gone = 0, aligned = 0, good = 0;

	for (size_t i = 0; i < SIDE * SIDE; i++)
		w[i] = noise();
	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	for (int pad = 0; pad < 4; pad++) {
		struct mel_network *net;
		struct mel_err err;

		write_weights(path, pad, w);
		if (mel_network_open(&net, path, MEL_ISA_AUTO, &err)) {
			printf("Bail out! %s\n", err.msg);
			exit(1);
		}
		large += count_large(net, &gone, &aligned);
		good += runs(net, w);
		mel_network_close(net);
	}
	unlink(path);
	rmdir(dir);
	free(dir);
	ok(large == 8 && gone == 4, "weights that are packed are not kept");
	ok(aligned == 4, "weights that are read are aligned");
	ok(good == 4, "and the numbers are right, wherever the file has them");
}

/* Pieces do not overlap and are aligned, whatever the chunks are. */
static void
test_slab(size_t expected)
{
	struct mel_slab slab = {.expected = expected};
	unsigned char *piece[40];
	size_t size[40], good = 0;

	for (int i = 0; i < 40; i++) {
		size[i] = (size_t)between(0, i % 8 ? 3000 : 300000);
		piece[i] = mel_slab_take(&slab, size[i], NULL);
		if (!piece[i])
			abort();
		memset(piece[i], i, size[i]);
	}
	for (int i = 0; i < 40; i++) {
		bool same = (uintptr_t)piece[i] % 64 == 0;

		for (size_t k = 0; k < size[i]; k++)
			same &= piece[i][k] == i;
		good += same;
	}
	ok(good == 40 && slab.n < 40, "pieces of %zu chunks are apart", slab.n);
	ok(!mel_slab_take(&slab, SIZE_MAX, NULL), "too large a piece is none");
	mel_slab_free(&slab);
}

int
main(void)
{
	static const enum mel_isa isas[] = {
	    MEL_ISA_PORTABLE, MEL_ISA_AVX2, MEL_ISA_AVX512};

	for (int i = 0; i < 3; i++) {
		const struct mel_kernels *k = mel_kernels_get(isas[i]);

		if (k)
			test_pack(k);
	}
	test_weights();
	test_slab(0);
	test_slab((size_t)1 << 20);
	return tap_done();
}
