/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/describe.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/onnx.h"
#include "net/op.h"
#include "net/pass.h"
#include "net/timeline.h"
#include "tensor/tensor.h"

static int
put_io(struct mel_buf *out, const char *what, const struct mel_io *io,
    struct mel_err *err)
{
	int rc = mel_buf_printf(out, err, "%s %s %s%s", what, io->name,
	    io->sequence ? "list of " : "",
	    io->dtype ? mel_dtype_name(io->dtype) : "?");

	if (!rc && io->ndim >= 0)
		rc = mel_buf_puts(out, " [", err);
	for (int d = 0; !rc && d < io->ndim; d++) {
		const char *comma = d ? ", " : "";

		if (io->dim[d] >= 0)
			rc = mel_buf_printf(
			    out, err, "%s%lld", comma, (long long)io->dim[d]);
		else
			rc = mel_buf_printf(out, err, "%s%s", comma,
			    io->symbol[d] ? io->symbol[d] : "?");
	}
	if (!rc && io->ndim >= 0)
		rc = mel_buf_puts(out, "]", err);
	return rc ? -1 : mel_buf_puts(out, "\n", err);
}

/* Floats in constants: what was trained. */
static size_t
count_parameters(const struct mel_graph *g)
{
	size_t n = 0;

	for (int v = 0; v < g->n_value; v++) {
		const struct mel_tensor *t = &g->value[v].constant;

		if (t->dtype == MEL_F32 || t->dtype == MEL_F64 ||
		    t->dtype == MEL_F16 || t->dtype == MEL_BF16)
			n += mel_tensor_count(t);
	}
	return n;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
put_operators(
    struct mel_buf *out, const struct mel_graph *g, struct mel_err *err)
{
	size_t n = (size_t)g->n_node, same;
	const char **kind = mel_alloc(n, sizeof(*kind), err);
	int rc = kind ? 0 : -1;

	for (size_t i = 0; kind && i < n; i++)
		kind[i] = g->node[i].kind;
	if (n && kind)
		qsort(kind, n, sizeof(*kind), compare);
	for (size_t i = 0; !rc && i < n; i += same) {
		for (same = 1; i + same < n; same++) {
			if (strcmp(kind[i], kind[i + same]))
				break;
		}
		rc = mel_buf_printf(
		    out, err, "operator %s %zu\n", kind[i], same);
	}
	free(kind);
	return rc;
}

static int
put_unsupported(struct mel_buf *out, const struct mel_graph *g, int *count,
    struct mel_err *err)
{
	for (int i = 0; i < g->n_node; i++) {
		const struct mel_node *n = &g->node[i];
		const struct mel_graph *body;

		for (int k = 0; (body = mel_node_body(n, &k));) {
			if (put_unsupported(out, body, count, err))
				return -1;
		}
		if (mel_op_find(n->kind))
			continue;
		++*count;
		if (mel_buf_printf(
			out, err, "unsupported %s %s\n", n->kind, n->name))
			return -1;
	}
	return 0;
}

static int
put_file(struct mel_buf *out, const struct mel_graph *g, struct mel_err *err)
{
	int rc = mel_buf_printf(out, err, "opset %d\n", g->opset);

	for (int i = 0; !rc && i < g->n_input; i++)
		rc = put_io(out, "input", &g->input[i], err);
	for (int i = 0; !rc && i < g->n_output; i++)
		rc = put_io(out, "output", &g->output[i], err);
	if (!rc)
		rc = mel_buf_printf(out, err, "parameters %zu\nnodes %d\n",
		    count_parameters(g), g->n_node);
	return rc ? -1 : put_operators(out, g, err);
}

/* Does a network of several open axes lead with this length: a batch? */
static bool
is_batch(const struct mel_graph *g, const char *symbol)
{
	for (int i = 0; symbol && i < g->n_input; i++) {
		const struct mel_io *io = &g->input[i];
		int open = 0;

		for (int d = 0; d < io->ndim; d++)
			open += io->dim[d] < 0;
		if (open > 1 && io->symbol[0] && !strcmp(io->symbol[0], symbol))
			return true;
	}
	return false;
}

/* The one open axis is time; the leading one is not if there is another, nor
 * is any of the same name. */
static int
time_input(const struct mel_graph *g, const struct mel_io *io,
    struct mel_time_input *in, struct mel_err *err)
{
	int open = 0;

	*in = (struct mel_time_input){.axis = MEL_AXIS_NONE};
	if (io->ndim < 0 || io->sequence)
		return mel_fail(err, "no shape of %s is declared", io->name);
	in->shape = mel_tensor_view(
	    io->dtype ? io->dtype : MEL_F32, io->ndim, io->dim, NULL);
	for (int d = 0; d < io->ndim; d++) {
		if (io->dim[d] >= 0)
			continue;
		in->shape.dim[d] = 1;
		if (is_batch(g, io->symbol[d]))
			continue;
		if (open++ && in->axis)
			return mel_fail(
			    err, "several axes of %s are open", io->name);
		in->axis = d;
	}
	return 0;
}

static int
put_time(struct mel_buf *out, const struct mel_timeline *t,
    const struct mel_io *io, struct mel_err *err)
{
	const struct mel_time_value *v = &t->value[io->value];
	struct mel_context c;

	if (v->cause >= 0) {
		const struct mel_node *node = &t->graph->node[v->cause];

		return mel_buf_printf(out, err, "time %s whole: %s (node %s)\n",
		    io->name, node->kind, node->name);
	}
	if (!mel_timeline_context(t, io->value, &c))
		return mel_buf_printf(out, err, "time %s none\n", io->name);
	return mel_buf_printf(out, err,
	    "time %s left %lld right %lld ratio %lld/%lld%s\n", io->name,
	    (long long)c.left, (long long)c.right, (long long)c.num,
	    (long long)c.den, c.state ? " state" : "");
}

static int
put_times(
    struct mel_buf *out, const struct mel_network *network, struct mel_err *err)
{
	const struct mel_graph *g = mel_network_graph(network);
	struct mel_time_input *in =
	    mel_alloc((size_t)g->n_input, sizeof(*in), err);
	struct mel_timeline t = {0};
	struct mel_err why = {""};
	int rc = 0;

	if (!in)
		return -1;
	for (int i = 0; !rc && i < g->n_input; i++)
		rc = time_input(g, &g->input[i], &in[i], &why);
	if (!rc)
		rc = mel_timeline_open(&t, g, network->kernels, in, &why);
	if (rc)
		rc = mel_buf_printf(out, err, "time unknown: %s\n", why.msg);
	else
		for (int i = 0; !rc && i < g->n_output; i++)
			rc = put_time(out, &t, &g->output[i], err);
	mel_timeline_close(&t);
	free(in);
	return rc;
}

static int
put_folded(struct mel_buf *out, const char *path, struct mel_err *err)
{
	struct mel_network *network;
	int rc;

	if (mel_network_open(&network, path, MEL_ISA_AUTO, err))
		return -1;
	rc = mel_buf_printf(
	    out, err, "folded %d\n", mel_network_graph(network)->n_node);
	if (!rc)
		rc = put_times(out, network, err);
	mel_network_close(network);
	return rc;
}

int
mel_describe(const char *path, struct mel_buf *out, struct mel_err *err)
{
	struct mel_model model;
	int rc, unsupported = 0;

	if (mel_model_open(&model, path, err))
		return -1;
	rc = put_file(out, model.graph, err);
	if (!rc && mel_graph_normalise(model.graph, err))
		rc = mel_fail_in(err, "%s", path);
	if (!rc)
		rc = put_unsupported(out, model.graph, &unsupported, err);
	mel_model_close(&model);
	return rc || unsupported ? rc : put_folded(out, path, err);
}
