/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/err.h"
#include "net/graph.h"
#include "net/op.h"
#include "node.h"
#include "noise.h"
#include "tap.h"

/*
 * Conv, MatMul and Gemm on nodes made by hand: against twins in double, and
 * byte for byte over threads, packed or not, pieces or whole.
 */

/* ---- Conv ---- */

struct shape {
	int64_t batch, in, out, len, taps, group;
	int64_t stride, dilation, lo, hi;
	bool bias;
};

static struct mel_node
conv_node(const struct shape *s)
{
	struct mel_node n = node_new("Conv", 3, 1);

	mel_node_add_int(&n, "group", s->group, NULL);
	mel_node_add_ints(&n, "strides", &s->stride, 1, NULL);
	mel_node_add_ints(&n, "dilations", &s->dilation, 1, NULL);
	mel_node_add_ints(&n, "pads", (int64_t[]){s->lo, s->hi}, 2, NULL);
	return n;
}

/* in: x, w, bias (MEL_NONE if there is none). */
static void
conv_tensors(const struct shape *s, struct mel_tensor in[3])
{
	in[0] = noise_tensor(3, (int64_t[]){s->batch, s->in, s->len});
	in[1] = noise_tensor(3, (int64_t[]){s->out, s->in / s->group, s->taps});
	in[2] = (struct mel_tensor){0};
	if (s->bias)
		in[2] = noise_tensor(1, &s->out);
}

/* Output element (b, m, t). */
static double
conv_twin(const struct shape *s, const struct mel_tensor in[3], int64_t b,
    int64_t m, int64_t t)
{
	int64_t c = s->in / s->group, first = m / (s->out / s->group) * c;
	const float *x = in[0].data, *w = in[1].data, *bias = in[2].data;
	double sum = s->bias ? bias[m] : 0;

	for (int64_t k = 0; k < s->taps; k++) {
		int64_t at = t * s->stride - s->lo + k * s->dilation;

		for (int64_t i = 0; at >= 0 && at < s->len && i < c; i++)
			sum +=
			    (double)x[(b * s->in + first + i) * s->len + at] *
			    w[(m * c + i) * s->taps + k];
	}
	return sum;
}

static double
conv_error(const struct shape *s, const struct mel_tensor in[3],
    const struct mel_tensor *y)
{
	const float *v = y->data;
	double worst = 0;

	for (int64_t b = 0; b < s->batch; b++) {
		for (int64_t m = 0; m < s->out; m++) {
			for (int64_t t = 0; t < y->dim[2]; t++)
				worst = fmax(worst,
				    fabs(*v++ - conv_twin(s, in, b, m, t)));
		}
	}
	/* K products of numbers below 1, K roundings. */
	return worst / ((double)(s->in / s->group * s->taps + 1) * 0x1p-22);
}

static struct shape
random_conv(int round)
{
	static const int64_t len[] = {1, 2, 7, 64, 113, 300};
	struct shape s = {
	    .batch = between(1, 2),
	    .len = len[round % 6],
	    .taps = between(1, 5),
	    .group = round % 3 ? 1 : between(1, 4),
	    .stride = between(1, round % 2 ? 1 : 3),
	    .dilation = between(1, round % 2 ? 1 : 3),
	    .lo = between(0, 6),
	    .hi = between(0, 6),
	    .bias = round % 4,
	};

	s.in = s.group * between(1, 20);
	s.out = s.group * between(1, 40);
	if (round % 7 == 0) /* one filter a channel */
		s.in = s.out = s.group = between(1, 40);
	return s;
}

static bool
conv_round(int round, double *worst)
{
	struct shape s = random_conv(round);
	struct mel_tensor in[3], packed = {0}, direct = {0};
	struct mel_node n = conv_node(&s), plain = conv_node(&s);
	const struct mel_run run = {.kernels = best()};
	int64_t reach = (s.taps - 1) * s.dilation + 1;
	int64_t want = (s.len + s.lo + s.hi - reach) / s.stride + 1;
	bool good;

	if (s.len + s.lo + s.hi < reach)
		want = 0;
	conv_tensors(&s, in);
	good = !node_run_with(&n, 2, in, &packed, &run, NULL) &&
	       !node_run_with(&plain, 0, in, &direct, &run, NULL) &&
	       packed.dim[2] == want && direct.dim[2] == want;
	if (good) {
		*worst = fmax(*worst, conv_error(&s, in, &packed));
		*worst = fmax(*worst, conv_error(&s, in, &direct));
		good = threads_agree(&n, in, &packed) &&
		       threads_agree(&plain, in, &direct);
	}
	mel_tensor_free(&packed);
	mel_tensor_free(&direct);
	for (int i = 0; i < 3; i++)
		mel_tensor_free(&in[i]);
	mel_node_clear(&n);
	mel_node_clear(&plain);
	return good;
}

