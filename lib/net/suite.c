/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/frame.h"
#include "net/graph.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/onnx.h"
#include "net/op.h"
#include "net/pass.h"
#include "tensor/convert.h"
#include "tensor/tensor.h"

struct run {
	const struct mel_suite *suite;
	const char *dir;
	struct mel_network *network;
	struct mel_session *session;
	struct mel_net_value *in;  /* [n_input] owned */
	struct mel_net_value *out; /* [n_output] */
	bool foreign;              /* a type that we do not have was met */
	bool wrong;                /* it ran, and not as it should */
};

static bool
is_float(enum mel_dtype dtype)
{
	return dtype == MEL_F32 || dtype == MEL_F64 || dtype == MEL_F16 ||
	       dtype == MEL_BF16;
}

/* Largest finite |x|. */
static double
magnitude(const struct mel_tensor *t)
{
	double most = 0;

	for (size_t i = 0; i < mel_tensor_count(t); i++) {
		double v = fabs(mel_tensor_value(t, i));

		if (isfinite(v) && v > most)
			most = v;
	}
	return most;
}

static bool
is_close(double got, double want, double absolute, double relative)
{
	if (isnan(want) || isnan(got))
		return isnan(want) && isnan(got);
	if (isinf(want) || isinf(got))
		return want == got;
	return fabs(got - want) <= absolute + relative * fabs(want);
}

static int
compare_floats(const struct mel_tensor *got, const struct mel_tensor *want,
    bool strict, struct mel_err *err)
{
	double absolute = strict ? 1e-5 * magnitude(want) : 1e-7;
	double relative = strict ? 0 : 1e-3;
	size_t n = mel_tensor_count(want), bad = 0, first = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_close(mel_tensor_value(got, i),
			mel_tensor_value(want, i), absolute, relative))
			continue;
		if (!bad++)
			first = i;
	}
	if (!bad)
		return 0;
	return mel_fail(err,
	    "%zu of %zu elements differ, first [%zu]: %.9g, not %.9g", bad, n,
	    first, mel_tensor_value(got, first), mel_tensor_value(want, first));
}

int
mel_suite_compare(const struct mel_suite *suite, const struct mel_tensor *got,
    const struct mel_tensor *want, struct mel_err *err)
{
	char a[160], b[160];
	size_t size = mel_dtype_size(want->dtype), n;

	if (!mel_tensor_same_shape(got, want))
		return mel_fail(err, "%s, not %s",
		    mel_shape_text(got, a, sizeof(a)),
		    mel_shape_text(want, b, sizeof(b)));
	if (is_float(want->dtype))
		return compare_floats(got, want, suite->strict, err);
	n = mel_tensor_count(want);
	for (size_t i = 0; i < n; i++) {
		if (memcmp((char *)got->data + i * size,
			(char *)want->data + i * size, size))
			return mel_fail(err, "[%zu] is %.0f, not %.0f", i,
			    mel_tensor_value(got, i),
			    mel_tensor_value(want, i));
	}
	return 0;
}

/* A sequence where the graph says so. */
static int
read_one(struct run *r, struct mel_net_value *value, int set, const char *what,
    int number, struct mel_err *err)
{
	const struct mel_graph *g = mel_network_graph(r->network);
	const struct mel_io *io =
	    *what == 'i' ? &g->input[number] : &g->output[number];
	struct mel_buf path = {0};
	int rc = mel_buf_printf(&path, err, "%s/test_data_set_%d/%s_%d.pb",
	    r->dir, set, what, number);

	if (!rc && io->sequence)
		rc = mel_onnx_read_list(
		    &value->item, &value->n, path.data, &r->foreign, err);
	else if (!rc)
		rc = mel_onnx_read_tensor(
		    &value->t, path.data, &r->foreign, err);
	mel_buf_free(&path);
	return rc;
}

static void
clear_value(struct mel_net_value *value)
{
	mel_tensor_free(&value->t);
	for (size_t i = 0; i < value->n; i++)
		mel_tensor_free(&value->item[i]);
	free(value->item);
	*value = (struct mel_net_value){0};
}

static int
compare_values(const struct run *r, const struct mel_net_value *got,
    const struct mel_net_value *want, struct mel_err *err)
{
	if (want->t.dtype && got->t.dtype)
		return mel_suite_compare(r->suite, &got->t, &want->t, err);
	if (want->t.dtype || got->t.dtype)
		return mel_fail(err, "a tensor and a sequence");
	if (want->n != got->n)
		return mel_fail(err, "%zu tensors, not %zu", got->n, want->n);
	for (size_t i = 0; i < want->n; i++) {
		if (mel_suite_compare(
			r->suite, &got->item[i], &want->item[i], err))
			return mel_fail_in(err, "tensor %zu", i);
	}
	return 0;
}

static int
check_output(struct run *r, int set, int i, struct mel_err *err)
{
	const struct mel_graph *g = mel_network_graph(r->network);
	struct mel_net_value want = {0};
	int rc;

	if (read_one(r, &want, set, "output", i, err))
		return -1;
	rc = compare_values(r, &r->out[i], &want, err);
	r->wrong |= rc != 0;
	clear_value(&want);
	return rc ? mel_fail_in(
			err, "data set %d, output %s", set, g->output[i].name)
		  : 0;
}

