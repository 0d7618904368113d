/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ONNX_NODE_H
#define MEL_NET_ONNX_NODE_H

#include <stdbool.h>

struct mel_err;
struct mel_graph;
struct mel_node;
struct mel_weights;

struct Onnx__NodeProto; /* protobuf-c's, from onnx.proto */
struct Onnx__AttributeProto;

/* true for the domain of ONNX's own operators: NULL, "" or "ai.onnx". */
bool mel_onnx_is_standard(const char *domain);

/*
 * Adds a node without attributes, inputs and outputs still MEL_ABSENT. Absent
 * inputs at the end are not counted. inside: the name of the node whose
 * function it belongs to, put before its own; else "". Returns its number or
 * -1.
 */
int mel_onnx_add_node(struct mel_graph *graph,
    const struct Onnx__NodeProto *proto, const char *inside,
    struct mel_err *err);

/* true if the attribute holds a graph. */
bool mel_onnx_is_body(const struct Onnx__AttributeProto *proto);

/*
 * Adds an attribute under the name given, which must be new. Bodies are not
 * for this function; types that struct mel_attr lacks are left out.
 */
int mel_onnx_add_attribute(struct mel_node *node, struct mel_weights *weights,
    const char *name, const struct Onnx__AttributeProto *proto,
    struct mel_err *err);

#endif
