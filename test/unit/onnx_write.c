/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/onnx_write.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/kernels.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/onnx.h"
#include "net/pass.h"
#include "tap.h"
#include "tensor/tensor.h"

#define MAX_IO 32

static char copy[] = "/tmp/onnx_write_XXXXXX";

/* The network in the file, simplified and written again. */
static int
rewrite(const char *path, struct mel_err *err)
{
	const struct mel_kernels *kernels = mel_kernels_get(MEL_ISA_PORTABLE);
	struct mel_model model;
	int fd = open(copy, O_WRONLY | O_TRUNC), rc;

	if (mel_model_open(&model, path, err)) {
		close(fd);
		return -1;
	}
	rc = mel_graph_simplify(model.graph, kernels, err);
	if (!rc)
		rc = mel_onnx_write(model.graph, fd, err);
	close(fd);
	mel_model_close(&model);
	return rc;
}

/* The first test case's inputs; false if it has any that is no tensor. */
static bool
load_inputs(const char *dir, int n, struct mel_tensor *in)
{
	for (int i = 0; i < n; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/test_data_set_0/input_%d.pb",
		    dir, i);
		if (mel_onnx_read_tensor(&in[i], path, NULL, NULL)) {
			while (i--)
				mel_tensor_free(&in[i]);
			return false;
		}
	}
	return true;
}

/* The outputs of both, run on the same inputs, are the same bytes. */
static bool
runs_alike(struct mel_session *a, struct mel_session *b, int n_out,
    const struct mel_tensor *in)
{
	struct mel_tensor x[MAX_IO], y[MAX_IO];
	struct mel_err err;
	bool alike = true;

	if (mel_session_run(a, in, x, &err) ||
	    mel_session_run(b, in, y, &err)) {
		printf("# %s\n", err.msg);
		return false;
	}
	for (int i = 0; i < n_out; i++) {
		alike = alike && x[i].dtype == y[i].dtype &&
			x[i].ndim == y[i].ndim &&
			mel_tensor_bytes(&x[i]) == mel_tensor_bytes(&y[i]) &&
			!memcmp(x[i].dim, y[i].dim,
			    (size_t)x[i].ndim * sizeof(*x[i].dim)) &&
			!memcmp(x[i].data, y[i].data, mel_tensor_bytes(&x[i]));
	}
	return alike;
}

static bool
same_names(const struct mel_graph *a, const struct mel_graph *b)
{
	bool same = a->n_input == b->n_input && a->n_output == b->n_output;

	for (int i = 0; same && i < a->n_input; i++)
		same = !strcmp(a->input[i].name, b->input[i].name) &&
		       a->input[i].dtype == b->input[i].dtype &&
		       a->input[i].ndim == b->input[i].ndim;
	for (int i = 0; same && i < a->n_output; i++)
		same = !strcmp(a->output[i].name, b->output[i].name);
	return same;
}

static bool
compare(const char *dir, struct mel_network *old, struct mel_network *new)
{
	const struct mel_graph *g = mel_network_graph(old);
	struct mel_session *a = NULL, *b = NULL;
	struct mel_tensor in[MAX_IO];
	bool good = same_names(g, mel_network_graph(new)) &&
		    g->n_input <= MAX_IO && g->n_output <= MAX_IO;

	if (!good || !load_inputs(dir, g->n_input, in))
		return good;
	good = !mel_session_open(&a, old, NULL, NULL) &&
	       !mel_session_open(&b, new, NULL, NULL) &&
	       runs_alike(a, b, g->n_output, in);
	mel_session_close(a);
	mel_session_close(b);
	for (int i = 0; i < g->n_input; i++)
		mel_tensor_free(&in[i]);
	return good;
}

static void
test_case(const char *dir, const char *name)
{
	struct mel_network *old = NULL, *new = NULL;
	char folder[300], path[400];
	struct mel_err err = {0};
	bool good;

	snprintf(folder, sizeof(folder), "%s/%s", dir, name);
	snprintf(path, sizeof(path), "%s/model.onnx", folder);
	if (mel_network_open(&old, path, MEL_ISA_PORTABLE, &err)) {
		ok(false, "%s: %s", name, err.msg);
		return;
	}
	good = !rewrite(path, &err) &&
	       !mel_network_open(&new, copy, MEL_ISA_PORTABLE, &err);
	if (!good)
		printf("# %s\n", err.msg);
	ok(good && compare(folder, old, new),
	    "%s: written and read again it gives the same bytes", name);
	mel_network_close(old);
	mel_network_close(new);
}

/* Every case of a folder. */
static void
test_folder(const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort);

	ok(n > 2, "%s is there", dir);
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.')
			test_case(dir, list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* A full disk is an error, not a short file. */
static void
test_full(void)
{
	static const char path[] =
	    "test/data/onnx/models/tacotron2_postnet_9/model.onnx";
	const struct mel_kernels *kernels = mel_kernels_get(MEL_ISA_PORTABLE);
	struct mel_err err = {0};
	struct mel_model model;
	int fd = open("/dev/full", O_WRONLY);

	if (mel_model_open(&model, path, &err) ||
	    mel_graph_simplify(model.graph, kernels, &err)) {
		ok(false, "%s", err.msg);
	} else {
		ok(mel_onnx_write(model.graph, fd, &err) &&
			strstr(err.msg, "No space left"),
		    "J3: a full disk is reported: %s", err.msg);
		mel_model_close(&model);
	}
	close(fd);
}

int
main(void)
{
	int fd = mkstemp(copy);

	close(fd);
	test_folder("test/data/onnx/layers");
	test_folder("test/data/onnx/blocks");
	test_folder("test/data/onnx/models");
	test_full();
	unlink(copy);
	return tap_done();
}
