/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/runfiles.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/option.h"
#include "base/outdir.h"
#include "net/graph.h"
#include "net/inputs.h"
#include "net/network.h"
#include "tensor/npy.h"
#include "tensor/tensor.h"

static int
save_one(struct mel_outdir *dir, const char *name, const struct mel_tensor *t,
    struct mel_err *err)
{
	struct mel_outfile file;

	if (mel_outdir_file(dir, name, NULL, "npy", &file, err))
		return -1;
	if (!mel_npy_write(file.fd, t, err))
		return mel_outfile_commit(&file, err);
	mel_outfile_abort(&file);
	return mel_fail_in(err, "output %s", name);
}

static int
save(const struct mel_graph *g, const struct mel_tensor *out, const char *path,
    struct mel_err *err)
{
	struct mel_outdir dir = {0};
	int rc = mel_outdir_open(&dir, path, err);

	for (int i = 0; !rc && i < g->n_output; i++)
		rc = save_one(&dir, g->output[i].name, &out[i], err);
	mel_outdir_close(&dir);
	return rc;
}

static bool
is_declared(const struct mel_io *io, const struct mel_tensor *t)
{
	if ((io->dtype && io->dtype != t->dtype) ||
	    (io->ndim >= 0 && io->ndim != t->ndim))
		return false;
	for (int d = 0; d < io->ndim; d++) {
		if (io->dim[d] >= 0 && io->dim[d] != t->dim[d])
			return false;
	}
	return true;
}

static int
note_outputs(const struct mel_graph *g, const struct mel_tensor *out,
    const struct mel_run_files *job, struct mel_err *err)
{
	for (int i = 0; i < g->n_output; i++) {
		struct mel_buf note = {0};
		char text[160];
		int rc;

		if (is_declared(&g->output[i], &out[i]))
			continue;
		rc = mel_buf_printf(&note, err,
		    "%s: output %s is %s, which is not what is declared",
		    job->model, g->output[i].name,
		    mel_shape_text(&out[i], text, sizeof(text)));
		if (!rc)
			rc = mel_strings_add(job->notes, note.data, err);
		mel_buf_free(&note);
		if (rc)
			return -1;
	}
	return 0;
}

static int
run(const struct mel_network *network, const struct mel_run_files *job,
    struct mel_err *err)
{
	const struct mel_graph *g = mel_network_graph(network);
	struct mel_session *session = NULL;
	struct mel_tensor *in = mel_alloc((size_t)g->n_input, sizeof(*in), err);
	struct mel_tensor *out =
	    mel_alloc((size_t)g->n_output, sizeof(*out), err);
	int rc = in && out ? 0 : -1;

	if (!rc && (mel_inputs_load(g, job->inputs, in, err) ||
		       mel_inputs_check(g, in, err)))
		rc = mel_fail_in(err, "%s", job->model);
	if (!rc)
		rc = mel_session_open(&session, network, job->pool, err);
	if (!rc)
		rc = mel_session_run(session, in, out, err);
	if (!rc)
		rc = note_outputs(g, out, job, err);
	if (!rc)
		rc = save(g, out, job->dir, err);
	for (int i = 0; in && i < g->n_input; i++)
		mel_tensor_free(&in[i]);
	mel_session_close(session);
	free(in);
	free(out);
	return rc;
}

int
mel_network_run_files(const struct mel_run_files *job, struct mel_err *err)
{
	struct mel_network *network;
	int rc;

	if (mel_network_open(&network, job->model, job->isa, err))
		return -1;
	rc = run(network, job, err);
	mel_network_close(network);
	return rc;
}
