/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/err.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/kernels.h"
#include "net/op.h"
#include "node.h"
#include "noise.h"
#include "tap.h"
#include "tensor/tensor.h"

/*
 * OneHot, EyeLike, ReverseSequence, Compress, Hardmax, GroupNormalization and
 * MeanVarianceNormalization against plain loops; what is refused.
 */

static struct mel_tensor
numbers(int ndim, const int64_t *dim, int64_t lo, int64_t hi)
{
	struct mel_tensor t = {0};

	if (mel_tensor_new(&t, MEL_I64, ndim, dim, NULL))
		abort();
	for (size_t i = 0; i < mel_tensor_count(&t); i++)
		((int64_t *)t.data)[i] = between(lo, hi);
	return t;
}

static bool
one_hot_case(void)
{
	int64_t dim[2] = {between(0, 4), between(1, 5)}, depth = between(0, 6);
	int64_t axis = between(-3, 2), two = 2, values[2] = {3, 8};
	struct mel_node n = node_new("OneHot", 3, 1);
	struct mel_tensor in[3] = {numbers(2, dim, -8, 8),
	    tensor_i64(0, NULL, &depth), tensor_i64(1, &two, values)},
			  y[1];
	int64_t at = axis < 0 ? axis + 3 : axis, inner = 1;
	bool good;

	mel_node_add_int(&n, "axis", axis, NULL);
	good = !node_run(&n, in, y, NULL) && y[0].dtype == MEL_I64 &&
	       y[0].ndim == 3 && y[0].dim[at] == depth;
	for (int d = (int)at; d < 2; d++)
		inner *= dim[d];
	for (int64_t i = 0; good && i < (int64_t)mel_tensor_count(y); i++) {
		int64_t k = i / inner % depth;
		int64_t from = i / inner / depth * inner + i % inner;
		int64_t v = ((int64_t *)in[0].data)[from];

		good = ((int64_t *)y[0].data)[i] ==
		       (v == k || v + depth == k ? 8 : 3);
	}
	mel_tensor_free(&in[0]);
	mel_tensor_free(y);
	mel_node_clear(&n);
	return good;
}

static bool
eye_case(void)
{
	int64_t dim[2] = {between(0, 5), between(0, 5)}, k = between(-6, 6);
	struct mel_node n = node_new("EyeLike", 1, 1);
	struct mel_tensor x = numbers(2, dim, 0, 9), y[1];
	bool good;

	mel_node_add_int(&n, "k", k, NULL);
	mel_node_add_int(&n, "dtype", 1, NULL);
	good = !node_run(&n, &x, y, NULL) && y[0].dtype == MEL_F32;
	for (int64_t r = 0; good && r < dim[0]; r++) {
		for (int64_t c = 0; c < dim[1]; c++)
			good &= ((float *)y[0].data)[r * dim[1] + c] ==
				(float)(c == r + k);
	}
	mel_tensor_free(&x);
	mel_tensor_free(y);
	mel_node_clear(&n);
	return good;
}

static bool
reverse_case(void)
{
	int64_t time = between(0, 1),
		dim[3] = {between(1, 5), between(1, 5), 2};
	int64_t steps = dim[time], batch = dim[1 - time];
	struct mel_node n = node_new("ReverseSequence", 2, 1);
	struct mel_tensor in[2] = {numbers(3, dim, 0, 999),
	    numbers(1, &batch, 0, steps)},
			  y[1];
	bool good;

	mel_node_add_int(&n, "time_axis", time, NULL);
	mel_node_add_int(&n, "batch_axis", 1 - time, NULL);
	good = !node_run(&n, in, y, NULL);
	for (int64_t i = 0; good && i < steps * batch * 2; i++) {
		int64_t row = i / 2 / dim[1], col = i / 2 % dim[1];
		int64_t *t = time ? &col : &row, b = time ? row : col;
		int64_t len = ((int64_t *)in[1].data)[b];

		if (*t < len)
			*t = len - 1 - *t;
		good =
		    ((int64_t *)y[0].data)[i] ==
		    ((int64_t *)in[0].data)[(row * dim[1] + col) * 2 + i % 2];
	}
	mel_tensor_free(&in[0]);
	mel_tensor_free(&in[1]);
	mel_tensor_free(y);
	mel_node_clear(&n);
	return good;
}

