/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/onnx_proto.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/graph.h"
#include "net/weights.h"
#include "onnx.pb-c.h"
#include "tensor/tensor.h"

/* protobuf-c's structs have no const; what they point to is not changed. */
#define BORROW(p) ((void *)(uintptr_t)(p))

int
mel_protos_own(struct mel_protos *p, void *item, struct mel_err *err)
{
	if (mel_reserve(&p->item, &p->cap, p->n + 1, sizeof(*p->item), err)) {
		free(item);
		return -1;
	}
	p->item[p->n++] = item;
	return 0;
}

void *
mel_protos_take(
    struct mel_protos *p, size_t n, size_t size, struct mel_err *err)
{
	void *item = mel_alloc(n ? n : 1, size, err);

	return item && !mel_protos_own(p, item, err) ? item : NULL;
}

void
mel_protos_free(struct mel_protos *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->item[i]);
	free(p->item);
	*p = (struct mel_protos){0};
}

Onnx__NodeProto *
mel_proto_node(struct mel_protos *protos, const char *kind, int n_in, int n_out,
    struct mel_err *err)
{
	Onnx__NodeProto *p = mel_protos_take(protos, 1, sizeof(*p), err);

	if (!p)
		return NULL;
	onnx__node_proto__init(p);
	p->op_type = BORROW(kind);
	p->n_input = (size_t)n_in;
	p->n_output = (size_t)n_out;
	p->input = mel_protos_take(protos, p->n_input, sizeof(*p->input), err);
	p->output =
	    mel_protos_take(protos, p->n_output, sizeof(*p->output), err);
	return p->input && p->output ? p : NULL;
}

int
mel_proto_attributes(struct mel_protos *protos, Onnx__NodeProto *node, int n,
    struct mel_err *err)
{
	node->attribute =
	    mel_protos_take(protos, (size_t)n, sizeof(*node->attribute), err);
	return node->attribute ? 0 : -1;
}

static int
set_strings(struct mel_protos *protos, Onnx__AttributeProto *p,
    const struct mel_attr *a, struct mel_err *err)
{
	p->strings = mel_protos_take(protos, a->n, sizeof(*p->strings), err);
	if (!p->strings)
		return -1;
	for (size_t i = 0; i < a->n; i++)
		p->strings[i] = (ProtobufCBinaryData){
		    strlen(a->strings[i]), BORROW(a->strings[i])};
	p->n_strings = a->n;
	return 0;
}

/* The content; its type is set already. */
static int
set_value(struct mel_protos *protos, Onnx__AttributeProto *p,
    const struct mel_attr *a, struct mel_err *err)
{
	switch (a->type) {
	case MEL_ATTR_INT:
		p->has_i = true;
		p->i = a->i;
		return 0;
	case MEL_ATTR_FLOAT:
		p->has_f = true;
		p->f = a->f;
		return 0;
	case MEL_ATTR_STRING:
		p->has_s = true;
		p->s = (ProtobufCBinaryData){strlen(a->s), BORROW(a->s)};
		return 0;
	case MEL_ATTR_TENSOR:
		p->t = mel_proto_tensor(protos, &a->tensor, NULL, err);
		return p->t ? 0 : -1;
	case MEL_ATTR_INTS:
		p->n_ints = a->n;
		p->ints = a->ints;
		return 0;
	case MEL_ATTR_FLOATS:
		p->n_floats = a->n;
		p->floats = a->floats;
		return 0;
	case MEL_ATTR_STRINGS:
		return set_strings(protos, p, a, err);
	case MEL_ATTR_GRAPH:
		break; /* the caller's */
	}
	return 0;
}

#define TYPE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

int
mel_proto_attr(struct mel_protos *protos, Onnx__NodeProto *node,
    const struct mel_attr *a, Onnx__GraphProto *body, struct mel_err *err)
{
	static const Onnx__AttributeProto__AttributeType type[] = {
	    [MEL_ATTR_INT] = TYPE(INT),
	    [MEL_ATTR_FLOAT] = TYPE(FLOAT),
	    [MEL_ATTR_STRING] = TYPE(STRING),
	    [MEL_ATTR_TENSOR] = TYPE(TENSOR),
	    [MEL_ATTR_GRAPH] = TYPE(GRAPH),
	    [MEL_ATTR_INTS] = TYPE(INTS),
	    [MEL_ATTR_FLOATS] = TYPE(FLOATS),
	    [MEL_ATTR_STRINGS] = TYPE(STRINGS),
	};
	Onnx__AttributeProto *p = mel_protos_take(protos, 1, sizeof(*p), err);

	if (!p)
		return -1;
	onnx__attribute_proto__init(p);
	p->name = a->name;
	p->has_type = true;
	p->type = type[a->type];
	p->g = body;
	node->attribute[node->n_attribute++] = p;
	return set_value(protos, p, a, err);
}

int
mel_proto_int(struct mel_protos *protos, Onnx__NodeProto *node,
    const char *name, long long value, struct mel_err *err)
{
	const struct mel_attr a = {
	    .name = BORROW(name), .type = MEL_ATTR_INT, .i = value};

	return mel_proto_attr(protos, node, &a, NULL, err);
}

/* The way back from mel_onnx_dtype. */
static int32_t
data_type(enum mel_dtype dtype)
{
	int32_t type = 1;

	while (mel_onnx_dtype(type) != dtype)
		type++;
	return type;
}

