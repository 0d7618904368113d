/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ONNX_H
#define MEL_NET_ONNX_H

#include <stdbool.h>

#include "net/weights.h"

struct mel_err;
struct mel_graph;
struct mel_tensor;

/*
 * Reads an ONNX file as it is: all its nodes under their own names and
 * attributes, none prepared, constants as views into the file. Tolerated, as
 * exporters need it: domains that are imported and not used, initialisers
 * that are inputs too, inputs that nobody reads, declared output shapes that
 * are wrong. Refused: names defined twice or nowhere, no graph, an opset
 * outside 1 to 21, whatever does not fit its declared shape.
 *
 * A node of another domain gets the kind "DOMAIN.OP_TYPE", unless it calls a
 * function of the model: that one's nodes then take its place. Attributes of a
 * type that struct mel_attr does not have are left out.
 */

#define MEL_MIN_OPSET 1
#define MEL_MAX_OPSET 21

struct mel_model {
	struct mel_weights weights;
	struct mel_graph *graph; /* owned */
};

/* Messages begin with the path. */
int mel_model_open(
    struct mel_model *model, const char *path, struct mel_err *err);
void mel_model_close(struct mel_model *model);

/*
 * Reads a file that is one bare TensorProto, as the ONNX tests have it.
 * *foreign (may be NULL) becomes true if it failed for an element type that
 * we do not have.
 */
int mel_onnx_read_tensor(struct mel_tensor *tensor, const char *path,
    bool *foreign, struct mel_err *err);

/* The same for a bare SequenceProto: *n owned tensors in *item, owned, too. */
int mel_onnx_read_list(struct mel_tensor **item, size_t *n, const char *path,
    bool *foreign, struct mel_err *err);

#endif
