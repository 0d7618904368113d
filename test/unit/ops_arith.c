/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/pool.h"
#include "nodetest.h"
#include "tap.h"

/*
 * Operators of two or more broadcast inputs against one C expression an
 * element, over random shapes.
 */

enum {
	ROUNDS = 60
};

static double
wrap(enum mel_dtype t, double v)
{
	return t == MEL_U8 ? (double)(uint8_t)(int64_t)v : v;
}

static double
twin(const char *op, enum mel_dtype t, double x, double y)
{
	float fx = (float)x, fy = (float)y;
	bool f = t == MEL_F32;

	if (!strcmp(op, "Add"))
		return f ? (double)(fx + fy) : wrap(t, x + y);
	if (!strcmp(op, "Sub"))
		return f ? (double)(fx - fy) : wrap(t, x - y);
	if (!strcmp(op, "Mul"))
		return f ? (double)(fx * fy) : wrap(t, x * y);
	if (!strcmp(op, "Div"))
		return f ? (double)(fx / fy) : trunc(x / y);
	if (!strcmp(op, "Max"))
		return isnan(x) || isnan(y) ? NAN : x > y ? x : y;
	if (!strcmp(op, "Min"))
		return isnan(x) || isnan(y) ? NAN : x < y ? x : y;
	if (!strcmp(op, "Mod"))
		return x - y * floor(x / y);
	if (!strcmp(op, "PRelu"))
		return x < 0 ? (double)(fx * fy) : x;
	if (!strcmp(op, "Pow"))
		return f ? (double)(float)pow(x, y) : trunc(pow(x, y));
	if (!strcmp(op, "Equal"))
		return x == y;
	if (!strcmp(op, "Less"))
		return x < y;
	if (!strcmp(op, "LessOrEqual"))
		return x <= y;
	if (!strcmp(op, "Greater"))
		return x > y;
	if (!strcmp(op, "GreaterOrEqual"))
		return x >= y;
	if (!strcmp(op, "And"))
		return x != 0 && y != 0;
	if (!strcmp(op, "Or"))
		return x != 0 || y != 0;
	return (x != 0) != (y != 0); /* Xor */
}

/* One random pair of shapes; true if all elements agree. */
static bool
round_of(struct rnd *r, const char *op, enum mel_dtype t, double rel)
{
	int64_t full[MEL_MAX_DIMS], a[MEL_MAX_DIMS], b[MEL_MAX_DIMS];
	int n = random_shape(r, 5, full), na, nb;
	bool one_sided = !strcmp(op, "PRelu"), good = true;
	struct mel_node node = node_new(op, 2, 1);
	struct mel_tensor in[2], out[1] = {0};
	struct mel_err err = {""};

	na = one_sided ? n : weaker_shape(r, n, full, a);
	if (one_sided)
		memcpy(a, full, sizeof(a));
	nb = weaker_shape(r, n, full, b);
	in[0] = random_tensor(r, t, na, a, 99);
	/* Not 0 where it divides; not -1, whose Pow twin is fine but 0^-1. */
	in[1] = random_tensor(r, t, nb, b, 0);
	if (node_run_on(rnd(r, 2) ? MEL_ISA_AUTO : MEL_ISA_PORTABLE, NULL,
		&node, in, out, &err)) {
		printf("# %s\n", err.msg);
		good = false;
	}
	for (size_t i = 0; good && i < mel_tensor_count(out); i++) {
		double x = value_at(&in[0], broadcast_at(&in[0], out, i));
		double y = value_at(&in[1], broadcast_at(&in[1], out, i));

		if (t != MEL_F32 && !strcmp(op, "Pow") && !(x != 0 || y > 0))
			continue;
		good = near(value_at(out, i), twin(op, t, x, y), rel);
		if (!good)
			printf(
			    "# %s(%g, %g) = %g\n", op, x, y, value_at(out, i));
	}
	mel_tensor_free(&in[0]);
	mel_tensor_free(&in[1]);
	mel_tensor_free(out);
	mel_node_clear(&node);
	return good;
}

static void
against_twins(void)
{
	static const struct {
		const char *op;
		unsigned types;
		double rel; /* 0: one rounding, exactly */
	} cases[] = {
	    {"Add", 15, 0},
	    {"Sub", 15, 0},
	    {"Mul", 15, 0},
	    {"Div", 15, 0},
	    {"Max", 15, 0},
	    {"Min", 15, 0},
	    {"Mod", 6, 0},
	    {"PRelu", 1, 0},
	    /* x^3 as two products, x^-0.5 as a root and a division */
	    {"Pow", 7, 3 * 6e-8},
	    {"Equal", 31, 0},
	    {"Less", 15, 0},
	    {"LessOrEqual", 15, 0},
	    {"Greater", 15, 0},
	    {"GreaterOrEqual", 15, 0},
	    {"And", 16, 0},
	    {"Or", 16, 0},
	    {"Xor", 16, 0},
	};
	static const enum mel_dtype types[] = {
	    MEL_F32, MEL_I64, MEL_I32, MEL_U8, MEL_BOOL};
	struct rnd r = {0};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		for (int t = 0; t < 5; t++) {
			int good = 0;

			if (!(cases[c].types >> t & 1))
				continue;
			for (int i = 0; i < ROUNDS; i++)
				good += round_of(
				    &r, cases[c].op, types[t], cases[c].rel);
			ok(good == ROUNDS, "%s of %s: random broadcasts",
			    cases[c].op, mel_dtype_name(types[t]));
		}
	}
}

