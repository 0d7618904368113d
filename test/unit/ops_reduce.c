/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/pool.h"
#include "nodetest.h"
#include "tap.h"

/* Reductions, running sums and choices against sums in double. */

enum {
	ROUNDS = 80
};

/* What an element does to the double so far; and what is done at the end. */
static double
take(const char *op, double acc, double x)
{
	if (!strcmp(op, "ReduceProd"))
		return acc * x;
	if (!strcmp(op, "ReduceMax"))
		return isnan(acc) || isnan(x) ? NAN : acc > x ? acc : x;
	if (!strcmp(op, "ReduceMin"))
		return isnan(acc) || isnan(x) ? NAN : acc < x ? acc : x;
	if (!strcmp(op, "ReduceL1"))
		return acc + fabs(x);
	if (!strcmp(op, "ReduceL2") || !strcmp(op, "ReduceSumSquare"))
		return acc + x * x;
	if (!strcmp(op, "ReduceLogSumExp"))
		return acc + exp(x);
	return acc + x;
}

static double
start(const char *op)
{
	return !strcmp(op, "ReduceProd")  ? 1
	       : !strcmp(op, "ReduceMax") ? -INFINITY
	       : !strcmp(op, "ReduceMin") ? INFINITY
					  : 0;
}

static double
finish(const char *op, enum mel_dtype t, double acc, double count)
{
	if (!strcmp(op, "ReduceMean"))
		return t == MEL_F32 ? acc / count : trunc(acc / count);
	if (!strcmp(op, "ReduceL2"))
		return sqrt(acc);
	if (!strncmp(op, "ReduceLogSum", 12))
		return log(acc);
	return acc;
}

/* Small numbers: their sums and products are far from every limit. */
static void
tame(struct mel_tensor *t, bool positive)
{
	float *x = t->data;
	size_t n = mel_tensor_count(t);

	for (size_t i = 0; t->dtype == MEL_F32 && i < n; i++) {
		x[i] = isfinite(x[i]) ? fmodf(x[i], 2) : 1;
		x[i] = positive ? fabsf(x[i]) + 0.5f : x[i];
	}
}

struct twin {
	double acc, size; /* result; sum of sizes of what went in */
	double count;
};

static void
twin_run(const char *op, const struct mel_tensor *in, unsigned mask,
    const struct mel_tensor *out, bool keep, struct twin *twin)
{
	size_t n = mel_tensor_count(out);

	for (size_t i = 0; i < n; i++)
		twin[i] = (struct twin){start(op), 0, 0};
	for (size_t i = 0; i < mel_tensor_count(in); i++) {
		int64_t at[MEL_MAX_DIMS], to[MEL_MAX_DIMS];
		double x = value_at(in, i);
		struct twin *t;
		int k = 0;

		unravel(in, i, at);
		for (int d = 0; d < in->ndim; d++) {
			if (!(mask >> d & 1))
				to[k++] = at[d];
			else if (keep)
				to[k++] = 0;
		}
		t = &twin[ravel(out, to)];
		t->acc = take(op, t->acc, x);
		t->size += fabs(take(op, 0, x));
		t->count++;
	}
}

