/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/elementwise.h"
#include "net/eval.h"
#include "net/graph.h"
#include "net/op.h"
#include "net/pass.h"
#include "net/rewrite.h"
#include "tensor/tensor.h"

/*
 * Time-major layout. A convolution along time becomes one over rows, between
 * two transposes. "Turned" is said of a value [N, C, T] that is the transpose
 * of one [N, T, C], its rows. A node that can as well work on rows is given
 * the rows of its operands, and its result is turned in place of them; so
 * transposes move down until they meet another one and both are gone, or
 * reach an operator that wants the layout as it is. What nobody reads at the
 * end goes with the sweep.
 */

#define READ_BYTES 65536 /* of a constant that a pass may read */

struct place {
	int rows;   /* the value that this one is the transpose of, or -1 */
	int turned; /* a value that is the transpose of this one, or -1 */
	int same;   /* the value that stands for this one */
	int rank;   /* -1: not known */
};

struct relay {
	struct mel_graph *g;
	struct place *place; /* [g->n_value] */
	size_t cap;
	int n;
};

static bool
is_constant(const struct relay *r, int v)
{
	return v != MEL_ABSENT && r->g->value[v].constant.dtype;
}

static int
known_rank(const struct relay *r, int v)
{
	if (v == MEL_ABSENT)
		return -1;
	return is_constant(r, v) ? r->g->value[v].constant.ndim
				 : r->place[v].rank;
}

/* Makes the table as long as the list of values. */
static int
grow(struct relay *r, struct mel_err *err)
{
	if (mel_reserve(&r->place, &r->cap, (size_t)r->g->n_value,
		sizeof(*r->place), err))
		return -1;
	for (; r->n < r->g->n_value; r->n++)
		r->place[r->n] = (struct place){-1, -1, r->n, -1};
	return 0;
}

static int
new_value(struct relay *r, int like, struct mel_err *err)
{
	int v = mel_graph_add_value(r->g, r->g->value[like].name, err);

	if (v < 0 || grow(r, err))
		return -1;
	return v;
}

/* A node that makes `to` from `from` by swapping the last two of 3 axes. */
static int
add_transpose(struct relay *r, int from, int to, struct mel_err *err)
{
	static const int64_t perm[3] = {0, 2, 1};
	int i = mel_graph_add_node(
	    r->g, "Transpose", r->g->value[to].name, 1, 1, err);
	struct mel_node *n;

	if (i < 0)
		return -1;
	n = &r->g->node[i];
	n->in[0] = from;
	n->out[0] = to;
	if (mel_node_add_ints(n, "perm", perm, 3, err))
		return -1;
	r->place[to].rows = from;
	r->place[from].turned = to;
	r->place[from].rank = r->place[to].rank = 3;
	return mel_node_prepare(n, err);
}

/* The transpose of v, which has 3 axes; -1: failed. */
static int
rows_of(struct relay *r, int v, struct mel_err *err)
{
	int rows;

	if (r->place[v].rows >= 0)
		return r->place[v].rows;
	if (r->place[v].turned >= 0)
		return r->place[v].turned;
	rows = new_value(r, v, err);
	if (rows < 0 || add_transpose(r, v, rows, err))
		return -1;
	/* rows is the transpose of v: v itself is not turned. */
	return rows;
}

/* A constant of up to 3 axes as an operand among rows. */
static int
turn_constant(struct relay *r, int v, struct mel_err *err)
{
	const struct mel_tensor t = r->g->value[v].constant;
	int64_t d[3] = {1, 1, 1};
	size_t size = mel_dtype_size(t.dtype), at = 0;
	int64_t turned[3];
	struct mel_tensor out;
	int to;

	if (mel_tensor_count(&t) == 1)
		return v;
	for (int i = 0; i < t.ndim; i++)
		d[3 - t.ndim + i] = t.dim[i];
	turned[0] = d[0], turned[1] = d[2], turned[2] = d[1];
	to = new_value(r, v, err);
	if (to < 0 || mel_tensor_new(&out, t.dtype, 3, turned, err))
		return -1;
	for (int64_t b = 0; b < d[0]; b++)
		for (int64_t j = 0; j < d[2]; j++)
			for (int64_t i = 0; i < d[1]; i++, at += size)
				memcpy((char *)out.data + at,
				    (const char *)t.data +
					(size_t)((b * d[1] + i) * d[2] + j) *
					    size,
				    size);
	r->g->value[to].constant = out;
	return to;
}

