/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/onnx.h"
#include "onnx.pb-c.h"
#include "onnxfile.h"
#include "tap.h"
#include "tensor/tensor.h"

/*
 * Nothing looks at names: each case with every tensor, node, graph, symbol,
 * function and file called otherwise gives the same bytes.
 */

#define MAX_IO 64

static char *dir; /* for what is renamed */
static char path[512];

/* ---- other names ---- */

/* A name is always called the same; "" stays "". */
static void
rename_one(char **name)
{
	uint64_t h = 14695981039346656037u;
	char *other;

	if (!*name || !**name)
		return;
	for (const char *p = *name; *p; p++)
		h = (h ^ (uint8_t)*p) * 1099511628211u;
	if (asprintf(&other, "%016llx/", (unsigned long long)h) < 0)
		abort();
	free(*name);
	*name = other;
}

static void
rename_list(char **name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		rename_one(&name[i]);
}

/* The model's functions, by their old names: calls of them are renamed, too. */
struct functions {
	char **domain, **name; /* [n] */
	size_t n;
};

static bool
is_call(const struct functions *f, const Onnx__NodeProto *node)
{
	for (size_t i = 0; i < f->n; i++) {
		if (!strcmp(f->name[i], node->op_type) && f->domain[i] &&
		    node->domain && !strcmp(f->domain[i], node->domain))
			return true;
	}
	return false;
}

/* External data goes into a file of another name. */
static void
rename_external(Onnx__TensorProto *t, const char *folder)
{
	for (size_t i = 0; i < t->n_external_data; i++) {
		Onnx__StringStringEntryProto *e = t->external_data[i];
		struct mel_map map;
		char file[1024];

		if (strcmp(e->key, "location"))
			continue;
		snprintf(file, sizeof(file), "%s/%s", folder, e->value);
		if (mel_map_open(&map, file, NULL))
			abort();
		free(e->value);
		e->value = strdup("other.data");
		snprintf(file, sizeof(file), "%s/other.data", dir);
		save_bytes(file, map.data, map.len);
		mel_map_close(&map);
	}
}

static void
rename_symbols(Onnx__TensorShapeProto *shape)
{
	const int symbol = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;

	for (size_t d = 0; shape && d < shape->n_dim; d++) {
		if ((int)shape->dim[d]->value_case == symbol)
			rename_one(&shape->dim[d]->dim_param);
	}
}

static void
rename_io(Onnx__ValueInfoProto **io, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const Onnx__TypeProto *type = io[i]->type;

		rename_one(&io[i]->name);
		if (type &&
		    type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
			rename_symbols(type->tensor_type->shape);
	}
}

static void rename_graph(
    Onnx__GraphProto *g, const struct functions *f, const char *folder);

static void
rename_nodes(Onnx__NodeProto **node, size_t n, const struct functions *f,
    const char *folder)
{
	for (size_t i = 0; i < n; i++) {
		if (is_call(f, node[i]))
			rename_one(&node[i]->op_type);
		rename_one(&node[i]->name);
		rename_list(node[i]->input, node[i]->n_input);
		rename_list(node[i]->output, node[i]->n_output);
		for (size_t k = 0; k < node[i]->n_attribute; k++) {
			if (node[i]->attribute[k]->g)
				rename_graph(
				    node[i]->attribute[k]->g, f, folder);
		}
	}
}

static void
rename_graph(Onnx__GraphProto *g, const struct functions *f, const char *folder)
{
	rename_one(&g->name);
	rename_nodes(g->node, g->n_node, f, folder);
	rename_io(g->input, g->n_input);
	rename_io(g->output, g->n_output);
	rename_io(g->value_info, g->n_value_info);
	for (size_t i = 0; i < g->n_initializer; i++) {
		rename_one(&g->initializer[i]->name);
		rename_external(g->initializer[i], folder);
	}
}

static void
rename_model(Onnx__ModelProto *m, const char *folder)
{
	size_t n = m->n_functions;
	struct functions f = {
	    calloc(n + 1, sizeof(char *)), calloc(n + 1, sizeof(char *)), n};

	for (size_t i = 0; i < n; i++) {
		f.name[i] = strdup(m->functions[i]->name);
		f.domain[i] = m->functions[i]->domain;
	}
	rename_graph(m->graph, &f, folder);
	for (size_t i = 0; i < n; i++) {
		Onnx__FunctionProto *p = m->functions[i];

		rename_one(&p->name);
		rename_list(p->input, p->n_input);
		rename_list(p->output, p->n_output);
		rename_nodes(p->node, p->n_node, &f, folder);
		free(f.name[i]);
	}
	free(f.name);
	free(f.domain);
}

/* The model of a folder, renamed, at `path`; false: it is no ONNX. */
static bool
write_renamed(const char *folder)
{
	Onnx__ModelProto *model = NULL;
	struct mel_map map;
	char file[600];
	unsigned char *bytes;
	size_t n;

	snprintf(file, sizeof(file), "%s/model.onnx", folder);
	if (!mel_map_open(&map, file, NULL)) {
		model = onnx__model_proto__unpack(NULL, map.len, map.data);
		mel_map_close(&map);
	}
	if (!model || !model->graph)
		return false;
	rename_model(model, folder);
	n = onnx__model_proto__get_packed_size(model);
	bytes = malloc(n + 1);
	onnx__model_proto__pack(model, bytes);
	save_bytes(path, bytes, n);
	free(bytes);
	onnx__model_proto__free_unpacked(model, NULL);
	return true;
}

