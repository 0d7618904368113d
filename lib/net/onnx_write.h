/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ONNX_WRITE_H
#define MEL_NET_ONNX_WRITE_H

struct mel_err;
struct mel_graph;

/* What is written: the version that the normal form of net/op.h follows. */
#define MEL_WRITE_OPSET 21
#define MEL_WRITE_IR    10

/*
 * Writes a graph as an ONNX file with its weights inside, to fd from where it
 * stands. The graph is as mel_graph_simplify leaves it, not bound: operators
 * of this library's own, which later passes make, have no name in ONNX and
 * are refused, as is a file of 2 GiB or more, which protobuf cannot hold.
 * Inputs, outputs and nodes keep their names and the inputs their declared
 * shapes; all other values get new ones. Of f16, f64 and bf16 inside the
 * network f32 is left.
 */
int mel_onnx_write(const struct mel_graph *graph, int fd, struct mel_err *err);

#endif
