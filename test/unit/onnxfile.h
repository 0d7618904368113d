/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ONNXFILE_H
#define ONNXFILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"

/*
 * Writes ONNX files field by field, so that a test can also write those that
 * nobody should: put_* append one protobuf field; field numbers are those of
 * onnx.proto.
 */

enum {
	PB_F32 = 1,
	PB_I32 = 6,
	PB_I64 = 7,
	PB_BOOL = 9,
	PB_F64 = 11
};

static inline void
put_varint(struct mel_buf *out, uint64_t v)
{
	do {
		uint8_t byte = (uint8_t)((v & 127) | (v > 127 ? 128 : 0));

		if (mel_buf_add(out, &byte, 1, NULL))
			abort();
		v >>= 7;
	} while (v);
}

static inline void
put_int(struct mel_buf *out, int field, int64_t v)
{
	put_varint(out, (uint64_t)field << 3);
	put_varint(out, (uint64_t)v);
}

static inline void
put_bytes(struct mel_buf *out, int field, const void *data, size_t n)
{
	put_varint(out, (uint64_t)field << 3 | 2);
	put_varint(out, n);
	if (mel_buf_add(out, data, n, NULL))
		abort();
}

static inline void
put_str(struct mel_buf *out, int field, const char *s)
{
	put_bytes(out, field, s, strlen(s));
}

/* Gives up `inner`. */
static inline void
put_msg(struct mel_buf *out, int field, struct mel_buf *inner)
{
	put_bytes(out, field, inner->data ? inner->data : "", inner->len);
	mel_buf_free(inner);
}

/* The words of `list`, each as one string; "_" is the empty name. */
static inline void
put_words(struct mel_buf *out, int field, const char *list)
{
	while (*list) {
		size_t n = strcspn(list, " ");

		put_bytes(out, field, list, n == 1 && *list == '_' ? 0 : n);
		list += n + (list[n] == ' ');
	}
}

/* A TensorProto with raw data. */
static inline struct mel_buf
pb_tensor(const char *name, int type, int ndim, const int64_t *dim,
    const void *raw, size_t bytes)
{
	struct mel_buf t = {0};

	for (int i = 0; i < ndim; i++)
		put_int(&t, 1, dim[i]);
	put_int(&t, 2, type);
	put_str(&t, 8, name);
	put_bytes(&t, 9, raw, bytes);
	return t;
}

static inline void
add_init(struct mel_buf *graph, const char *name, int type, int ndim,
    const int64_t *dim, const void *raw, size_t bytes)
{
	struct mel_buf t = pb_tensor(name, type, ndim, dim, raw, bytes);

	put_msg(graph, 5, &t);
}

static inline void
add_init_i64(struct mel_buf *graph, const char *name, const int64_t *v, int n)
{
	int64_t dim = n;

	add_init(graph, name, PB_I64, 1, &dim, v, (size_t)n * sizeof(*v));
}

/* field 11: input, 12: output. dim < 0: the symbol "T". */
static inline void
add_io(struct mel_buf *graph, int field, const char *name, int type, int ndim,
    const int64_t *dim)
{
	struct mel_buf shape = {0}, tensor = {0}, tp = {0}, info = {0};

	for (int i = 0; i < ndim; i++) {
		struct mel_buf d = {0};

		if (dim[i] < 0)
			put_str(&d, 2, "T");
		else
			put_int(&d, 1, dim[i]);
		put_msg(&shape, 1, &d);
	}
	put_int(&tensor, 1, type);
	put_msg(&tensor, 2, &shape);
	put_msg(&tp, 1, &tensor);
	put_str(&info, 1, name);
	put_msg(&info, 2, &tp);
	put_msg(graph, field, &info);
}

/* attr: serialised fields 5 of a NodeProto, or {0}; is given up. */
static inline void
add_node(struct mel_buf *graph, const char *kind, const char *in,
    const char *out, struct mel_buf attr)
{
	struct mel_buf node = {0};

	put_words(&node, 1, in);
	put_words(&node, 2, out);
	put_str(&node, 3, out);
	put_str(&node, 4, kind);
	if (attr.len && mel_buf_add(&node, attr.data, attr.len, NULL))
		abort();
	mel_buf_free(&attr);
	put_msg(graph, 1, &node);
}

