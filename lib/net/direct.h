/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_DIRECT_H
#define MEL_NET_DIRECT_H

#include <stdbool.h>
#include <stddef.h>

#include "net/window.h"

struct mel_run;
struct mel_tensor;

/*
 * Conv 11 and ConvTranspose 11 along any number of axes, output by output:
 * bias, then taps, then the channels of the group, ascending. f32 only.
 */
struct mel_direct {
	const struct mel_tensor *x; /* [N, groups * channels, spatial...] */
	const struct mel_tensor *w; /* either order of filters and channels */
	const struct mel_tensor *y; /* [N, groups * filters, spatial...] */
	const float *bias;          /* [groups * filters], or NULL */
	size_t channels;            /* of x in a group */
	size_t filters;             /* of y in a group */
	struct mel_window_axis axis[MEL_WINDOW_AXES]; /* one a spatial axis */

	/*
	 * false: w is [groups * filters, channels, kernel...] and windows
	 * slide over x; true: w is [groups * channels, filters, kernel...]
	 * and slide over y.
	 */
	bool transposed;
};

/* Writes y, which has elements; spread over run's pool by channels. */
void mel_direct_run(const struct mel_direct *direct, const struct mel_run *run);

#endif
