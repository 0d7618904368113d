/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ONNX_PROTO_H
#define MEL_NET_ONNX_PROTO_H

#include <stddef.h>

struct mel_attr;
struct mel_err;
struct mel_io;
struct mel_tensor;

struct Onnx__GraphProto; /* protobuf-c's, from onnx.proto */
struct Onnx__NodeProto;
struct Onnx__TensorProto;
struct Onnx__ValueInfoProto;

/*
 * The messages of an ONNX file, made from what they are called here. They
 * borrow texts, numbers and weights, which must live until the file is
 * written, and belong to a list that is freed at once. Starts as {0}.
 */
struct mel_protos {
	void **item; /* [n] owned */
	size_t n, cap;
};

/* Cleared memory for n > 0 or no elements of that size [bytes]. */
void *mel_protos_take(
    struct mel_protos *protos, size_t n, size_t size, struct mel_err *err);

/* Takes over memory from malloc, or NULL; also if it fails. */
int mel_protos_own(struct mel_protos *protos, void *item, struct mel_err *err);
void mel_protos_free(struct mel_protos *protos);

/* A node whose inputs and outputs are still to be named. */
struct Onnx__NodeProto *mel_proto_node(struct mel_protos *protos,
    const char *kind, int n_in, int n_out, struct mel_err *err);

/* Room for n attributes, none there yet. */
int mel_proto_attributes(struct mel_protos *protos,
    struct Onnx__NodeProto *node, int n, struct mel_err *err);

/* Adds an attribute; body: what it holds if that is a graph. */
int mel_proto_attr(struct mel_protos *protos, struct Onnx__NodeProto *node,
    const struct mel_attr *attr, struct Onnx__GraphProto *body,
    struct mel_err *err);
int mel_proto_int(struct mel_protos *protos, struct Onnx__NodeProto *node,
    const char *name, long long value, struct mel_err *err);

/* name: NULL for none. */
struct Onnx__TensorProto *mel_proto_tensor(struct mel_protos *protos,
    const struct mel_tensor *t, char *name, struct mel_err *err);

/* Type and declared shape, as far as they are known. */
struct Onnx__ValueInfoProto *mel_proto_io(struct mel_protos *protos,
    const struct mel_io *io, char *name, struct mel_err *err);

/* The graph as a whole file of these versions, to fd. */
int mel_proto_model(struct Onnx__GraphProto *graph, int ir, int opset, int fd,
    struct mel_err *err);

#endif
