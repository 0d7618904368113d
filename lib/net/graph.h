/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_GRAPH_H
#define MEL_NET_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

struct mel_err;
struct mel_packs;

/*
 * The one internal form of a network: nodes in topological order over
 * numbered values, as left by loading, normalising to one opset's semantics
 * and folding constants. Const once a network is open; any number of
 * sessions may run it at the same time.
 */

struct mel_op;
struct mel_graph;

enum mel_attr_type {
	MEL_ATTR_INT,
	MEL_ATTR_FLOAT,
	MEL_ATTR_STRING,
	MEL_ATTR_TENSOR,
	MEL_ATTR_GRAPH,
	MEL_ATTR_INTS,
	MEL_ATTR_FLOATS,
	MEL_ATTR_STRINGS,
};

/* An attribute as the file has it. All pointers are owned. */
struct mel_attr {
	char *name;
	enum mel_attr_type type;
	int64_t i;
	float f;
	char *s;        /* NUL-terminated */
	int64_t *ints;  /* [n] */
	float *floats;  /* [n] */
	char **strings; /* [n] */
	size_t n;
	struct mel_tensor tensor;
	struct mel_graph *graph;
};

#define MEL_ABSENT (-1) /* an optional input or output that is left out */

struct mel_node {
	char *name; /* owned, "" if the file has none; for messages only */
	char *kind; /* owned; ONNX op_type; for messages only */
	const struct mel_op *op;
	int opset; /* of the file, for prepare */
	int *in;   /* [n_in] value numbers or MEL_ABSENT */
	int n_in;
	int n_own; /* inputs that the file gives it; behind them what its bodies
		      read, see struct mel_graph */
	int *out;  /* [n_out] value numbers or MEL_ABSENT */
	int n_out;
	struct mel_attr *attr; /* [n_attr] */
	int n_attr;
	void *params; /* owned, op->params_size bytes, cleared, then filled by
			 op->prepare and op->bind */
	struct mel_packs *packs; /* for mel_node_room, NULL: its own memory */
	void *room;              /* owned; of its own */
	unsigned packed; /* bit i: forward takes what bind has put into params
			    and not the data of input i, which may be gone */
};

struct mel_value {
	char *name; /* owned; for messages, inputs and outputs */
	struct mel_tensor constant; /* dtype MEL_NONE: not constant; a view
				       into the mapped file, or owned */
	int producer;               /* node number; -1: input or constant */
};

/* A graph input or output as declared; lengths may be wrong, see onnx.h. */
struct mel_io {
	char *name; /* owned, as in the file */
	int value;  /* may have another name, if nodes between are gone */
	enum mel_dtype dtype;       /* MEL_NONE: not declared or not known */
	int ndim;                   /* -1: not declared */
	int64_t dim[MEL_MAX_DIMS];  /* -1: symbolic or unknown */
	char *symbol[MEL_MAX_DIMS]; /* owned; name of a symbolic length */
	bool sequence;              /* a list of tensors */
};

/*
 * A graph in an attribute (of Loop, If ...) is a body. It sees nothing but its
 * inputs: what it reads of the graph around it are further inputs, called
 * captures, and the node has a further input for each, body after body in the
 * order of its attributes. So a capture is read, kept alive, replaced or
 * found dead like any other value.
 */
struct mel_graph {
	struct mel_value *value; /* [n_value] */
	int n_value;
	size_t value_cap;
	struct mel_node *node; /* [n_node], each after what it reads */
	int n_node;
	size_t node_cap;
	struct mel_io *input; /* [n_input], initialisers not counted */
	int n_input;
	int n_formal; /* inputs that are no captures; all, if it is no body */
	struct mel_io *output; /* [n_output] */
	int n_output;
	int opset;

	/* Set when all passes are done, see mel_graph_measure. */
	int number;   /* of a body: its place among those of the graph around */
	int n_body;   /* bodies of all nodes, not counting those inside them */
	int *last;    /* [n_value] owned, see mel_graph_last_use */
	int most_in;  /* most inputs of a node, >= 1 */
	int most_out; /* most outputs of a node, >= 1 */
};

/* The node's next attribute from number *i on that is a body, or NULL. */
struct mel_graph *mel_node_body(const struct mel_node *node, int *i);

/* NULL if the node has no such attribute. */
const struct mel_attr *mel_node_attr(
    const struct mel_node *node, const char *name);

/* The attribute's value, or `preset` if it is absent; wrong type: -1. */
int mel_attr_int(const struct mel_node *node, const char *name, int64_t preset,
    int64_t *out, struct mel_err *err);
int mel_attr_float(const struct mel_node *node, const char *name, float preset,
    float *out, struct mel_err *err);

/* *out: the node's, NULL and 0 if absent. */
int mel_attr_ints(const struct mel_node *node, const char *name,
    const int64_t **out, size_t *n, struct mel_err *err);
int mel_attr_string(const struct mel_node *node, const char *name,
    const char *preset, const char **out, struct mel_err *err);

/* Adds a value; returns its number or -1. name is copied. */
int mel_graph_add_value(
    struct mel_graph *graph, const char *name, struct mel_err *err);

/*
 * Adds a node of n_in inputs and n_out outputs, all MEL_ABSENT yet, without
 * op; returns its number or -1. kind and name are copied. Earlier pointers to
 * nodes are invalid after it.
 */
int mel_graph_add_node(struct mel_graph *graph, const char *kind,
    const char *name, int n_in, int n_out, struct mel_err *err);

/* The same outside a graph, for tests and tools: release with node_clear. */
int mel_node_init(struct mel_node *node, const char *kind, const char *name,
    int n_in, int n_out, struct mel_err *err);

/* Releases what the node owns, params (op->release) included. */
void mel_node_clear(struct mel_node *node);

/* true if forward does not need the data of input k: it is in params. */
static inline bool
mel_node_packs(const struct mel_node *node, int k)
{
	return k < 32 && (node->packed >> k & 1);
}

/*
 * For op->bind: memory for what it packs, at an address divisible by 64, that
 * lasts as long as the node. *filled: it was packed before, is in there, and
 * must not be written to. To be called once in a bind.
 */
void *mel_node_room(
    struct mel_node *node, size_t bytes, bool *filled, struct mel_err *err);

/* Makes the node have n inputs; new ones are MEL_ABSENT. */
int mel_node_resize_inputs(struct mel_node *node, int n, struct mel_err *err);

/* Adds inputs for the captures of a body. */
int mel_node_add_captures(
    struct mel_node *node, const int *value, int n, struct mel_err *err);

/*
 * A new attribute, its content empty, or NULL. Valid until the node gets
 * another one. The name must be new.
 */
struct mel_attr *mel_node_add_attr(struct mel_node *node, const char *name,
    enum mel_attr_type type, struct mel_err *err);
int mel_node_add_int(struct mel_node *node, const char *name, int64_t value,
    struct mel_err *err);
int mel_node_add_float(
    struct mel_node *node, const char *name, float value, struct mel_err *err);
int mel_node_add_ints(struct mel_node *node, const char *name,
    const int64_t *value, size_t n, struct mel_err *err);
int mel_node_add_string(struct mel_node *node, const char *name,
    const char *value, struct mel_err *err);

/* Removes the attribute if the node has it. */
void mel_node_drop_attr(struct mel_node *node, const char *name);

/* Fails with "OP (node NAME): ..." in front of the message. */
int mel_node_fail(const struct mel_node *node, struct mel_err *err,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Releases the names in it. */
void mel_io_clear(struct mel_io *io);

/* Releases everything inside and the graph itself; accepts NULL. */
void mel_graph_free(struct mel_graph *graph);

#endif
