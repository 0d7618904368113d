/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_CONV_H
#define MEL_NET_CONV_H

#include <stddef.h>
#include <stdint.h>

#include "net/window.h"

struct mel_err;
struct mel_kernels;
struct mel_node;
struct mel_run;
struct mel_tensor;

/*
 * What the two ways to compute ONNX Conv 11 share. X is [N, C, spatial...],
 * W is [M, C / group, kernel...], Y is [N, M, spatial...].
 */

/* The node's params. */
struct mel_conv {
	struct mel_window window;
	int64_t group; /* >= 1 */

	/* Constant weights of a convolution along one axis, packed; or NULL:
	   group after group packed, rows (tap, channel); with one channel a
	   group on both sides [taps, C]. */
	float *packed;
	size_t packed_size; /* of one group [floats] */
};

/* Axis d of node's convolution of a length `in` with `taps` taps. */
int mel_conv_axis(const struct mel_node *node, int d, int64_t in, int64_t taps,
    struct mel_window_axis *axis, struct mel_err *err);

/* prepare, bind, infer and work of Conv, for what computes it otherwise. */
int mel_conv_prepare(struct mel_node *node, struct mel_err *err);
int mel_conv_bind(struct mel_node *node,
    const struct mel_tensor *const constant[],
    const struct mel_kernels *kernels, struct mel_err *err);
int mel_conv_infer(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    struct mel_err *err);
double mel_conv_work(const struct mel_node *node,
    const struct mel_tensor *const in[], const struct mel_tensor out[]);

/* Packs constant weights with one spatial axis into params. */
int mel_conv1d_bind(struct mel_node *node, const struct mel_tensor *w,
    const struct mel_kernels *kernels, struct mel_err *err);

/*
 * The convolution along one axis with packed weights: pieces of time are
 * turned time-major, with their zeros, multiplied, and turned back.
 */
size_t mel_conv1d_scratch(const struct mel_node *node,
    const struct mel_tensor *const in[], const struct mel_tensor *out);
int mel_conv1d_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor *out,
    const struct mel_run *run, struct mel_err *err);

#endif