static bool
compress_case(void)
{
	int64_t dim[3] = {between(0, 4), between(1, 5), between(1, 3)};
	int64_t axis = between(0, 3), length, kept = 0, inner = 1, at = 0;
	struct mel_node n = node_new("Compress", 2, 1);
	struct mel_tensor in[2] = {numbers(3, dim, 0, 999), {0}}, y[1];
	uint8_t *keep;
	bool good;

	length = axis < 3 ? dim[axis] : dim[0] * dim[1] * dim[2];
	for (int64_t d = axis + 1; d < 3; d++)
		inner *= dim[d];
	length = between(0, length);
	if (mel_tensor_new(&in[1], MEL_BOOL, 1, &length, NULL))
		abort();
	keep = in[1].data;
	for (int64_t i = 0; i < length; i++)
		kept += keep[i] = (uint8_t)between(0, 1);
	if (axis < 3)
		mel_node_add_int(&n, "axis", axis, NULL);
	good =
	    !node_run(&n, in, y, NULL) && y[0].dim[axis < 3 ? axis : 0] == kept;
	for (int64_t i = 0; good && i < dim[0] * dim[1] * dim[2]; i++) {
		int64_t k = axis < 3 ? i / inner % dim[axis] : i;

		if (k < length && keep[k])
			good = ((int64_t *)y[0].data)[at++] ==
			       ((int64_t *)in[0].data)[i];
	}
	good = good && at == (int64_t)mel_tensor_count(y);
	mel_tensor_free(&in[0]);
	mel_tensor_free(&in[1]);
	mel_tensor_free(y);
	mel_node_clear(&n);
	return good;
}

static bool
hardmax_case(void)
{
	int64_t dim[3] = {between(1, 4), between(1, 5), between(1, 4)};
	int64_t axis = between(0, 2), inner = 1;
	struct mel_node n = node_new("Hardmax", 1, 1);
	struct mel_tensor x = noise_tensor(3, dim), y[1];
	bool good;

	mel_node_add_int(&n, "axis", axis, NULL);
	for (int d = (int)axis + 1; d < 3; d++)
		inner *= dim[d];
	good = !node_run(&n, &x, y, NULL);
	for (int64_t i = 0; good && i < dim[0] * dim[1] * dim[2]; i++) {
		int64_t first =
		    i / inner / dim[axis] * inner * dim[axis] + i % inner;
		bool most = true;

		for (int64_t k = 0; k < dim[axis]; k++)
			most &= ((float *)x.data)[first + k * inner] <=
				((float *)x.data)[i];
		good = ((float *)y[0].data)[i] == (float)most;
	}
	mel_tensor_free(&x);
	mel_tensor_free(y);
	mel_node_clear(&n);
	return good;
}

/* Mean and deviation of x[first + i step], i in [0, n). */
static void
moments(const float *x, int64_t n, double *mean, double *var)
{
	double sum = 0, square = 0;

	for (int64_t i = 0; i < n; i++)
		sum += (double)x[i];
	*mean = sum / (double)n;
	for (int64_t i = 0; i < n; i++)
		square += ((double)x[i] - *mean) * ((double)x[i] - *mean);
	*var = square / (double)n;
}

static bool
group_case(int opset)
{
	int64_t groups = between(1, 4), each = between(1, 3);
	int64_t dim[3] = {between(0, 2), groups * each, between(1, 9)};
	int64_t factors = opset < 21 ? groups : dim[1];
	struct mel_node n = node_new("GroupNormalization", 3, 1);
	struct mel_tensor in[3] = {noise_tensor(3, dim),
	    noise_tensor(1, &factors), noise_tensor(1, &factors)},
			  y[3] = {0};
	const struct mel_run run = {.kernels = best()};
	bool good;

	n.opset = opset;
	mel_node_add_int(&n, "num_groups", groups, NULL);
	good = !node_run_with(&n, 0, in, y, &run, NULL);
	for (int64_t i = 0; good && i < (int64_t)mel_tensor_count(y); i++) {
		int64_t size = each * dim[2], c = i / dim[2] % dim[1];
		int64_t f = opset < 21 ? c / each : c;
		double mean, var, want;

		moments(
		    (float *)in[0].data + i / size * size, size, &mean, &var);
		want = ((double)((float *)in[0].data)[i] - mean) /
			   sqrt(var + 1e-5) * (double)((float *)in[1].data)[f] +
		       (double)((float *)in[2].data)[f];
		good = fabs(want - (double)((float *)y[0].data)[i]) < 1e-4;
	}
	for (int i = 0; i < 3; i++)
		mel_tensor_free(&in[i]);
	mel_tensor_free(y);
	mel_node_clear(&n);
	return good;
}

