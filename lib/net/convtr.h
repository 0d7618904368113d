/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_CONVTR_H
#define MEL_NET_CONVTR_H

#include <stddef.h>
#include <stdint.h>

#include "net/window.h"

struct mel_err;
struct mel_kernels;
struct mel_node;
struct mel_run;
struct mel_tensor;

/*
 * What the two ways to compute ONNX ConvTranspose 11 share. X is [N, C,
 * spatial...], W is [C, M / group, kernel...], Y is [N, M, spatial...]:
 * input frame i adds x[i] w[tap] to output frame i stride + tap dilation - lo.
 */

/* The node's params. */
struct mel_convtr {
	struct mel_window window;
	int64_t group;
	int64_t more[MEL_WINDOW_AXES];   /* output_padding, >= 0 */
	int64_t length[MEL_WINDOW_AXES]; /* output_shape; 0: not given */

	/* Constant weights with one spatial axis, packed; or NULL: for each
	   group and each phase a packed matrix, rows (tap, channel), taps from
	   the last to the first. */
	float *packed;
	size_t packed_size; /* of one group [floats] */
};

/* Axis d of node for inputs of these shapes. */
int mel_convtr_axis(const struct mel_node *node, int d,
    const struct mel_tensor *const in[], struct mel_window_axis *axis,
    struct mel_err *err);

/*
 * One axis with packed weights. Output frames with the same (o + lo) mod
 * stride, a phase, take the same taps: each phase is a product along time, and
 * an output frame is one chain whatever else is computed.
 */
int mel_convtr1d_bind(struct mel_node *node, const struct mel_tensor *w,
    const struct mel_kernels *kernels, struct mel_err *err);
size_t mel_convtr1d_scratch(const struct mel_node *node,
    const struct mel_tensor *const in[], const struct mel_tensor *out);
int mel_convtr1d_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor *out,
    const struct mel_run *run, struct mel_err *err);

#endif
