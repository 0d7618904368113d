/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_RNN_H
#define MEL_NET_RNN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

struct mel_err;
struct mel_kernels;
struct mel_node;

/*
 * What LSTM, GRU and RNN of ONNX 14 share: the attributes, the weights of one
 * direction, and the activations. Inputs are X, W, R, B, sequence_lens,
 * initial_h, initial_c (LSTM), P (LSTM).
 */

enum mel_rnn_function {
	MEL_RNN_SIGMOID,
	MEL_RNN_TANH,
	MEL_RNN_RELU,
	MEL_RNN_AFFINE,
	MEL_RNN_LEAKY,
	MEL_RNN_THRESHOLDED,
	MEL_RNN_SCALED_TANH,
	MEL_RNN_HARD_SIGMOID,
	MEL_RNN_ELU,
	MEL_RNN_SOFTSIGN,
	MEL_RNN_SOFTPLUS,
};

struct mel_rnn_activation {
	enum mel_rnn_function function;
	float alpha, beta;
};

#define MEL_RNN_INPUTS 8

/* The node's params. */
struct mel_rnn {
	int gates;        /* 4, 3 or 1: LSTM, GRU, RNN */
	int functions;    /* activations of a direction: 3, 2 or 1 */
	int directions;   /* 1 or 2 */
	bool backward;    /* the first direction runs from the end */
	bool batch_first; /* attribute layout */
	int64_t hidden;   /* 0: as R says */
	int64_t linear_before_reset, input_forget;
	float clip; /* of what goes into activations; 0: no clipping */
	struct mel_rnn_activation activation[2][3];

	/* Constant W and R, packed; or NULL. packed_size floats for
	   each direction: see mel_rnn_weights. */
	float *packed;
	size_t packed_size;
};

/* Attributes to params. */
int mel_rnn_read(struct mel_node *node, struct mel_err *err);

/* y[i] = f(clipped x[i]); y may be x. x is clipped in place. */
void mel_rnn_activate(const struct mel_rnn *p,
    const struct mel_rnn_activation *a, const struct mel_kernels *kernels,
    float *y, float *x, size_t n);

/* The packed matrices of one direction. */
struct mel_rnn_weights {
	const float *w; /* [input, gates * hidden] */
	const float *r; /* [hidden, gates * hidden]; GRU: the first two gates */
	const float *h; /* GRU: [hidden, hidden] of the third one */
};

/* Upper bound for one direction [floats]; the same for each machine. */
size_t mel_rnn_bound(const struct mel_rnn *p, size_t input, size_t hidden);

/*
 * Packs direction d of W [directions, gates * hidden, input] and R
 * [directions, gates * hidden, hidden] into `to`, of mel_rnn_bound floats.
 */
struct mel_rnn_weights mel_rnn_pack(const struct mel_rnn *p,
    const struct mel_tensor *w, const struct mel_tensor *r, int d, float *to,
    const struct mel_kernels *kernels);

/* Where mel_rnn_pack has put them. */
struct mel_rnn_weights mel_rnn_packed(
    const struct mel_rnn *p, size_t input, size_t hidden, const float *at);

/* See op->work. in: X, W and R. */
double mel_rnn_work(const struct mel_node *node,
    const struct mel_tensor *const in[], const struct mel_tensor out[]);

#endif
