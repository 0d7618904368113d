/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ELEMENTWISE_H
#define MEL_NET_ELEMENTWISE_H

#include <stddef.h>

#include "net/op.h"
#include "net/walk.h"
#include "tensor/tensor.h"

struct mel_err;
struct mel_node;

/*
 * An operator whose output element depends on one element of each input:
 * inputs of one type, broadcast; a row function for each type it knows.
 */
struct mel_elementwise {
	struct mel_op op;              /* first, so that node->op leads here */
	enum mel_dtype result;         /* MEL_NONE: the inputs' */
	size_t grain;                  /* elements worth a task */
	mel_row_fn *row[MEL_BOOL + 1]; /* by type of the inputs, or NULL */

	/* Refuses what integers cannot do, before it is done; or NULL. */
	int (*check)(const struct mel_node *node,
	    const struct mel_tensor *const in[], const struct mel_tensor *out,
	    struct mel_err *err);
};

int mel_elementwise_infer(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    struct mel_err *err);

/* One or two inputs; row->params is node->params. */
int mel_elementwise_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err);

/*
 * One or more inputs, from the left: out = f(f(in[0], in[1]), in[2]) ...; a
 * single one is copied.
 */
int mel_elementwise_fold(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err);

#endif
