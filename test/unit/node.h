/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NODE_H
#define NODE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "net/eval.h"
#include "net/graph.h"
#include "net/op.h"
#include "tensor/tensor.h"

/*
 * One operator in a test:
 *
 *	struct mel_node n = node_new("Gather", 2, 1);
 *	mel_node_add_int(&n, "axis", 1, NULL);
 *	struct mel_tensor in[] = {tensor_f32(2, (int64_t[]){2, 3}, x),
 *	    tensor_i64(0, NULL, &i)}, out[1];
 *	ok(!node_run(&n, in, out, &err), "...");
 *	mel_tensor_free(out);
 *	mel_node_clear(&n);
 */

/* A node with all inputs and outputs present. */
static inline struct mel_node
node_new(const char *kind, int n_in, int n_out)
{
	struct mel_node node;

	if (mel_node_init(&node, kind, "n", n_in, n_out, NULL))
		abort();
	for (int i = 0; i < n_in; i++)
		node.in[i] = i;
	for (int i = 0; i < n_out; i++)
		node.out[i] = n_in + i;
	return node;
}

static inline struct mel_tensor
tensor_f32(int ndim, const int64_t *dim, const float *data)
{
	return mel_tensor_view(MEL_F32, ndim, dim, (void *)(uintptr_t)data);
}

static inline struct mel_tensor
tensor_i64(int ndim, const int64_t *dim, const int64_t *data)
{
	return mel_tensor_view(MEL_I64, ndim, dim, (void *)(uintptr_t)data);
}

/*
 * Prepares if that was not done, binds if `bound` inputs (bit i) are said to
 * be constant, evaluates. An input of dtype MEL_NONE is absent.
 */
static inline int
node_run_with(struct mel_node *node, unsigned bound,
    const struct mel_tensor *in, struct mel_tensor *out,
    const struct mel_run *run, struct mel_err *err)
{
	const struct mel_tensor *ref[16] = {0}, *constant[16] = {0};

	for (int i = 0; i < node->n_in; i++) {
		ref[i] = in[i].dtype ? &in[i] : NULL;
		if (!ref[i])
			node->in[i] = MEL_ABSENT;
		constant[i] = bound >> i & 1 ? ref[i] : NULL;
	}
	if (!node->params && mel_node_prepare(node, err))
		return -1;
	if (bound && node->op->bind &&
	    node->op->bind(node, constant, run->kernels, err))
		return -1;
	return mel_node_eval(node, ref, out, run, err);
}

static inline int
node_run(struct mel_node *node, const struct mel_tensor *in,
    struct mel_tensor *out, struct mel_err *err)
{
	const struct mel_run run = {0};

	return node_run_with(node, 0, in, out, &run, err);
}

#endif
