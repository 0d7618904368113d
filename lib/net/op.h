/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_OP_H
#define MEL_NET_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/reach.h"
#include "tensor/tensor.h"

struct mel_err;
struct mel_node;
struct mel_pool;
struct mel_timing;

/*
 * One operator: what it takes, its shape rule, its time rule, its value.
 * One file per family (op_NAME.c); net/optable.c lists them all. Nothing
 * looks at names of tensors, nodes or files.
 *
 * Operators see one normal form only, made by net/normalise.c from any opset:
 * Constant, Identity, Dropout and calls of functions are gone, and
 *	Squeeze, Unsqueeze, ReduceX	axes are input 1 (absent: all, or none
 *					with noop_with_empty_axes)
 *	Slice		data, starts, ends, [axes], [steps]
 *	Pad		data, pads, [value], [axes]; attribute mode
 *	Clip		data, [min], [max]
 *	Split		data, [sizes]; else equal parts, the last one smaller
 *	Softmax, LogSoftmax	attribute axis is always there; attribute
 *			flatten = 1: over all axes from axis on at once (the
 *			meaning before opset 13)
 *	BatchNormalization	inference: one output, unless training_mode
 *	TopK		data, k
 *	Hardmax		as Softmax
 *	Resize		data, [roi], [scales], [sizes]; Upsample is one, too
 *	DFT		data, [dft_length], [axis]
 *	Scatter		is ScatterElements
 *	Add, PRelu ...	where operands before opset 7 were not aligned at the
 *			last axis, an operator "(align)" does it: it gives
 *			input 0 axes of length 1 behind its own, so that it
 *			begins at axis `axis` of input 1
 * Everything else has the attributes of its newest version up to opset 21.
 */

struct mel_kernels; /* net/kernels.h: the fast loops of one ISA */
struct mel_call;    /* net/call.h */

/*
 * Some rows of longer tensors: forward is given these instead of whole ones.
 * Of inputs with a time axis it gets the rows that the time rule asked for,
 * as far as they exist; of outputs it makes as many as out has.
 */
struct mel_part {
	int in;                /* the first input that has time, or -1 */
	int in_axis, out_axis; /* time, of that input (or -1) and of outputs */
	int64_t in_first;      /* number of the first row of that input */
	int64_t in_total;  /* rows that it has; INT64_MAX if nobody knows yet */
	int64_t out_first; /* number of the first row of the outputs */
	void *state;       /* STATE: op->state bytes, kept between the parts of
			      an utterance; cleared before the first */
};

/* What forward may use. */
struct mel_run {
	struct mel_pool *pool; /* may be NULL */
	const struct mel_kernels *kernels;
	unsigned char *scratch; /* `stride` bytes for each worker of the pool,
				   64-byte aligned; as asked by op->scratch */
	size_t stride;
	uint64_t seed;   /* of noise; keyed by (seed, node, element) */
	uint64_t stream; /* of noise: the number of the node at hand */
	const struct mel_part *part; /* NULL: the tensors are whole */
};

/* Returned by infer: the value of some input must be known first. */
#define MEL_INFER_LATER 1

struct mel_op {
	const char *name; /* ONNX op_type, domain ai.onnx */
	int min_in, max_in;
	int min_out, max_out;
	bool first_out; /* out[0] is there, whatever else is asked for */
	size_t params_size;

	/*
	 * The time rule, see net/timing.h. NULL: an output row depends on all
	 * of time. An operator whose rule says WINDOW or STATE, or whose
	 * values hang on the number of a row, looks at run->part.
	 */
	enum mel_time_kind (*time)(struct mel_timing *timing);

	/* Bytes of part->state; those whose rule may say STATE have it. */
	size_t (*state)(const struct mel_node *node,
	    const struct mel_tensor *const in[], const struct mel_tensor out[]);

	/*
	 * The value depends on the inputs' shapes alone (Shape, Size):
	 * forward may be called with inputs whose data is NULL.
	 */
	bool shape_only;
	/*
	 * The value depends on run->seed and run->stream, too: it is computed
	 * in each run, never while loading or planning.
	 */
	bool random;
	/*
	 * out[0] has the data of in[0], only the shape is new (Reshape). A
	 * plan lets them share memory; elsewhere forward copies.
	 */
	bool alias;
	/* Bit i: out[0] may be written over in[i] if sizes are equal. */
	unsigned in_place;

	/* Attributes to params, checked. May be NULL. */
	int (*prepare)(struct mel_node *node, struct mel_err *err);

	/*
	 * Once, after folding: constant inputs are in constant[i] (NULL where
	 * absent or not constant) and may be packed into params. May be NULL.
	 */
	int (*bind)(struct mel_node *node,
	    const struct mel_tensor *const constant[],
	    const struct mel_kernels *kernels, struct mel_err *err);

	/* Releases what prepare and bind put into params. May be NULL. */
	void (*release)(struct mel_node *node);

	/*
	 * The shape rule. in[i]: NULL if absent; else dtype and dims, and
	 * data if the value is known already, else data is NULL. Sets dtype,
	 * ndim and dim of out[0..n_out-1] (data untouched). Returns 0, -1, or
	 * MEL_INFER_LATER if it needs a value whose data is NULL.
	 */
	int (*infer)(const struct mel_node *node,
	    const struct mel_tensor *const in[], struct mel_tensor out[],
	    struct mel_err *err);

	/*
	 * Scratch bytes per worker for these shapes; no value of an input is
	 * known. NULL: none.
	 */
	size_t (*scratch)(const struct mel_node *node,
	    const struct mel_tensor *const in[], const struct mel_tensor out[]);

	/*
	 * The value. in as above, with data (never NULL, even if there are no
	 * elements); out as infer said, data to be
	 * written (not cleared). Outputs left out have dtype MEL_NONE.
	 * The row law: an element of out is one fixed chain of operations on
	 * its own inputs, however many rows the tensors have and however the
	 * work is spread over the pool.
	 */
	int (*forward)(const struct mel_node *node,
	    const struct mel_tensor *const in[], struct mel_tensor out[],
	    const struct mel_run *run, struct mel_err *err);

	/*
	 * How many multiplications and additions of products forward does for
	 * these shapes, for those who measure. NULL: it has no products.
	 */
	double (*work)(const struct mel_node *node,
	    const struct mel_tensor *const in[], const struct mel_tensor out[]);

	/*
	 * Instead of infer and forward, for what runs bodies (Loop, If) or
	 * takes or gives sequences: shapes are known when it is done. Such
	 * nodes run between two plans; nothing else may have a body.
	 */
	int (*call)(const struct mel_call *call, struct mel_err *err);

	/*
	 * How many of the first outputs it needs for itself. The others go,
	 * and the bodies' outputs with them (which end alike), if nobody
	 * reads them. NULL: all stay.
	 */
	int (*own_outputs)(const struct mel_node *node);
};

/* The operator, or NULL. */
const struct mel_op *mel_op_find(const char *name);

/* The next one in the order of names; the first for NULL; NULL at the end. */
const struct mel_op *mel_op_next(const struct mel_op *op);

#endif
