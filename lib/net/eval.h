/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_EVAL_H
#define MEL_NET_EVAL_H

#include "tensor/tensor.h"

struct mel_err;
struct mel_node;
struct mel_op;
struct mel_run;

/*
 * One node on its own, every output in memory of its own: used where speed
 * does not matter (folding constants, shape arithmetic, tests).
 */

/* Finds the operator by node->kind, checks counts, makes params, prepares. */
int mel_node_prepare(struct mel_node *node, struct mel_err *err);

/*
 * The same for an operator that is given: params may not exist yet. The
 * node's kind is not looked at.
 */
int mel_node_prepare_as(
    struct mel_node *node, const struct mel_op *op, struct mel_err *err);

/*
 * op->infer with out cleared before it, outputs that are left out cleared
 * after it, and every shape checked. Returns 0, -1 or MEL_INFER_LATER.
 */
int mel_node_infer(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    struct mel_err *err);

/*
 * infer and forward of a prepared node. in: [node->n_in], NULL where absent,
 * with data. out: [node->n_out], becomes new tensors owned by the caller,
 * MEL_NONE where node->out is MEL_ABSENT. Of `run` the scratch is not used.
 */
int mel_node_eval(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err);

#endif