static bool
reduce_round(struct rnd *r, const char *op, enum mel_dtype type)
{
	int64_t dim[MEL_MAX_DIMS], axes[MEL_MAX_DIMS];
	int n = random_shape(r, 5, dim), keep = (int)rnd(r, 2);
	struct mel_node node = node_new(op, 2, 1);
	struct mel_tensor in[2], out[1] = {{0}};
	unsigned mask = rnd(r, 1u << n);
	struct twin *twin;
	int64_t k = 0;
	bool good;

	in[0] = random_tensor(r, type, n, dim, 99);
	tame(&in[0], !strcmp(op, "ReduceLogSum"));
	for (int d = 0; d < n; d++) {
		if (mask >> d & 1)
			axes[k++] = d - (rnd(r, 2) ? n : 0);
	}
	in[1] = tensor_i64(1, &k, axes);
	mask = k ? mask : (1u << n) - 1;
	mel_node_add_int(&node, "keepdims", keep, NULL);
	good = !node_run_on(rnd(r, 2) ? MEL_ISA_AUTO : MEL_ISA_PORTABLE, NULL,
	    &node, in, out, NULL);
	twin = calloc(mel_tensor_count(out) + 1, sizeof(*twin));
	if (good)
		twin_run(op, in, mask, out, keep, twin);
	for (size_t i = 0; good && i < mel_tensor_count(out); i++) {
		double y = value_at(out, i), d;
		double want = finish(op, type, twin[i].acc, twin[i].count);

		/* Empty maxima of integers are the type's limits, means 0. */
		if (type != MEL_F32 && !isfinite(want))
			continue;
		/* Roundings: one for each of up to 17 ^ 5 terms, in lanes. */
		d = 3e-6 * (fabs(want) + twin[i].size);
		if (!strcmp(
			op, "ReduceProd")) /* what is below f32 on the way */
			d = 3e-6 * fabs(want) + 1e-30;
		d = !strncmp(op, "ReduceLog", 9) ? 1e-5 * (1 + fabs(want)) : d;
		good = near(y, want, 0) || fabs(y - want) <= d;
		if (!good)
			printf("# %s: %g, not %g\n", op, y, want);
	}
	free(twin);
	mel_tensor_free(&in[0]);
	mel_tensor_free(out);
	mel_node_clear(&node);
	return good;
}

static void
reductions(void)
{
	static const struct {
		const char *op;
		unsigned types;
	} cases[] = {
	    {"ReduceSum", 7},
	    {"ReduceMean", 7},
	    {"ReduceMax", 31},
	    {"ReduceMin", 31},
	    {"ReduceProd", 1},
	    {"ReduceL1", 1},
	    {"ReduceL2", 1},
	    {"ReduceSumSquare", 1},
	    {"ReduceLogSum", 1},
	    {"ReduceLogSumExp", 1},
	};
	static const enum mel_dtype types[] = {
	    MEL_F32, MEL_I64, MEL_I32, MEL_U8, MEL_BOOL};
	struct rnd r = {1};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		for (int t = 0; t < 5; t++) {
			int good = 0;

			if (!(cases[c].types >> t & 1))
				continue;
			for (int i = 0; i < ROUNDS; i++)
				good += reduce_round(&r, cases[c].op, types[t]);
			ok(good == ROUNDS, "%s of %s: random axes", cases[c].op,
			    mel_dtype_name(types[t]));
		}
	}
}

static void
empty_sets(void)
{
	static const struct {
		const char *op;
		float want;
	} table[] = {
	    {"ReduceSum", 0},
	    {"ReduceProd", 1},
	    {"ReduceMax", -INFINITY},
	    {"ReduceMin", INFINITY},
	    {"ReduceLogSumExp", -INFINITY},
	    {"ReduceMean", NAN},
	};
	int64_t axes[] = {1};
	struct mel_tensor in[] = {tensor_f32(2, (int64_t[]){2, 0}, NULL),
	    tensor_i64(1, (int64_t[]){1}, axes)};
	struct mel_tensor out[1];

	for (int i = 0; i < 6; i++) {
		struct mel_node n = node_new(table[i].op, 2, 1);
		const float *y;

		ok(!node_do(&n, in, out, NULL), "%s of nothing", table[i].op);
		y = out->data;
		ok(near((double)y[1], (double)table[i].want, 0),
		    "%s of nothing is %g", table[i].op, (double)table[i].want);
		mel_tensor_free(out);
		mel_node_clear(&n);
	}
}

static void
no_axes(void)
{
	float x[] = {1, NAN, 3};
	int64_t axes[] = {5};
	struct mel_tensor in[] = {tensor_f32(1, (int64_t[]){3}, x),
	    tensor_i64(1, (int64_t[]){0}, NULL)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("ReduceSum", 2, 1);
	struct mel_err err = {""};

	mel_node_add_int(&n, "noop_with_empty_axes", 1, NULL);
	ok(!node_do(&n, in, out, NULL) && !memcmp(out->data, x, sizeof(x)),
	    "noop_with_empty_axes");
	mel_tensor_free(out);
	in[1] = tensor_i64(1, (int64_t[]){1}, axes);
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "axis 5 of 1"), "%s",
	    err.msg);
	mel_node_clear(&n);
	n = node_new("ReduceMax", 1, 1);
	ok(!node_do(&n, in, out, NULL) && isnan(*(float *)out->data),
	    "a NaN is the maximum");
	mel_tensor_free(out);
	mel_node_clear(&n);
}

