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
 * Resize against the definition: each output element is the sum over all
 * input elements, weighted by the product of one weight an axis, in double.
 */

static const char *const modes[] = {"nearest", "linear", "cubic"};
static const char *const wheres[] = {"half_pixel", "asymmetric",
    "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"};
static const char *const rounds[] = {
    "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};

#define MOST 40

struct resize {
	int mode, where, round;
	bool antialias, exclude, sizes;
	int64_t in[2], out[2];
	float scale[2];
	double weight[2][MOST][MOST]; /* [axis][out][in] */
};

static float
coordinate(const struct resize *r, int d, int64_t i)
{
	float x = (float)i, s = r->scale[d], n = (float)r->in[d];

	switch (r->where) {
	case 0:
		return (x + 0.5f) / s - 0.5f;
	case 1:
		return x / s;
	case 2:
		return r->out[d] == 1 ? 0 : x * (n - 1) / (s * n - 1);
	case 3:
		return r->out[d] == 1 ? 0 : (x + 0.5f) / s - 0.5f;
	default:
		return n / 2 * (1 - (float)r->out[d] / (s * n)) +
		       (x + 0.5f) / s - 0.5f;
	}
}

static double
filter(int mode, double x)
{
	const double a = -0.75;

	x = fabs(x);
	if (mode == 1)
		return fmax(1 - x, 0);
	if (x <= 1)
		return (a + 2) * x * x * x - (a + 3) * x * x + 1;
	if (x < 2)
		return a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a;
	return 0;
}

static int64_t
clamp(int64_t i, int64_t n)
{
	return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static int64_t
nearest(const struct resize *r, float x)
{
	switch (r->round) {
	case 0:
		return (int64_t)ceilf(x - 0.5f);
	case 1:
		return (int64_t)floorf(x + 0.5f);
	case 2:
		return (int64_t)floorf(x);
	default:
		return (int64_t)ceilf(x);
	}
}

static void
weigh(struct resize *r, int d, int64_t o)
{
	double *w = r->weight[d][o], sum = 0, shrink = 1;
	float x = coordinate(r, d, o);
	int64_t n = r->in[d];

	memset(w, 0, sizeof(r->weight[d][o]));
	if (r->mode == 0) {
		w[clamp(nearest(r, x), n)] = 1;
		return;
	}
	if (r->in[d] == r->out[d] && r->scale[d] == 1.0f) {
		w[o] = 1;
		return;
	}
	if (r->antialias && r->scale[d] < 1)
		shrink = (double)r->scale[d];
	for (int64_t i = -4 * MOST; i < 4 * MOST; i++) {
		double v = filter(r->mode, ((double)i - (double)x) * shrink);

		if (r->exclude && (i < 0 || i >= n))
			continue;
		w[clamp(i, n)] += v;
		sum += v;
	}
	for (int64_t i = 0; i < n; i++)
		w[i] /= sum;
}

static bool
compare(const struct resize *r, const float *x, const float *y)
{
	bool good = true;

	for (int64_t o = 0; o < r->out[0] * r->out[1]; o++) {
		const double *w = r->weight[0][o / r->out[1]];
		const double *v = r->weight[1][o % r->out[1]];
		double sum = 0;

		for (int64_t i = 0; i < r->in[0] * r->in[1]; i++)
			sum += w[i / r->in[1]] * v[i % r->in[1]] * (double)x[i];
		good &= fabs(sum - (double)y[o]) < 1e-4;
	}
	return good;
}

static bool
resize_case(int mode)
{
	struct resize r = {.mode = mode,
	    .where = (int)between(0, 4),
	    .round = (int)between(0, 3),
	    .antialias = between(0, 1),
	    .exclude = between(0, 1) && mode == 2,
	    .sizes = between(0, 1)};
	struct mel_node n = node_new("Resize", 4, 1);
	const struct mel_run run = {.kernels = best()};
	struct mel_tensor in[4] = {{0}}, y[3] = {0};
	int64_t two = 2, size[2];
	bool good;

	for (int d = 0; d < 2; d++) {
		r.in[d] = between(1, 12);
		r.out[d] = between(0, 3) ? between(1, 30) : r.in[d];
		r.scale[d] = (float)r.out[d] / (float)r.in[d];
		if (!r.sizes)
			r.out[d] = (int64_t)floor(
			    (double)r.in[d] * (double)r.scale[d]);
		size[d] = r.out[d];
	}
	if (!r.out[0] || !r.out[1]) /* rounded away */
		r.sizes = true, size[0] = size[1] = r.out[0] = r.out[1] = 1;
	for (int d = 0; r.sizes && d < 2; d++)
		r.scale[d] = (float)r.out[d] / (float)r.in[d];
	for (int d = 0; d < 2; d++) {
		for (int64_t o = 0; o < r.out[d]; o++)
			weigh(&r, d, o);
	}
	in[0] = noise_tensor(2, r.in);
	if (r.sizes)
		in[3] = tensor_i64(1, &two, size);
	else
		in[2] = tensor_f32(1, &two, r.scale);
	mel_node_add_string(&n, "mode", modes[mode], NULL);
	mel_node_add_string(
	    &n, "coordinate_transformation_mode", wheres[r.where], NULL);
	mel_node_add_string(&n, "nearest_mode", rounds[r.round], NULL);
	mel_node_add_int(&n, "antialias", r.antialias, NULL);
	mel_node_add_int(&n, "exclude_outside", r.exclude, NULL);
	good = !node_run_with(&n, 0, in, y, &run, NULL) &&
	       y[0].dim[0] == r.out[0] && y[0].dim[1] == r.out[1] &&
	       compare(&r, in[0].data, y[0].data) && threads_agree(&n, in, y);
	mel_tensor_free(&in[0]);
	mel_tensor_free(&y[0]);
	mel_node_clear(&n);
	return good;
}

static void
test_cases(void)
{
	for (int mode = 0; mode < 3; mode++) {
		bool good = true;

		for (int i = 0; i < 80; i++)
			good &= resize_case(mode);
		ok(good, "%s: the definition, all coordinates", modes[mode]);
	}
}

/* x [2, 3] with one attribute; the lengths that come out. */
static bool
shape_is(const char *policy, const int64_t *size, int64_t rows, int64_t cols)
{
	struct mel_node n = node_new("Resize", 4, 1);
	struct mel_tensor in[4] = {noise_tensor(2, (int64_t[]){2, 3})}, y[1];
	int64_t two = 2;
	bool good;

	in[3] = tensor_i64(1, &two, size);
	mel_node_add_string(&n, "keep_aspect_ratio_policy", policy, NULL);
	good = !node_run(&n, in, y, NULL) && y[0].dim[0] == rows &&
	       y[0].dim[1] == cols;
	mel_tensor_free(&in[0]);
	mel_tensor_free(&y[0]);
	mel_node_clear(&n);
	return good;
}

static void
test_policy(void)
{
	ok(shape_is("stretch", (int64_t[]){6, 6}, 6, 6) &&
		shape_is("not_larger", (int64_t[]){6, 6}, 4, 6) &&
		shape_is("not_smaller", (int64_t[]){6, 6}, 6, 9),
	    "keep_aspect_ratio_policy");
}

static void
test_other(void)
{
	struct mel_node n = node_new("Resize", 3, 1);
	int64_t x[3] = {7, 8, 9}, axis = -1, one = 1, dim[2] = {1, 3};
	float two = 2, none = 0;
	struct mel_tensor in[3] = {tensor_i64(2, dim, x), {0},
	    tensor_f32(1, &one, &two)},
			  y[1];
	struct mel_err err;

	mel_node_add_ints(&n, "axes", &axis, 1, NULL);
	mel_node_add_string(
	    &n, "coordinate_transformation_mode", "asymmetric", NULL);
	mel_node_add_string(&n, "nearest_mode", "floor", NULL);
	ok(!node_run(&n, in, y, NULL) && y[0].dim[0] == 1 && y[0].dim[1] == 6 &&
		((int64_t *)y[0].data)[3] == 8,
	    "some axes only, integers");
	mel_tensor_free(&y[0]);
	in[2] = tensor_f32(1, &one, &none);
	ok(node_run(&n, in, y, &err) == -1 && strstr(err.msg, "scale 0"),
	    "a scale of 0 is refused");
	mel_node_clear(&n);
}

static void
test_large(void)
{
	const int64_t dim[2] = {1, 4}, two = 2, most = (int64_t)1 << 62;
	const int64_t size[2] = {most, most};
	const float x[4] = {0};
	struct mel_tensor in[4] = {tensor_f32(2, dim, x), {0}, {0},
	    tensor_i64(1, &two, size)},
			  y[1];
	struct mel_node n = node_new("Resize", 4, 1);
	struct mel_err err = {""};

	mel_node_add_string(
	    &n, "keep_aspect_ratio_policy", "not_smaller", NULL);
	ok(node_run(&n, in, y, &err) == -1 &&
		strstr(err.msg, "axis 1: too large"),
	    "2^64 rows by a ratio: %s", err.msg);
	mel_node_clear(&n);
}

/* Room for the taps is asked for before the scale is known. */
static void
test_scratch(void)
{
	static const int64_t size[][3] = {
	    /* out, in, taps of that scale in float */
	    {4, 16, 8},
	    {16777301, 83886501, 12},
	    {16777437, 117442053, 16},
	};
	struct mel_node n = node_new("Resize", 4, 1);

	mel_node_add_string(&n, "mode", "linear", NULL);
	mel_node_add_int(&n, "antialias", 1, NULL);
	ok(!mel_node_prepare(&n, NULL), "prepared");
	for (size_t i = 0; i < sizeof(size) / sizeof(*size); i++) {
		struct mel_tensor in =
		    mel_tensor_view(MEL_F32, 1, &size[i][1], NULL);
		struct mel_tensor out =
		    mel_tensor_view(MEL_F32, 1, &size[i][0], NULL);
		const struct mel_tensor *ref[4] = {&in};

		/* An index and a weight each. */
		ok(n.op->scratch(&n, ref, &out) >=
			(size_t)(size[i][0] * size[i][2]) * 16,
		    "room for %lld taps of %lld rows", (long long)size[i][2],
		    (long long)size[i][0]);
	}
	mel_node_clear(&n);
}

int
main(void)
{
	test_cases();
	test_large();
	test_scratch();
	test_policy();
	test_other();
	return tap_done();
}