/* Can v be an operand among rows? */
static bool
can_turn(const struct relay *r, int v)
{
	int rank;

	if (v == MEL_ABSENT || r->place[v].rows >= 0)
		return true;
	rank = known_rank(r, v);
	return rank == 3 || rank == 0 || (is_constant(r, v) && rank < 3);
}

static int
operand(struct relay *r, int v, struct mel_err *err)
{
	if (v == MEL_ABSENT)
		return v;
	if (is_constant(r, v))
		return turn_constant(r, v, err);
	return known_rank(r, v) == 0 ? v : rows_of(r, v, err);
}

/* Is one of the first n inputs turned, and may all be rows? */
static bool
is_among_rows(const struct relay *r, const struct mel_node *node, int n)
{
	bool any = false;

	for (int k = 0; k < n; k++) {
		if (!can_turn(r, node->in[k]))
			return false;
		any = any || (node->in[k] != MEL_ABSENT &&
				 r->place[node->in[k]].rows >= 0);
	}
	return any;
}

/* Node i works on rows from now on; its first n inputs are operands. */
static int
work_on_rows(struct relay *r, int i, int n, struct mel_err *err)
{
	for (int k = 0; k < n; k++) {
		int v = operand(r, r->g->node[i].in[k], err);

		if (v < 0 && r->g->node[i].in[k] != MEL_ABSENT)
			return -1;
		r->g->node[i].in[k] = v;
	}
	for (int k = 0; k < r->g->node[i].n_out; k++) {
		int old = r->g->node[i].out[k], v;

		if (old == MEL_ABSENT)
			continue;
		v = new_value(r, old, err);
		if (v < 0 || add_transpose(r, v, old, err))
			return -1;
		r->g->node[i].out[k] = v;
	}
	return 0;
}

static const int64_t swapped[3] = {0, 2, 1};

/* An axis of 3 as it is among rows; false if it is none. */
static bool
turn_axis(int64_t *axis)
{
	if (*axis < -3 || *axis > 2)
		return false;
	*axis = swapped[*axis < 0 ? *axis + 3 : *axis];
	if (*axis == 2)
		*axis = -1; /* net/norm.c looks for the last axis */
	return true;
}

static int
turn_axis_attr(struct relay *r, int i, int64_t preset, struct mel_err *err)
{
	struct mel_node *n = &r->g->node[i];
	int64_t axis;

	if (mel_attr_int(n, "axis", preset, &axis, err))
		return -1;
	if (!turn_axis(&axis))
		return mel_node_fail(n, err, "axis %lld of 3", (long long)axis);
	mel_node_drop_attr(n, "axis");
	if (mel_node_add_int(n, "axis", axis, err))
		return -1;
	return mel_rewrite_prepare(n, n->kind, err);
}

/* Input k, constant axes of 3, becomes what it is among rows. */
static int
turn_axes_input(struct relay *r, int i, int k, struct mel_err *err)
{
	const struct mel_tensor *old =
	    &r->g->value[r->g->node[i].in[k]].constant;
	struct mel_tensor t;
	int v;

	if (mel_tensor_copy(&t, old, err))
		return -1;
	for (size_t a = 0; a < mel_tensor_count(&t); a++)
		turn_axis(&((int64_t *)t.data)[a]);
	v = new_value(r, r->g->node[i].in[k], err);
	if (v < 0) {
		mel_tensor_free(&t);
		return -1;
	}
	r->g->value[v].constant = t;
	r->g->node[i].in[k] = v;
	return 0;
}

/* Input k is a constant list of axes of 3. */
static bool
has_axes(const struct relay *r, const struct mel_node *n, int k)
{
	const struct mel_tensor *t;

	if (k >= n->n_in || !is_constant(r, n->in[k]))
		return false;
	t = &r->g->value[n->in[k]].constant;
	if (t->dtype != MEL_I64)
		return false;
	for (size_t i = 0; i < mel_tensor_count(t); i++) {
		int64_t axis = ((const int64_t *)t->data)[i];

		if (!turn_axis(&axis))
			return false;
	}
	return true;
}

