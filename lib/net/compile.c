/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/compile.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/fixed.h"
#include "net/freeze.h"
#include "net/graph.h"
#include "net/netdef.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/onnx_write.h"
#include "net/op.h"
#include "net/pass.h"
#include "net/reach.h"
#include "net/timeline.h"
#include "net/timing.h"

/* ---- what the network is ---- */

static int
follow_time(struct mel_compile *c, struct mel_err *err)
{
	const struct mel_netdef *def = c->def;
	struct mel_time_input *in =
	    mel_alloc((size_t)def->n_input, sizeof(*in), err);
	int rc = in ? 0 : -1;

	for (int i = 0; !rc && i < def->n_input; i++) {
		const struct mel_net_port *port = &def->input[i];

		in[i].axis = mel_net_port_time(port);
		in[i].length = port->role == MEL_ROLE_LENGTH;
		if (!mel_net_port_shape(port, &in[i].shape))
			rc = mel_fail(err,
			    "input \"%s\": an axis has no length", port->name);
	}
	c->timeline = mel_alloc(1, sizeof(*c->timeline), err);
	if (!rc && c->timeline)
		rc = mel_timeline_open(c->timeline, mel_network_graph(c->plain),
		    c->plain->kernels, in, err);
	free(in);
	return c->timeline ? rc : -1;
}

/* The node that needs all of time, or hangs on the length, for an output. */
static const struct mel_node *
cause_of(const struct mel_compile *c, int output)
{
	const struct mel_graph *g = c->timeline->graph;
	int v = g->output[output].value;
	int cause = c->timeline->value[v].cause;

	if (cause < 0 && c->timeline->value[v].follows)
		cause = g->value[v].producer;
	return cause < 0 ? NULL : &g->node[cause];
}

static int
read_output(struct mel_compile *c, int i, struct mel_err *err)
{
	const struct mel_net_port *port = &c->def->output[i];
	struct mel_fixed_output *o = &c->fixed->output[i];
	int v = c->timeline->graph->output[i].value;
	struct mel_context context;

	*o = (struct mel_fixed_output){.num = 1, .den = 1};
	o->timed = mel_net_port_time(port) >= 0;
	if (!o->timed)
		return 0;
	if (mel_freeze_rows(c->timeline, v, &o->num, &o->den, &o->more))
		return mel_fail(err,
		    "output \"%s\": its rows do not follow from those of the "
		    "inputs",
		    port->name);
	if (mel_timeline_context(c->timeline, v, &context)) {
		o->left = context.left;
		o->right = context.right;
		c->fixed->split &= !context.state;
	}
	return 0;
}

/* Rows that do not come from an input and are not all alike: positions. */
static bool
has_numbered_rows(const struct mel_timeline *t)
{
	for (int i = 0; i < t->graph->n_node; i++) {
		const struct mel_node *node = &t->graph->node[i];
		bool timed = false;

		for (int k = 0; k < node->n_in; k++)
			timed |= node->in[k] != MEL_ABSENT &&
				 t->value[node->in[k]].axis >= 0;
		if (t->node[i].used && !timed &&
		    node->op->time != mel_time_fill)
			return true;
	}
	return false;
}

static bool
has_role(const struct mel_netdef *def, enum mel_net_role role)
{
	for (int i = 0; i < def->n_input; i++) {
		if (def->input[i].role == role)
			return true;
	}
	return false;
}

/* A padding that shows rows again shows those behind the end. */
static int
check_blanks(const struct mel_timeline *t, struct mel_err *err)
{
	for (int i = 0; i < t->graph->n_node; i++) {
		const struct mel_node *node = &t->graph->node[i];

		if (t->node[i].used && t->node[i].no_blank)
			return mel_node_fail(node, err,
			    "pads the end with what is there, which no "
			    "fixed length has");
	}
	return 0;
}

static int
decide(struct mel_compile *c, struct mel_err *err)
{
	const struct mel_netdef *def = c->def;
	struct mel_fixed *f = c->fixed;
	const struct mel_node *cause = NULL;

	for (int i = 0; !cause && i < def->n_output; i++)
		cause = cause_of(c, i);
	if (cause && !def->masks)
		return mel_node_fail(cause, err,
		    "needs all of time, and the network does not mask "
		    "(masks: model)");
	f->valid = !def->masks;
	f->split = !cause && !has_role(def, MEL_ROLE_LENGTH) &&
		   !has_role(def, MEL_ROLE_POSITION) &&
		   !has_numbered_rows(c->timeline);
	for (int i = 0; i < def->n_output; i++) {
		if (read_output(c, i, err))
			return -1;
	}
	return check_blanks(c->timeline, err);
}

static int
check_inputs(const struct mel_netdef *def, struct mel_err *err)
{
	bool timed = false;

	for (int i = 0; i < def->n_input; i++) {
		timed |= mel_net_port_time(&def->input[i]) >= 0;
		if (!strcmp(def->input[i].name, MEL_FIXED_VALID))
			return mel_fail(
			    err, "an input is called \"%s\"", MEL_FIXED_VALID);
	}
	return timed ? 0 : mel_fail(err, "no input has time: nothing to fix");
}

static int
analyse(struct mel_compile *c, struct mel_err *err)
{
	size_t n = (size_t)c->def->n_output;

	if (check_inputs(c->def, err) ||
	    mel_network_open_plain(
		&c->plain, c->def->network->path, MEL_ISA_PORTABLE, err) ||
	    follow_time(c, err))
		return -1;
	c->fixed = mel_alloc(1, sizeof(*c->fixed), err);
	if (!c->fixed)
		return -1;
	c->fixed->output = mel_alloc(n, sizeof(*c->fixed->output), err);
	if (!c->fixed->output)
		return -1;
	c->fixed->n_output = c->def->n_output;
	return decide(c, err);
}

int
mel_compile_open(
    struct mel_compile *c, const struct mel_netdef *def, struct mel_err *err)
{
	c->def = def;
	return analyse(c, err) ? mel_fail_in(err, "network %s", def->name) : 0;
}

void
mel_compile_close(struct mel_compile *c)
{
	if (c->timeline)
		mel_timeline_close(c->timeline);
	free(c->timeline);
	mel_network_close(c->plain);
	mel_fixed_free(c->fixed);
	*c = (struct mel_compile){0};
}

int
mel_compile_check(
    const struct mel_compile *c, int64_t size, struct mel_err *err)
{
	int64_t least = mel_fixed_least(c->fixed);

	if (size >= least)
		return 0;
	return mel_fail(err,
	    "network %s: size %lld is too small: a row depends on its "
	    "neighbours, %lld steps are needed at least",
	    c->def->name, (long long)size, (long long)least);
}

/* ---- writing ---- */

int
mel_compile_write(
    const struct mel_compile *c, int64_t size, int fd, struct mel_err *err)
{
	const struct mel_kernels *kernels = c->plain->kernels;
	struct mel_freeze freeze = {.timeline = c->timeline,
	    .def = c->def,
	    .size = size,
	    .select = c->fixed->valid};
	struct mel_model model;
	int rc;

	/* The plain network has bound its weights: one that has not. */
	if (mel_model_open(&model, c->def->network->path, err))
		return mel_fail_in(err, "network %s", c->def->name);
	rc = mel_graph_simplify(model.graph, kernels, err);
	if (!rc)
		rc = mel_graph_freeze(model.graph, &freeze, kernels, err);
	if (!rc)
		rc = mel_onnx_write(model.graph, fd, err);
	mel_model_close(&model);
	return rc ? mel_fail_in(err, "network %s", c->def->name) : 0;
}
