/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/call.h"
#include "net/cell.h"
#include "net/graph.h"
#include "net/infer.h"
#include "net/op.h"
#include "net/ops.h"
#include "tensor/tensor.h"

/* Lists of tensors. Operators of opset 11; ONNX changed none of them since. */

#define MAX_ITEMS 4096 /* inputs of SequenceConstruct */

/* Takes over the item; there must be room. */
static void
insert(struct mel_cell *list, size_t at, struct mel_cell *item)
{
	struct mel_cell **items = mel_cell_items(list);

	memmove(items + at + 1, items + at, (list->n - at) * sizeof(*items));
	items[at] = item;
	list->n++;
}

/* Adds references to items lo to hi - 1 of another list. */
static void
append(struct mel_cell *list, const struct mel_cell *from, size_t lo, size_t hi)
{
	for (size_t i = lo; i < hi; i++)
		insert(list, list->n, mel_cell_keep(mel_cell_items(from)[i]));
}

/* The one output, an empty list, or NULL. */
static struct mel_cell *
new_list(const struct mel_call *call, size_t room, struct mel_err *err)
{
	return call->out[0] = mel_cell_list(call->store, room, err);
}

static int
empty_call(const struct mel_call *call, struct mel_err *err)
{
	return new_list(call, 0, err) ? 0 : -1;
}

/* Appends a copy of, or a reference to, input i. */
static int
add_input(const struct mel_call *call, struct mel_cell *list, size_t at, int i,
    struct mel_err *err)
{
	const struct mel_ref *in = mel_call_tensor(call, i, err);
	struct mel_cell *item;

	if (!in)
		return -1;
	if (list->n && mel_cell_items(list)[0]->t.dtype != in->t.dtype)
		return mel_node_fail(call->node, err,
		    "input %d is %s in a sequence of %s", i,
		    mel_dtype_name(in->t.dtype),
		    mel_dtype_name(mel_cell_items(list)[0]->t.dtype));
	item = mel_ref_keep(call->store, in, err);
	if (!item)
		return -1;
	insert(list, at, item);
	return 0;
}

static int
construct_call(const struct mel_call *call, struct mel_err *err)
{
	struct mel_cell *list = new_list(call, (size_t)call->node->n_own, err);

	for (int i = 0; list && i < call->node->n_own; i++) {
		if (add_input(call, list, list->n, i, err))
			return -1;
	}
	return list ? 0 : -1;
}

/* A position given by input i, negative ones from the end; most: the last. */
static int
position(const struct mel_call *call, int i, size_t n, size_t most, size_t *at,
    struct mel_err *err)
{
	int64_t v;

	if (mel_call_int(call, i, &v, err))
		return -1;
	if (v < -(int64_t)n || v > (int64_t)most)
		return mel_node_fail(call->node, err,
		    "position %lld of %zu tensors", (long long)v, n);
	*at = (size_t)(v < 0 ? v + (int64_t)n : v);
	return 0;
}

/*
 * A list that is nobody else's is changed where it is, so that a loop that
 * collects n tensors takes n steps, not n * n.
 */
static int
insert_call(const struct mel_call *call, struct mel_err *err)
{
	const struct mel_cell *old = mel_call_list(call, 0, err);
	struct mel_cell *list;
	size_t at;

	if (!old)
		return -1;
	at = old->n;
	if (mel_call_input(call, 2) &&
	    position(call, 2, old->n, old->n, &at, err))
		return -1;
	if (call->in[0].last && old->refs == 1 && old->n < mel_cell_room(old)) {
		list = call->out[0] = mel_cell_keep(call->in[0].cell);
	} else {
		list = new_list(call, 2 * old->n + 1, err);
		if (!list)
			return -1;
		append(list, old, 0, old->n);
	}
	return add_input(call, list, at, 1, err);
}

static int
erase_call(const struct mel_call *call, struct mel_err *err)
{
	const struct mel_cell *old = mel_call_list(call, 0, err);
	struct mel_cell *list;
	size_t at;

	if (!old)
		return -1;
	at = old->n - 1;
	if (!old->n)
		return mel_node_fail(call->node, err, "an empty sequence");
	if (mel_call_input(call, 1) &&
	    position(call, 1, old->n, old->n - 1, &at, err))
		return -1;
	list = new_list(call, old->n, err);
	if (!list)
		return -1;
	append(list, old, 0, at);
	append(list, old, at + 1, old->n);
	return 0;
}

static int
at_call(const struct mel_call *call, struct mel_err *err)
{
	const struct mel_cell *list = mel_call_list(call, 0, err);
	size_t at = 0;

	if (!list)
		return -1;
	if (!list->n)
		return mel_node_fail(call->node, err, "an empty sequence");
	if (position(call, 1, list->n, list->n - 1, &at, err))
		return -1;
	call->out[0] = mel_cell_keep(mel_cell_items(list)[at]);
	return 0;
}

