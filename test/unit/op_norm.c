/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/err.h"
#include "net/graph.h"
#include "net/op.h"
#include "node.h"
#include "noise.h"
#include "tap.h"

/* Normalisations and Softmax on nodes made by hand. */

static void
test_layernorm(void)
{
	struct mel_node n = node_new("LayerNormalization", 3, 3);
	float x[12] = {1, 2, 3, 4, 5, 7, 1, 1, 1, 0, 0, 3}, one[1] = {0};
	float scale[6] = {1, 2, 3, 4, 5, 6}, bias[3] = {10, 20, 30};
	struct mel_tensor out[3],
	    in[3] = {tensor_f32(3, (int64_t[]){2, 2, 3}, x),
		tensor_f32(2, (int64_t[]){2, 3}, scale),
		tensor_f32(1, (int64_t[]){3}, bias)};
	const struct mel_run run = {.kernels = best()};
	const double mean = 22.0 / 6, var = 104.0 / 6 - mean * mean;
	struct mel_err err;
	const float *y;

	mel_node_add_int(&n, "axis", 1, NULL);
	ok(!node_run_with(&n, 0, in, out, &run, NULL), "LayerNormalization");
	y = out[0].data;
	ok(fabs((5 - mean) / sqrt(var + 1e-5) * 5 + 20 - y[4]) < 1e-5 &&
		out[1].ndim == 3 && out[1].dim[0] == 2 && out[1].dim[1] == 1 &&
		fabs(((float *)out[1].data)[0] - mean) < 1e-6 &&
		fabs(((float *)out[2].data)[0] - 1 / sqrt(var + 1e-5)) < 1e-5,
	    "values, Mean, InvStdDev; the bias repeats");
	for (int i = 0; i < 3; i++)
		mel_tensor_free(&out[i]);
	/* As torch 1.13 writes it. */
	in[1] = tensor_f32(1, (int64_t[]){0}, one);
	ok(!node_run_with(&n, 0, in, out, &run, NULL) &&
		fabs((5 - mean) / sqrt(var + 1e-5) + 20 -
		     ((float *)out[0].data)[4]) < 1e-5,
	    "an empty scale is 1");
	for (int i = 0; i < 3; i++)
		mel_tensor_free(&out[i]);
	in[1] = tensor_f32(1, (int64_t[]){2}, scale);
	ok(node_run_with(&n, 0, in, out, &run, &err) == -1 &&
		strstr(err.msg, "does not fit"),
	    "a scale of another length is refused");
	mel_node_clear(&n);
}

static void
test_channels(void)
{
	float x[12] = {1, 2, 3, 6, 5, 4, 0, 0, 0, 9, 1, 2};
	float scale[2] = {2, 3}, bias[2] = {1, -1}, mean[2] = {1, 2};
	float var[2] = {4, 0.25f};
	int64_t two = 2;
	struct mel_tensor f = tensor_f32(1, &two, scale),
			  g = tensor_f32(1, &two, bias);
	struct mel_tensor out[3] = {{0}},
			  in[5] = {tensor_f32(3, (int64_t[]){2, 2, 3}, x), f, g,
			      tensor_f32(1, &two, mean),
			      tensor_f32(1, &two, var)};
	struct mel_node n = node_new("BatchNormalization", 5, 1);
	struct mel_node i = node_new("InstanceNormalization", 3, 1);
	const struct mel_run run = {.kernels = best()};
	const float *y;

	ok(!node_run_with(&n, 0, in, out, &run, NULL), "BatchNormalization");
	y = out[0].data;
	ok(fabs(y[2] - ((3 - 1) / sqrt(4 + 1e-5) * 2 + 1)) < 1e-5 &&
		fabs(y[3] - ((6 - 2) / sqrt(.25 + 1e-5) * 3 - 1)) < 1e-4,
	    "its values");
	mel_tensor_free(&out[0]);
	ok(!node_run_with(&i, 0, in, out, &run, NULL), "InstanceNormalization");
	y = out[0].data;
	ok(fabs(y[2] - (1 / sqrt(2. / 3 + 1e-5) * 2 + 1)) < 1e-5 &&
		fabs(y[8] - 1) < 1e-6,
	    "its values; a constant channel gives the bias");
	mel_tensor_free(&out[0]);
	mel_node_clear(&n);
	mel_node_clear(&i);
}

/* ---- Softmax ---- */

static bool
softmax_case(const char *kind, int64_t axis, int64_t flatten)
{
	int64_t dim[3] = {3, 5, 37}, lo = axis, hi = axis + 1, n, inner = 1;
	struct mel_tensor x = noise_tensor(3, dim), y = {0};
	struct mel_node node = node_new(kind, 1, 1);
	const struct mel_run run = {.kernels = best()};
	const float *a = x.data, *v;
	double worst = 0;
	bool good;

	mel_node_add_int(&node, "axis", axis, NULL);
	if (flatten) {
		mel_node_add_int(&node, "flatten", 1, NULL);
		hi = 3;
	}
	n = mel_tensor_count(&x);
	for (int64_t d = 0; d < lo; d++)
		n /= dim[d];
	for (int64_t d = hi; d < 3; d++) {
		n /= dim[d];
		inner *= dim[d];
	}
	good = !node_run_with(&node, 0, &x, &y, &run, NULL);
	v = y.data;
	for (int64_t i = 0; good && i < 3 * 5 * 37; i++) {
		int64_t first = i / (n * inner) * n * inner + i % inner;
		double sum = 0, want;

		for (int64_t q = 0; q < n; q++)
			sum += exp((double)a[first + q * inner]);
		want = strlen(kind) > 7 ? a[i] - log(sum) : exp(a[i]) / sum;
		worst = fmax(worst, fabs(want - v[i]));
	}
	good = good && worst < 2e-6 && threads_agree(&node, &x, &y);
	mel_tensor_free(&x);
	mel_tensor_free(&y);
	mel_node_clear(&node);
	return good;
}

static void
test_softmax(void)
{
	bool good = true, flat = true;

	for (int64_t axis = 0; axis < 3; axis++) {
		good &= softmax_case("Softmax", axis, 0);
		good &= softmax_case("LogSoftmax", axis, 0);
		flat &= softmax_case("Softmax", axis, 1);
		flat &= softmax_case("LogSoftmax", axis, 1);
	}
	ok(good, "Softmax, LogSoftmax along each axis");
	ok(flat, "the same over all axes from one on");
}

/* ONNX asks for the first output; the others may come without it. */
static void
test_first_output(void)
{
	static const struct {
		const char *kind;
		int n_in, n_out;
	} op[] = {{"LayerNormalization", 3, 3}, {"BatchNormalization", 5, 3},
	    {"MaxPool", 1, 2}};
	const int64_t kernel = 2;

	for (size_t i = 0; i < sizeof(op) / sizeof(op[0]); i++) {
		struct mel_node n =
		    node_new(op[i].kind, op[i].n_in, op[i].n_out);
		struct mel_err err = {""};

		mel_node_add_int(&n, "training_mode", 1, NULL);
		mel_node_add_ints(&n, "kernel_shape", &kernel, 1, NULL);
		n.out[0] = MEL_ABSENT;
		ok(mel_node_prepare(&n, &err) == -1 &&
			strstr(err.msg, "output 0 is missing"),
		    "%s without its first output", op[i].kind);
		mel_node_clear(&n);
	}
}

int
main(void)
{
	test_first_output();
	test_layernorm();
	test_channels();
	test_softmax();
	return tap_done();
}
