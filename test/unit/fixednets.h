/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef FIXEDNETS_H
#define FIXEDNETS_H

#include <stdlib.h>

#include "onnxfile.h"

/*
 * Small networks that are laid into programs of fixed length, rows of 4
 * floats unless it says otherwise:
 *
 *	trap.onnx   [1, 1, time]: conv of ones, bias 1, relu, twice: the pads
 *	            of the first layer do not stay zero
 *	deep.onnx   [1, 4, time]: conv k 5, conv k 3 with a residual, max pool
 *	up.onnx     conv k 3, transposed conv of stride 2, conv k 3: twice
 *	            the rows
 *	down.onnx   conv k 3, conv k 4 of stride 2: half the rows
 *	plus.onnx   pads with 2 on both sides, conv k 3 without padding
 *	mean.onnx   the mean over time beside each row
 *	held.onnx   mask [1, time]: the same, which the mask keeps right
 *	echo.onnx   reflects its ends
 *	scan.onnx   sums all rows so far
 *	thin.onnx   the same with four axes of length 1 behind time
 */

#define NET_WIDTH 4

static const char *net_dir; /* where they are written */

struct net {
	struct mel_buf g;
	int n_weights;
};

static inline void
net_weights(struct net *n, const char *name, int rank, const int64_t *dim)
{
	size_t count = 1;
	float *w;

	for (int i = 0; i < rank; i++)
		count *= (size_t)dim[i];
	w = calloc(count, sizeof(*w));
	for (size_t i = 0; i < count; i++)
		w[i] = (float)(int)((i * 29 + (size_t)n->n_weights * 13) % 23) /
			   32 -
		       0.34f;
	n->n_weights++;
	add_init(&n->g, name, PB_F32, rank, dim, w, count * sizeof(*w));
	free(w);
}

/* A convolution with bias that keeps the number of rows, or halves it. */
static inline void
net_conv(
    struct net *n, const char *in, const char *out, int64_t k, int64_t stride)
{
	int64_t dim[3] = {NET_WIDTH, NET_WIDTH, k},
		pads[2] = {(k - 1) / 2, k / 2};
	struct mel_buf attrs = {0};
	char w[16], b[16], list[64];

	snprintf(w, sizeof(w), "w%d", n->n_weights);
	snprintf(b, sizeof(b), "b%d", n->n_weights);
	snprintf(list, sizeof(list), "%s %s %s", in, w, b);
	net_weights(n, w, 3, dim);
	net_weights(n, b, 1, dim);
	if (stride > 1) {
		pads[0] = pads[1] = 1;
		attrs = attr_ints(attrs, "strides", &stride, 1);
	}
	add_node(&n->g, "Conv", list, out, attr_ints(attrs, "pads", pads, 2));
}

static inline void
net_save(struct net *n, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s.onnx", net_dir, name);
	save_model(path, &n->g, 13);
}

static inline struct net
net_new(int64_t width)
{
	int64_t dim[3] = {1, width, -1};
	struct net n = {.n_weights = 0};

	add_io(&n.g, 11, "x", PB_F32, 3, dim);
	add_io(&n.g, 12, "y", PB_F32, 3, dim);
	return n;
}

static inline void
net_trap(void)
{
	static const float ones[3] = {1, 1, 1};
	int64_t dim[3] = {1, 1, 3}, pads[2] = {1, 1};
	struct mel_buf none = {0};
	struct net n = net_new(1);

	add_init(&n.g, "w", PB_F32, 3, dim, ones, sizeof(ones));
	add_init(&n.g, "b", PB_F32, 1, dim, ones, sizeof(*ones));
	add_node(&n.g, "Conv", "x w b", "p", attr_ints(none, "pads", pads, 2));
	add_node(&n.g, "Relu", "p", "q", none);
	add_node(&n.g, "Conv", "q w b", "r", attr_ints(none, "pads", pads, 2));
	add_node(&n.g, "Relu", "r", "y", none);
	net_save(&n, "trap");
}

static inline void
net_deep(void)
{
	int64_t kernel = 3, pads[2] = {1, 1};
	struct mel_buf none = {0};
	struct net n = net_new(NET_WIDTH);

	net_conv(&n, "x", "p", 5, 1);
	add_node(&n.g, "Tanh", "p", "q", none);
	net_conv(&n, "q", "r", 3, 1);
	add_node(&n.g, "Add", "r q", "s", none);
	add_node(&n.g, "MaxPool", "s", "y",
	    attr_ints(
		attr_ints(none, "kernel_shape", &kernel, 1), "pads", pads, 2));
	net_save(&n, "deep");
}

static inline void
net_up(void)
{
	int64_t dim[3] = {NET_WIDTH, NET_WIDTH, 4}, pads[2] = {1, 1},
		stride = 2;
	struct mel_buf none = {0};
	struct net n = net_new(NET_WIDTH);

	net_conv(&n, "x", "p", 3, 1);
	net_weights(&n, "up", 3, dim);
	add_node(&n.g, "ConvTranspose", "p up", "q",
	    attr_ints(attr_ints(none, "strides", &stride, 1), "pads", pads, 2));
	add_node(&n.g, "Relu", "q", "r", none);
	net_conv(&n, "r", "y", 3, 1);
	net_save(&n, "up");
	n = net_new(NET_WIDTH);
	net_conv(&n, "x", "p", 3, 1);
	add_node(&n.g, "Tanh", "p", "q", none);
	net_conv(&n, "q", "y", 4, 2);
	net_save(&n, "down");
}

