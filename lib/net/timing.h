/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_TIMING_H
#define MEL_NET_TIMING_H

#include <stdbool.h>
#include <stdint.h>

#include "net/op.h"
#include "net/reach.h"
#include "tensor/tensor.h"

struct mel_node;
struct mel_window_axis;

/*
 * Time rules: which rows of its inputs an operator needs for a row of its
 * outputs. net/timeline.h follows time through a graph; for each node it asks
 * op->time, telling where time is, and checks the lengths that follow from the
 * answer against those that the shape rule gives.
 */

/* A question and its answer. */
struct mel_timing {
	const struct mel_node *node;
	int trials; /* >= 2 */
	/*
	 * [trial][n_in], [trial][n_out] shapes at each of the lengths; NULL or
	 * dtype MEL_NONE if absent. Data is there if it follows from shapes
	 * alone.
	 */
	const struct mel_tensor *const *in[MEL_TIME_TRIALS];
	const struct mel_tensor *out[MEL_TIME_TRIALS];
	const int *in_axis;  /* [n_in] the axis that grows, or MEL_AXIS_... */
	const int *out_axis; /* [n_out] */

	struct mel_reach *reach; /* [n_in] preset to the same row; to be set
				    for WINDOW */
	unsigned lengths; /* to be set: bit i: input i may follow the length
			     of the stream, its data is then used as if it
			     were right for any part */

	/*
	 * For WINDOW, of rows behind the end of the stream, which tensors of
	 * fixed length have: what they must hold so that the rows before them
	 * come out as if there were none. Preset to 0.
	 */
	float blank;
	bool no_blank; /* to be set: nothing does, rows are shown again */
};

/* Input i is there and has one time axis. */
bool mel_time_has(const struct mel_timing *t, int i);

/* Only input 0 has a time axis. */
bool mel_time_alone(const struct mel_timing *t);

/* The rules that several families have. */

/* Axes aligned at the last one: elementwise. */
enum mel_time_kind mel_time_broadcast(struct mel_timing *t);

/* The outputs have the axes of input 0: Softmax along another axis. */
enum mel_time_kind mel_time_same(struct mel_timing *t);

/* The same data in another shape: Reshape. Rows may be joined or cut. */
enum mel_time_kind mel_time_alias(struct mel_timing *t);

/* An output axis is repeated to any length: Expand, ConstantOfShape. */
enum mel_time_kind mel_time_fill(struct mel_timing *t);

/*
 * Axes of input 0 in `mask` (bit d) are computed away, or are to be if time
 * is not among them; they stay with length 1 (keep) or go.
 */
enum mel_time_kind mel_time_reduce(
    struct mel_timing *t, unsigned mask, bool keep);

/* Windows along the axis, padded with nothing or zeros; input 0. */
enum mel_time_kind mel_time_window(
    struct mel_timing *t, const struct mel_window_axis *axis);

/*
 * The axis that a window operator sees when it makes a part: lo is the
 * padding that is left in front of the rows given, hi that behind them.
 */
void mel_part_window(
    const struct mel_part *part, struct mel_window_axis *axis, int64_t out);

/* The same where windows are written, not read (ConvTranspose). */
void mel_part_spread(
    const struct mel_part *part, struct mel_window_axis *axis, int64_t out);

#endif
