/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/network.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/attention.h"
#include "net/graph.h"
#include "net/kernels.h"
#include "net/netimpl.h"
#include "net/onnx.h"
#include "net/pass.h"

static int
check_interface(const struct mel_graph *graph, struct mel_err *err)
{
	for (int i = 0; i < graph->n_input; i++) {
		const struct mel_io *io = &graph->input[i];

		if (!io->dtype)
			return mel_fail(err,
			    "input %s: its type is not supported", io->name);
	}
	return 0;
}

static int
fuse(struct mel_graph *g, struct mel_err *err)
{
	if (mel_graph_fuse_norm(g, err) || mel_graph_fuse_attention(g, err) ||
	    mel_graph_relay(g, err))
		return -1;
	return mel_graph_absorb(g, err);
}

static int
prepare(struct mel_network *net, struct mel_err *err)
{
	struct mel_graph *g = net->model.graph;

	if (mel_graph_simplify(g, net->kernels, err) ||
	    check_interface(g, err) || (!net->plain && fuse(g, err)) ||
	    mel_graph_measure(g, err))
		return mel_fail_in(err, "%s", net->path);
	return 0;
}

static int
load(struct mel_network *net, const char *path, enum mel_isa isa,
    struct mel_err *err)
{
	net->kernels = mel_kernels_get(isa);
	if (!net->kernels)
		return mel_fail(
		    err, "%s: this machine lacks the instruction set", path);
	net->path = mel_strdup(path, err);
	if (!net->path || mel_model_open(&net->model, path, err))
		return -1;
	net->packs.slab.expected = net->model.weights.map.len;
	return prepare(net, err);
}

static int
load_as(struct mel_network **network, const char *path, enum mel_isa isa,
    bool plain, struct mel_err *err)
{
	struct mel_network *net = mel_alloc(1, sizeof(*net), err);

	if (!net)
		return -1;
	net->plain = plain;
	if (load(net, path, isa, err)) {
		mel_network_close(net);
		return -1;
	}
	*network = net;
	return 0;
}

int
mel_network_load(struct mel_network **network, const char *path,
    enum mel_isa isa, struct mel_err *err)
{
	return load_as(network, path, isa, false, err);
}

static int
open_packed(const struct mel_network *net, struct mel_packs *packs,
    const char *path, struct mel_err *err)
{
	return mel_packs_open(
	    packs, path, &net->model.weights, net->kernels->isa, err);
}

/* Last uses are found again: of weights that are packed there is none. */
static int
make_ready(struct mel_network *net, const char *packed, struct mel_err *err)
{
	struct mel_graph *g = net->model.graph;
	const struct mel_binding binding = {
	    net->kernels, &net->model.weights, &net->packs};

	if (packed && open_packed(net, &net->packs, packed, err))
		return -1;
	if (mel_graph_bind(g, &binding, err) || mel_packs_end(&net->packs, err))
		return mel_fail_in(err, "%s", packed ? packed : net->path);
	if (mel_graph_settle(g, err) || mel_graph_measure(g, err))
		return mel_fail_in(err, "%s", net->path);
	return 0;
}

int
mel_network_ready(
    struct mel_network *network, const char *packed, struct mel_err *err)
{
	if (network->ready)
		return 0;
	if (network->broken)
		return mel_fail(
		    err, "%s: could not be made ready before", network->path);
	network->broken = make_ready(network, packed, err) != 0;
	network->ready = !network->broken;
	return network->broken ? -1 : 0;
}

int
mel_network_write_packed(
    const struct mel_network *network, int fd, struct mel_err *err)
{
	return mel_packs_write(&network->packs, &network->model.weights,
	    network->kernels->isa, fd, err);
}

int
mel_network_check_packed(
    const struct mel_network *network, const char *packed, struct mel_err *err)
{
	struct mel_packs packs = {.n = 0};
	int rc = open_packed(network, &packs, packed, err);

	if (!rc && mel_packs_compare(&network->packs, &packs, err))
		rc = mel_fail_in(err, "%s", packed);
	mel_packs_free(&packs);
	return rc;
}

static int
open_as(struct mel_network **network, const char *path, enum mel_isa isa,
    bool plain, struct mel_err *err)
{
	struct mel_network *net;

	if (load_as(&net, path, isa, plain, err))
		return -1;
	if (mel_network_ready(net, NULL, err)) {
		mel_network_close(net);
		return -1;
	}
	*network = net;
	return 0;
}

int
mel_network_open(struct mel_network **network, const char *path,
    enum mel_isa isa, struct mel_err *err)
{
	return open_as(network, path, isa, false, err);
}

int
mel_network_open_plain(struct mel_network **network, const char *path,
    enum mel_isa isa, struct mel_err *err)
{
	return open_as(network, path, isa, true, err);
}

void
mel_network_close(struct mel_network *network)
{
	if (!network)
		return;
	mel_model_close(&network->model);
	mel_packs_free(&network->packs);
	free(network->path);
	free(network);
}

const struct mel_graph *
mel_network_graph(const struct mel_network *network)
{
	return network->model.graph;
}