static void
test_conv(void)
{
	double worst = 0;
	bool good = true;

	for (int round = 0; round < 84; round++)
		good &= conv_round(round, &worst);
	ok(good, "row law: Conv on 1, 2, 3 threads; output lengths");
	ok(worst < 1, "Conv against its twin, %.3f", worst);
}

/* Frames [lo, hi) of x as a tensor of its own. */
static struct mel_tensor
cut(const struct mel_tensor *x, int64_t lo, int64_t hi)
{
	int64_t dim[3] = {x->dim[0], x->dim[1], hi - lo};
	struct mel_tensor t = noise_tensor(3, dim);

	for (int64_t r = 0; r < dim[0] * dim[1]; r++)
		memcpy((float *)t.data + r * dim[2],
		    (const float *)x->data + r * x->dim[2] + lo,
		    (size_t)dim[2] * sizeof(float));
	return t;
}

/* Streamed = whole: a piece with its context gives the same bytes. */
static void
test_conv_pieces(void)
{
	struct shape s = {1, 24, 40, 200, 5, 1, 1, 2, 0, 0, true};
	const struct mel_run run = {.kernels = best()};
	struct mel_node n = conv_node(&s);
	struct mel_tensor in[3], whole = {0};
	bool good = true;

	conv_tensors(&s, in);
	good &= !node_run_with(&n, 2, in, &whole, &run, NULL);
	for (int t = 0; good && t < 12; t++) {
		int64_t lo = between(0, 190), hi = between(lo + 1, 192);
		struct mel_tensor part[3] = {
		    cut(&in[0], lo, hi + 8), in[1], in[2]};
		struct mel_tensor want = cut(&whole, lo, hi), y = {0};

		good &= !node_run_with(&n, 0, part, &y, &run, NULL) &&
			same(&y, &want);
		mel_tensor_free(&part[0]);
		mel_tensor_free(&want);
		mel_tensor_free(&y);
	}
	ok(good, "row law: Conv in pieces of any length is the whole");
	for (int i = 0; i < 3; i++)
		mel_tensor_free(&in[i]);
	mel_tensor_free(&whole);
	mel_node_clear(&n);
}

static int64_t
same_length(const char *pad, int64_t len, int64_t stride, float first[1])
{
	struct mel_node n = node_new("Conv", 2, 1);
	float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, w[4] = {1, 10, 100, 1000};
	struct mel_tensor y = {0},
			  in[] = {tensor_f32(3, (int64_t[]){1, 1, len}, x),
			      tensor_f32(3, (int64_t[]){1, 1, 4}, w)};
	const struct mel_run run = {.kernels = best()};
	int64_t got = -1;

	mel_node_add_string(&n, "auto_pad", pad, NULL);
	mel_node_add_ints(&n, "strides", &stride, 1, NULL);
	if (!node_run_with(&n, 2, in, &y, &run, NULL)) {
		got = y.dim[2];
		first[0] = got ? ((float *)y.data)[0] : 0;
	}
	mel_tensor_free(&y);
	mel_node_clear(&n);
	return got;
}

static void
test_auto_pad(void)
{
	float v[1];

	/* 3 zeros to share: one in front and two behind, or the reverse. */
	ok(same_length("SAME_UPPER", 8, 1, v) == 8 && v[0] == 3210,
	    "SAME_UPPER");
	ok(same_length("SAME_LOWER", 8, 1, v) == 8 && v[0] == 2100,
	    "SAME_LOWER");
	ok(same_length("SAME_UPPER", 7, 2, v) == 4 && v[0] == 3210,
	    "SAME_UPPER with a stride");
	ok(same_length("VALID", 8, 1, v) == 5 && v[0] == 4321, "VALID");
	ok(same_length("VALID", 3, 1, v) == 0, "no room: an empty output");
	ok(same_length("SAME_UPPER", 0, 1, v) == 0, "no input");
	ok(same_length("FOO", 8, 1, v) == -1, "unknown auto_pad");
}

