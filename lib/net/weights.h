/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_WEIGHTS_H
#define MEL_NET_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io.h"
#include "tensor/tensor.h"

struct mel_err;

struct Onnx__TensorProto; /* protobuf-c's, from onnx.proto */

/* A file of external data, mapped. */
struct mel_external {
	char *location; /* owned, as the model names it */
	struct mel_map map;
};

/*
 * The bytes of a model: its file and the files of external data beside it,
 * all mapped read-only until close. Tensors are views into them wherever
 * alignment and storage allow. Starts as {0}.
 */
struct mel_weights {
	struct mel_map map;
	char *folder;                  /* owned; of the model's file */
	struct mel_external *external; /* [n_external] */
	size_t n_external;
	size_t cap;
	bool foreign; /* an element type or opset that we do not have was met */
};

int mel_weights_open(
    struct mel_weights *weights, const char *path, struct mel_err *err);
void mel_weights_close(struct mel_weights *weights);

/*
 * The element type of ONNX's TensorProto.DataType; MEL_NONE for those that
 * this library does not have.
 */
enum mel_dtype mel_onnx_dtype(int32_t data_type);

/*
 * f32 weights of this size and more are views even where the file has them at
 * an address that is no multiple of 4: most of them are packed and then never
 * read again, so a copy would be for nothing. mel_value_align makes it where
 * it is needed.
 */
#define MEL_WEIGHTS_LARGE ((size_t)65536) /* [bytes] */

/*
 * A tensor as the copy of mel_wire_scan has it: raw data (a stub), typed data
 * or external data. External data must be a regular file inside the model's
 * folder (no absolute path, no "..", no link that leaves it), offset and
 * length inside the file, and every length must be what the shape says.
 * *out is a view into the weights or owned.
 */
int mel_weights_tensor(struct mel_weights *weights,
    const struct Onnx__TensorProto *proto, struct mel_tensor *out,
    struct mel_err *err);

/*
 * The tensor's data, to be read once: where it is a view into the files and
 * fits into room[size], it is read into there, which is faster than to touch
 * page after page for the first time. *used: how much of room that took.
 */
struct mel_tensor mel_weights_fetch(const struct mel_weights *weights,
    const struct mel_tensor *t, void *room, size_t size, size_t *used);

/*
 * The tensor's data will not be read for a while: where it is a view into the
 * files, the memory of whole pages is given back. They are read again from
 * the file if need be.
 */
void mel_weights_drop(
    const struct mel_weights *weights, const struct mel_tensor *t);

#endif