Onnx__TensorProto *
mel_proto_tensor(struct mel_protos *protos, const struct mel_tensor *t,
    char *name, struct mel_err *err)
{
	Onnx__TensorProto *p = mel_protos_take(protos, 1, sizeof(*p), err);

	if (!p)
		return NULL;
	onnx__tensor_proto__init(p);
	p->name = name;
	p->has_data_type = true;
	p->data_type = data_type(t->dtype);
	p->n_dims = (size_t)t->ndim;
	p->dims = BORROW(t->dim);
	p->has_raw_data = true;
	p->raw_data = (ProtobufCBinaryData){mel_tensor_bytes(t), t->data};
	return p;
}

static int
set_dim(struct mel_protos *protos, const struct mel_io *io, int d,
    Onnx__TensorShapeProto *shape, struct mel_err *err)
{
	Onnx__TensorShapeProto__Dimension *dim =
	    mel_protos_take(protos, 1, sizeof(*dim), err);

	if (!dim)
		return -1;
	onnx__tensor_shape_proto__dimension__init(dim);
	if (io->dim[d] >= 0) {
		dim->value_case =
		    ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		dim->dim_value = io->dim[d];
	} else if (io->symbol[d]) {
		dim->value_case =
		    ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
		dim->dim_param = io->symbol[d];
	}
	shape->dim[d] = dim;
	return 0;
}

static Onnx__TensorShapeProto *
make_shape(
    struct mel_protos *protos, const struct mel_io *io, struct mel_err *err)
{
	Onnx__TensorShapeProto *shape =
	    mel_protos_take(protos, 1, sizeof(*shape), err);

	if (!shape)
		return NULL;
	onnx__tensor_shape_proto__init(shape);
	shape->n_dim = (size_t)io->ndim;
	shape->dim =
	    mel_protos_take(protos, shape->n_dim, sizeof(*shape->dim), err);
	for (int d = 0; shape->dim && d < io->ndim; d++) {
		if (set_dim(protos, io, d, shape, err))
			return NULL;
	}
	return shape->dim ? shape : NULL;
}

static Onnx__TypeProto *
make_type(
    struct mel_protos *protos, const struct mel_io *io, struct mel_err *err)
{
	Onnx__TypeProto *type = mel_protos_take(protos, 1, sizeof(*type), err);
	Onnx__TypeProto__Tensor *t =
	    mel_protos_take(protos, 1, sizeof(*t), err);

	if (!type || !t)
		return NULL;
	onnx__type_proto__init(type);
	onnx__type_proto__tensor__init(t);
	type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	type->tensor_type = t;
	t->has_elem_type = true;
	t->elem_type = data_type(io->dtype);
	if (io->ndim < 0)
		return type;
	t->shape = make_shape(protos, io, err);
	return t->shape ? type : NULL;
}

static Onnx__TypeProto *
make_list_type(
    struct mel_protos *protos, Onnx__TypeProto *item, struct mel_err *err)
{
	Onnx__TypeProto *type = mel_protos_take(protos, 1, sizeof(*type), err);
	Onnx__TypeProto__Sequence *list =
	    mel_protos_take(protos, 1, sizeof(*list), err);

	if (!type || !list)
		return NULL;
	onnx__type_proto__init(type);
	onnx__type_proto__sequence__init(list);
	type->value_case = ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE;
	type->sequence_type = list;
	list->elem_type = item;
	return type;
}

Onnx__ValueInfoProto *
mel_proto_io(struct mel_protos *protos, const struct mel_io *io, char *name,
    struct mel_err *err)
{
	Onnx__ValueInfoProto *p = mel_protos_take(protos, 1, sizeof(*p), err);

	if (!p)
		return NULL;
	onnx__value_info_proto__init(p);
	p->name = name;
	if (!io->dtype)
		return p;
	p->type = make_type(protos, io, err);
	if (p->type && io->sequence)
		p->type = make_list_type(protos, p->type, err);
	return p->type ? p : NULL;
}

/* A file that protobuf-c writes to. */
struct sink {
	ProtobufCBuffer base;
	FILE *file;
};

static void
append(ProtobufCBuffer *base, size_t n, const uint8_t *data)
{
	/* An error stays with the file and is found when it is closed. */
	fwrite(data, 1, n, ((struct sink *)base)->file);
}

static int
write_model(const Onnx__ModelProto *model, int fd, struct mel_err *err)
{
	struct sink sink = {.base.append = append};
	int own = dup(fd), bad;

	sink.file = own < 0 ? NULL : fdopen(own, "wb");
	if (!sink.file) {
		mel_fail_errno(err, "ONNX file");
		if (own >= 0)
			close(own);
		return -1;
	}
	onnx__model_proto__pack_to_buffer(model, &sink.base);
	bad = ferror(sink.file);
	if (fclose(sink.file) || bad)
		return mel_fail_errno(err, "ONNX file");
	return 0;
}

int
mel_proto_model(
    Onnx__GraphProto *graph, int ir, int opset, int fd, struct mel_err *err)
{
	Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
	Onnx__OperatorSetIdProto set = ONNX__OPERATOR_SET_ID_PROTO__INIT;
	Onnx__OperatorSetIdProto *sets = &set;

	set.domain = BORROW("");
	set.has_version = true;
	set.version = opset;
	model.has_ir_version = true;
	model.ir_version = ir;
	model.producer_name = BORROW("melpipe");
	model.producer_version = BORROW(MEL_VERSION);
	model.n_opset_import = 1;
	model.opset_import = &sets;
	model.graph = graph;
	if (onnx__model_proto__get_packed_size(&model) > INT_MAX)
		return mel_fail(err, "an ONNX file cannot have 2 GiB");
	return write_model(&model, fd, err);
}
