/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ONNX_GRAPH_H
#define MEL_NET_ONNX_GRAPH_H

struct mel_err;
struct mel_graph;
struct mel_weights;
struct Onnx__ModelProto; /* protobuf-c's, from onnx.proto */

/* What a graph is loaded from. */
struct mel_source {
	struct mel_weights *weights;
	const struct Onnx__ModelProto *model;
	int n_node; /* loaded so far */
};

/*
 * Fills an empty graph from the model's: nodes with their bodies, and in
 * place of each node that calls a model-local function (FunctionProto) the
 * nodes of the function, whose references to attributes are replaced by the
 * caller's, or by the function's presets. Names are looked up from inside to
 * outside; a function sees its inputs only. On failure the graph is partly
 * filled.
 */
int mel_onnx_load(struct mel_graph *graph, struct mel_source *source, int opset,
    struct mel_err *err);

#endif
