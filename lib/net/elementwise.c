/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/elementwise.h"

#include <string.h>

#include "net/broadcast.h"
#include "net/graph.h"
#include "net/infer.h"

static const struct mel_elementwise *
elementwise(const struct mel_node *node)
{
	return (const struct mel_elementwise *)node->op;
}

int
mel_elementwise_infer(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    struct mel_err *err)
{
	const struct mel_elementwise *e = elementwise(node);
	enum mel_dtype dtype = in[0]->dtype;
	int64_t dim[MEL_MAX_DIMS];
	int ndim;

	if (dtype > MEL_BOOL || !e->row[dtype])
		return mel_infer_type(node, dtype, 0, err);
	for (int i = 1; i < node->n_in; i++) {
		if (!in[i])
			return mel_node_fail(
			    node, err, "input %d is missing", i);
		if (in[i]->dtype != dtype)
			return mel_node_fail(node, err,
			    "inputs of different types: %s and %s",
			    mel_dtype_name(dtype),
			    mel_dtype_name(in[i]->dtype));
	}
	if (mel_broadcast_dims(node, in, node->n_in, &ndim, dim, err))
		return -1;
	return mel_infer_shape(
	    node, &out[0], e->result ? e->result : dtype, ndim, dim, err);
}

int
mel_elementwise_forward(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	const struct mel_elementwise *e = elementwise(node);

	if (e->check && e->check(node, in, &out[0], err))
		return -1;
	mel_broadcast_run(&out[0], in, node->n_in,
	    &(struct mel_loop){e->row[in[0]->dtype], node->params, e->grain},
	    run);
	return 0;
}

int
mel_elementwise_fold(const struct mel_node *node,
    const struct mel_tensor *const in[], struct mel_tensor out[],
    const struct mel_run *run, struct mel_err *err)
{
	const struct mel_elementwise *e = elementwise(node);
	const struct mel_tensor *pair[2] = {in[0], NULL};
	size_t bytes = mel_tensor_bytes(&out[0]);

	(void)err;
	if (node->n_in == 1 && bytes && out[0].data != in[0]->data)
		memcpy(out[0].data, in[0]->data, bytes);
	for (int i = 1; i < node->n_in; i++) {
		pair[1] = in[i];
		mel_broadcast_run(&out[0], pair, 2,
		    &(struct mel_loop){
			e->row[in[0]->dtype], node->params, e->grain},
		    run);
		pair[0] = &out[0];
	}
	return 0;
}