/* ---- the same bytes ---- */

static bool
same_tensor(const struct mel_tensor *a, const struct mel_tensor *b)
{
	return mel_tensor_same_shape(a, b) &&
	       (!mel_tensor_bytes(a) ||
		   !memcmp(a->data, b->data, mel_tensor_bytes(a)));
}

static bool
same_value(const struct mel_net_value *a, const struct mel_net_value *b)
{
	bool same = a->t.dtype == b->t.dtype && a->n == b->n;

	if (a->t.dtype)
		return same && same_tensor(&a->t, &b->t);
	for (size_t i = 0; same && i < a->n; i++)
		same = same_tensor(&a->item[i], &b->item[i]);
	return same;
}

static void
free_values(struct mel_net_value *v, int n)
{
	for (int i = 0; i < n; i++) {
		mel_tensor_free(&v[i].t);
		for (size_t k = 0; k < v[i].n; k++)
			mel_tensor_free(&v[i].item[k]);
		free(v[i].item);
	}
}

/* The inputs of the first data set. */
static bool
load_values(
    const char *folder, const struct mel_graph *g, struct mel_net_value *v)
{
	for (int i = 0; i < g->n_input; i++) {
		char file[600];
		int rc;

		snprintf(file, sizeof(file), "%s/test_data_set_0/input_%d.pb",
		    folder, i);
		rc = g->input[i].sequence
			 ? mel_onnx_read_list(
			       &v[i].item, &v[i].n, file, NULL, NULL)
			 : mel_onnx_read_tensor(&v[i].t, file, NULL, NULL);
		if (rc) {
			free_values(v, i);
			return false;
		}
	}
	return true;
}

/* Both run, or both do not, and what they give is the same. */
static bool
run_alike(const struct mel_network *a, const struct mel_network *b,
    const struct mel_net_value *in, bool *ran)
{
	const struct mel_graph *g = mel_network_graph(a);
	struct mel_session *s = NULL, *t = NULL;
	struct mel_net_value x[MAX_IO], y[MAX_IO];
	bool same = !mel_session_open(&s, a, NULL, NULL) &&
		    !mel_session_open(&t, b, NULL, NULL);

	if (same) {
		*ran = !mel_session_run_values(s, in, x, NULL);
		same = *ran == !mel_session_run_values(t, in, y, NULL);
	}
	for (int i = 0; same && *ran && i < g->n_output; i++)
		same = same_value(&x[i], &y[i]);
	mel_session_close(s);
	mel_session_close(t);
	return same;
}

static bool
case_is_same(const char *folder, bool *ran)
{
	struct mel_network *a = NULL, *b = NULL;
	struct mel_net_value in[MAX_IO] = {{{0}, NULL, 0}};
	char file[600];
	bool opens, same;

	snprintf(file, sizeof(file), "%s/model.onnx", folder);
	opens = !mel_network_open(&a, file, MEL_ISA_AUTO, NULL);
	same = opens == !mel_network_open(&b, path, MEL_ISA_AUTO, NULL);
	if (same && opens) {
		const struct mel_graph *g = mel_network_graph(a);

		if (g->n_input <= MAX_IO && g->n_output <= MAX_IO &&
		    load_values(folder, g, in)) {
			same = run_alike(a, b, in, ran);
			free_values(in, g->n_input);
		}
	}
	mel_network_close(a);
	mel_network_close(b);
	return same;
}

/* Every case of a folder. */
static void
test_suite(const char *suite, int least)
{
	struct dirent **list;
	int n = scandir(suite, &list, NULL, alphasort), ran = 0, bad = 0;

	for (int i = 0; i < n; i++) {
		char folder[512];
		bool did = false;

		snprintf(
		    folder, sizeof(folder), "%s/%s", suite, list[i]->d_name);
		if (list[i]->d_name[0] != '.' && write_renamed(folder) &&
		    !case_is_same(folder, &did)) {
			printf("# %s\n", folder);
			bad++;
		}
		ran += did;
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	ok(ran >= least && !bad,
	    "%s: %d cases run with other names, the same bytes", suite, ran);
}

int
main(void)
{
	static const char debian[] = "/usr/share/libonnx-testdata/data";
	char suite[128];

	dir = temp_dir();
	snprintf(path, sizeof(path), "%s/another.bin", dir);
	test_suite("test/data/onnx/layers", 116);
	test_suite("test/data/onnx/blocks", 15);
	test_suite("test/data/onnx/models", 13);
	if (!access(debian, R_OK)) {
		snprintf(suite, sizeof(suite), "%s/node", debian);
		test_suite(suite, 600);
		snprintf(suite, sizeof(suite), "%s/pytorch-converted", debian);
		test_suite(suite, 50);
	}
	unlink(path);
	snprintf(suite, sizeof(suite), "%s/other.data", dir);
	unlink(suite);
	rmdir(dir);
	free(dir);
	return tap_done();
}
