/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/graph.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "tensor/tensor.h"

int
bytes_as_file(const void *data, size_t size, char path[64])
{
	int fd = memfd_create("onnx", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static int
make_input(struct mel_tensor *t, const struct mel_io *io)
{
	int64_t dim[MEL_MAX_DIMS], count = 1;
	int ndim = io->ndim < 0 ? 1 : io->ndim;

	for (int d = 0; d < ndim; d++) {
		dim[d] = io->ndim < 0 || io->dim[d] < 0 ? 2 : io->dim[d];
		if (dim[d] > MAX_COUNT || (count *= dim[d]) > MAX_COUNT)
			return -1;
	}
	return mel_tensor_new(t, io->dtype, ndim, dim, NULL);
}

/* A sequence is two times the tensor. */
static int
make_value(struct mel_net_value *v, const struct mel_io *io)
{
	if (!io->sequence)
		return make_input(&v->t, io);
	v->item = mel_alloc(2, sizeof(*v->item), NULL);
	for (; v->item && v->n < 2; v->n++) {
		if (make_input(&v->item[v->n], io))
			return -1;
	}
	return v->item ? 0 : -1;
}

static void
free_value(struct mel_net_value *v)
{
	mel_tensor_free(&v->t);
	for (size_t i = 0; i < v->n; i++)
		mel_tensor_free(&v->item[i]);
	free(v->item);
}

void
run_network(const struct mel_network *network)
{
	const struct mel_graph *g = mel_network_graph(network);
	struct mel_session *session = NULL;
	struct mel_net_value *in =
	    mel_alloc((size_t)g->n_input, sizeof(*in), NULL);
	struct mel_net_value *out =
	    mel_alloc((size_t)g->n_output, sizeof(*out), NULL);
	int rc = in && out ? 0 : -1;

	for (int i = 0; !rc && i < g->n_input; i++)
		rc = make_value(&in[i], &g->input[i]);
	if (!rc && !mel_session_open(&session, network, NULL, NULL)) {
		session->max_turns = MAX_TURNS;
		mel_session_run_values(session, in, out, NULL);
		mel_session_run_values(session, in, out, NULL);
	}
	for (int i = 0; in && i < g->n_input; i++)
		free_value(&in[i]);
	mel_session_close(session);
	free(in);
	free(out);
}