static void
several_inputs(void)
{
	float a[] = {1, NAN, 3}, b[] = {2, 2, 2}, c[] = {0, 0, 9};
	struct mel_tensor in[] = {tensor_f32(1, (int64_t[]){3}, a),
	    tensor_f32(1, (int64_t[]){3}, b), tensor_f32(1, (int64_t[]){3}, c)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("Max", 3, 1);
	const float *y;

	ok(!node_do(&n, in, out, NULL), "Max of three");
	y = out->data;
	ok(y[0] == 2 && isnan(y[1]) && y[2] == 9, "Max keeps NaN");
	mel_tensor_free(out);
	mel_node_clear(&n);
	n = node_new("Mean", 3, 1);
	ok(!node_do(&n, in, out, NULL), "Mean of three");
	y = out->data;
	ok(y[0] == 1 && isnan(y[1]) && y[2] == 14.0f / 3, "Mean's values");
	mel_tensor_free(out);
	mel_node_clear(&n);
	n = node_new("Sum", 1, 1);
	ok(!node_do(&n, in, out, NULL) && !memcmp(out->data, a, sizeof(a)),
	    "Sum of one is a copy");
	mel_tensor_free(out);
	mel_node_clear(&n);
}

/* One to four inputs of any shapes that broadcast, taken in one by one. */
static bool
several_case(const char *kind, struct rnd *r, enum mel_dtype type)
{
	int64_t full[MEL_MAX_DIMS], dim[MEL_MAX_DIMS];
	int n = random_shape(r, 4, full), n_in = 1 + (int)rnd(r, 4);
	struct mel_node node = node_new(kind, n_in, 1);
	struct mel_tensor in[4] = {{0}}, out[1] = {{0}};
	bool same;

	for (int i = 0; i < n_in; i++) {
		int m = weaker_shape(r, n, full, dim);

		in[i] = random_tensor(r, type, m, dim, 99);
	}
	same = !node_do(&node, in, out, NULL);
	for (size_t i = 0; same && i < mel_tensor_count(out); i++) {
		double want = value_at(&in[0], broadcast_at(&in[0], out, i));

		for (int k = 1; k < n_in; k++)
			want =
			    twin(strcmp(kind, "Sum") ? kind : "Add", type, want,
				value_at(&in[k], broadcast_at(&in[k], out, i)));
		same = near(value_at(out, i), want, 0);
	}
	for (int i = 0; i < n_in; i++)
		mel_tensor_free(&in[i]);
	mel_tensor_free(out);
	mel_node_clear(&node);
	return same;
}

static void
several_random(void)
{
	static const char *const kinds[] = {"Sum", "Max", "Min"};

	for (int k = 0; k < 3; k++) {
		struct rnd r = {(uint64_t)k};
		int good = 0;

		for (int i = 0; i < 200; i++)
			good += several_case(
			    kinds[k], &r, k && i % 2 ? MEL_I64 : MEL_F32);
		ok(good == 200, "%s of one to four: random broadcasts",
		    kinds[k]);
	}
}

static void
integer_edges(void)
{
	int64_t x[] = {INT64_MIN, -7, 7, INT64_MAX}, y[] = {-1, 2, -2, 1};
	struct mel_tensor in[] = {
	    tensor_i64(1, (int64_t[]){4}, x), tensor_i64(1, (int64_t[]){4}, y)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("Div", 2, 1);
	struct mel_err err = {""};
	const int64_t *z;

	ok(!node_do(&n, in, out, &err), "Div of integers");
	z = out->data;
	ok(z[0] == INT64_MIN && z[1] == -3 && z[2] == -3 && z[3] == INT64_MAX,
	    "Div truncates toward zero, the lowest / -1 wraps");
	mel_tensor_free(out);
	y[2] = 0;
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "division by zero"),
	    "integer division by zero is an error: %s", err.msg);
	mel_node_clear(&n);
	n = node_new("Add", 2, 1);
	y[2] = 1;
	ok(!node_do(&n, in, out, &err), "Add at the edge");
	z = out->data;
	ok(z[0] == INT64_MAX && z[3] == INT64_MIN, "Add wraps around");
	mel_tensor_free(out);
	mel_node_clear(&n);
}

