/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/bench.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/graph.h"
#include "net/inputs.h"
#include "net/network.h"
#include "tensor/tensor.h"

int
mel_bench_open(
    struct mel_bench *b, const struct mel_measure *what, struct mel_err *err)
{
	const struct mel_graph *g;

	if (mel_network_open(&b->network, what->model, what->isa, err))
		return -1;
	g = mel_network_graph(b->network);
	b->in = mel_alloc((size_t)g->n_input, sizeof(*b->in), err);
	b->out = mel_alloc((size_t)g->n_output, sizeof(*b->out), err);
	if (!b->in || !b->out)
		return -1;
	if (mel_inputs_load(g, what->files, b->in, err) ||
	    mel_inputs_invent(g, what->dims, b->in, err))
		return mel_fail_in(err, "%s", what->model);
	if (mel_session_open(&b->session, b->network, what->pool, err))
		return -1;
	return mel_bench_run(b, err);
}

int
mel_bench_run(struct mel_bench *bench, struct mel_err *err)
{
	return mel_session_run(bench->session, bench->in, bench->out, err);
}

void
mel_bench_close(struct mel_bench *bench)
{
	const struct mel_graph *g =
	    bench->network ? mel_network_graph(bench->network) : NULL;

	mel_session_close(bench->session);
	for (int i = 0; bench->in && i < g->n_input; i++)
		mel_tensor_free(&bench->in[i]);
	mel_network_close(bench->network);
	free(bench->in);
	free(bench->out);
	*bench = (struct mel_bench){0};
}
