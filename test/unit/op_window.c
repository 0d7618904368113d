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
 * MaxPool, AveragePool and ConvTranspose against plain loops over random
 * shapes and attributes; the row law over threads.
 */

#define AXES 3

struct window {
	int axes;
	int64_t taps[AXES], stride[AXES], dilation[AXES], pads[2 * AXES];
};

static struct window
random_window(int axes)
{
	struct window w = {.axes = axes};

	for (int d = 0; d < axes; d++) {
		w.taps[d] = between(1, 4);
		w.stride[d] = between(1, 4);
		w.dilation[d] = between(1, 3);
		w.pads[d] = between(0, (w.taps[d] - 1) * w.dilation[d]);
		w.pads[axes + d] = between(0, w.taps[d] - 1);
	}
	return w;
}

static void
add_window(struct mel_node *n, const struct window *w)
{
	size_t axes = (size_t)w->axes;

	mel_node_add_ints(n, "strides", w->stride, axes, NULL);
	mel_node_add_ints(n, "dilations", w->dilation, axes, NULL);
	mel_node_add_ints(n, "pads", w->pads, 2 * axes, NULL);
}

static bool
next(int64_t *at, const int64_t *dim, int n)
{
	while (n-- > 0) {
		if (++at[n] < dim[n])
			return true;
		at[n] = 0;
	}
	return false;
}

static size_t
flat(const int64_t *at, const int64_t *dim, int n)
{
	size_t i = 0;

	for (int d = 0; d < n; d++)
		i = i * (size_t)dim[d] + (size_t)at[d];
	return i;
}

/* ---- pools ---- */

struct pooled {
	double max, sum;
	int64_t where, inside, padded;
};

static struct pooled
pool_one(const float *x, const int64_t *dim, const struct window *w,
    const int64_t *at)
{
	struct pooled p = {.max = -INFINITY, .where = -1};
	int64_t tap[AXES] = {0}, i[AXES];

	do {
		bool in = true, pad = true;

		for (int d = 0; d < w->axes; d++) {
			i[d] = at[d] * w->stride[d] - w->pads[d] +
			       tap[d] * w->dilation[d];
			in &= i[d] >= 0 && i[d] < dim[d];
			pad &= i[d] < dim[d] + w->pads[w->axes + d];
		}
		p.padded += pad;
		if (!in)
			continue;
		p.inside++;
		p.sum += (double)x[flat(i, dim, w->axes)];
		if ((double)x[flat(i, dim, w->axes)] > p.max) {
			p.max = (double)x[flat(i, dim, w->axes)];
			p.where = (int64_t)flat(i, dim, w->axes);
		}
	} while (next(tap, w->taps, w->axes));
	return p;
}

static int64_t
pooled_length(const struct window *w, int d, int64_t in, bool up)
{
	int64_t room = in + w->pads[d] + w->pads[w->axes + d] -
		       (w->taps[d] - 1) * w->dilation[d] - 1;
	int64_t n = room < 0 ? 0 : room / w->stride[d] + 1;

	/* The definition: a window that begins in the hind padding is no
	   window. */
	if (up && room >= 0 && room % w->stride[d] &&
	    n * w->stride[d] < in + w->pads[d])
		n++;
	return n;
}