static int
length_call(const struct mel_call *call, struct mel_err *err)
{
	const struct mel_tensor shape = {.dtype = MEL_I64};
	const struct mel_cell *list = mel_call_list(call, 0, err);

	if (!list)
		return -1;
	call->out[0] = mel_cell_new(call->store, &shape, err);
	if (!call->out[0])
		return -1;
	*(int64_t *)call->out[0]->t.data = (int64_t)list->n;
	return 0;
}

/* A copy of rows lo to hi - 1 along the axis. */
static struct mel_cell *
cut(const struct mel_call *call, const struct mel_tensor *x, int axis,
    int64_t lo, int64_t hi, struct mel_err *err)
{
	struct mel_tensor shape =
	    mel_tensor_view(x->dtype, x->ndim, x->dim, NULL);
	size_t before = (size_t)mel_dims_product(x, 0, axis), row;
	struct mel_cell *c;

	shape.dim[axis] = hi - lo;
	c = mel_cell_new(call->store, &shape, err);
	if (!c || !mel_tensor_count(&shape))
		return c;
	row = mel_dtype_size(x->dtype) *
	      (size_t)mel_dims_product(x, axis + 1, x->ndim);
	for (size_t i = 0; i < before; i++)
		memcpy((char *)c->t.data + i * (size_t)(hi - lo) * row,
		    (const char *)x->data +
			(i * (size_t)x->dim[axis] + (size_t)lo) * row,
		    (size_t)(hi - lo) * row);
	return c;
}

struct split {
	int64_t axis, keepdims;
};

static int
split_prepare(struct mel_node *node, struct mel_err *err)
{
	struct split *p = node->params;

	return mel_attr_int(node, "axis", 0, &p->axis, err) ||
		       mel_attr_int(node, "keepdims", 1, &p->keepdims, err)
		   ? -1
		   : 0;
}

/* Length i of the list of lengths; what: scalar lengths, the last smaller. */
static int64_t
part(const struct mel_tensor *split, size_t i, int64_t left)
{
	int64_t n = 1;

	if (split) {
		i = split->ndim ? i : 0;
		n = split->dtype == MEL_I64 ? ((const int64_t *)split->data)[i]
					    : ((const int32_t *)split->data)[i];
	}
	return (!split || !split->ndim) && n > left ? left : n;
}

static int
check_split(const struct mel_call *call, const struct mel_tensor *split,
    int64_t length, struct mel_err *err)
{
	int64_t sum = 0;

	if (!split)
		return 0;
	if (mel_infer_type(call->node, split->dtype, MEL_TYPE_INT, err))
		return -1;
	if (split->ndim > 1)
		return mel_node_fail(
		    call->node, err, "split has more than one axis");
	if (!split->ndim)
		return part(split, 0, INT64_MAX) > 0
			   ? 0
			   : mel_node_fail(call->node, err, "split by 0");
	for (size_t i = 0; i < (size_t)split->dim[0]; i++) {
		int64_t n = part(split, i, 0);

		if (n < 0 || n > length - sum)
			return mel_node_fail(call->node, err,
			    "parts are not those of length %lld",
			    (long long)length);
		sum += n;
	}
	if (sum != length)
		return mel_node_fail(call->node, err,
		    "parts make %lld of length %lld", (long long)sum,
		    (long long)length);
	return 0;
}

static size_t
count_parts(const struct mel_tensor *split, int64_t length)
{
	int64_t size;

	if (split && split->ndim)
		return (size_t)split->dim[0];
	size = part(split, 0, INT64_MAX);
	return (size_t)(length / size + (length % size != 0));
}

static void
drop_axis(struct mel_tensor *t, int axis)
{
	for (int d = axis; d + 1 < t->ndim; d++)
		t->dim[d] = t->dim[d + 1];
	t->ndim--;
}

static int
split_call(const struct mel_call *call, struct mel_err *err)
{
	const struct split *p = call->node->params;
	const struct mel_ref *in = mel_call_tensor(call, 0, err);
	const struct mel_ref *by = mel_call_input(call, 1);
	const struct mel_tensor *split = by ? &by->t : NULL;
	struct mel_cell *list;
	int64_t at = 0, n;
	size_t parts;
	int axis;

	if (!in ||
	    mel_infer_axis(call->node, p->axis, in->t.ndim, &axis, err) ||
	    check_split(call, split, in->t.dim[axis], err))
		return -1;
	parts = count_parts(split, in->t.dim[axis]);
	list = new_list(call, parts, err);
	for (size_t i = 0; list && i < parts; i++, at += n) {
		struct mel_cell *c;

		n = part(split, i, in->t.dim[axis] - at);
		c = cut(call, &in->t, axis, at, at + n, err);
		if (!c)
			return -1;
		if (!split && !p->keepdims)
			drop_axis(&c->t, axis);
		insert(list, list->n, c);
	}
	return list ? 0 : -1;
}

