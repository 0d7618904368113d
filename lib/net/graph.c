/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/op.h"
#include "net/packs.h"

const struct mel_attr *
mel_node_attr(const struct mel_node *node, const char *name)
{
	for (int i = 0; i < node->n_attr; i++) {
		if (!strcmp(node->attr[i].name, name))
			return &node->attr[i];
	}
	return NULL;
}

int
mel_node_fail(
    const struct mel_node *node, struct mel_err *err, const char *fmt, ...)
{
	char msg[MEL_ERR_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (!node->name || !*node->name)
		return mel_fail(err, "%s: %s", node->kind, msg);
	return mel_fail(err, "%s (node %s): %s", node->kind, node->name, msg);
}

/* *out: NULL if absent. */
static int
find_typed(const struct mel_node *node, const char *name,
    enum mel_attr_type type, const struct mel_attr **out, struct mel_err *err)
{
	*out = mel_node_attr(node, name);
	if (*out && (*out)->type != type)
		return mel_node_fail(
		    node, err, "attribute %s: wrong type", name);
	return 0;
}

int
mel_attr_int(const struct mel_node *node, const char *name, int64_t preset,
    int64_t *out, struct mel_err *err)
{
	const struct mel_attr *a;

	if (find_typed(node, name, MEL_ATTR_INT, &a, err))
		return -1;
	*out = a ? a->i : preset;
	return 0;
}

int
mel_attr_float(const struct mel_node *node, const char *name, float preset,
    float *out, struct mel_err *err)
{
	const struct mel_attr *a;

	if (find_typed(node, name, MEL_ATTR_FLOAT, &a, err))
		return -1;
	*out = a ? a->f : preset;
	return 0;
}

int
mel_attr_ints(const struct mel_node *node, const char *name,
    const int64_t **out, size_t *n, struct mel_err *err)
{
	const struct mel_attr *a;

	if (find_typed(node, name, MEL_ATTR_INTS, &a, err))
		return -1;
	*out = a ? a->ints : NULL;
	*n = a ? a->n : 0;
	return 0;
}

int
mel_attr_string(const struct mel_node *node, const char *name,
    const char *preset, const char **out, struct mel_err *err)
{
	const struct mel_attr *a;

	if (find_typed(node, name, MEL_ATTR_STRING, &a, err))
		return -1;
	*out = a ? a->s : preset;
	return 0;
}

static void
attr_clear(struct mel_attr *attr)
{
	free(attr->name);
	free(attr->s);
	free(attr->ints);
	free(attr->floats);
	for (size_t i = 0; attr->strings && i < attr->n; i++)
		free(attr->strings[i]);
	free(attr->strings);
	mel_tensor_free(&attr->tensor);
	mel_graph_free(attr->graph);
	*attr = (struct mel_attr){0};
}

struct mel_attr *
mel_node_add_attr(struct mel_node *node, const char *name,
    enum mel_attr_type type, struct mel_err *err)
{
	struct mel_attr *a;
	char *copy = mel_strdup(name, err);

	if (!copy)
		return NULL;
	a = realloc(node->attr, (size_t)(node->n_attr + 1) * sizeof(*a));
	if (!a) {
		free(copy);
		mel_fail(err, "out of memory");
		return NULL;
	}
	node->attr = a;
	a += node->n_attr++;
	*a = (struct mel_attr){.name = copy, .type = type};
	return a;
}

int
mel_node_add_int(
    struct mel_node *node, const char *name, int64_t value, struct mel_err *err)
{
	struct mel_attr *a = mel_node_add_attr(node, name, MEL_ATTR_INT, err);

	if (a)
		a->i = value;
	return a ? 0 : -1;
}

int
mel_node_add_float(
    struct mel_node *node, const char *name, float value, struct mel_err *err)
{
	struct mel_attr *a = mel_node_add_attr(node, name, MEL_ATTR_FLOAT, err);

	if (a)
		a->f = value;
	return a ? 0 : -1;
}

int
mel_node_add_ints(struct mel_node *node, const char *name, const int64_t *value,
    size_t n, struct mel_err *err)
{
	struct mel_attr *a = mel_node_add_attr(node, name, MEL_ATTR_INTS, err);

	if (!a)
		return -1;
	a->ints = mel_alloc(n, sizeof(*a->ints), err);
	if (!a->ints)
		return -1;
	if (n)
		memcpy(a->ints, value, n * sizeof(*value));
	a->n = n;
	return 0;
}

int
mel_node_add_string(struct mel_node *node, const char *name, const char *value,
    struct mel_err *err)
{
	struct mel_attr *a =
	    mel_node_add_attr(node, name, MEL_ATTR_STRING, err);

	if (!a)
		return -1;
	a->s = mel_strdup(value, err);
	return a->s ? 0 : -1;
}

void
mel_node_drop_attr(struct mel_node *node, const char *name)
{
	for (int i = 0; i < node->n_attr; i++) {
		if (strcmp(node->attr[i].name, name))
			continue;
		attr_clear(&node->attr[i]);
		node->attr[i] = node->attr[--node->n_attr];
		return;
	}
}

static int *
absent(int n, struct mel_err *err)
{
	int *p = mel_alloc((size_t)n, sizeof(*p), err);

	for (int i = 0; p && i < n; i++)
		p[i] = MEL_ABSENT;
	return p;
}

int
mel_node_init(struct mel_node *node, const char *kind, const char *name,
    int n_in, int n_out, struct mel_err *err)
{
	*node = (struct mel_node){.n_in = n_in, .n_own = n_in, .n_out = n_out};
	node->kind = mel_strdup(kind, err);
	node->name = mel_strdup(name, err);
	node->in = absent(n_in, err);
	node->out = absent(n_out, err);
	if (node->kind && node->name && node->in && node->out)
		return 0;
	mel_node_clear(node);
	return -1;
}

void
mel_node_clear(struct mel_node *node)
{
	if (node->params && node->op && node->op->release)
		node->op->release(node);
	free(node->params);
	free(node->room);
	for (int i = 0; i < node->n_attr; i++)
		attr_clear(&node->attr[i]);
	free(node->attr);
	free(node->name);
	free(node->kind);
	free(node->in);
	free(node->out);
	*node = (struct mel_node){0};
}

void *
mel_node_room(
    struct mel_node *node, size_t bytes, bool *filled, struct mel_err *err)
{
	if (node->packs)
		return mel_packs_take(node->packs, bytes, filled, err);
	*filled = false;
	free(node->room);
	node->room = mel_alloc_aligned(bytes, err);
	return node->room;
}

int
mel_node_resize_inputs(struct mel_node *node, int n, struct mel_err *err)
{
	int *in = absent(n, err);

	if (!in)
		return -1;
	for (int i = 0; i < n && i < node->n_in; i++)
		in[i] = node->in[i];
	free(node->in);
	node->in = in;
	node->n_own += n - node->n_in;
	node->n_in = n;
	return 0;
}

int
mel_node_add_captures(
    struct mel_node *node, const int *value, int n, struct mel_err *err)
{
	int own = node->n_own, at = node->n_in;

	if (mel_node_resize_inputs(node, at + n, err))
		return -1;
	for (int k = 0; k < n; k++)
		node->in[at + k] = value[k];
	node->n_own = own;
	return 0;
}

struct mel_graph *
mel_node_body(const struct mel_node *node, int *i)
{
	while (*i < node->n_attr) {
		const struct mel_attr *a = &node->attr[(*i)++];

		if (a->type == MEL_ATTR_GRAPH)
			return a->graph;
	}
	return NULL;
}

int
mel_graph_add_node(struct mel_graph *graph, const char *kind, const char *name,
    int n_in, int n_out, struct mel_err *err)
{
	size_t n = (size_t)graph->n_node;

	if (mel_reserve(&graph->node, &graph->node_cap, n + 1,
		sizeof(*graph->node), err) ||
	    mel_node_init(&graph->node[n], kind, name, n_in, n_out, err))
		return -1;
	return graph->n_node++;
}

int
mel_graph_add_value(
    struct mel_graph *graph, const char *name, struct mel_err *err)
{
	size_t n = (size_t)graph->n_value;
	char *copy;

	if (mel_reserve(&graph->value, &graph->value_cap, n + 1,
		sizeof(*graph->value), err))
		return -1;
	copy = mel_strdup(name, err);
	if (!copy)
		return -1;
	graph->value[n] = (struct mel_value){.name = copy, .producer = -1};
	return graph->n_value++;
}

void
mel_io_clear(struct mel_io *io)
{
	free(io->name);
	for (int d = 0; d < MEL_MAX_DIMS; d++)
		free(io->symbol[d]);
	*io = (struct mel_io){0};
}

static void
free_io(struct mel_io *io, int n)
{
	for (int i = 0; i < n; i++)
		mel_io_clear(&io[i]);
	free(io);
}

void
mel_graph_free(struct mel_graph *graph)
{
	if (!graph)
		return;
	for (int i = 0; i < graph->n_node; i++)
		mel_node_clear(&graph->node[i]);
	free(graph->node);
	for (int i = 0; i < graph->n_value; i++) {
		free(graph->value[i].name);
		mel_tensor_free(&graph->value[i].constant);
	}
	free(graph->value);
	free_io(graph->input, graph->n_input);
	free_io(graph->output, graph->n_output);
	free(graph->last);
	free(graph);
}