static bool
pool_case(bool max, int axes)
{
	struct window w = random_window(axes);
	int64_t dim[2 + AXES] = {between(0, 2), between(1, 3)},
			up = between(0, 1);
	int64_t count_pad = between(0, 1);
	struct mel_node n =
	    node_new(max ? "MaxPool" : "AveragePool", 1, max ? 2 : 1);
	struct mel_tensor x, y[3] = {0};
	bool good;

	for (int d = 0; d < axes; d++)
		dim[2 + d] = between(1, 9);
	x = noise_tensor(2 + axes, dim);
	add_window(&n, &w);
	mel_node_add_ints(&n, "kernel_shape", w.taps, (size_t)axes, NULL);
	mel_node_add_int(&n, "ceil_mode", up, NULL);
	mel_node_add_int(&n, "count_include_pad", count_pad, NULL);
	good = !node_run_with(
	    &n, 0, &x, y, &(struct mel_run){.kernels = best()}, NULL);
	for (int d = 0; good && d < axes; d++)
		good = y[0].dim[2 + d] == pooled_length(&w, d, dim[2 + d], up);
	for (size_t c = 0;
	     good && mel_tensor_count(&y[0]) && c < (size_t)(dim[0] * dim[1]);
	     c++) {
		size_t in = 1, out = 1, i = 0;
		int64_t at[AXES] = {0};

		for (int d = 0; d < axes; d++) {
			in *= (size_t)dim[2 + d];
			out *= (size_t)y[0].dim[2 + d];
		}
		do {
			struct pooled p =
			    pool_one((float *)x.data + c * in, dim + 2, &w, at);
			int64_t by = count_pad ? p.padded : p.inside;
			double want = max ? p.max : by ? p.sum / (double)by : 0;
			float got = ((float *)y[0].data)[c * out + i];

			good &= got == (float)want ||
				fabs((double)got - want) < 1e-6;
			if (max && p.where >= 0)
				good &= ((int64_t *)y[1].data)[c * out + i] ==
					(int64_t)(c * in) + p.where;
			i++;
		} while (next(at, y[0].dim + 2, axes));
	}
	good = good && (!mel_tensor_count(&y[0]) || threads_agree(&n, &x, y));
	mel_tensor_free(&x);
	mel_tensor_free(&y[0]);
	mel_tensor_free(&y[1]);
	mel_node_clear(&n);
	return good;
}

static void
test_pools(void)
{
	bool max = true, average = true;

	for (int i = 0; i < 60; i++) {
		max &= pool_case(true, 1 + i % AXES);
		average &= pool_case(false, 1 + i % AXES);
	}
	ok(max, "MaxPool and Indices are those of plain loops");
	ok(average, "AveragePool is that of plain loops");
}

static void
test_global(void)
{
	int64_t dim[4] = {2, 3, 5, 7};
	struct mel_tensor x = noise_tensor(4, dim), y[3] = {0}, z[3] = {0};
	struct mel_node a = node_new("GlobalAveragePool", 1, 1);
	struct mel_node m = node_new("GlobalMaxPool", 1, 1);
	const struct mel_run run = {.kernels = best()};
	bool good = !node_run_with(&a, 0, &x, y, &run, NULL) &&
		    !node_run_with(&m, 0, &x, z, &run, NULL) &&
		    y[0].ndim == 4 && y[0].dim[1] == 3 && y[0].dim[3] == 1;

	for (int c = 0; good && c < 6; c++) {
		const float *p = (float *)x.data + c * 35;
		double sum = 0, max = -1e9;

		for (int i = 0; i < 35; i++) {
			sum += (double)p[i];
			max = fmax(max, (double)p[i]);
		}
		good = fabs(((float *)y[0].data)[c] - sum / 35) < 1e-6 &&
		       ((float *)z[0].data)[c] == (float)max;
	}
	ok(good, "GlobalAveragePool, GlobalMaxPool");
	mel_tensor_free(&x);
	mel_tensor_free(&y[0]);
	mel_tensor_free(&z[0]);
	mel_node_clear(&a);
	mel_node_clear(&m);
}

static void
test_special(void)
{
	struct mel_node n = node_new("MaxPool", 1, 2);
	float x[6] = {1, NAN, 3, 2, 2, 0};
	uint8_t u[4] = {3, 200, 7, 7};
	int64_t two = 2, dim[3] = {1, 1, 6};
	struct mel_tensor in = tensor_f32(3, dim, x), out[2] = {0};
	struct mel_err err;

	mel_node_add_ints(&n, "kernel_shape", &two, 1, NULL);
	ok(!node_run(&n, &in, out, NULL) && isnan(((float *)out[0].data)[0]) &&
		((int64_t *)out[1].data)[3] == 3,
	    "NaN is the largest; of equals the first");
	mel_tensor_free(&out[0]);
	mel_tensor_free(&out[1]);
	dim[2] = 4;
	in = mel_tensor_view(MEL_U8, 3, dim, u);
	ok(!node_run(&n, &in, out, NULL) && ((uint8_t *)out[0].data)[0] == 200,
	    "bytes");
	mel_tensor_free(&out[0]);
	mel_tensor_free(&out[1]);
	in = mel_tensor_view(MEL_F32, 2, dim, x);
	ok(node_run(&n, &in, out, &err) == -1 &&
		strstr(err.msg, "windows of 1"),
	    "other numbers of axes are refused");
	mel_node_clear(&n);
}

