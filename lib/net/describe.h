/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_DESCRIBE_H
#define MEL_NET_DESCRIBE_H

struct mel_buf;
struct mel_err;

/*
 * Appends what is in the ONNX file at path, one fact a line, the first word
 * saying which: opset, input, output, parameters, nodes, folded (nodes that
 * are left when constants are folded; only if all can be run), operator NAME
 * COUNT, unsupported OPERATOR NODE.
 */
int mel_describe(const char *path, struct mel_buf *out, struct mel_err *err);

#endif
