/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/eval.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/pool.h"
#include "net/graph.h"
#include "net/op.h"

static int
check_counts(const struct mel_node *node, struct mel_err *err)
{
	const struct mel_op *op = node->op;

	if (!op->call && mel_node_body(node, &(int){0}))
		return mel_node_fail(node, err, "a graph in an attribute");
	if (node->n_own > op->max_in)
		return mel_node_fail(node, err, "%d inputs, at most %d",
		    node->n_own, op->max_in);
	for (int i = 0; i < op->min_in; i++) {
		if (i >= node->n_own || node->in[i] == MEL_ABSENT)
			return mel_node_fail(
			    node, err, "input %d is missing", i);
	}
	if (node->n_out < op->min_out || node->n_out > op->max_out)
		return mel_node_fail(
		    node, err, "%d outputs are not possible", node->n_out);
	if (op->first_out && node->out[0] == MEL_ABSENT)
		return mel_node_fail(node, err, "output 0 is missing");
	return 0;
}

int
mel_node_prepare_as(
    struct mel_node *node, const struct mel_op *op, struct mel_err *err)
{
	node->op = op;
	if (check_counts(node, err))
		return -1;
	node->params = mel_alloc(1, op->params_size, err);
	if (!node->params)
		return -1;
	return op->prepare ? op->prepare(node, err) : 0;
}

int
mel_node_prepare(struct mel_node *node, struct mel_err *err)
{
	const struct mel_op *op = mel_op_find(node->kind);

	if (!op)
		return mel_node_fail(node, err, "operator not supported");
	return mel_node_prepare_as(node, op, err);
}

int
mel_node_infer(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], struct mel_err *err)
{
	int rc;

	for (int i = 0; i < node->n_in; i++) {
		if (in[i] && !in[i]->dtype)
			return mel_node_fail(node, err,
			    "input %d is a sequence, not a tensor", i);
	}
	for (int i = 0; i < node->n_out; i++)
		out[i] = (struct mel_tensor){0};
	rc = node->op->infer(node, in, out, err);
	for (int i = 0; !rc && i < node->n_out; i++) {
		struct mel_tensor *t = &out[i];

		if (node->out[i] == MEL_ABSENT)
			*t = (struct mel_tensor){0};
		else if (mel_shape_check(t->dtype, t->ndim, t->dim, NULL, err))
			rc = mel_node_fail(
			    node, err, "output %d cannot have its shape", i);
	}
	return rc;
}

static int
allocate(
    const struct mel_node *node, struct mel_tensor out[], struct mel_err *err)
{
	for (int i = 0; i < node->n_out; i++) {
		struct mel_tensor shape = out[i];

		if (!shape.dtype)
			continue;
		if (mel_tensor_new(
			&out[i], shape.dtype, shape.ndim, shape.dim, err)) {
			while (i--)
				mel_tensor_free(&out[i]);
			return -1;
		}
	}
	return 0;
}

static int
forward(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *given, struct mel_err *err)
{
	struct mel_run run = *given;
	size_t threads = (size_t)mel_pool_threads(run.pool), bytes;
	int rc;

	run.stride = node->op->scratch ? node->op->scratch(node, in, out) : 0;
	if (!mel_size_add(&run.stride, run.stride, 63))
		return mel_node_fail(node, err, "out of memory");
	run.stride &= ~(size_t)63;
	if (!mel_size_mul(&bytes, run.stride, threads))
		return mel_node_fail(node, err, "out of memory");
	run.scratch = mel_alloc_aligned(bytes, err);
	if (!run.scratch)
		return -1;
	rc = node->op->forward(node, in, out, &run, err);
	free(run.scratch);
	return rc;
}

int
mel_node_eval(const struct mel_node *node, const struct mel_tensor *const in[],
    struct mel_tensor out[], const struct mel_run *run, struct mel_err *err)
{
	int rc = mel_node_infer(node, in, out, err);

	if (rc > 0)
		return mel_node_fail(node, err, "its shape stays unknown");
	if (rc || allocate(node, out, err))
		return -1;
	if (!forward(node, in, out, run, err))
		return 0;
	for (int i = 0; i < node->n_out; i++)
		mel_tensor_free(&out[i]);
	return -1;
}