struct join {
	int64_t axis, new_axis;
};

static int
join_prepare(struct mel_node *node, struct mel_err *err)
{
	struct join *p = node->params;

	if (!mel_node_attr(node, "axis"))
		return mel_node_fail(node, err, "attribute axis is missing");
	return mel_attr_int(node, "axis", 0, &p->axis, err) ||
		       mel_attr_int(node, "new_axis", 0, &p->new_axis, err)
		   ? -1
		   : 0;
}

/* Shape of the whole; without a new axis, lengths along axis add up. */
static int
join_shape(const struct mel_call *call, const struct mel_cell *list,
    struct mel_tensor *all, int *axis, struct mel_err *err)
{
	const struct join *p = call->node->params;
	const struct mel_tensor *first = &mel_cell_items(list)[0]->t;
	int64_t length = 0;

	*all = mel_tensor_view(first->dtype, first->ndim, first->dim, NULL);
	if (p->new_axis && first->ndim == MEL_MAX_DIMS)
		return mel_node_fail(call->node, err, "too many axes");
	if (mel_infer_axis(call->node, p->axis,
		first->ndim + (p->new_axis != 0), axis, err))
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		struct mel_tensor t = mel_cell_items(list)[i]->t;

		if (!p->new_axis && t.ndim == first->ndim) {
			if (__builtin_add_overflow(
				length, t.dim[*axis], &length))
				length = INT64_MAX;
			t.dim[*axis] = first->dim[*axis];
		}
		if (!mel_tensor_same_shape(&t, first))
			return mel_node_fail(call->node, err,
			    "tensor %zu does not fit the first one", i);
	}
	if (p->new_axis) {
		length = (int64_t)list->n;
		for (int d = all->ndim++; d > *axis; d--)
			all->dim[d] = all->dim[d - 1];
	}
	all->dim[*axis] = length;
	if (mel_shape_check(all->dtype, all->ndim, all->dim, NULL, err))
		return mel_node_fail(call->node, err, "the whole is too large");
	return 0;
}

static int
join_call(const struct mel_call *call, struct mel_err *err)
{
	const struct mel_cell *list = mel_call_list(call, 0, err);
	struct mel_tensor all;
	size_t before, whole, at = 0;
	int axis;

	if (!list)
		return -1;
	if (!list->n)
		return mel_node_fail(call->node, err, "an empty sequence");
	if (join_shape(call, list, &all, &axis, err))
		return -1;
	call->out[0] = mel_cell_new(call->store, &all, err);
	if (!call->out[0])
		return -1;
	if (!mel_tensor_count(&all))
		return 0;
	before = (size_t)mel_dims_product(&all, 0, axis);
	whole = mel_tensor_bytes(&all) / before;
	for (size_t k = 0; k < list->n; k++) {
		const struct mel_tensor *t = &mel_cell_items(list)[k]->t;
		size_t piece = mel_tensor_bytes(t) / before;

		for (size_t i = 0; piece && i < before; i++)
			memcpy((char *)call->out[0]->t.data + i * whole + at,
			    (const char *)t->data + i * piece, piece);
		at += piece;
	}
	return 0;
}

static const struct mel_op op_empty = {
    .name = "SequenceEmpty",
    .min_out = 1,
    .max_out = 1,
    .call = empty_call,
};

static const struct mel_op op_construct = {
    .name = "SequenceConstruct",
    .min_in = 1,
    .max_in = MAX_ITEMS,
    .min_out = 1,
    .max_out = 1,
    .call = construct_call,
};

static const struct mel_op op_insert = {
    .name = "SequenceInsert",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .call = insert_call,
};

static const struct mel_op op_erase = {
    .name = "SequenceErase",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .call = erase_call,
};

static const struct mel_op op_at = {
    .name = "SequenceAt",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .call = at_call,
};

static const struct mel_op op_length = {
    .name = "SequenceLength",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .call = length_call,
};

static const struct mel_op op_split = {
    .name = "SplitToSequence",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct split),
    .prepare = split_prepare,
    .call = split_call,
};

static const struct mel_op op_join = {
    .name = "ConcatFromSequence",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .params_size = sizeof(struct join),
    .prepare = join_prepare,
    .call = join_call,
};

const struct mel_op *const mel_ops_sequence[] = {
    &op_empty,
    &op_construct,
    &op_insert,
    &op_erase,
    &op_at,
    &op_length,
    &op_split,
    &op_join,
    NULL,
};
