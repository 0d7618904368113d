/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ATTENTION_H
#define MEL_NET_ATTENTION_H

#include <stdbool.h>

#include "tensor/tensor.h"

struct mel_err;
struct mel_graph;
struct mel_op;

/*
 * Attention as one operator, for graphs only, not for files:
 *
 *	softmax(steps(scale x Q K)) V, over the last axis
 *
 * without the matrix of all scores in memory. Inputs: Q [..., rows, depth],
 * K [..., depth, keys], V [..., keys, width] (the right sides of MatMul, so K
 * is transposed already), then the operands of the steps, which broadcast to
 * [..., rows, keys].
 */

#define MEL_ATTENTION_STEPS 6

enum mel_attention_kind {
	MEL_ATTENTION_ADD, /* scores + operand, f32 */
	MEL_ATTENTION_SUB, /* scores - operand, f32 */
	MEL_ATTENTION_MUL,
	MEL_ATTENTION_DIV,
	MEL_ATTENTION_FILL_TRUE,  /* where operand (bool): fill */
	MEL_ATTENTION_FILL_FALSE, /* where not */
};

/* What is done with all scores. */
struct mel_attention_step {
	enum mel_attention_kind kind;
	int in; /* which input is the operand */
	float fill;
};

/* Axis d of the operand is axis [d] of the tensor; n = 0: as they are. */
struct mel_attention_axes {
	int n;
	int axis[MEL_MAX_DIMS];
};

/* Parameters of the node. */
struct mel_attention {
	float scale;
	int ndim; /* axes of the scores; 0: any */
	struct mel_attention_step step[MEL_ATTENTION_STEPS];
	int n_step;
	int n_before; /* steps before softmax; at most one behind it, that
			 fills with 0 */
	struct mel_attention_axes q, k, v;
	struct mel_attention_axes out; /* axis d of the output is axis [d] of
					  [..., rows, width] */
};

extern const struct mel_op mel_op_attention;

/*
 * Finds MatMul, steps, Softmax, steps, MatMul whose scores nobody else reads,
 * and makes one node of each, with the Transposes around it; bodies too.
 * After folding, before binding.
 */
int mel_graph_fuse_attention(struct mel_graph *graph, struct mel_err *err);

#endif
