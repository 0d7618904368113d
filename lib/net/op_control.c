/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/mem.h"
#include "net/call.h"
#include "net/cell.h"
#include "net/frame.h"
#include "net/graph.h"
#include "net/op.h"
#include "net/ops.h"
#include "tensor/tensor.h"

/* If, Loop, Scan 21: what runs bodies. */

#define MAX_VALUES 1024 /* inputs or outputs of one node */

/* The attribute must be a body. */
static int
check_body(const struct mel_node *node, const char *name,
    const struct mel_graph **body, struct mel_err *err)
{
	const struct mel_attr *a = mel_node_attr(node, name);

	if (!a || a->type != MEL_ATTR_GRAPH)
		return mel_node_fail(
		    node, err, "attribute %s: a graph is wanted", name);
	*body = a->graph;
	return 0;
}

static int
count_bodies(const struct mel_node *node, int n, struct mel_err *err)
{
	for (int i = 0; mel_node_body(node, &i);)
		n--;
	return n ? mel_node_fail(
		       node, err, "a graph in an attribute of another name")
		 : 0;
}

static int
if_prepare(struct mel_node *node, struct mel_err *err)
{
	static const char *const name[] = {"then_branch", "else_branch"};

	for (int i = 0; i < 2; i++) {
		const struct mel_graph *body = NULL;

		if (check_body(node, name[i], &body, err))
			return -1;
		if (body->n_formal || body->n_output != node->n_out)
			return mel_node_fail(node, err,
			    "%s must have no inputs and %d outputs", name[i],
			    node->n_out);
	}
	return count_bodies(node, 2, err);
}

static int
if_own(const struct mel_node *node)
{
	(void)node;
	return 0;
}

static int
if_call(const struct mel_call *call, struct mel_err *err)
{
	struct mel_frame *body;
	bool yes;
	int rc;

	if (mel_call_bool(call, 0, &yes, err))
		return -1;
	body = mel_call_body(call, yes ? "then_branch" : "else_branch");
	rc = mel_frame_run(body, err);
	for (int k = 0; !rc && k < call->node->n_out; k++) {
		if (call->node->out[k] == MEL_ABSENT)
			continue;
		call->out[k] = mel_ref_keep(call->store, &body->result[k], err);
		rc = call->out[k] ? 0 : -1;
	}
	mel_frame_release(body);
	return rc;
}

/* How the body's inputs and outputs are laid out: the same for both. */
struct loop {
	int carried;  /* values that a turn hands to the next */
	int scanned;  /* inputs of which each turn sees one row */
	int own_in;   /* the node's inputs before the carried ones */
	int body_in;  /* the body's: trip count and condition */
	int body_out; /* the body's outputs before them: condition */
};

/* The counts must fit each other. */
static int
check_loop(const struct mel_node *node, const struct loop *l,
    const struct mel_graph *body, struct mel_err *err)
{
	int formal = l->body_in + l->carried + l->scanned;

	if (l->carried < 0 || body->n_formal != formal ||
	    node->n_own < l->own_in + l->carried + l->scanned ||
	    body->n_output < l->body_out + l->carried ||
	    body->n_output - l->body_out != node->n_out)
		return mel_node_fail(node, err,
		    "%d inputs and %d outputs do not fit a body with %d and %d",
		    node->n_own, node->n_out, body->n_formal, body->n_output);
	for (int k = l->own_in; k < node->n_own; k++) {
		if (node->in[k] == MEL_ABSENT)
			return mel_node_fail(
			    node, err, "input %d is missing", k);
	}
	return 0;
}

static int
loop_prepare(struct mel_node *node, struct mel_err *err)
{
	struct loop *l = node->params;
	const struct mel_graph *body = NULL;

	if (check_body(node, "body", &body, err) || count_bodies(node, 1, err))
		return -1;
	*l = (struct loop){
	    .carried = body->n_formal - 2, .own_in = 2, .body_in = 2};
	l->body_out = 1;
	if (node->n_own > 2 + l->carried)
		return mel_node_fail(node, err, "%d inputs for a body with %d",
		    node->n_own, body->n_formal);
	return check_loop(node, l, body, err);
}