static void
mixed_power(void)
{
	float x[] = {4, -2, 0, 9};
	int64_t y[] = {2, 3, 0, -1};
	struct mel_tensor in[] = {
	    tensor_f32(1, (int64_t[]){4}, x), tensor_i64(1, (int64_t[]){4}, y)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("Pow", 2, 1);
	const float *z;
	struct mel_tensor swapped[] = {in[1], in[0]};
	const int64_t *w;

	ok(!node_do(&n, in, out, NULL) && out->dtype == MEL_F32,
	    "Pow has the type of the base");
	z = out->data;
	ok(z[0] == 16 && z[1] == -8 && z[2] == 1 && z[3] == 1.0f / 9,
	    "Pow of f32 to i64");
	mel_tensor_free(out);
	ok(!node_do(&n, swapped, out, NULL) && out->dtype == MEL_I64,
	    "Pow of i64 to f32");
	w = out->data;
	ok(w[0] == 16 && w[1] == 0 && w[2] == 1 && w[3] == -1,
	    "Pow of i64 to f32: truncated");
	mel_tensor_free(out);
	mel_node_clear(&n);
}

/* The row law: threads and the shape around an element change nothing. */
static void
row_law(const char *op)
{
	const int64_t big[] = {301, 331}, line[] = {331};
	struct rnd r = {5};
	struct mel_tensor in[] = {random_tensor(&r, MEL_F32, 2, big, 99),
	    random_tensor(&r, MEL_F32, 1, line, 99)};
	struct mel_tensor one[2] = {in[0], in[1]}, out[1], cut[1], many[1];
	struct mel_node n = node_new(op, 2, 1);
	struct mel_pool *pool;

	if (mel_pool_open(&pool, 3, NULL))
		abort();
	ok(!node_do(&n, in, out, NULL) &&
		!node_run_on(MEL_ISA_AUTO, pool, &n, in, many, NULL) &&
		same_bytes(out, many),
	    "%s: threads change nothing", op);
	/* One row alone, one element further on in memory. */
	one[0] = tensor_f32(
	    2, (int64_t[]){1, 330}, (const float *)in[0].data + 331 * 7 + 1);
	one[1] = tensor_f32(1, (int64_t[]){330}, (const float *)in[1].data + 1);
	ok(!node_do(&n, one, cut, NULL) &&
		!memcmp(cut->data, (const float *)out->data + 331 * 7 + 1,
		    330 * sizeof(float)),
	    "%s: an element does not know its row", op);
	mel_tensor_free(&in[0]);
	mel_tensor_free(&in[1]);
	mel_tensor_free(out);
	mel_tensor_free(cut);
	mel_tensor_free(many);
	mel_node_clear(&n);
	mel_pool_close(pool);
}

static void
refusals(void)
{
	float x[6] = {0};
	int64_t i[6] = {0};
	struct mel_tensor in[] = {tensor_f32(2, (int64_t[]){2, 3}, x),
	    tensor_f32(1, (int64_t[]){2}, x)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("Add", 2, 1);
	struct mel_err err = {""};

	ok(node_do(&n, in, out, &err) &&
		!strcmp(err.msg,
		    "Add (node n): f32 [2, 3] and f32 [2] do not broadcast"),
	    "%s", err.msg);
	in[1] = tensor_i64(0, NULL, i);
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "f32 and i64"), "%s",
	    err.msg);
	mel_node_clear(&n);
	n = node_new("And", 2, 1);
	ok(node_do(&n, in, out, &err) &&
		strstr(err.msg, "type f32 is not supported"),
	    "%s", err.msg);
	mel_node_clear(&n);
	n = node_new("Mod", 2, 1);
	in[1] = in[0];
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "fmod"), "%s",
	    err.msg);
	mel_node_clear(&n);
}

/* Where: three-way broadcast of every type. */
static void
where(void)
{
	static const enum mel_dtype types[] = {
	    MEL_F32, MEL_I64, MEL_I32, MEL_U8, MEL_BOOL};
	struct rnd r = {9};
	int good = 0;

	for (int k = 0; k < 200; k++) {
		int64_t full[MEL_MAX_DIMS], dim[MEL_MAX_DIMS];
		int n = random_shape(&r, 4, full), m;
		struct mel_node node = node_new("Where", 3, 1);
		struct mel_tensor in[3], out[1];
		bool same = true;

		for (int i = 0; i < 3; i++) {
			m = weaker_shape(&r, n, full, dim);
			in[i] = random_tensor(
			    &r, i ? types[k % 5] : MEL_BOOL, m, dim, 99);
		}
		same = !node_do(&node, in, out, NULL);
		for (size_t i = 0; same && i < mel_tensor_count(out); i++) {
			bool c =
			    value_at(&in[0], broadcast_at(&in[0], out, i)) != 0;
			const struct mel_tensor *t = &in[c ? 1 : 2];

			same = near(value_at(out, i),
			    value_at(t, broadcast_at(t, out, i)), 0);
		}
		good += same;
		for (int i = 0; i < 3; i++)
			mel_tensor_free(&in[i]);
		mel_tensor_free(out);
		mel_node_clear(&node);
	}
	ok(good == 200, "Where: random three-way broadcasts");
}

int
main(void)
{
	against_twins();
	several_inputs();
	several_random();
	integer_edges();
	mixed_power();
	row_law("Add");
	row_law("Div");
	row_law("Pow");
	row_law("PRelu");
	refusals();
	where();
	return tap_done();
}