static bool
is_kind(const struct mel_node *n, const char *const *names)
{
	for (; *names; names++) {
		if (!strcmp(n->op->name, *names))
			return true;
	}
	return false;
}

/* Softmax, Concat, Split: attribute axis. */
static int
relay_axis(struct relay *r, int i, struct mel_err *err)
{
	const struct mel_node *n = &r->g->node[i];
	bool concat = !strcmp(n->op->name, "Concat");
	int operands = concat ? n->n_in : 1;
	int64_t axis, flatten;

	if (mel_attr_int(n, "flatten", 0, &flatten, err) ||
	    mel_attr_int(n, "axis", 0, &axis, err))
		return -1;
	if (flatten || !turn_axis(&axis) || !is_among_rows(r, n, operands))
		return 0;
	/* Concat does not broadcast: short constants stay out. */
	for (int k = 0; concat && k < operands; k++) {
		if (known_rank(r, n->in[k]) != 3)
			return 0;
	}
	if (turn_axis_attr(r, i, 0, err))
		return -1;
	return work_on_rows(r, i, operands, err);
}

/* Slice, Pad with axes, reductions that keep axes: axes are input k. */
static int
relay_axes(struct relay *r, int i, int k, struct mel_err *err)
{
	const struct mel_node *n = &r->g->node[i];
	int64_t keep;

	if (mel_attr_int(n, "keepdims", 1, &keep, err))
		return -1;
	if (!keep || !is_among_rows(r, n, 1) || !has_axes(r, n, k) ||
	    !mel_tensor_count(&r->g->value[n->in[k]].constant))
		return 0;
	if (turn_axes_input(r, i, k, err))
		return -1;
	return work_on_rows(r, i, 1, err);
}

/* Pad of all axes by constant lengths. */
static int
relay_pad(struct relay *r, int i, struct mel_err *err)
{
	const struct mel_node *n = &r->g->node[i];
	struct mel_tensor t;
	int64_t *pad;
	int v;

	if (n->n_in > 3 && n->in[3] != MEL_ABSENT)
		return relay_axes(r, i, 3, err);
	if (!is_among_rows(r, n, 1) || !is_constant(r, n->in[1]) ||
	    r->g->value[n->in[1]].constant.dtype != MEL_I64 ||
	    mel_tensor_count(&r->g->value[n->in[1]].constant) != 6)
		return 0;
	if (mel_tensor_copy(&t, &r->g->value[n->in[1]].constant, err))
		return -1;
	pad = t.data;
	for (int side = 0; side < 6; side += 3) {
		int64_t length = pad[side + 1];

		pad[side + 1] = pad[side + 2];
		pad[side + 2] = length;
	}
	v = new_value(r, n->in[1], err);
	if (v < 0) {
		mel_tensor_free(&t);
		return -1;
	}
	r->g->value[v].constant = t;
	r->g->node[i].in[1] = v;
	return work_on_rows(r, i, 1, err);
}

static int
relay_elementwise(struct relay *r, int i, int n, struct mel_err *err)
{
	if (!is_among_rows(r, &r->g->node[i], n))
		return 0;
	return work_on_rows(r, i, n, err);
}

static int
relay_conv(struct relay *r, int i, struct mel_err *err)
{
	const struct mel_node *n = &r->g->node[i];

	if (!is_constant(r, n->in[1]) || known_rank(r, n->in[1]) != 3 ||
	    r->g->value[n->in[1]].constant.dtype != MEL_F32 ||
	    !mel_tensor_count(&r->g->value[n->in[1]].constant) ||
	    is_constant(r, n->in[0]))
		return 0;
	if (mel_rewrite_prepare(&r->g->node[i], "(conv)", err))
		return -1;
	return work_on_rows(r, i, 1, err);
}

/* A new constant row of BatchNormalization's; kind: which one. */
enum batch_row {
	BATCH_MINUS_MEAN,
	BATCH_FACTOR,
	BATCH_BIAS,
};