static inline struct mel_buf
attr_int(struct mel_buf attrs, const char *name, int64_t v)
{
	struct mel_buf a = {0};

	put_str(&a, 1, name);
	put_int(&a, 3, v);
	put_int(&a, 20, 2);
	put_msg(&attrs, 5, &a);
	return attrs;
}

static inline struct mel_buf
attr_str(struct mel_buf attrs, const char *name, const char *v)
{
	struct mel_buf a = {0};

	put_str(&a, 1, name);
	put_str(&a, 4, v);
	put_int(&a, 20, 3);
	put_msg(&attrs, 5, &a);
	return attrs;
}

static inline struct mel_buf
attr_float(struct mel_buf attrs, const char *name, float v)
{
	struct mel_buf a = {0};

	put_str(&a, 1, name);
	put_varint(&a, 2 << 3 | 5);
	if (mel_buf_add(&a, &v, 4, NULL))
		abort();
	put_int(&a, 20, 1);
	put_msg(&attrs, 5, &a);
	return attrs;
}

static inline struct mel_buf
attr_ints(struct mel_buf attrs, const char *name, const int64_t *v, int n)
{
	struct mel_buf a = {0};

	put_str(&a, 1, name);
	for (int i = 0; i < n; i++)
		put_int(&a, 8, v[i]);
	put_int(&a, 20, 7);
	put_msg(&attrs, 5, &a);
	return attrs;
}

/* Field 5 of a NodeProto: a tensor attribute; `t` is given up. */
static inline struct mel_buf
attr_tensor(struct mel_buf attrs, const char *name, struct mel_buf t)
{
	struct mel_buf a = {0};

	put_str(&a, 1, name);
	put_msg(&a, 5, &t);
	put_int(&a, 20, 4);
	put_msg(&attrs, 5, &a);
	return attrs;
}

/* Field 5 of a NodeProto: a body, which is given up. */
static inline struct mel_buf
attr_graph(struct mel_buf attrs, const char *name, struct mel_buf *graph)
{
	struct mel_buf a = {0};

	put_str(&a, 1, name);
	put_msg(&a, 6, graph);
	put_int(&a, 20, 5);
	put_msg(&attrs, 5, &a);
	return attrs;
}

/* An input (11) or output (12) whose type is not declared. */
static inline void
add_bare_io(struct mel_buf *graph, int field, const char *name)
{
	struct mel_buf info = {0};

	put_str(&info, 1, name);
	put_msg(graph, field, &info);
}

/* The ModelProto around a graph, which is given up. */
static inline struct mel_buf
pb_model(struct mel_buf *graph, int opset)
{
	struct mel_buf model = {0}, set = {0};

	put_int(&model, 1, 8);
	put_str(&set, 1, "");
	put_int(&set, 2, opset);
	put_msg(&model, 8, &set);
	put_msg(&model, 7, graph);
	return model;
}

static inline void
save_bytes(const char *path, const void *data, size_t n)
{
	struct mel_outfile out;

	if (mel_outfile_open(&out, path, NULL) ||
	    mel_write_full(out.fd, data, n, NULL) ||
	    mel_outfile_commit(&out, NULL))
		abort();
}

/* Gives up the graph. */
static inline void
save_model(const char *path, struct mel_buf *graph, int opset)
{
	struct mel_buf model = pb_model(graph, opset);

	save_bytes(path, model.data, model.len);
	mel_buf_free(&model);
}

/* A new folder below $TMPDIR, its name owned by the caller. */
static inline char *
temp_dir(void)
{
	const char *base = getenv("TMPDIR");
	char *path = NULL;

	if (asprintf(&path, "%s/mel-XXXXXX", base ? base : "/tmp") < 0 ||
	    !mkdtemp(path))
		abort();
	return path;
}

#endif
