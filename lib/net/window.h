/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_WINDOW_H
#define MEL_NET_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/tensor.h"

struct mel_err;
struct mel_node;

/*
 * Windows that slide along the axes behind batch and channels, as ONNX's
 * Conv, ConvTranspose and pools describe them.
 */

#define MEL_WINDOW_AXES (MEL_MAX_DIMS - 2)

/* Attributes and reach: sizes stay far from overflow, nobody needs more. */
#define MEL_WINDOW_LARGEST (1 << 24)

enum mel_window_pad {
	MEL_WINDOW_EXPLICIT, /* attribute pads */
	MEL_WINDOW_VALID,    /* none */
	MEL_WINDOW_UPPER,    /* length / stride, the odd one behind */
	MEL_WINDOW_LOWER,    /* the same, the odd one in front */
};

/* The attributes. */
struct mel_window {
	enum mel_window_pad pad;
	int axes; /* of the attributes; 0: none is given */
	int64_t lo[MEL_WINDOW_AXES], hi[MEL_WINDOW_AXES]; /* pads, >= 0 */
	int64_t stride[MEL_WINDOW_AXES];                  /* >= 1 */
	int64_t dilation[MEL_WINDOW_AXES];                /* >= 1 */
	int64_t ceil_mode; /* of pools: the last one may be cut; see axis */
};

/* One axis, for one length of the input. */
struct mel_window_axis {
	int64_t in, out;     /* lengths */
	int64_t taps, reach; /* reach = (taps - 1) dilation + 1 */
	int64_t lo, hi;      /* padding in front and behind */
	int64_t stride, dilation;
};

/* auto_pad, pads, strides, dilations, checked; ceil_mode, which pools alone
 * have, stays. */
int mel_window_read(
    const struct mel_node *node, struct mel_window *w, struct mel_err *err);

/*
 * A list of per * axes numbers, each in [min, MEL_WINDOW_LARGEST]; `min` for
 * all of out[per * MEL_WINDOW_AXES] if it is absent. Sets or checks w->axes.
 * Returns -1, or how many there are.
 */
int mel_window_list(const struct mel_node *node, struct mel_window *w,
    const char *name, int64_t min, int64_t *out, struct mel_err *err);

/*
 * Axis d of a length `in` with `taps` taps. out = (in + lo + hi - reach) /
 * stride + 1, rounded down, or up with ceil_mode, but then a window that would
 * begin behind the input and its front padding is left out.
 */
int mel_window_along(const struct mel_node *node, const struct mel_window *w,
    int d, struct mel_window_axis *axis, struct mel_err *err);

/* The padding in front along axis d depends on the length, or the number of
 * windows is no plain division of it. */
bool mel_window_varies(const struct mel_window *w, int d);

/* The next index of an array of n axes, the last one fastest. */
void mel_window_step(int64_t *index, const int64_t *dim, int n);

#endif