/* Axis 0 or 1 of a tall matrix, alone and with threads. */
static void
row_law(int64_t axis)
{
	struct rnd r = {axis ? 3 : 4};
	struct mel_tensor in[] = {
	    random_tensor(&r, MEL_F32, 2, (int64_t[]){700, 333}, 99),
	    tensor_i64(1, (int64_t[]){1}, &axis)};
	struct mel_tensor one[] = {
	    tensor_f32(2, (int64_t[]){1, 333}, (float *)in[0].data + 333 * 5),
	    in[1]};
	struct mel_tensor out[1], many[1], cut[1];
	struct mel_node n = node_new("ReduceSum", 2, 1);
	struct mel_pool *pool;

	tame(&in[0], false);
	if (mel_pool_open(&pool, 4, NULL))
		abort();
	ok(!node_do(&n, in, out, NULL) &&
		!node_run_on(MEL_ISA_AUTO, pool, &n, in, many, NULL) &&
		same_bytes(out, many),
	    "ReduceSum of axis %d: threads change nothing", (int)axis);
	if (axis == 1) {
		ok(!node_do(&n, one, cut, NULL) &&
			*(float *)cut->data == ((float *)out->data)[5],
		    "ReduceSum: a row alone");
		mel_tensor_free(cut);
	}
	mel_tensor_free(out);
	mel_tensor_free(many);
	mel_tensor_free(&in[0]);
	mel_node_clear(&n);
	mel_pool_close(pool);
}

