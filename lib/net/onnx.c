/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/onnx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/graph.h"
#include "net/onnx_graph.h"
#include "net/onnx_node.h"
#include "net/weights.h"
#include "net/wire.h"
#include "onnx.pb-c.h"
#include "tensor/tensor.h"

static int
load_graph(struct mel_model *model, const Onnx__ModelProto *proto, int opset,
    struct mel_err *err)
{
	struct mel_source source = {&model->weights, proto, 0};

	model->graph = mel_alloc(1, sizeof(*model->graph), err);
	if (!model->graph)
		return -1;
	return mel_onnx_load(model->graph, &source, opset, err);
}

static int
find_opset(struct mel_model *model, const Onnx__ModelProto *proto, int *opset,
    struct mel_err *err)
{
	int64_t version = 0;

	for (size_t i = 0; i < proto->n_opset_import; i++) {
		const Onnx__OperatorSetIdProto *o = proto->opset_import[i];

		if (mel_onnx_is_standard(o->domain))
			version = o->version;
	}
	if (version < MEL_MIN_OPSET || version > MEL_MAX_OPSET) {
		model->weights.foreign = true;
		return mel_fail(err, "opset %lld: %d to %d are supported",
		    (long long)version, MEL_MIN_OPSET, MEL_MAX_OPSET);
	}
	*opset = (int)version;
	return 0;
}

static int
load(struct mel_model *model, struct mel_err *err)
{
	const struct mel_map *map = &model->weights.map;
	struct mel_buf copy = {0};
	Onnx__ModelProto *proto = NULL;
	int rc = -1, opset = 0;

	if (!mel_wire_scan(map->data, map->len, MEL_WIRE_MODEL, &copy, err)) {
		errno = 0;
		proto = onnx__model_proto__unpack(
		    NULL, copy.len, (const uint8_t *)copy.data);
		if (!proto)
			mel_fail_library(err, "not an ONNX model");
	}
	mel_buf_free(&copy);
	if (!proto)
		return -1;
	if (!proto->graph)
		mel_fail(err, "not an ONNX model: no graph");
	else if (!find_opset(model, proto, &opset, err))
		rc = load_graph(model, proto, opset, err);
	onnx__model_proto__free_unpacked(proto, NULL);
	return rc;
}

int
mel_model_open(struct mel_model *model, const char *path, struct mel_err *err)
{
	*model = (struct mel_model){0};
	if (mel_weights_open(&model->weights, path, err))
		return -1;
	if (!load(model, err))
		return 0;
	mel_model_close(model);
	return mel_fail_in(err, "%s", path);
}

void
mel_model_close(struct mel_model *model)
{
	bool foreign = model->weights.foreign;

	mel_graph_free(model->graph);
	mel_weights_close(&model->weights);
	*model = (struct mel_model){.weights.foreign = foreign};
}

/* The tensors of a scanned GraphProto or the one of a TensorProto. */
static int
take_tensors(struct mel_weights *weights, Onnx__TensorProto *const *proto,
    size_t n, struct mel_tensor *out, struct mel_err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct mel_tensor view = {0};
		int rc = mel_weights_tensor(weights, proto[i], &view, err);

		if (!rc)
			rc = mel_tensor_copy(&out[i], &view, err);
		mel_tensor_free(&view);
		if (rc) {
			while (i--)
				mel_tensor_free(&out[i]);
			return -1;
		}
	}
	return 0;
}

static int
read_tensor(
    struct mel_weights *weights, struct mel_tensor *out, struct mel_err *err)
{
	struct mel_buf copy = {0};
	Onnx__TensorProto *proto = NULL;
	int rc;

	if (!mel_wire_scan(weights->map.data, weights->map.len, MEL_WIRE_TENSOR,
		&copy, err)) {
		errno = 0;
		proto = onnx__tensor_proto__unpack(
		    NULL, copy.len, (const uint8_t *)copy.data);
		if (!proto)
			mel_fail_library(err, "not an ONNX tensor");
	}
	mel_buf_free(&copy);
	if (!proto)
		return -1;
	rc = take_tensors(weights, &proto, 1, out, err);
	onnx__tensor_proto__free_unpacked(proto, NULL);
	return rc;
}

static int
read_list(struct mel_weights *weights, struct mel_tensor **item, size_t *n,
    struct mel_err *err)
{
	struct mel_buf copy = {0};
	Onnx__GraphProto *proto = NULL;
	int rc = -1;

	if (!weights->map.len) { /* a message without fields */
		*n = 0;
		*item = mel_alloc(1, sizeof(**item), err);
		return *item ? 0 : -1;
	}
	if (!mel_wire_scan(weights->map.data, weights->map.len, MEL_WIRE_LIST,
		&copy, err)) {
		proto = onnx__graph_proto__unpack(
		    NULL, copy.len, (const uint8_t *)copy.data);
		if (!proto)
			mel_fail(err, "not an ONNX sequence");
	}
	mel_buf_free(&copy);
	if (!proto)
		return -1;
	*n = proto->n_initializer;
	*item = mel_alloc(*n, sizeof(**item), err);
	if (*item)
		rc = take_tensors(weights, proto->initializer, *n, *item, err);
	if (rc)
		free(*item);
	onnx__graph_proto__free_unpacked(proto, NULL);
	return rc;
}

/* A tensor if n is NULL, else a sequence. */
static int
read_file(struct mel_tensor **out, size_t *n, const char *path, bool *foreign,
    struct mel_err *err)
{
	struct mel_weights weights;
	int rc;

	if (mel_weights_open(&weights, path, err))
		return -1;
	rc = n ? read_list(&weights, out, n, err)
	       : read_tensor(&weights, *out, err);
	if (foreign)
		*foreign = weights.foreign;
	mel_weights_close(&weights);
	return rc ? mel_fail_in(err, "%s", path) : 0;
}

int
mel_onnx_read_tensor(struct mel_tensor *tensor, const char *path, bool *foreign,
    struct mel_err *err)
{
	return read_file(&tensor, NULL, path, foreign, err);
}

int
mel_onnx_read_list(struct mel_tensor **item, size_t *n, const char *path,
    bool *foreign, struct mel_err *err)
{
	return read_file(item, n, path, foreign, err);
}
