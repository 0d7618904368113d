/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/backend.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "block/env.h"
#include "net/graph.h"
#include "net/network.h"

struct program {
	struct mel_network *network;
	struct mel_session *session;
};

static int
open_processor(void *state, const struct mel_env *env,
    struct mel_backend_limits *limits, struct mel_err *err)
{
	(void)limits;
	(void)err;
	*(const struct mel_env **)state = env;
	return 0;
}

static int
check_file(const struct mel_graph *graph, const struct mel_backend_file *file,
    struct mel_err *err)
{
	if (graph->n_input != file->n_in || graph->n_output != file->n_out)
		return mel_fail(err,
		    "%s: %d inputs and %d outputs, not %d and %d", file->path,
		    graph->n_input, graph->n_output, file->n_in, file->n_out);
	for (int i = 0; i < graph->n_input; i++) {
		const struct mel_io *io = &graph->input[i];

		for (int d = 0; d < io->ndim; d++) {
			if (io->dim[d] < 0)
				return mel_fail(err,
				    "%s: input %s: axis %d has no fixed length",
				    file->path, io->name, d);
		}
	}
	return 0;
}

static void
drop_program(void *state, void *program)
{
	struct program *p = program;

	(void)state;
	mel_session_close(p->session);
	mel_network_close(p->network);
	free(p);
}

static int
load_program(void *state, const struct mel_backend_file *file, void **program,
    struct mel_err *err)
{
	const struct mel_env *env = *(const struct mel_env **)state;
	struct program *p = mel_alloc(1, sizeof(*p), err);

	if (!p)
		return -1;
	if (mel_network_open(
		&p->network, file->path, (enum mel_isa)env->isa, err) ||
	    check_file(mel_network_graph(p->network), file, err) ||
	    mel_session_open(&p->session, p->network, env->pool, err)) {
		drop_program(state, p);
		return -1;
	}
	*program = p;
	return 0;
}

static int
run_program(void *state, void *program, const struct mel_tensor *in,
    struct mel_tensor *out, struct mel_err *err)
{
	(void)state;
	return mel_session_run(
	    ((struct program *)program)->session, in, out, err);
}

const struct mel_backend mel_backend_processor = {
    .abi = MEL_BACKEND_ABI,
    .name = "processor",
    .state_size = sizeof(const struct mel_env *),
    .open = open_processor,
    .load = load_program,
    .run = run_program,
    .drop = drop_program,
};
