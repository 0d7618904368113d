/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <unistd.h>

#include "base/rng.h"
#include "run.h"
#include "base/isa.h"
#include "net/network.h"
#include "randomgraph.h"
#include "streamtest.h"
#include "tensor/tensor.h"

/*
 * Bytes choose a network of the layers that stream, the instruction set, how
 * many rows there are, and in which blocks they come: what is streamed must be
 * what a run on everything gives, byte for byte. No corpus is needed.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_LAYERS 12
#define MOST_ROWS   70

static void
fill(struct mel_tensor *t)
{
	float *x = t->data;

	for (size_t i = 0; i < mel_tensor_count(t); i++)
		x[i] = 2 * mel_rng_uniform(3, 4, i) - 1;
}

/* rows: too few for its windows is no fault. */
static void
compare(struct streamtest *t, int64_t rows, const struct blocks *blocks)
{
	const struct mel_graph *g = mel_network_graph(t->network);
	struct mel_tensor x[STREAMTEST_INPUTS], y;

	for (int i = 0; i < g->n_input; i++) {
		int64_t dim[MEL_MAX_DIMS];

		for (int d = 0; d < g->input[i].ndim; d++)
			dim[d] = d == t->axis[i] ? rows : g->input[i].dim[d];
		if (mel_tensor_new(&x[i], MEL_F32, g->input[i].ndim, dim, NULL))
			abort();
		fill(&x[i]);
	}
	if (!mel_session_run(t->session, x, &y, NULL) && t->streams &&
	    !stream_equals(t, x, &y, blocks))
		abort();
	free_inputs(t, x);
}

static enum mel_isa
choose_isa(struct choices *from)
{
	enum mel_isa isa =
	    (enum mel_isa)choose(from, MEL_ISA_PORTABLE, MEL_ISA_AVX512);

	return mel_isa_available(isa) ? isa : MEL_ISA_PORTABLE;
}

static struct blocks
choose_blocks(struct choices *from)
{
	struct blocks b = {.n = 4, .end = choose(from, 0, 1)};

	b.size[0] = choose(from, 1, MOST_ROWS); /* so that it goes on */
	for (int i = 1; i < b.n; i++)
		b.size[i] = choose(from, 0, 9);
	return b;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choices from = {.data = data, .n = size};
	enum mel_isa isa = choose_isa(&from);
	int64_t rows = choose(&from, 1, MOST_ROWS);
	struct blocks blocks = choose_blocks(&from);
	int n_layers = (int)choose(&from, 1, MOST_LAYERS);
	struct mel_buf model = randomgraph(&from, n_layers, false);
	struct streamtest t;
	struct mel_err err;
	char path[64];
	int fd = bytes_as_file(model.data, model.len, path);

	if (streamtest_open(&t, path, isa, NULL, &err)) {
		printf("%s\n", err.msg); /* no graph of these is refused */
		abort();
	}
	compare(&t, rows, &blocks);
	streamtest_close(&t);
	close(fd);
	mel_buf_free(&model);
	return 0;
}
