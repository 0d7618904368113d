/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ATTENTION_SIZES_H
#define MEL_NET_ATTENTION_SIZES_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

struct mel_err;
struct mel_node;

/* Inputs of the node. */
enum {
	MEL_ATTENTION_Q,
	MEL_ATTENTION_K,
	MEL_ATTENTION_V,
	MEL_ATTENTION_OPERANDS /* of the steps, from here on */
};

/* The shapes of attention; all operands are aligned at the last axis. */
struct mel_attention_sizes {
	int ndim;
	int64_t score[MEL_MAX_DIMS];     /* [batch ..., rows, keys] */
	int64_t out[MEL_MAX_DIMS];       /* [batch ..., rows, width] */
	size_t rows, keys, depth, width; /* elements of the axes */
	size_t batch; /* product of the output's batch axes */
};

/*
 * From the inputs' shapes; data is not looked at. Fails unless all of them fit
 * together.
 */
int mel_attention_sizes(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_attention_sizes *s,
    struct mel_err *err);

#endif