static void
running_sum(int exclusive, int reverse)
{
	int64_t x[] = {1, 2, 3, 4, 5, 6}, axis = -2, want[6];
	struct mel_tensor in[] = {
	    tensor_i64(2, (int64_t[]){3, 2}, x), tensor_i64(0, NULL, &axis)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("CumSum", 2, 1);

	mel_node_add_int(&n, "exclusive", exclusive, NULL);
	mel_node_add_int(&n, "reverse", reverse, NULL);
	for (int i = 0; i < 6; i++) {
		want[i] = 0;
		for (int j = i % 2; j < 6; j += 2) {
			if (reverse ? j > i : j < i)
				want[i] += x[j];
		}
		want[i] += exclusive ? 0 : x[i];
	}
	ok(!node_do(&n, in, out, NULL) &&
		!memcmp(out->data, want, sizeof(want)),
	    "CumSum, exclusive %d, reverse %d", exclusive, reverse);
	mel_tensor_free(out);
	mel_node_clear(&n);
}

/* Sums in the order of the axis, also for f32. */
static void
running_float_sum(void)
{
	struct rnd r = {8};
	struct mel_tensor in[] = {
	    random_tensor(&r, MEL_F32, 1, (int64_t[]){1000}, 99),
	    tensor_i64(1, (int64_t[]){1}, (int64_t[]){0})};
	struct mel_tensor out[1];
	struct mel_node n = node_new("CumSum", 2, 1);
	float sum = 0;
	bool good;

	tame(&in[0], false);
	good = !node_do(&n, in, out, NULL);
	for (int i = 0; good && i < 1000; i++) {
		sum += ((float *)in[0].data)[i];
		good = ((float *)out->data)[i] == sum;
	}
	ok(good, "CumSum of f32: one addition after another");
	mel_tensor_free(&in[0]);
	mel_tensor_free(out);
	mel_node_clear(&n);
}

static void
arguments(void)
{
	float x[] = {3, 7, 7, -1, NAN, 2};
	struct mel_tensor in[] = {tensor_f32(2, (int64_t[]){2, 3}, x)}, out[1];
	struct mel_node n = node_new("ArgMax", 1, 1);
	const int64_t *y;

	mel_node_add_int(&n, "axis", -1, NULL);
	mel_node_add_int(&n, "keepdims", 0, NULL);
	ok(!node_do(&n, in, out, NULL) && out->ndim == 1, "ArgMax");
	y = out->data;
	ok(y[0] == 1 && y[1] == 1, "ArgMax: the first, and NaN");
	mel_tensor_free(out);
	mel_node_clear(&n);
	n = node_new("ArgMax", 1, 1);
	mel_node_add_int(&n, "axis", 1, NULL);
	mel_node_add_int(&n, "select_last_index", 1, NULL);
	ok(!node_do(&n, in, out, NULL) && *(int64_t *)out->data == 2,
	    "ArgMax: the last");
	mel_tensor_free(out);
	mel_node_clear(&n);
	n = node_new("ArgMin", 1, 1);
	ok(!node_do(&n, in, out, NULL), "ArgMin");
	y = out->data;
	ok(y[0] == 1 && y[1] == 1 && y[2] == 1, "ArgMin over axis 0");
	mel_tensor_free(out);
	mel_node_clear(&n);
}

/* Every element picked comes before every one left, ties by index. */
static bool
topk_round(struct rnd *r)
{
	int64_t dim[MEL_MAX_DIMS + 1], k, len;
	int n = 1 + random_shape(r, 2, dim + 1);
	struct mel_node node = node_new("TopK", 2, 2);
	struct mel_tensor in[2], out[2];
	int64_t largest = (int64_t)rnd(r, 2);
	bool good;

	dim[0] = len = 1 + (int64_t)rnd(r, 20);
	k = (int64_t)rnd(r, (uint32_t)len + 1);
	in[0] = random_tensor(r, MEL_I64, n, dim, 99);
	in[1] = tensor_i64(1, (int64_t[]){1}, &k);
	mel_node_add_int(&node, "axis", 0, NULL);
	mel_node_add_int(&node, "largest", largest, NULL);
	good = !node_do(&node, in, out, NULL) && out[0].dim[0] == k;
	for (size_t i = 0; good && i < mel_tensor_count(out); i++) {
		size_t inner = mel_tensor_count(out) / (size_t)k;
		const int64_t *x = (int64_t *)in[0].data + i % inner;
		int64_t at = ((int64_t *)out[1].data)[i], rank = 0;
		int64_t v = x[at * (int64_t)inner];

		for (int64_t j = 0; j < len; j++) {
			int64_t w = x[j * (int64_t)inner];

			rank += largest ? w > v : w < v;
			rank += w == v && j < at;
		}
		good = rank == (int64_t)(i / inner) &&
		       ((int64_t *)out[0].data)[i] == v;
	}
	mel_tensor_free(&in[0]);
	mel_tensor_free(&out[0]);
	mel_tensor_free(&out[1]);
	mel_node_clear(&node);
	return good;
}

static void
topk(void)
{
	struct rnd r = {2};
	int64_t k = 4;
	float x[] = {1, 2, 3};
	struct mel_tensor in[] = {tensor_f32(1, (int64_t[]){3}, x),
	    tensor_i64(1, (int64_t[]){1}, &k)};
	struct mel_tensor out[2];
	struct mel_node n = node_new("TopK", 2, 2);
	struct mel_err err = {""};
	int good = 0;

	for (int i = 0; i < ROUNDS; i++)
		good += topk_round(&r);
	ok(good == ROUNDS, "TopK: values, indices, ties");
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "k = 4 of 3"), "%s",
	    err.msg);
	mel_node_clear(&n);
}

static void
nonzero(void)
{
	float x[] = {0, 1, -0.0f, NAN, 0, 5};
	int64_t want[] = {0, 1, 1, 1, 0, 2};
	struct mel_tensor in[] = {tensor_f32(2, (int64_t[]){2, 3}, x)}, out[1];
	struct mel_node n = node_new("NonZero", 1, 1);

	ok(!node_do(&n, in, out, NULL) && out->dim[0] == 2 &&
		out->dim[1] == 3 && !memcmp(out->data, want, sizeof(want)),
	    "NonZero");
	mel_tensor_free(out);
	mel_node_clear(&n);
}

int
main(void)
{
	reductions();
	empty_sets();
	no_axes();
	row_law(0);
	row_law(1);
	for (int i = 0; i < 4; i++)
		running_sum(i & 1, i >> 1);
	running_float_sum();
	arguments();
	topk();
	nonzero();
	return tap_done();
}
