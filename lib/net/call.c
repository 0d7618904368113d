/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/call.h"

#include <stdio.h>

#include "net/cell.h"
#include "net/frame.h"
#include "net/graph.h"
#include "net/infer.h"
#include "tensor/tensor.h"

const struct mel_ref *
mel_call_input(const struct mel_call *call, int i)
{
	if (i >= call->node->n_own || call->node->in[i] == MEL_ABSENT)
		return NULL;
	return &call->in[i];
}

const struct mel_ref *
mel_call_tensor(const struct mel_call *call, int i, struct mel_err *err)
{
	const struct mel_ref *in = mel_call_input(call, i);

	if (in && in->t.dtype)
		return in;
	mel_node_fail(call->node, err, "input %d is %s", i,
	    in ? "a sequence, not a tensor" : "missing");
	return NULL;
}

const struct mel_cell *
mel_call_list(const struct mel_call *call, int i, struct mel_err *err)
{
	const struct mel_ref *in = mel_call_input(call, i);

	if (in && !in->t.dtype)
		return in->cell;
	mel_node_fail(call->node, err, "input %d is %s", i,
	    in ? "a tensor, not a sequence" : "missing");
	return NULL;
}

int
mel_call_int(
    const struct mel_call *call, int i, int64_t *value, struct mel_err *err)
{
	const struct mel_ref *in = mel_call_tensor(call, i, err);
	char what[32];

	snprintf(what, sizeof(what), "input %d", i);
	return in ? mel_infer_int(call->node, &in->t, what, value, err) : -1;
}

int
mel_call_bool(
    const struct mel_call *call, int i, bool *value, struct mel_err *err)
{
	const struct mel_ref *in = mel_call_tensor(call, i, err);

	if (!in)
		return -1;
	if (in->t.dtype != MEL_BOOL || mel_tensor_count(&in->t) != 1)
		return mel_node_fail(
		    call->node, err, "input %d must be one bool", i);
	*value = *(const uint8_t *)in->t.data;
	return 0;
}

struct mel_frame *
mel_call_body(const struct mel_call *call, const char *name)
{
	const struct mel_attr *want = mel_node_attr(call->node, name);
	const struct mel_graph *g;
	struct mel_frame *f;
	int at = call->node->n_own;

	for (int i = 0; (g = mel_node_body(call->node, &i));) {
		if (g == want->graph)
			break;
		at += g->n_input - g->n_formal;
	}
	f = &call->frame->body[want->graph->number];
	for (int i = want->graph->n_formal; i < want->graph->n_input; i++) {
		f->arg[i] = call->in[at++];
		f->arg[i].last = false;
	}
	f->seed = call->frame->seed;
	return f;
}
