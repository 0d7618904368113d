/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "net/op.h"
#include "net/ops.h"

static const struct mel_op *const *const families[] = {
    mel_ops_arith,
    mel_ops_unary,
    mel_ops_act,
    mel_ops_logic,
    mel_ops_cast,
    mel_ops_shape,
    mel_ops_move,
    mel_ops_slice,
    mel_ops_pad,
    mel_ops_gather,
    mel_ops_scatter,
    mel_ops_select,
    mel_ops_reduce,
    mel_ops_fill,
    mel_ops_scan,
    mel_ops_conv,
    mel_ops_rows,
    mel_ops_matmul,
    mel_ops_norm,
    mel_ops_softmax,
    mel_ops_pool,
    mel_ops_convtr,
    mel_ops_rnn,
    mel_ops_resize,
    mel_ops_einsum,
    mel_ops_spectral,
    mel_ops_random,
    mel_ops_group,
    mel_ops_index,
    mel_ops_control,
    mel_ops_sequence,
};

#define N_FAMILIES (sizeof(families) / sizeof(families[0]))

const struct mel_op *
mel_op_find(const char *name)
{
	for (size_t f = 0; f < N_FAMILIES; f++) {
		for (const struct mel_op *const *op = families[f]; *op; op++) {
			if (!strcmp((*op)->name, name))
				return *op;
		}
	}
	return NULL;
}

const struct mel_op *
mel_op_next(const struct mel_op *op)
{
	const struct mel_op *best = NULL;

	for (size_t f = 0; f < N_FAMILIES; f++) {
		for (const struct mel_op *const *o = families[f]; *o; o++) {
			if (op && strcmp((*o)->name, op->name) <= 0)
				continue;
			if (!best || strcmp((*o)->name, best->name) < 0)
				best = *o;
		}
	}
	return best;
}