static int
batch_constant(struct relay *r, int i, enum batch_row kind, struct mel_err *err)
{
	const struct mel_node *n = &r->g->node[i];
	const float *in[5] = {NULL};
	int64_t width = r->g->value[n->in[1]].constant.dim[0];
	struct mel_tensor t;
	float epsilon, *y;
	int v;

	for (int k = 1; k < 5; k++)
		in[k] = r->g->value[n->in[k]].constant.data;
	if (mel_attr_float(n, "epsilon", 1e-5f, &epsilon, err) ||
	    mel_tensor_new(&t, MEL_F32, 1, &width, err))
		return -1;
	y = t.data;
	for (int64_t c = 0; c < width; c++)
		y[c] = kind == BATCH_MINUS_MEAN ? -in[3][c]
		       : kind == BATCH_BIAS
			   ? in[2][c]
			   : in[1][c] / sqrtf(in[4][c] + epsilon);
	v = new_value(r, n->in[1], err);
	if (v < 0) {
		mel_tensor_free(&t);
		return -1;
	}
	r->g->value[v].constant = t;
	return v;
}

/* BatchNormalization with constant statistics: (x - mean) factor + bias. */
static bool
is_fixed_batch(const struct relay *r, const struct mel_node *n)
{
	for (int k = 1; k < 5; k++) {
		const struct mel_tensor *t;

		if (!is_constant(r, n->in[k]))
			return false;
		t = &r->g->value[n->in[k]].constant;
		if (t->dtype != MEL_F32 || t->ndim != 1 ||
		    t->dim[0] != r->g->value[n->in[1]].constant.dim[0])
			return false;
	}
	/* One number for all would broadcast over channels. */
	return r->g->value[n->in[1]].constant.dim[0] > 1 &&
	       r->g->value[n->in[1]].constant.dim[0] <= READ_BYTES / 4 &&
	       n->n_out == 1;
}

static int
relay_batch(struct relay *r, int i, struct mel_err *err)
{
	static const char *const kind[3] = {"Add", "Mul", "Add"};
	int64_t training;
	int v[3], from, to;

	if (mel_attr_int(&r->g->node[i], "training_mode", 0, &training, err))
		return -1;
	if (training || r->place[r->g->node[i].in[0]].rows < 0 ||
	    !is_fixed_batch(r, &r->g->node[i]))
		return 0;
	for (int k = 0; k < 3; k++) {
		v[k] = batch_constant(r, i, (enum batch_row)k, err);
		if (v[k] < 0)
			return -1;
	}
	from = r->place[r->g->node[i].in[0]].rows;
	for (int k = 0; k < 3; k++, from = to) {
		int out = r->g->node[i].out[0], n;

		to = new_value(r, out, err);
		n = mel_graph_add_node(
		    r->g, kind[k], r->g->node[i].name, 2, 1, err);
		if (to < 0 || n < 0)
			return -1;
		r->g->node[n].in[0] = from;
		r->g->node[n].in[1] = v[k];
		r->g->node[n].out[0] = to;
		if (mel_node_prepare(&r->g->node[n], err))
			return -1;
	}
	to = r->g->node[i].out[0];
	r->g->node[i].out[0] = MEL_ABSENT;
	return add_transpose(r, from, to, err);
}

/* Another transpose of a turned value. */
static int
relay_transpose(struct relay *r, int i, struct mel_err *err)
{
	struct mel_node *n = &r->g->node[i];
	int in = n->in[0], out = n->out[0];
	const int64_t *perm;
	int64_t both[3];
	size_t count;

	if (mel_attr_ints(n, "perm", &perm, &count, err))
		return -1;
	if (!perm || count != 3)
		return 0;
	r->place[out].rank = 3;
	memcpy(both, perm, sizeof(both));
	if (r->place[in].rows >= 0) {
		for (int k = 0; k < 3; k++)
			both[k] = swapped[perm[k]];
		in = r->place[in].rows;
		if (both[0] == 0 && both[1] == 1) {
			r->place[out].same = in;
			return 0;
		}
		n->in[0] = in;
		mel_node_drop_attr(n, "perm");
		if (mel_node_add_ints(n, "perm", both, 3, err) ||
		    mel_rewrite_prepare(n, n->kind, err))
			return -1;
	}
	if (both[0] == 0 && both[1] == 2) {
		r->place[in].rank = 3;
		r->place[out].rows = in;
		if (r->place[in].turned < 0)
			r->place[in].turned = out;
	}
	return 0;
}