/* So many twos before and behind, then a convolution. */
static inline void
net_padded(const char *name, int64_t before, int64_t behind, int64_t taps)
{
	int64_t dim[3] = {NET_WIDTH, NET_WIDTH, taps};
	const int64_t pads[6] = {0, 0, before, 0, 0, behind};
	struct mel_buf none = {0};
	struct net n = net_new(NET_WIDTH);
	float two = 2;

	add_init_i64(&n.g, "pads", pads, 6);
	add_init(&n.g, "two", PB_F32, 0, NULL, &two, sizeof(two));
	net_weights(&n, "w", 3, dim);
	add_node(&n.g, "Pad", "x pads two", "p", none);
	add_node(&n.g, "Conv", "p w", "y", none);
	net_save(&n, name);
}

/* Differences of neighbours, and zeros behind them. */
static inline void
net_delta(void)
{
	const int64_t from[2] = {1, 0}, to[2] = {INT64_MAX, -1}, axis = 2;
	int64_t step[3] = {1, NET_WIDTH, 1};
	static const float zero[NET_WIDTH];
	struct mel_buf none = {0};
	struct net n = net_new(NET_WIDTH);

	add_init_i64(&n.g, "one", from, 1);
	add_init_i64(&n.g, "none", from + 1, 1);
	add_init_i64(&n.g, "end", to, 1);
	add_init_i64(&n.g, "last", to + 1, 1);
	add_init_i64(&n.g, "axis", &axis, 1);
	add_init(&n.g, "zero", PB_F32, 3, step, zero, sizeof(zero));
	add_node(&n.g, "Slice", "x one end axis", "a", none);
	add_node(&n.g, "Slice", "x none last axis", "b", none);
	add_node(&n.g, "Sub", "a b", "c", none);
	add_node(&n.g, "Concat", "c zero", "y", attr_int(none, "axis", axis));
	net_save(&n, "delta");
}

/* What needs all of time, masked or not; what shows its ends again. */
static inline void
net_whole(void)
{
	const int64_t pads[6] = {0, 0, 2, 0, 0, 2}, two = 2, mask[2] = {1, -1};
	const int64_t behind[4] = {3, 4, 5, 6};
	int64_t dim[3] = {NET_WIDTH, NET_WIDTH, 5};
	struct mel_buf none = {0};
	struct net n = net_new(NET_WIDTH);

	add_node(
	    &n.g, "ReduceMean", "x", "m", attr_ints(none, "axes", &two, 1));
	add_node(&n.g, "Add", "x m", "y", none);
	net_save(&n, "mean");
	n = net_new(NET_WIDTH);
	add_io(&n.g, 11, "mask", PB_F32, 2, mask);
	add_node(&n.g, "Mul", "x mask", "p", none);
	add_node(&n.g, "ReduceSum", "mask", "steps", none);
	add_init_i64(&n.g, "two", &two, 1);
	add_node(&n.g, "ReduceSum", "p two", "sum", none);
	add_node(&n.g, "Div", "sum steps", "m", none);
	add_node(&n.g, "Add", "p m", "y", none);
	net_save(&n, "held");
	n = net_new(NET_WIDTH);
	add_init_i64(&n.g, "pads", pads, 6);
	net_weights(&n, "w", 3, dim);
	add_node(&n.g, "Pad", "x pads", "p", attr_str(none, "mode", "reflect"));
	add_node(&n.g, "Conv", "p w", "y", none);
	net_save(&n, "echo");
	n = net_new(NET_WIDTH);
	add_init_i64(&n.g, "two", &two, 1);
	add_node(&n.g, "CumSum", "x two", "y", none);
	net_save(&n, "scan");
	n = net_new(NET_WIDTH);
	add_init_i64(&n.g, "two", &two, 1);
	add_init_i64(&n.g, "behind", behind, 4);
	add_node(&n.g, "Unsqueeze", "x behind", "p", none);
	add_node(&n.g, "CumSum", "p two", "q", none);
	add_node(&n.g, "Squeeze", "q behind", "y", none);
	net_save(&n, "thin");
}

static inline void
fixed_networks(const char *dir)
{
	net_dir = dir;
	net_trap();
	net_deep();
	net_up();
	net_padded("plus", 1, 1, 3);
	net_padded("tail", 0, 3, 4);
	net_delta();
	net_whole();
}

#define FIXED_NETWORKS                                                         \
	"networks:\n"                                                          \
	"  trap: {file: trap.onnx}\n"                                          \
	"  trap_unmasked: {file: trap.onnx, masks: model}\n"                   \
	"  deep: {file: deep.onnx}\n"                                          \
	"  up: {file: up.onnx}\n"                                              \
	"  down: {file: down.onnx}\n"                                          \
	"  plus: {file: plus.onnx}\n"                                          \
	"  tail: {file: tail.onnx}\n"                                          \
	"  delta: {file: delta.onnx}\n"                                        \
	"  mean: {file: mean.onnx}\n"                                          \
	"  held: {file: held.onnx, masks: model,\n"                            \
	"    inputs: {mask: {role: mask}}}\n"                                  \
	"  echo: {file: echo.onnx}\n"                                          \
	"  scan: {file: scan.onnx}\n"                                          \
	"  thin: {file: thin.onnx}\n"

#endif
