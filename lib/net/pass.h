/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_PASS_H
#define MEL_NET_PASS_H

struct mel_err;
struct mel_graph;
struct mel_kernels;
struct mel_packs;
struct mel_value;
struct mel_weights;

/*
 * What is done to a graph between loading and running, in this order:
 * normalise, sort, narrow, prepare, fold, bind, settle, measure; each to the
 * bodies inside, too. Messages name operator and node. Nodes may move in every
 * pass: keep no pointers to them.
 */

/*
 * Brings opset 7 to 21 to the normal form described in net/op.h and removes
 * Constant, Identity and Dropout. Of opset 1 to 6 the nodes that mean the
 * same since then are taken, others are refused.
 */
int mel_graph_normalise(struct mel_graph *graph, struct mel_err *err);

/*
 * Topological order; nodes that are in order keep it. Sets every value's
 * producer. A cycle is an error.
 */
int mel_graph_sort(struct mel_graph *graph, struct mel_err *err);

/*
 * Turns f16, bf16 and f64 inside the graph (constants, attributes, targets of
 * Cast) into f32. A type that an input or output is declared with is left.
 */
int mel_graph_narrow(struct mel_graph *graph, struct mel_err *err);

/*
 * Finds every node's operator and prepares it. Operators that do not exist
 * are listed by operator and node, up to several in one message.
 */
int mel_graph_prepare(struct mel_graph *graph, struct mel_err *err);

/*
 * Removes nodes whose values nobody needs, and constants with them. Inside
 * bodies too; captures that are then read by nobody are removed first.
 */
int mel_graph_sweep(struct mel_graph *graph, struct mel_err *err);

/*
 * Evaluates, once, nodes that depend on constants alone, unless the result
 * would be much larger than what it is made of; sweeps before and after. A
 * capture of a constant is a constant in the body.
 */
int mel_graph_fold(struct mel_graph *graph, const struct mel_kernels *kernels,
    struct mel_err *err);

/* What binding needs. */
struct mel_binding {
	const struct mel_kernels *kernels;
	const struct mel_weights *weights; /* the files that constants are
					      views into */
	struct mel_packs *packs; /* what is packed; outlives the graph */
};

/*
 * All of the above, in order: the graph is then plain ONNX of the newest
 * opset, with nothing of this library's own in it, and may be written as such.
 */
int mel_graph_simplify(struct mel_graph *graph,
    const struct mel_kernels *kernels, struct mel_err *err);

/*
 * Makes LayerNormalization of the nodes that stand for it, see net/layernorm.c.
 * Results differ by rounding. Of bodies nothing is changed.
 */
int mel_graph_fuse_norm(struct mel_graph *graph, struct mel_err *err);

/*
 * Makes convolutions along time work on rows, time-major, and moves transposes
 * down the graph until they meet and vanish; see net/relay.c. Of bodies nothing
 * is changed.
 */
int mel_graph_relay(struct mel_graph *graph, struct mel_err *err);

/*
 * Moves elementwise nodes into the products before them, see net/absorb.c. The
 * values stay the same, byte for byte. Of bodies nothing is changed.
 */
int mel_graph_absorb(struct mel_graph *graph, struct mel_err *err);

/*
 * op->bind of every node. Pages of the model's files whose weights are packed
 * then are given back.
 */
int mel_graph_bind(struct mel_graph *graph, const struct mel_binding *binding,
    struct mel_err *err);

/*
 * Releases constants that all nodes have packed, and aligns those that are
 * read: weights may be views at any address of the file, see net/weights.h.
 */
int mel_graph_settle(struct mel_graph *graph, struct mel_err *err);

/* A constant at an address that suits its type, for whoever reads it. */
int mel_value_align(struct mel_value *value, struct mel_err *err);

/*
 * Sets what a frame needs to know of the finished graph: numbers of bodies,
 * most inputs and outputs, and last[v], the number of the last node that reads
 * the data of value v; INT_MAX for outputs of the graph, -1 if nobody does.
 * May be called again when that has changed.
 */
int mel_graph_measure(struct mel_graph *graph, struct mel_err *err);

#endif
