/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/onnx_scope.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/graph.h"
#include "net/onnx.h"
#include "net/onnx_graph.h"
#include "net/onnx_node.h"
#include "net/weights.h"
#include "net/wire.h"
#include "onnx.pb-c.h"

#define MAX_DEPTH 32 /* bodies and functions inside each other */

static int
compare(const void *a, const void *b)
{
	const struct mel_name *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int
mel_names_add(
    struct mel_names *names, const char *name, int value, struct mel_err *err)
{
	if (mel_reserve(&names->item, &names->cap, names->n + 1,
		sizeof(*names->item), err))
		return -1;
	names->item[names->n++] = (struct mel_name){name, value};
	return 0;
}

int
mel_names_sort(struct mel_names *names, struct mel_err *err)
{
	if (names->n)
		qsort(names->item, names->n, sizeof(*names->item), compare);
	names->n_sorted = names->n;
	for (size_t i = 1; i < names->n; i++) {
		if (!compare(&names->item[i - 1], &names->item[i]))
			return mel_fail(err, "value %s is defined twice",
			    names->item[i].name);
	}
	return 0;
}

const struct mel_name *
mel_names_find(const struct mel_names *names, const char *name)
{
	const struct mel_name key = {name, 0};

	if (!names->n_sorted)
		return NULL;
	return bsearch(
	    &key, names->item, names->n_sorted, sizeof(key), compare);
}

/* "a/b" from the names of the calls around and the call itself. */
static int
set_place(
    struct mel_scope *s, const struct mel_scope *from, struct mel_err *err)
{
	const char *around = mel_scope_place(from);
	const char *own = s->call && s->call->name ? s->call->name : "";
	struct mel_buf text = {0};

	if (mel_buf_printf(
		&text, err, "%s%s%s", around, *around && *own ? "/" : "", own))
		return -1;
	s->place = text.data;
	return 0;
}

int
mel_scope_enter(
    struct mel_scope *scope, const struct mel_scope *from, struct mel_err *err)
{
	if (from->depth == MAX_DEPTH)
		return mel_fail(err, "nested too deeply");
	scope->source = from->source;
	scope->graph = from->graph;
	scope->opset = from->opset;
	scope->depth = from->depth + 1;
	return set_place(scope, from, err);
}

void
mel_scope_leave(struct mel_scope *scope)
{
	free(scope->names.item);
	free(scope->given.item);
	free(scope->capture);
	free(scope->captured);
	free(scope->place);
	for (size_t i = 0; i < scope->n_preset; i++)
		onnx__attribute_proto__free_unpacked(scope->preset[i], NULL);
	free(scope->preset);
}

int
mel_scope_define(struct mel_scope *scope, const char *name, struct mel_err *err)
{
	const struct mel_name *given = mel_names_find(&scope->given, name);
	int v;

	if (given) {
		v = given->value;
		scope->n_given++;
	} else {
		v = mel_graph_add_value(scope->graph, name, err);
	}
	if (v < 0 || mel_names_add(&scope->names, name, v, err))
		return -1;
	return v;
}

struct mel_io *
mel_scope_add_input(struct mel_scope *scope, struct mel_err *err)
{
	struct mel_graph *g = scope->graph;
	struct mel_io *io;

	if (mel_reserve(&g->input, &scope->input_cap, (size_t)g->n_input + 1,
		sizeof(*g->input), err))
		return NULL;
	io = &g->input[g->n_input++];
	*io = (struct mel_io){.ndim = -1};
	return io;
}

/* Makes room for the map of value `outer`. */
static int
grow_map(struct mel_scope *s, size_t outer, struct mel_err *err)
{
	size_t old = s->capture_cap;

	if (outer < old)
		return 0;
	if (mel_reserve(
		&s->capture, &s->capture_cap, outer + 1, sizeof(int), err))
		return -1;
	memset(s->capture + old, 0, (s->capture_cap - old) * sizeof(int));
	return 0;
}

static int
capture(struct mel_scope *s, int outer, const char *name, int *value,
    struct mel_err *err)
{
	struct mel_io *io;

	if (grow_map(s, (size_t)outer, err))
		return -1;
	if (s->capture[outer]) {
		*value = s->capture[outer] - 1;
		return 0;
	}
	if (mel_reserve(&s->captured, &s->captured_cap,
		(size_t)s->n_captured + 1, sizeof(int), err))
		return -1;
	io = mel_scope_add_input(s, err);
	if (!io)
		return -1;
	io->name = mel_strdup(name, err);
	*value = io->value = mel_graph_add_value(s->graph, name, err);
	if (!io->name || *value < 0)
		return -1;
	s->captured[s->n_captured++] = outer;
	s->capture[outer] = 1 + *value;
	return 0;
}

int
mel_scope_resolve(
    struct mel_scope *scope, const char *name, int *value, struct mel_err *err)
{
	const struct mel_name *hit = mel_names_find(&scope->names, name);
	int outer;

	if (hit) {
		*value = hit->value;
		return 0;
	}
	if (!scope->outer)
		return mel_fail(err, "input %s is defined nowhere", name);
	if (mel_scope_resolve(scope->outer, name, &outer, err))
		return -1;
	if (outer != MEL_ABSENT)
		return capture(scope, outer, name, value, err);
	*value = MEL_ABSENT;
	return 0;
}

static const Onnx__AttributeProto *
find_attribute(Onnx__AttributeProto *const *attr, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (attr[i]->name && !strcmp(attr[i]->name, name))
			return attr[i];
	}
	return NULL;
}

