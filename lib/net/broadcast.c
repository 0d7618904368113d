/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/broadcast.h"

static int
misfit(const struct mel_node *node, const struct mel_tensor *a,
    const struct mel_tensor *b, struct mel_err *err)
{
	char s[128], t[128];

	return mel_node_fail(node, err, "%s and %s do not broadcast",
	    mel_shape_text(a, s, sizeof(s)), mel_shape_text(b, t, sizeof(t)));
}

int
mel_broadcast_dims(const struct mel_node *node,
    const struct mel_tensor *const in[], int n, int *ndim,
    int64_t dim[MEL_MAX_DIMS], struct mel_err *err)
{
	struct mel_tensor sum = {0};

	for (int k = 0; k < n; k++) {
		if (in[k] && in[k]->ndim > sum.ndim)
			sum.ndim = in[k]->ndim;
	}
	for (int i = 0; i < sum.ndim; i++)
		sum.dim[i] = 1;
	for (int k = 0; k < n; k++) {
		int lead = in[k] ? sum.ndim - in[k]->ndim : 0;

		for (int i = 0; in[k] && i < in[k]->ndim; i++) {
			int64_t len = in[k]->dim[i], *to = &sum.dim[lead + i];

			sum.dtype = in[k]->dtype;
			if (len != *to && len != 1 && *to != 1)
				return misfit(node, &sum, in[k], err);
			if (len != 1)
				*to = len;
		}
	}
	*ndim = sum.ndim;
	for (int i = 0; i < sum.ndim; i++)
		dim[i] = sum.dim[i];
	return 0;
}

void
mel_broadcast_strides(const struct mel_tensor *t, int ndim, int64_t *stride)
{
	int64_t own[MEL_MAX_DIMS];
	int lead = ndim - t->ndim;

	mel_strides(t->ndim, t->dim, own);
	for (int i = 0; i < ndim; i++)
		stride[i] =
		    i < lead || t->dim[i - lead] == 1 ? 0 : own[i - lead];
}

void
mel_broadcast_run(const struct mel_tensor *out,
    const struct mel_tensor *const in[], int n, const struct mel_loop *loop,
    const struct mel_run *run)
{
	struct mel_walk walk = {.ndim = out->ndim};
	int64_t stride[MEL_MAX_DIMS];

	for (int i = 0; i < out->ndim; i++)
		walk.dim[i] = out->dim[i];
	mel_strides(out->ndim, out->dim, stride);
	mel_walk_add(&walk, out, 0, stride);
	for (int k = 0; k < n; k++) {
		mel_broadcast_strides(in[k], out->ndim, stride);
		mel_walk_add(&walk, in[k], 0, stride);
	}
	mel_walk_run(&walk, loop, run);
}