/* ---- ConvTranspose ---- */

struct convtr {
	struct window w;
	int64_t group, in, out, batch; /* channels of a group */
	int64_t x_dim[2 + AXES], w_dim[2 + AXES], more[AXES];
	struct mel_tensor in_t[3];
};

static void
random_convtr(struct convtr *c, int axes)
{
	c->w = random_window(axes);
	c->group = between(1, 3);
	c->in = between(1, 5);
	c->out = between(1, 40);
	c->x_dim[0] = between(0, 2);
	c->x_dim[1] = c->w_dim[0] = c->group * c->in;
	c->w_dim[1] = c->out;
	for (int d = 0; d < axes; d++) {
		c->x_dim[2 + d] = between(0, axes == 1 ? 300 : 6);
		c->w_dim[2 + d] = c->w.taps[d];
		c->w.pads[d] = between(0, 2);
		c->w.pads[axes + d] = between(0, 2);
		c->more[d] = between(0, c->w.stride[d] - 1);
	}
	c->in_t[0] = noise_tensor(2 + axes, c->x_dim);
	c->in_t[1] = noise_tensor(2 + axes, c->w_dim);
	c->in_t[2] = noise_tensor(1, (int64_t[]){c->group * c->out});
}

/* Adds x[item, from] w[from, to] to y (double), all of one channel pair. */
static void
scatter(const struct convtr *c, double *y, const int64_t *y_dim, const float *x,
    const float *w)
{
	int64_t i[AXES] = {0}, tap[AXES] = {0}, o[AXES];
	int axes = c->w.axes;

	do {
		do {
			bool in = true;

			for (int d = 0; d < axes; d++) {
				o[d] = i[d] * c->w.stride[d] +
				       tap[d] * c->w.dilation[d] - c->w.pads[d];
				in &= o[d] >= 0 && o[d] < y_dim[d];
			}
			if (in)
				y[flat(o, y_dim, axes)] +=
				    (double)x[flat(i, c->x_dim + 2, axes)] *
				    (double)w[flat(tap, c->w.taps, axes)];
		} while (next(tap, c->w.taps, axes));
	} while (next(i, c->x_dim + 2, axes));
}

static bool
compare_convtr(const struct convtr *c, const struct mel_tensor *y)
{
	size_t in = 1, out = 1, taps = 1, filters = (size_t)(c->group * c->out);
	double *want;
	bool good = true;

	for (int d = 0; d < c->w.axes; d++) {
		in *= (size_t)c->x_dim[2 + d];
		out *= (size_t)y->dim[2 + d];
		taps *= (size_t)c->w.taps[d];
	}
	if (!mel_tensor_count(y) || !in)
		return true;
	want = malloc(out * sizeof(*want));
	for (size_t m = 0; m < (size_t)c->x_dim[0] * filters; m++) {
		size_t f = m % filters, g = f / (size_t)c->out;

		for (size_t i = 0; i < out; i++)
			want[i] = (double)((float *)c->in_t[2].data)[f];
		for (size_t k = 0; k < (size_t)c->in; k++) {
			size_t from = g * (size_t)c->in + k;

			scatter(c, want, y->dim + 2,
			    (float *)c->in_t[0].data +
				(m / filters * (size_t)c->x_dim[1] + from) * in,
			    (float *)c->in_t[1].data +
				(from * (size_t)c->out + f % (size_t)c->out) *
				    taps);
		}
		for (size_t i = 0; i < out; i++)
			good &= fabs(want[i] -
				     (double)((float *)y->data)[m * out + i]) <
				1e-5;
	}
	free(want);
	return good;
}