static void
test_moments(void)
{
	int64_t dim[3] = {2, 3, 7}, axes[2] = {0, 2};
	struct mel_node n = node_new("MeanVarianceNormalization", 1, 1);
	struct mel_tensor x = noise_tensor(3, dim), y[1];
	bool good;

	mel_node_add_ints(&n, "axes", axes, 2, NULL);
	good = !node_run(&n, &x, y, NULL);
	for (int c = 0; good && c < 3; c++) {
		float line[14], out[14];
		double mean, var, unused;

		for (int i = 0; i < 14; i++) {
			int at = (i / 7 * 3 + c) * 7 + i % 7;

			line[i] = ((float *)x.data)[at];
			out[i] = ((float *)y[0].data)[at];
		}
		moments(line, 14, &mean, &var);
		for (int i = 0; i < 14; i++)
			good &= fabs(((double)line[i] - mean) / sqrt(var) -
				     (double)out[i]) < 1e-5;
		moments(out, 14, &unused, &var);
		good &= fabs(var - 1) < 1e-5;
	}
	ok(good, "MeanVarianceNormalization");
	mel_tensor_free(&x);
	mel_tensor_free(y);
	mel_node_clear(&n);
}

static bool
many(bool (*one)(void))
{
	bool good = true;

	for (int i = 0; i < 60; i++)
		good &= one();
	return good;
}

static void
test_functions(void)
{
	static const struct {
		const char *kind;
		double (*f)(double);
		double lo, hi;
	} cases[] = {{"Asin", asin, -1, 1}, {"Acos", acos, -1, 1},
	    {"Sinh", sinh, -3, 3}, {"Cosh", cosh, -3, 3},
	    {"Asinh", asinh, -9, 9}, {"Acosh", acosh, 1, 9},
	    {"Atanh", atanh, -0.99, 0.99}};
	int64_t count = 101;

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct mel_node n = node_new(cases[c].kind, 1, 1);
		struct mel_tensor x = noise_tensor(1, &count), y[1];
		float *v = x.data;
		bool good;

		for (int i = 0; i <= 100; i++)
			v[i] = (float)(cases[c].lo +
				       (cases[c].hi - cases[c].lo) * i / 100);
		good = !node_run(&n, &x, y, NULL);
		for (int i = 0; good && i <= 100; i++) {
			double want = cases[c].f((double)v[i]);

			good = fabs(want - (double)((float *)y[0].data)[i]) <=
			       1e-6 * (1 + fabs(want));
		}
		ok(good, "%s", cases[c].kind);
		mel_tensor_free(&x);
		mel_tensor_free(y);
		mel_node_clear(&n);
	}
}

static void
test_refused(void)
{
	struct mel_node n = node_new("Compress", 2, 1);
	int64_t dim[1] = {3};
	uint8_t keep[4] = {1, 1, 1, 1};
	struct mel_tensor in[2] = {numbers(1, dim, 0, 9), {0}}, y[1];
	struct mel_err err;

	dim[0] = 4;
	in[1] = mel_tensor_view(MEL_BOOL, 1, dim, keep);
	ok(node_run(&n, in, y, &err) == -1 && strstr(err.msg, "at most 3"),
	    "a condition that is longer than the data");
	mel_tensor_free(&in[0]);
	mel_node_clear(&n);
}

int
main(void)
{
	bool old = true, new = true;

	ok(many(one_hot_case), "OneHot");
	ok(many(eye_case), "EyeLike");
	ok(many(reverse_case), "ReverseSequence");
	ok(many(compress_case), "Compress");
	ok(many(hardmax_case), "Hardmax");
	for (int i = 0; i < 40; i++) {
		old &= group_case(18);
		new &= group_case(21);
	}
	ok(old, "GroupNormalization 18");
	ok(new, "GroupNormalization 21");
	test_moments();
	test_functions();
	test_refused();
	return tap_done();
}
