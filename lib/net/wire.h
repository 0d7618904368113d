/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_WIRE_H
#define MEL_NET_WIRE_H

#include <stddef.h>
#include <stdint.h>

struct mel_buf;
struct mel_err;

/*
 * A look at protobuf bytes before protobuf-c sees them. protobuf-c has no
 * bound on nesting and copies every weight; here the bytes are checked
 * (lengths inside their message, at most 64 levels, at most 2^20 messages, no
 * message twice where one is allowed) and copied without what the loader does
 * not use, and each TensorProto.raw_data becomes a stub of 16 bytes: offset in
 * the input and length, both u64 little-endian. Weights are never touched.
 *
 * Source: protobuf encoding; onnx.proto of ONNX 1.12 (IR version 8).
 */
enum mel_wire_root {
	MEL_WIRE_MODEL,  /* ModelProto: a file *.onnx */
	MEL_WIRE_TENSOR, /* TensorProto: a file *.pb of the ONNX tests */
	MEL_WIRE_LIST,   /* SequenceProto of tensors, likewise; the copy is a
			    GraphProto that has them as initializers, for
			    onnx.proto lacks SequenceProto */
};

#define MEL_WIRE_STUB   16 /* [bytes] */
#define MEL_WIRE_LENGTH 5  /* [bytes] of each length in the copy */

/* Appends the copy to *out. Messages name the byte where it goes wrong. */
int mel_wire_scan(const uint8_t *bytes, size_t len, enum mel_wire_root root,
    struct mel_buf *out, struct mel_err *err);

#endif
