/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ONNX_SCOPE_H
#define MEL_NET_ONNX_SCOPE_H

#include <stddef.h>

struct mel_err;
struct mel_graph;
struct mel_io;
struct mel_source;
struct Onnx__AttributeProto; /* protobuf-c's, from onnx.proto */
struct Onnx__FunctionProto;
struct Onnx__NodeProto;

/* A value by name. */
struct mel_name {
	const char *name; /* protobuf-c's */
	int value;        /* number, or MEL_ABSENT: known to be left out */
};

/* Names, sorted, so that no choice of them makes it slow. */
struct mel_names {
	struct mel_name *item; /* [n] owned */
	size_t n, cap;
	size_t n_sorted; /* those that are found */
};

int mel_names_add(
    struct mel_names *names, const char *name, int value, struct mel_err *err);

/* After this all are found. A name that is there twice is an error. */
int mel_names_sort(struct mel_names *names, struct mel_err *err);

/* NULL if there is none. */
const struct mel_name *mel_names_find(
    const struct mel_names *names, const char *name);

/* The names that a node can see: of a graph, a body or a function. */
struct mel_scope {
	struct mel_source *source;
	struct mel_graph *graph; /* where its nodes go */
	struct mel_names names;
	int opset; /* of ONNX's own operators here */
	int depth;
	size_t input_cap;

	/* A body. */
	struct mel_scope *outer; /* the names around */
	int *capture; /* [capture_cap] by number of the value in the graph
			 around: 1 + that of the capture, 0: none */
	size_t capture_cap;
	int *captured; /* [n_captured] numbers in the graph around */
	int n_captured;
	size_t captured_cap;

	/* A function in the place of one call. */
	struct mel_scope *caller;
	const struct Onnx__NodeProto *call;
	const struct Onnx__FunctionProto *function;
	struct mel_names given; /* its outputs that the caller wants */
	size_t n_given;         /* of these, found so far */
	char *place;            /* owned; names of the calls, "a/b" */
	struct Onnx__AttributeProto **preset; /* [n_preset] owned */
	size_t n_preset;
};

/* Sets what is the same inside as outside; too deep nesting is an error. */
int mel_scope_enter(
    struct mel_scope *scope, const struct mel_scope *from, struct mel_err *err);
void mel_scope_leave(struct mel_scope *scope);

/* A new value (or the caller's for an output of a function); -1: error. */
int mel_scope_define(
    struct mel_scope *scope, const char *name, struct mel_err *err);

/* One more input of the graph, cleared, or NULL. */
struct mel_io *mel_scope_add_input(
    struct mel_scope *scope, struct mel_err *err);

/* The value's number in the scope's graph, captured if it is outside. */
int mel_scope_resolve(
    struct mel_scope *scope, const char *name, int *value, struct mel_err *err);

/* The attribute itself, or what it refers to; NULL: the caller has none. */
int mel_scope_attribute(const struct mel_scope *scope,
    const struct Onnx__AttributeProto *attr,
    const struct Onnx__AttributeProto **given, struct mel_err *err);

/* The model's function that the node calls, or NULL. */
const struct Onnx__FunctionProto *mel_scope_function(
    const struct mel_scope *scope, const struct Onnx__NodeProto *node);

/* Takes over the opset and the presets of scope->function. */
int mel_scope_open_function(struct mel_scope *scope, struct mel_err *err);

/* Names of the calls that lead here, "" outside functions. */
const char *mel_scope_place(const struct mel_scope *scope);

#endif
