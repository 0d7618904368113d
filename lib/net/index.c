/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/index.h"

#include "net/graph.h"
#include "net/infer.h"
#include "net/walk.h"

int64_t
mel_index_at(const struct mel_tensor *t, size_t i)
{
	return t->dtype == MEL_I64 ? ((const int64_t *)t->data)[i]
				   : ((const int32_t *)t->data)[i];
}

int64_t
mel_index_in(const struct mel_tensor *t, size_t i, int64_t n)
{
	int64_t at = mel_index_at(t, i);

	return at < 0 ? at + n : at;
}

static int
out_of_range(
    const struct mel_node *node, int64_t at, int64_t n, struct mel_err *err)
{
	return mel_node_fail(
	    node, err, "index %lld of %lld", (long long)at, (long long)n);
}

int
mel_index_check(const struct mel_node *node, const struct mel_tensor *t,
    int64_t n, struct mel_err *err)
{
	size_t count = mel_tensor_count(t);

	for (size_t i = 0; i < count; i++) {
		int64_t at = mel_index_at(t, i);

		if (at < -n || at >= n)
			return out_of_range(node, at, n, err);
	}
	return 0;
}

int
mel_index_type(const struct mel_node *node, const struct mel_tensor *t,
    struct mel_err *err)
{
	if (t->dtype == MEL_I64 || t->dtype == MEL_I32)
		return 0;
	return mel_node_fail(node, err, "indices must be i64 or i32, not %s",
	    mel_dtype_name(t->dtype));
}

int
mel_tuples_init(struct mel_tuples *tuples, const struct mel_node *node,
    const struct mel_tensor *data, const struct mel_tensor *t, int batch,
    struct mel_err *err)
{
	int last = t->ndim - 1;

	*tuples = (struct mel_tuples){.t = t, .data = data, .batch = batch};
	if (mel_index_type(node, t, err))
		return -1;
	if (batch < 0 || batch > last || batch > data->ndim)
		return mel_node_fail(
		    node, err, "batch_dims = %d does not fit", batch);
	for (int i = 0; i < batch; i++) {
		if (t->dim[i] != data->dim[i])
			return mel_node_fail(node, err,
			    "batch axis %d has lengths %lld and %lld", i,
			    (long long)data->dim[i], (long long)t->dim[i]);
	}
	if (t->dim[last] > data->ndim - batch)
		return mel_node_fail(node, err,
		    "tuples of %lld indices for %d axes",
		    (long long)t->dim[last], data->ndim - batch);
	tuples->len = (int)t->dim[last];
	tuples->count = (size_t)mel_dims_product(t, 0, last);
	tuples->per_batch = (size_t)mel_dims_product(t, batch, last);
	tuples->slice =
	    (size_t)mel_dims_product(data, batch + tuples->len, data->ndim);
	mel_strides(data->ndim, data->dim, tuples->stride);
	return 0;
}

int64_t
mel_tuples_offset(const struct mel_tuples *tuples, const struct mel_node *node,
    size_t i, struct mel_err *err)
{
	const int64_t *stride = tuples->stride + tuples->batch;
	const int64_t *dim = tuples->data->dim + tuples->batch;
	int64_t offset = 0;

	if (tuples->batch)
		offset = (int64_t)(i / tuples->per_batch) *
			 tuples->stride[tuples->batch - 1];
	for (int d = 0; d < tuples->len; d++) {
		size_t k = i * (size_t)tuples->len + (size_t)d;
		int64_t at = mel_index_at(tuples->t, k);

		if (at < -dim[d] || at >= dim[d])
			return out_of_range(node, at, dim[d], err);
		offset += (at < 0 ? at + dim[d] : at) * stride[d];
	}
	return offset;
}
