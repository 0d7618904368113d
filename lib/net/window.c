/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/window.h"

#include <string.h>

#include "net/graph.h"

static int
read_pad(
    const struct mel_node *node, enum mel_window_pad *pad, struct mel_err *err)
{
	static const char *const names[] = {
	    [MEL_WINDOW_EXPLICIT] = "NOTSET",
	    [MEL_WINDOW_VALID] = "VALID",
	    [MEL_WINDOW_UPPER] = "SAME_UPPER",
	    [MEL_WINDOW_LOWER] = "SAME_LOWER",
	};
	const char *text;

	if (mel_attr_string(node, "auto_pad", "NOTSET", &text, err))
		return -1;
	for (int i = 0; i < 4; i++) {
		if (!strcmp(text, names[i])) {
			*pad = (enum mel_window_pad)i;
			return 0;
		}
	}
	return mel_node_fail(node, err, "auto_pad = %s", text);
}

int
mel_window_list(const struct mel_node *node, struct mel_window *w,
    const char *name, int64_t min, int64_t *out, struct mel_err *err)
{
	size_t per = strcmp(name, "pads") ? 1 : 2, n;
	const int64_t *value;

	for (size_t i = 0; i < per * MEL_WINDOW_AXES; i++)
		out[i] = min;
	if (mel_attr_ints(node, name, &value, &n, err))
		return -1;
	if (!value)
		return 0;
	if (!n || n % per || n / per > MEL_WINDOW_AXES ||
	    (w->axes && (size_t)w->axes != n / per))
		return mel_node_fail(node, err, "%s has %zu numbers", name, n);
	w->axes = (int)(n / per);
	for (size_t i = 0; i < n; i++) {
		if (value[i] < min || value[i] > MEL_WINDOW_LARGEST)
			return mel_node_fail(
			    node, err, "%s: %lld", name, (long long)value[i]);
		out[i] = value[i];
	}
	return (int)n;
}

int
mel_window_read(
    const struct mel_node *node, struct mel_window *w, struct mel_err *err)
{
	int64_t pads[2 * MEL_WINDOW_AXES];

	if (read_pad(node, &w->pad, err) ||
	    mel_window_list(node, w, "strides", 1, w->stride, err) < 0 ||
	    mel_window_list(node, w, "dilations", 1, w->dilation, err) < 0 ||
	    mel_window_list(node, w, "pads", 0, pads, err) < 0)
		return -1;
	/* All begins, then all ends. */
	for (int d = 0; d < w->axes; d++) {
		w->lo[d] = pads[d];
		w->hi[d] = pads[w->axes + d];
	}
	return 0;
}

/* Windows along an axis whose padding is known. */
static int64_t
count_windows(const struct mel_window_axis *a, bool up)
{
	int64_t room = a->in + a->lo + a->hi - a->reach, n;

	if (room < 0)
		return 0;
	n = room / a->stride + 1;
	if (up && room % a->stride && n * a->stride < a->in + a->lo)
		n++;
	return n;
}

int
mel_window_along(const struct mel_node *node, const struct mel_window *w, int d,
    struct mel_window_axis *axis, struct mel_err *err)
{
	int64_t pads;

	axis->lo = w->lo[d];
	axis->hi = w->hi[d];
	axis->stride = w->stride[d];
	axis->dilation = w->dilation[d];
	if (axis->taps < 1 || axis->taps > INT32_MAX)
		return mel_node_fail(
		    node, err, "a kernel of %lld taps", (long long)axis->taps);
	axis->reach = (axis->taps - 1) * axis->dilation + 1;
	if (axis->reach > MEL_WINDOW_LARGEST)
		return mel_node_fail(node, err,
		    "a kernel that reaches over %lld frames",
		    (long long)axis->reach);
	if (w->pad == MEL_WINDOW_UPPER || w->pad == MEL_WINDOW_LOWER) {
		axis->out =
		    axis->in / axis->stride + (axis->in % axis->stride != 0);
		pads = (axis->out - 1) * axis->stride + axis->reach - axis->in;
		if (pads < 0)
			pads = 0;
		axis->lo = (pads + (w->pad == MEL_WINDOW_LOWER)) / 2;
		axis->hi = pads - axis->lo;
		return 0;
	}
	if (w->pad == MEL_WINDOW_VALID)
		axis->lo = axis->hi = 0;
	axis->out = count_windows(axis, w->ceil_mode);
	return 0;
}

bool
mel_window_varies(const struct mel_window *w, int d)
{
	bool same = w->pad == MEL_WINDOW_UPPER || w->pad == MEL_WINDOW_LOWER;

	return w->stride[d] > 1 && (same || w->ceil_mode);
}

void
mel_window_step(int64_t *index, const int64_t *dim, int n)
{
	while (n-- > 0 && ++index[n] == dim[n])
		index[n] = 0;
}