static int
run_set(struct run *r, int set, struct mel_err *err)
{
	const struct mel_graph *g = mel_network_graph(r->network);
	int rc = 0;

	for (int i = 0; !rc && i < g->n_input; i++)
		rc = read_one(r, &r->in[i], set, "input", i, err);
	if (!rc)
		rc = mel_session_run_values(r->session, r->in, r->out, err);
	for (int i = 0; !rc && i < g->n_output; i++)
		rc = check_output(r, set, i, err);
	for (int i = 0; i < g->n_input; i++)
		clear_value(&r->in[i]);
	return rc;
}

static bool
has_set(const char *dir, int set)
{
	struct mel_buf path = {0};
	bool there =
	    !mel_buf_printf(&path, NULL, "%s/test_data_set_%d", dir, set) &&
	    !access(path.data, F_OK);

	mel_buf_free(&path);
	return there;
}

static int
run_sets(struct run *r, struct mel_err *err)
{
	const struct mel_graph *g = mel_network_graph(r->network);
	int set;

	r->in = mel_alloc((size_t)g->n_input, sizeof(*r->in), err);
	r->out = mel_alloc((size_t)g->n_output, sizeof(*r->out), err);
	if (!r->in || !r->out ||
	    mel_session_open(&r->session, r->network, r->suite->pool, err))
		return -1;
	r->session->exec.poison = r->suite->poison;
	for (set = 0; has_set(r->dir, set); set++) {
		if (run_set(r, set, err))
			return -1;
	}
	return set ? 0 : mel_fail(err, "no data sets");
}

/* Operators that this library does not have, each once. */
static int
foreign_operators(const struct mel_graph *g, struct mel_buf *out, int *n)
{
	for (int i = 0; i < g->n_node; i++) {
		const char *kind = g->node[i].kind;
		const struct mel_graph *body;

		for (int k = 0; (body = mel_node_body(&g->node[i], &k));) {
			if (foreign_operators(body, out, n))
				return -1;
		}
		if (mel_op_find(kind) || (out->data && strstr(out->data, kind)))
			continue;
		if (mel_buf_printf(out, NULL, "%s%s",
			(*n)++ ? ", " : "operators not supported: ", kind))
			return -1;
	}
	return 0;
}

/* What this library does not know, as one line, or nothing. */
static int
foreign_parts(const struct mel_graph *g, struct mel_buf *out)
{
	int n = 0;

	if (foreign_operators(g, out, &n))
		return -1;
	for (int i = 0; !n && i < g->n_input + g->n_output; i++) {
		const struct mel_io *io =
		    i < g->n_input ? &g->input[i] : &g->output[i - g->n_input];

		if (!io->dtype &&
		    mel_buf_printf(
			out, NULL, "%s: its type is not supported", io->name))
			return -1;
		n += !io->dtype;
	}
	return n;
}

/* Types that are read, but that few operators take. */
static bool
has_rare_type(const struct mel_graph *g)
{
	for (int i = 0; i < g->n_input + g->n_output; i++) {
		enum mel_dtype dtype = i < g->n_input
					   ? g->input[i].dtype
					   : g->output[i - g->n_input].dtype;

		if (dtype == MEL_F64 || dtype == MEL_F16 || dtype == MEL_BF16 ||
		    dtype == MEL_I16)
			return true;
	}
	return false;
}

/* MEL_PASSED: it can be run. */
static enum mel_verdict
look(const char *path, bool *rare, struct mel_err *why)
{
	struct mel_model model;
	struct mel_buf parts = {0};
	enum mel_verdict verdict = MEL_PASSED;
	int n;

	if (mel_model_open(&model, path, why))
		return model.weights.foreign ? MEL_SKIPPED : MEL_FAILED;
	if (mel_graph_normalise(model.graph, why))
		verdict = MEL_FAILED;
	n = verdict == MEL_PASSED ? foreign_parts(model.graph, &parts) : 0;
	*rare = has_rare_type(model.graph);
	if (n) {
		mel_fail(why, "%s", n > 0 ? parts.data : "out of memory");
		verdict = n > 0 ? MEL_SKIPPED : MEL_FAILED;
	}
	mel_buf_free(&parts);
	mel_model_close(&model);
	return verdict;
}

static enum mel_verdict
run_case(struct run *r, const char *path, struct mel_err *why)
{
	bool rare = false, refused;
	enum mel_verdict verdict = look(path, &rare, why);

	if (verdict != MEL_PASSED)
		return verdict;
	refused = mel_network_open(&r->network, path, r->suite->isa, why);
	if (!refused && !run_sets(r, why))
		return MEL_PASSED;
	/* A refusal may be one of types; a wrong result never is. */
	if (!r->wrong && (r->foreign || rare) &&
	    strstr(why->msg, "is not supported"))
		return MEL_SKIPPED;
	return MEL_FAILED;
}

enum mel_verdict
mel_suite_case(
    const struct mel_suite *suite, const char *dir, struct mel_err *why)
{
	struct run r = {.suite = suite, .dir = dir};
	struct mel_buf path = {0};
	enum mel_verdict verdict = MEL_FAILED;

	if (!mel_buf_printf(&path, why, "%s/model.onnx", dir))
		verdict = run_case(&r, path.data, why);
	mel_session_close(r.session);
	mel_network_close(r.network);
	free(r.in);
	free(r.out);
	mel_buf_free(&path);
	return verdict;
}