/* What the call gives, else the function's preset, else NULL. */
static const Onnx__AttributeProto *
of_call(const struct mel_scope *s, const char *name)
{
	const Onnx__AttributeProto *a =
	    find_attribute(s->call->attribute, s->call->n_attribute, name);

	return a ? a : find_attribute(s->preset, s->n_preset, name);
}

/* A body in a function is in the scope of the function's call. */
static const struct mel_scope *
function_around(const struct mel_scope *s)
{
	while (s && !s->call)
		s = s->outer;
	return s;
}

int
mel_scope_attribute(const struct mel_scope *scope,
    const struct Onnx__AttributeProto *attr,
    const struct Onnx__AttributeProto **given, struct mel_err *err)
{
	*given = attr;
	while (*given && (*given)->ref_attr_name && *(*given)->ref_attr_name) {
		scope = function_around(scope);
		if (!scope)
			return mel_fail(err,
			    "attribute %s: a reference outside a function",
			    attr->name);
		*given = of_call(scope, (*given)->ref_attr_name);
		scope = scope->caller;
	}
	return 0;
}

static bool
same(const char *a, const char *b)
{
	if (mel_onnx_is_standard(a) || mel_onnx_is_standard(b))
		return mel_onnx_is_standard(a) && mel_onnx_is_standard(b);
	return !strcmp(a, b);
}

const struct Onnx__FunctionProto *
mel_scope_function(
    const struct mel_scope *scope, const struct Onnx__NodeProto *node)
{
	const Onnx__ModelProto *m = scope->source->model;

	for (size_t i = 0; node->op_type && i < m->n_functions; i++) {
		const Onnx__FunctionProto *f = m->functions[i];

		if (f->name && !strcmp(f->name, node->op_type) &&
		    same(f->domain, node->domain))
			return f;
	}
	return NULL;
}

static int
take_opset(struct mel_scope *scope, struct mel_err *err)
{
	const Onnx__FunctionProto *f = scope->function;

	for (size_t i = 0; i < f->n_opset_import; i++) {
		const Onnx__OperatorSetIdProto *o = f->opset_import[i];

		if (!mel_onnx_is_standard(o->domain))
			continue;
		if (o->version < MEL_MIN_OPSET || o->version > MEL_MAX_OPSET) {
			scope->source->weights->foreign = true;
			return mel_fail(err,
			    "opset %lld: %d to %d are supported",
			    (long long)o->version, MEL_MIN_OPSET,
			    MEL_MAX_OPSET);
		}
		scope->opset = (int)o->version;
	}
	return 0;
}

/*
 * Presets came with IR 9 as field 11, which protobuf-c knows from the schema
 * of IR 8 as bytes only, behind the length that net/wire.c wrote.
 */
int
mel_scope_open_function(struct mel_scope *scope, struct mel_err *err)
{
	const ProtobufCMessage *f = &scope->function->base;

	if (take_opset(scope, err))
		return -1;
	scope->preset =
	    mel_alloc(f->n_unknown_fields, sizeof(*scope->preset), err);
	if (!scope->preset)
		return -1;
	for (size_t i = 0; i < f->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *u = &f->unknown_fields[i];

		if (u->tag != 11 || u->len < MEL_WIRE_LENGTH)
			continue;
		scope->preset[scope->n_preset] = onnx__attribute_proto__unpack(
		    NULL, u->len - MEL_WIRE_LENGTH, u->data + MEL_WIRE_LENGTH);
		if (!scope->preset[scope->n_preset])
			return mel_fail(err, "a preset is no attribute");
		scope->n_preset++;
	}
	return 0;
}

const char *
mel_scope_place(const struct mel_scope *scope)
{
	return scope->place ? scope->place : "";
}
