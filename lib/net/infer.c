/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/infer.h"

#include <string.h>

#include "base/err.h"
#include "net/graph.h"
#include "net/op.h"

const struct mel_tensor *
mel_input(
    const struct mel_node *node, const struct mel_tensor *const in[], int i)
{
	return i < node->n_in ? in[i] : NULL;
}

int
mel_infer_shape(const struct mel_node *node, struct mel_tensor *out,
    enum mel_dtype dtype, int ndim, const int64_t *dim, struct mel_err *err)
{
	struct mel_err why;

	if (mel_shape_check(dtype, ndim, dim, NULL, &why))
		return mel_node_fail(node, err, "%s", why.msg);
	out->dtype = dtype;
	out->ndim = ndim;
	for (int i = 0; i < ndim; i++)
		out->dim[i] = dim[i];
	return 0;
}

void
mel_infer_like(struct mel_tensor *out, const struct mel_tensor *in)
{
	out->dtype = in->dtype;
	out->ndim = in->ndim;
	memcpy(out->dim, in->dim, sizeof(out->dim));
}

int
mel_infer_axis(const struct mel_node *node, int64_t axis, int ndim, int *out,
    struct mel_err *err)
{
	if (axis < -ndim || axis >= ndim)
		return mel_node_fail(
		    node, err, "axis %lld of %d axes", (long long)axis, ndim);
	*out = (int)(axis < 0 ? axis + ndim : axis);
	return 0;
}

int
mel_infer_ints(const struct mel_node *node, const struct mel_tensor *t,
    const char *what, int64_t *out, int *n, struct mel_err *err)
{
	size_t count = mel_tensor_count(t);

	if (t->dtype != MEL_I64 && t->dtype != MEL_I32)
		return mel_node_fail(node, err, "%s must be i64 or i32, not %s",
		    what, mel_dtype_name(t->dtype));
	if (t->ndim > 1)
		return mel_node_fail(
		    node, err, "%s has %d axes instead of one", what, t->ndim);
	if (count > (size_t)*n)
		return mel_node_fail(node, err,
		    "%s has %zu numbers, at most %d", what, count, *n);
	*n = (int)count;
	if (!count)
		return 0;
	if (!t->data)
		return MEL_INFER_LATER;
	for (size_t i = 0; i < count; i++)
		out[i] = t->dtype == MEL_I64 ? ((const int64_t *)t->data)[i]
					     : ((const int32_t *)t->data)[i];
	return 0;
}

int
mel_infer_int(const struct mel_node *node, const struct mel_tensor *t,
    const char *what, int64_t *out, struct mel_err *err)
{
	int n = 1, rc = mel_infer_ints(node, t, what, out, &n, err);

	if (!rc && n != 1)
		return mel_node_fail(node, err, "%s is empty", what);
	return rc;
}

int
mel_infer_axes(const struct mel_node *node, const struct mel_tensor *t,
    int ndim, unsigned *mask, struct mel_err *err)
{
	int64_t axes[MEL_MAX_DIMS];
	int n = MEL_MAX_DIMS, axis = 0, rc;

	rc = mel_infer_ints(node, t, "axes", axes, &n, err);
	if (rc)
		return rc;
	*mask = 0;
	for (int i = 0; i < n; i++) {
		if (mel_infer_axis(node, axes[i], ndim, &axis, err))
			return -1;
		if (*mask >> axis & 1)
			return mel_node_fail(
			    node, err, "axis %d is given twice", axis);
		*mask |= 1u << axis;
	}
	return 0;
}

int
mel_infer_type(const struct mel_node *node, enum mel_dtype dtype,
    unsigned allowed, struct mel_err *err)
{
	if (allowed >> dtype & 1)
		return 0;
	return mel_node_fail(node, err, "element type %s is not supported",
	    mel_dtype_name(dtype));
}

int64_t
mel_dims_product(const struct mel_tensor *t, int lo, int hi)
{
	int64_t n = 1;

	for (int i = lo; i < hi; i++)
		n *= t->dim[i];
	return n;
}