static bool
conv_refused(const char *name, const int64_t *value, size_t n_value,
    int64_t channels, const char *why)
{
	struct mel_node n = node_new("Conv", 2, 1);
	struct mel_tensor out = {0},
			  in[] = {noise_tensor(3, (int64_t[]){1, channels, 9}),
			      noise_tensor(3, (int64_t[]){4, 2, 3})};
	const struct mel_run run = {.kernels = best()};
	struct mel_err err = {""};
	bool refused;

	if (name && !strcmp(name, "group"))
		mel_node_add_int(&n, name, *value, NULL);
	else if (name)
		mel_node_add_ints(&n, name, value, n_value, NULL);
	refused = node_run_with(&n, 2, in, &out, &run, &err) == -1 &&
		  strstr(err.msg, why);
	mel_tensor_free(&out);
	mel_tensor_free(&in[0]);
	mel_tensor_free(&in[1]);
	mel_node_clear(&n);
	return refused;
}

static void
test_conv_refused(void)
{
	const int64_t zero = 0, huge = INT64_MAX, big = 1 << 24;
	const int64_t two[4] = {1, 1, 1, 1}, minus[2] = {-1, 0};

	ok(conv_refused("strides", &zero, 1, 2, "strides"), "stride 0");
	ok(conv_refused("dilations", &huge, 1, 2, "dilations"), "dilation");
	ok(conv_refused("dilations", &big, 1, 2, "reaches"), "long reach");
	ok(conv_refused("pads", two, 4, 2, "axes"), "pads for two axes");
	ok(conv_refused("pads", two, 3, 2, "pads"), "an odd number of pads");
	ok(conv_refused("pads", minus, 2, 2, "pads"), "negative pads");
	ok(conv_refused("kernel_shape", &zero, 1, 2, "kernel_shape"),
	    "another kernel_shape");
	ok(conv_refused("group", &huge, 1, 2, "group"), "groups");
	ok(conv_refused(NULL, NULL, 0, 3, "3 channels"), "channels");
}

/* ---- MatMul ---- */

/* y = a b in double, all ranks, batch axes broadcast. */
static double
matmul_error(const struct mel_tensor *a, const struct mel_tensor *b,
    const struct mel_tensor *y, int64_t m, int64_t k, int64_t n)
{
	int64_t batch = (int64_t)mel_tensor_count(y) / (m * n);
	int64_t own_a = (int64_t)mel_tensor_count(a) / (m * k);
	int64_t own_b = (int64_t)mel_tensor_count(b) / (k * n);
	const float *v = y->data;
	double worst = 0;

	/* Here a batch is whole, or one for all. */
	for (int64_t i = 0; i < batch * m * n; i++) {
		int64_t o = i / (m * n), r = i / n % m, j = i % n;
		const float *x = (float *)a->data + o % own_a * m * k;
		const float *w = (float *)b->data + o % own_b * k * n;
		double sum = 0;

		for (int64_t q = 0; q < k; q++)
			sum += (double)x[r * k + q] * w[q * n + j];
		worst = fmax(worst, fabs(sum - v[i]));
	}
	return worst / ((double)k * 0x1p-22);
}

struct matmul_case {
	const char *what;
	int a_ndim, b_ndim, y_ndim;
	int64_t a[4], b[4], y[4];
	int64_t m, k, n;
};

static void
test_matmul_case(const struct matmul_case *c)
{
	struct mel_tensor in[2] = {
	    noise_tensor(c->a_ndim, c->a), noise_tensor(c->b_ndim, c->b)};
	struct mel_node n = node_new("MatMul", 2, 1);
	struct mel_node bound = node_new("MatMul", 2, 1);
	const struct mel_run run = {.kernels = best()};
	struct mel_tensor y = {0}, packed = {0};
	struct mel_err err = {""};
	bool shape;

	if (!ok(!node_run_with(&n, 0, in, &y, &run, &err) &&
		    !node_run_with(&bound, 2, in, &packed, &run, &err),
		"MatMul %s: %s", c->what, err.msg))
		return;
	shape = y.ndim == c->y_ndim &&
		!memcmp(y.dim, c->y, (size_t)c->y_ndim * sizeof(*c->y));
	ok(shape && matmul_error(&in[0], &in[1], &y, c->m, c->k, c->n) < 1,
	    "MatMul %s: shape and values", c->what);
	ok(same(&y, &packed) && threads_agree(&n, in, &y) &&
		threads_agree(&bound, in, &y),
	    "row law: MatMul %s, packed or not, threads", c->what);
	mel_tensor_free(&in[0]);
	mel_tensor_free(&in[1]);
	mel_tensor_free(&y);
	mel_tensor_free(&packed);
	mel_node_clear(&n);
	mel_node_clear(&bound);
}

