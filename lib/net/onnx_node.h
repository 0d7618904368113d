/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ONNX_NODE_H
#define MEL_NET_ONNX_NODE_H

#include <stdbool.h>

struct mel_err;
struct mel_graph;
struct mel_weights;

struct Onnx__NodeProto; /* protobuf-c's, from onnx.proto */

/* true for the domain of ONNX's own operators: NULL, "" or "ai.onnx". */
bool mel_onnx_is_standard(const char *domain);

/*
 * Adds a node with its attributes, inputs and outputs still MEL_ABSENT.
 * Absent inputs at the end are not counted. Returns its number or -1.
 */
int mel_onnx_add_node(struct mel_graph *graph, struct mel_weights *weights,
    const struct Onnx__NodeProto *proto, struct mel_err *err);

#endif