/* Ranks of outputs, where a rule is simple. */
static void
set_rank(struct relay *r, int i)
{
	const struct mel_node *n = &r->g->node[i];
	static const char *const keeps[] = {
	    "LayerNormalization", "Softmax", "Clip", "Cast", NULL};
	int most = -1;

	if (n->n_out < 1 || n->out[0] == MEL_ABSENT ||
	    r->place[n->out[0]].rank >= 0)
		return;
	if (is_kind(n, keeps))
		most = known_rank(r, n->in[0]);
	else if (n->op->forward == mel_elementwise_forward) {
		for (int k = 0; k < n->n_in; k++) {
			int rank = known_rank(r, n->in[k]);

			if (rank < 0)
				return;
			most = rank > most ? rank : most;
		}
	}
	r->place[n->out[0]].rank = most;
}

static int
relay_node(struct relay *r, int i, struct mel_err *err)
{
	static const char *const axis[] = {
	    "Concat", "Split", "Softmax", "LogSoftmax", NULL};
	static const char *const reduce[] = {"ReduceMean", "ReduceSum",
	    "ReduceMax", "ReduceMin", "ReduceSumSquare", "ReduceL2", NULL};
	const struct mel_node *n = &r->g->node[i];
	const char *kind = n->op->name;

	if (!strcmp(kind, "Transpose"))
		return relay_transpose(r, i, err);
	if (!strcmp(kind, "Conv"))
		return relay_conv(r, i, err);
	if (!strcmp(kind, "BatchNormalization"))
		return relay_batch(r, i, err);
	if (!strcmp(kind, "Pad"))
		return relay_pad(r, i, err);
	if (!strcmp(kind, "Slice"))
		return relay_axes(r, i, 3, err);
	if (is_kind(n, reduce))
		return relay_axes(r, i, 1, err);
	if (is_kind(n, axis))
		return relay_axis(r, i, err);
	if (n->op->forward == mel_elementwise_forward || !strcmp(kind, "Where"))
		return relay_elementwise(r, i, n->n_in, err);
	if (!strcmp(kind, "Cast") || !strcmp(kind, "Clip") ||
	    !strcmp(kind, "Gelu"))
		return relay_elementwise(r, i, 1, err);
	return 0;
}

/* Small constants are read here: lists of axes, statistics. */
static int
align_constants(struct relay *r, struct mel_err *err)
{
	for (int v = 0; v < r->g->n_value; v++) {
		struct mel_value *value = &r->g->value[v];

		if (value->constant.dtype &&
		    mel_tensor_bytes(&value->constant) <= READ_BYTES &&
		    mel_value_align(value, err))
			return -1;
	}
	return 0;
}

static int
relay_all(struct relay *r, struct mel_err *err)
{
	int n_node = r->g->n_node;

	if (grow(r, err) || align_constants(r, err))
		return -1;
	for (int i = 0; i < r->g->n_input; i++)
		r->place[r->g->input[i].value].rank = r->g->input[i].ndim;
	for (int i = 0; i < n_node; i++) {
		struct mel_node *n = &r->g->node[i];

		for (int k = 0; k < n->n_in; k++) {
			if (n->in[k] != MEL_ABSENT)
				n->in[k] = r->place[n->in[k]].same;
		}
		if (relay_node(r, i, err))
			return -1;
		set_rank(r, i);
	}
	for (int i = 0; i < r->g->n_output; i++)
		r->g->output[i].value = r->place[r->g->output[i].value].same;
	return 0;
}

int
mel_graph_relay(struct mel_graph *graph, struct mel_err *err)
{
	struct relay r = {.g = graph};
	int rc = relay_all(&r, err);

	free(r.place);
	if (rc || mel_graph_sort(graph, err))
		return -1;
	return mel_graph_sweep(graph, err);
}