static void
test_matmul(void)
{
	static const struct matmul_case cases[] = {
	    {"2 x 2", 2, 2, 2, {64, 100}, {100, 70}, {64, 70}, 64, 100, 70},
	    {"one row", 2, 2, 2, {1, 90}, {90, 33}, {1, 33}, 1, 90, 33},
	    {"1 x 2", 1, 2, 1, {90}, {90, 33}, {33}, 1, 90, 33},
	    {"2 x 1", 2, 1, 1, {40, 90}, {90}, {40}, 40, 90, 1},
	    {"1 x 1", 1, 1, 0, {90}, {90}, {0}, 1, 90, 1},
	    {"3 x 2", 3, 2, 3, {3, 20, 8}, {8, 5}, {3, 20, 5}, 20, 8, 5},
	    {"heads", 4, 4, 4, {2, 3, 30, 16}, {2, 3, 16, 30}, {2, 3, 30, 30},
		30, 16, 30},
	    {"2 x 3", 2, 3, 3, {30, 16}, {4, 16, 9}, {4, 30, 9}, 30, 16, 9},
	    {"one long head", 3, 3, 3, {1, 300, 64}, {1, 64, 300},
		{1, 300, 300}, 300, 64, 300},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		test_matmul_case(&cases[i]);
}

/* Both sides broadcast, integers, no products, and what does not fit. */
static void
test_matmul_edges(void)
{
	int64_t a[4] = {INT64_MAX, 2, 3, 4}, b[4] = {2, 0, 1, 1};
	int64_t two[] = {2, 2};
	const struct mel_run run = {.kernels = best()};
	struct mel_tensor ints[2] = {
	    tensor_i64(2, two, a), tensor_i64(2, two, b)};
	struct mel_tensor none[2] = {noise_tensor(2, (int64_t[]){2, 0}),
	    noise_tensor(2, (int64_t[]){0, 3})};
	struct mel_tensor cross[2] = {noise_tensor(4, (int64_t[]){2, 1, 1, 3}),
	    noise_tensor(3, (int64_t[]){4, 3, 1})};
	struct mel_node n = node_new("MatMul", 2, 1);
	struct mel_tensor y = {0}, bad[2];
	struct mel_err err;
	const int64_t *v;
	double sum = 0;

	ok(!node_run_with(&n, 0, ints, &y, &run, NULL), "MatMul of i64");
	v = y.data;
	ok(v[0] == 0 && v[2] == 10 && v[3] == 4, "i64 wraps around");
	mel_tensor_free(&y);
	ok(!node_run_with(&n, 0, none, &y, &run, NULL) && y.dim[1] == 3 &&
		((float *)y.data)[5] == 0,
	    "MatMul with K = 0 gives zeros");
	mel_tensor_free(&y);
	ok(!node_run_with(&n, 0, cross, &y, &run, NULL) && y.ndim == 4 &&
		y.dim[0] == 2 && y.dim[1] == 4,
	    "both sides are broadcast");
	for (int i = 0; i < 3; i++)
		sum += (double)((float *)cross[0].data)[3 + i] *
		       ((float *)cross[1].data)[6 + i];
	ok(fabs(sum - ((float *)y.data)[6]) < 1e-6, "its element (1, 2)");
	mel_tensor_free(&y);
	bad[0] = ints[0];
	bad[1] = cross[1];
	ok(node_run_with(&n, 0, bad, &y, &run, &err) == -1 &&
		strstr(err.msg, "different types"),
	    "types must agree");
	bad[0] = cross[1];
	ok(node_run_with(&n, 0, bad, &y, &run, &err) == -1 &&
		strstr(err.msg, "1 columns times 3 rows"),
	    "sizes must agree");
	for (int i = 0; i < 2; i++) {
		mel_tensor_free(&none[i]);
		mel_tensor_free(&cross[i]);
	}
	mel_node_clear(&n);
}

/* Rows of a right side that changes at run time: none, few, many. */
static void
test_matmul_rows(void)
{
	struct mel_tensor in[2] = {noise_tensor(2, (int64_t[]){90, 130}),
	    noise_tensor(2, (int64_t[]){130, 77})};
	struct mel_node n = node_new("MatMul", 2, 1);
	const struct mel_run run = {.kernels = best()};
	struct mel_tensor whole = {0}, y = {0};
	bool good = !node_run_with(&n, 0, in, &whole, &run, NULL);

	for (int64_t rows = 0; good && rows < 90; rows += 1 + rows / 3) {
		struct mel_tensor part[2] = {in[0], in[1]};

		part[0].dim[0] = rows;
		part[0].owned = false;
		good &= !node_run_with(&n, 0, part, &y, &run, NULL) &&
			!memcmp(y.data, whole.data, mel_tensor_bytes(&y));
		mel_tensor_free(&y);
	}
	ok(good, "row law: MatMul of the first rows alone");
	mel_tensor_free(&in[0]);
	mel_tensor_free(&in[1]);
	mel_tensor_free(&whole);
	mel_node_clear(&n);
}

/* ---- Gemm ---- */

static bool
gemm_round(int flags, const struct mel_tensor *c)
{
	bool ta = flags & 1, tb = flags & 2, constant = flags & 4;
	int64_t m = 17, k = 23, n = 35;
	struct mel_node node = node_new("Gemm", 3, 1);
	struct mel_tensor y = {0},
			  in[3] = {noise_tensor(2, ta ? (int64_t[]){k, m}
						      : (int64_t[]){m, k}),
			      noise_tensor(2,
				  tb ? (int64_t[]){n, k} : (int64_t[]){k, n}),
			      *c};
	const struct mel_run run = {.kernels = best()};
	const float *a = in[0].data, *b = in[1].data, *v = c->data;
	double worst = 0;
	bool good;

	mel_node_add_float(&node, "alpha", 0.5f, NULL);
	mel_node_add_float(&node, "beta", flags & 8 ? 2.0f : 1.0f, NULL);
	mel_node_add_int(&node, "transA", ta, NULL);
	mel_node_add_int(&node, "transB", tb, NULL);
	good = !node_run_with(&node, constant ? 2 : 0, in, &y, &run, NULL);
	for (int64_t i = 0; good && i < m * n; i++) {
		int64_t r = i / n, j = i % n;
		int64_t cr = c->ndim == 2 && c->dim[0] > 1 ? r : 0;
		int64_t width = c->ndim ? c->dim[c->ndim - 1] : 1;
		double sum = 0;

		for (int64_t q = 0; q < k; q++)
			sum += (double)a[ta ? q * m + r : r * k + q] *
			       b[tb ? j * k + q : q * n + j];
		sum *= 0.5;
		if (c->dtype)
			sum += (flags & 8 ? 2.0 : 1.0) *
			       v[cr * width + (width > 1 ? j : 0)];
		worst = fmax(worst, fabs(sum - ((float *)y.data)[i]));
	}
	good = good && worst < 1e-5 && threads_agree(&node, in, &y);
	mel_tensor_free(&y);
	mel_tensor_free(&in[0]);
	mel_tensor_free(&in[1]);
	mel_node_clear(&node);
	return good;
}

static void
test_gemm(void)
{
	struct mel_tensor c[] = {{0}, noise_tensor(0, NULL),
	    noise_tensor(1, (int64_t[]){35}),
	    noise_tensor(2, (int64_t[]){1, 35}),
	    noise_tensor(2, (int64_t[]){17, 1}),
	    noise_tensor(2, (int64_t[]){17, 35})};
	bool good = true;

	for (int flags = 0; flags < 16; flags++) {
		for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++)
			good &= gemm_round(flags, &c[i]);
	}
	ok(good, "Gemm: alpha, beta, transA, transB, every shape of C");
	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++)
		mel_tensor_free(&c[i]);
}

int
main(void)
{
	test_conv();
	test_conv_pieces();
	test_auto_pad();
	test_conv_refused();
	test_matmul();
	test_matmul_edges();
	test_matmul_rows();
	test_gemm();
	return tap_done();
}