static bool
convtr_case(int axes, unsigned bound, enum mel_isa isa)
{
	struct convtr c = {0};
	struct mel_node n = node_new("ConvTranspose", 3, 1);
	const struct mel_run run = {.kernels = mel_kernels_get(isa)};
	struct mel_tensor y[3] = {0};
	bool good = true;

	random_convtr(&c, axes);
	add_window(&n, &c.w);
	mel_node_add_int(&n, "group", c.group, NULL);
	mel_node_add_ints(&n, "output_padding", c.more, (size_t)axes, NULL);
	good = !node_run_with(&n, bound, c.in_t, y, &run, NULL);
	for (int d = 0; good && d < axes; d++) {
		int64_t len = c.w.stride[d] * (c.x_dim[2 + d] - 1) + c.more[d] +
			      (c.w.taps[d] - 1) * c.w.dilation[d] + 1 -
			      c.w.pads[d] - c.w.pads[axes + d];

		if (!c.x_dim[2 + d] || len < 0)
			len = 0;
		good = y[0].dim[2 + d] == len;
	}
	good = good && compare_convtr(&c, y);
	if (good && isa == MEL_ISA_AUTO && mel_tensor_count(y))
		good = threads_agree(&n, c.in_t, y);
	for (int i = 0; i < 3; i++)
		mel_tensor_free(&c.in_t[i]);
	mel_tensor_free(&y[0]);
	mel_node_clear(&n);
	return good;
}

static void
test_convtr(void)
{
	bool fast = true, plain = true, portable = true;

	for (int i = 0; i < 80; i++)
		fast &= convtr_case(1, 2, MEL_ISA_AUTO);
	for (int i = 0; i < 30; i++)
		portable &= convtr_case(1, 2, MEL_ISA_PORTABLE);
	for (int i = 0; i < 45; i++)
		plain &= convtr_case(1 + i % AXES, 0, MEL_ISA_AUTO);
	ok(fast, "ConvTranspose along one axis, packed");
	ok(portable, "the same, portable");
	ok(plain, "ConvTranspose along one to three axes, direct");
}

/* Frames computed with more frames behind them are the same bytes. */
static void
test_row_law(void)
{
	int64_t x_dim[3] = {1, 7, 301}, w_dim[3] = {7, 9, 8}, four = 4;
	struct mel_tensor in[2] = {noise_tensor(3, x_dim),
	    noise_tensor(3, w_dim)},
			  y[1] = {0}, part, z[1] = {0};
	struct mel_node n = node_new("ConvTranspose", 2, 1);
	const struct mel_run run = {.kernels = best()};
	bool good;

	mel_node_add_ints(&n, "strides", &four, 1, NULL);
	good = !node_run_with(&n, 2, in, y, &run, NULL);
	for (int64_t len = 2; good && len < 301; len += 37) {
		struct mel_tensor cut[2];

		x_dim[2] = len;
		part = noise_tensor(3, x_dim);
		for (int64_t c = 0; c < 7; c++)
			memcpy((float *)part.data + c * len,
			    (float *)in[0].data + c * 301,
			    (size_t)len * sizeof(float));
		cut[0] = part;
		cut[1] = in[1];
		good = !node_run_with(&n, 0, cut, z, &run, NULL);
		for (int64_t m = 0; good && m < 9; m++)
			good = !memcmp((float *)z[0].data + m * z[0].dim[2],
			    (float *)y[0].data + m * y[0].dim[2],
			    (size_t)(4 * len - 4) * sizeof(float));
		mel_tensor_free(&part);
		mel_tensor_free(&z[0]);
	}
	ok(good, "row law: a part of the frames gives the same bytes");
	mel_tensor_free(&in[0]);
	mel_tensor_free(&in[1]);
	mel_tensor_free(&y[0]);
	mel_node_clear(&n);
}

/* A window that may be cut is a matter of pools. */
static void
test_conv_ceil(void)
{
	static const float weight[2 * 2 * 3] = {1};
	const struct mel_run run = {
	    .kernels = mel_kernels_get(MEL_ISA_PORTABLE)};
	int64_t stride = 4;
	struct mel_node n = node_new("Conv", 2, 1);
	struct mel_tensor in[2] = {noise_tensor(3, (int64_t[]){1, 2, 10}),
	    tensor_f32(3, (int64_t[]){2, 2, 3}, weight)},
			  y[1];

	mel_node_add_int(&n, "ceil_mode", 1, NULL);
	mel_node_add_ints(&n, "strides", &stride, 1, NULL);
	ok(!node_run_with(&n, 1u << 1, in, y, &run, NULL) && y[0].dim[2] == 2,
	    "Conv has no ceil_mode");
	mel_tensor_free(&in[0]);
	mel_tensor_free(&y[0]);
	mel_node_clear(&n);
}

int
main(void)
{
	test_conv_ceil();
	test_pools();
	test_global();
	test_special();
	test_convtr();
	test_row_law();
	return tap_done();
}