static int
loop_own(const struct mel_node *node)
{
	const struct loop *l = node->params;

	return l->carried;
}

/* Lists of axes and directions: only what is the same without them. */
static int
check_plain(const struct mel_node *node, const char *name, struct mel_err *err)
{
	const int64_t *list;
	size_t n;

	if (mel_attr_ints(node, name, &list, &n, err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (list[i])
			return mel_node_fail(
			    node, err, "%s is not supported", name);
	}
	return 0;
}

static int
scan_prepare(struct mel_node *node, struct mel_err *err)
{
	struct loop *l = node->params;
	const struct mel_graph *body = NULL;
	int64_t scanned;

	if (check_body(node, "body", &body, err) ||
	    count_bodies(node, 1, err) ||
	    mel_attr_int(node, "num_scan_inputs", 0, &scanned, err) ||
	    check_plain(node, "scan_input_axes", err) ||
	    check_plain(node, "scan_output_axes", err) ||
	    check_plain(node, "scan_input_directions", err) ||
	    check_plain(node, "scan_output_directions", err))
		return -1;
	if (scanned < 1 || scanned > node->n_own)
		return mel_node_fail(
		    node, err, "num_scan_inputs %lld", (long long)scanned);
	*l = (struct loop){
	    .carried = node->n_own - (int)scanned, .scanned = (int)scanned};
	return check_loop(node, l, body, err);
}

/* One execution of Loop or Scan. */
struct turns {
	const struct mel_call *call;
	const struct loop *l;
	struct mel_frame *body;
	int64_t n;     /* turns so far; the trip count of the body */
	int64_t limit; /* INT64_MAX: none */
	uint8_t go_on; /* the condition */
};

/* Carried values are in hold[k]; the first ones are the node's inputs. */
static int
begin(struct turns *t, struct mel_err *err)
{
	struct mel_frame *body = t->body;

	for (int k = 0; k < t->l->carried; k++) {
		body->hold[k] = mel_ref_keep(
		    t->call->store, &t->call->in[t->l->own_in + k], err);
		if (!body->hold[k])
			return -1;
	}
	return 0;
}

static void
set_arguments(struct turns *t)
{
	const struct loop *l = t->l;
	struct mel_ref *arg = t->body->arg;

	if (l->body_in) {
		arg[0] = (struct mel_ref){
		    .t = mel_tensor_view(MEL_I64, 0, NULL, &t->n)};
		arg[1] = (struct mel_ref){
		    .t = mel_tensor_view(MEL_BOOL, 0, NULL, &t->go_on)};
	}
	for (int k = 0; k < l->carried; k++) {
		struct mel_cell *c = t->body->hold[k];

		arg[l->body_in + k] =
		    (struct mel_ref){.t = c->t, .cell = c, .last = true};
	}
	for (int k = 0; k < l->scanned; k++) {
		struct mel_ref *row = &arg[l->body_in + l->carried + k];
		const struct mel_tensor *all =
		    &t->call->in[l->own_in + l->carried + k].t;

		*row = (struct mel_ref){.t = mel_tensor_view(all->dtype,
					    all->ndim - 1, all->dim + 1, NULL)};
		row->t.data = (unsigned char *)all->data +
			      (size_t)t->n * mel_tensor_bytes(&row->t);
	}
}

/* Room for one more row: grows by doubling. */
static int
reserve_row(struct turns *t, int k, size_t bytes, struct mel_err *err)
{
	struct mel_cell **hold = &t->body->hold[k], *larger;
	size_t have = (size_t)t->n * bytes, need;
	struct mel_tensor raw = {.dtype = MEL_U8, .ndim = 1};

	if (!mel_size_add(&need, have, bytes))
		return mel_node_fail(t->call->node, err, "too many turns");
	if (*hold && need <= mel_cell_room(*hold))
		return 0;
	raw.dim[0] = (int64_t)(*hold ? 2 * need : need);
	larger = mel_cell_new(t->call->store, &raw, err);
	if (!larger)
		return -1;
	if (have)
		memcpy(larger->t.data, (*hold)->t.data, have);
	mel_cell_drop(t->call->store, *hold);
	*hold = larger;
	return 0;
}

/* One row of a scan output: all rows have one shape. */
static int
add_row(struct turns *t, int k, struct mel_err *err)
{
	const struct mel_tensor *row = &t->body->result[t->l->body_out + k].t;
	struct mel_tensor *shape = &t->body->row[k];
	size_t bytes = mel_tensor_bytes(row);

	if (!row->dtype || row->ndim == MEL_MAX_DIMS)
		return mel_node_fail(t->call->node, err,
		    "output %d: its rows cannot be joined", k);
	if (!t->n)
		*shape = *row;
	else if (!mel_tensor_same_shape(shape, row))
		return mel_node_fail(t->call->node, err,
		    "output %d: turn %lld gives another shape", k,
		    (long long)t->n);
	if (reserve_row(t, k, bytes, err))
		return -1;
	if (bytes)
		memcpy((unsigned char *)t->body->hold[k]->t.data +
			   (size_t)t->n * bytes,
		    row->data, bytes);
	return 0;
}

/* What the turn gave is kept: it may lie in what the turn was given. */
static int
keep_carried(struct turns *t, struct mel_err *err)
{
	struct mel_frame *body = t->body;
	int k = 0;

	for (; k < t->l->carried; k++) {
		body->next[k] = mel_ref_keep(
		    t->call->store, &body->result[t->l->body_out + k], err);
		if (!body->next[k])
			break;
	}
	if (k == t->l->carried)
		return 0;
	while (k--)
		mel_cell_drop(t->call->store, body->next[k]);
	return -1;
}

static int
take_results(struct turns *t, struct mel_err *err)
{
	struct mel_frame *body = t->body;
	int n = body->graph->n_output - t->l->body_out, rc = 0;

	if (keep_carried(t, err))
		return -1;
	for (int k = t->l->carried; !rc && k < n; k++)
		rc = add_row(t, k, err);
	for (int k = 0; k < t->l->carried; k++) {
		mel_cell_drop(t->call->store, body->hold[k]);
		body->hold[k] = body->next[k];
	}
	return rc;
}

/* The body's condition, after a turn of a Loop. */
static int
read_condition(struct turns *t, struct mel_err *err)
{
	const struct mel_tensor *c = &t->body->result[0].t;

	if (c->dtype != MEL_BOOL || mel_tensor_count(c) != 1)
		return mel_node_fail(
		    t->call->node, err, "the condition is not one bool");
	t->go_on = *(const uint8_t *)c->data != 0;
	return 0;
}

static int
run_turns(struct turns *t, struct mel_err *err)
{
	for (; t->go_on && t->n < t->limit; t->n++) {
		if (t->call->frame->exec->turns-- <= 0)
			return mel_node_fail(
			    t->call->node, err, "too many turns");
		/* Noise of a turn is that of no other turn. */
		t->body->seed = (t->call->frame->seed ^ (uint64_t)t->n) *
				    6364136223846793005u +
				1442695040888963407u;
		set_arguments(t);
		if (mel_frame_run(t->body, err) ||
		    (t->l->body_out && read_condition(t, err)) ||
		    take_results(t, err))
			return -1;
	}
	return 0;
}

/*
 * The row that no turn has given: as planned for the first turn, else as
 * declared, where what is open is 0.
 */
static int
guess_row(struct turns *t, int k, struct mel_err *err)
{
	const struct mel_graph *g = t->body->graph;
	const struct mel_io *io = &g->output[t->l->body_out + k];
	struct mel_tensor *row = &t->body->row[k];

	if (!t->l->scanned) {
		set_arguments(t);
		if (mel_frame_shape(t->body, t->l->body_out + k, row, err))
			return -1;
	}
	if (!row->dtype) {
		*row = (struct mel_tensor){.dtype = io->dtype};
		row->ndim = io->ndim < 0 ? 0 : io->ndim;
		for (int d = 0; d < row->ndim; d++)
			row->dim[d] = io->dim[d] < 0 ? 0 : io->dim[d];
	}
	if (!row->dtype || row->ndim == MEL_MAX_DIMS)
		return mel_node_fail(t->call->node, err,
		    "output %d: no turn, and no type is declared", k);
	return 0;
}

static int
give_output(struct turns *t, int k, struct mel_err *err)
{
	struct mel_frame *body = t->body;
	struct mel_tensor all;
	int64_t dim[MEL_MAX_DIMS];

	if (k >= t->l->carried) {
		if (!t->n && guess_row(t, k, err))
			return -1;
		dim[0] = t->n;
		memcpy(dim + 1, body->row[k].dim,
		    (size_t)body->row[k].ndim * sizeof(*dim));
		all = mel_tensor_view(
		    body->row[k].dtype, body->row[k].ndim + 1, dim, NULL);
		if (mel_shape_check(all.dtype, all.ndim, dim, NULL, err))
			return mel_node_fail(
			    t->call->node, err, "output %d is too large", k);
		if (!body->hold[k])
			body->hold[k] = mel_cell_new(t->call->store, &all, err);
		if (!body->hold[k])
			return -1;
		all.data = body->hold[k]->t.data;
		body->hold[k]->t = all;
	}
	t->call->out[k] = body->hold[k];
	body->hold[k] = NULL;
	return 0;
}

static int
turn(struct turns *t, struct mel_err *err)
{
	int rc = begin(t, err);

	if (!rc)
		rc = run_turns(t, err);
	/* What is not carried first: to guess it takes what is carried. */
	for (int k = t->call->node->n_out; !rc && k--;)
		rc = give_output(t, k, err);
	for (int k = 0; k < t->body->graph->n_output; k++) {
		mel_cell_drop(t->call->store, t->body->hold[k]);
		t->body->hold[k] = NULL;
	}
	mel_frame_release(t->body);
	return rc;
}

static int
loop_call(const struct mel_call *call, struct mel_err *err)
{
	struct turns t = {.call = call,
	    .l = call->node->params,
	    .limit = INT64_MAX,
	    .go_on = 1};
	bool go_on = true;

	if (mel_call_input(call, 0) && mel_call_int(call, 0, &t.limit, err))
		return -1;
	if (mel_call_input(call, 1) && mel_call_bool(call, 1, &go_on, err))
		return -1;
	t.go_on = go_on;
	t.body = mel_call_body(call, "body");
	return turn(&t, err);
}

static int
scan_call(const struct mel_call *call, struct mel_err *err)
{
	const struct loop *l = call->node->params;
	struct turns t = {.call = call, .l = l, .limit = -1, .go_on = 1};

	for (int k = l->carried; k < l->carried + l->scanned; k++) {
		const struct mel_ref *in = mel_call_tensor(call, k, err);

		if (!in)
			return -1;
		if (!in->t.ndim || (t.limit >= 0 && t.limit != in->t.dim[0]))
			return mel_node_fail(call->node, err,
			    "input %d: its rows are not those of others", k);
		t.limit = in->t.dim[0];
	}
	t.body = mel_call_body(call, "body");
	return turn(&t, err);
}

static const struct mel_op op_if = {
    .name = "If",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = MAX_VALUES,
    .prepare = if_prepare,
    .call = if_call,
    .own_outputs = if_own,
};

static const struct mel_op op_loop = {
    .name = "Loop",
    .min_in = 0,
    .max_in = MAX_VALUES,
    .min_out = 0,
    .max_out = MAX_VALUES,
    .params_size = sizeof(struct loop),
    .prepare = loop_prepare,
    .call = loop_call,
    .own_outputs = loop_own,
};

static const struct mel_op op_scan = {
    .name = "Scan",
    .min_in = 1,
    .max_in = MAX_VALUES,
    .min_out = 1,
    .max_out = MAX_VALUES,
    .params_size = sizeof(struct loop),
    .prepare = scan_prepare,
    .call = scan_call,
    .own_outputs = loop_own,
};

const struct mel_op *const mel_ops_control[] = {
    &op_if,
    &op_loop,
    &op_scan,
    NULL,
};
