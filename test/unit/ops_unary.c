/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nodetest.h"
#include "tap.h"

/* Functions of one number against libm in double. */

static double
sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static double
softplus(double x)
{
	return x > 30 ? x : log1p(exp(x));
}

static double
relu(double x)
{
	return x < 0 ? 0 : x;
}

static double
negate(double x)
{
	return -x;
}

static double
sign(double x)
{
	return x > 0 ? 1 : x < 0 ? -1 : x;
}

static double
reciprocal(double x)
{
	return (double)(1 / (float)x);
}

static double
leaky(double x)
{
	return x < 0 ? (double)0.01f * x : x;
}

static double
elu(double x)
{
	return x < 0 ? expm1(x) : x;
}

static double
selu(double x)
{
	const double a = (double)1.67326319217681884765625f;
	const double g = (double)1.05070102214813232421875f;

	return g * (x > 0 ? x : a * expm1(x));
}

static double
thresholded(double x)
{
	return x <= 1 ? 0 : x;
}

static double
hard_sigmoid(double x)
{
	double y = (double)0.2f * x + 0.5;

	return y < 0 ? 0 : y > 1 ? 1 : y;
}

static double
hard_swish(double x)
{
	double y = x / 6 + 0.5;

	return x * (y < 0 ? 0 : y > 1 ? 1 : y);
}

static double
softsign(double x)
{
	return x / (1 + fabs(x));
}

static double
mish(double x)
{
	return x * tanh(softplus(x));
}

static double
gelu(double x)
{
	return 0.5 * x * (1 + erf(x * sqrt(0.5)));
}

/*
 * |got - want| <= rel |want| + abs. A vector function is within 3 units in
 * the last place (4e-7); sums with cancellation have an absolute part.
 */
static const struct {
	const char *op;
	double (*fn)(double);
	double rel, abs;
} cases[] = {
    {"Neg", negate, 0, 0},
    {"Abs", fabs, 0, 0},
    {"Sign", sign, 0, 0},
    {"Sqrt", sqrt, 6e-8, 0},
    {"Reciprocal", reciprocal, 0, 0},
    {"Exp", exp, 4e-7, 1e-45},
    {"Log", log, 4e-7, 0},
    {"Erf", erf, 4e-7, 1e-45},
    {"Sin", sin, 4e-7, 1e-45},
    {"Cos", cos, 4e-7, 0},
    {"Tan", tan, 4e-7, 1e-45},
    {"Atan", atan, 4e-7, 1e-45},
    {"Tanh", tanh, 4e-7, 1e-45},
    {"Floor", floor, 0, 0},
    {"Ceil", ceil, 0, 0},
    {"Round", rint, 0, 0},
    {"Relu", relu, 0, 0},
    {"LeakyRelu", leaky, 6e-8, 1e-45},
    {"Elu", elu, 4e-7, 1e-45},
    {"Celu", elu, 4e-7, 1e-45},
    {"Selu", selu, 6e-7, 1e-45},
    {"ThresholdedRelu", thresholded, 0, 0},
    {"Sigmoid", sigmoid, 4e-7, 1e-45},
    {"HardSigmoid", hard_sigmoid, 2e-7, 1e-7},
    {"HardSwish", hard_swish, 2e-7, 1e-6},
    {"Softplus", softplus, 4e-7, 1e-45},
    {"Softsign", softsign, 2e-7, 1e-45},
    {"Mish", mish, 2e-6, 1e-43},
    {"Gelu", gelu, 1e-6, 2e-6},
};

static bool
infinite_difference(double x, double y)
{
	/* 3e38 squared by hand and the like: out of reach of f32. */
	return isinf(x) && isinf(y) && (x > 0) == (y > 0);
}

static void
against_libm(size_t c, enum mel_isa isa)
{
	struct rnd r = {c};
	struct mel_tensor in[] = {
	    random_tensor(&r, MEL_F32, 2, (int64_t[]){37, 41}, 99)};
	struct mel_tensor out[1] = {0};
	struct mel_node n = node_new(cases[c].op, 1, 1);
	bool good = !node_run_on(isa, NULL, &n, in, out, NULL);

	for (size_t i = 0; good && i < mel_tensor_count(out); i++) {
		double x = value_at(in, i), y = value_at(out, i);
		double want = cases[c].fn(x), d = fabs(y - want);

		/* A range reduction of its own is beyond what is promised. */
		if (fabs(x) > 1e30 && isfinite(x) &&
		    strchr("STC", cases[c].op[0]) && strlen(cases[c].op) == 3)
			continue;
		good = (isnan(y) && isnan(want)) || y == want ||
		       infinite_difference((double)(float)want, y) ||
		       d <= cases[c].rel * fabs(want) + cases[c].abs;
		if (!good)
			printf("# %s(%g) = %.9g, not %.9g\n", cases[c].op, x, y,
			    want);
	}
	ok(good, "%s against libm", cases[c].op);
	mel_tensor_free(in);
	mel_tensor_free(out);
	mel_node_clear(&n);
}

static void
integers(void)
{
	int64_t x[] = {INT64_MIN, -3, 0, 4};
	struct mel_tensor in[] = {tensor_i64(1, (int64_t[]){4}, x)}, out[1];
	static const struct {
		const char *op;
		int64_t y[4];
	} table[] = {
	    {"Neg", {INT64_MIN, 3, 0, -4}},
	    {"Abs", {INT64_MIN, 3, 0, 4}},
	    {"Sign", {-1, -1, 0, 1}},
	    {"Relu", {0, 0, 0, 4}},
	};

	for (int i = 0; i < 4; i++) {
		struct mel_node n = node_new(table[i].op, 1, 1);

		ok(!node_do(&n, in, out, NULL) &&
			!memcmp(out->data, table[i].y, sizeof(x)),
		    "%s of i64", table[i].op);
		mel_tensor_free(out);
		mel_node_clear(&n);
	}
}

/* All the forms of Clip: NaN passes, the upper bound has the last word. */
static void
clip(void)
{
	float x[] = {-5, 0.5f, 5, NAN}, lo = -1, hi = 1, low_hi = -2;
	struct mel_tensor in[] = {tensor_f32(1, (int64_t[]){4}, x),
	    tensor_f32(0, NULL, &lo), tensor_f32(0, NULL, &hi)};
	struct mel_tensor out[1];
	struct mel_node n = node_new("Clip", 3, 1);
	struct mel_err err = {""};
	const float *y;
	int64_t i = 3, j = -3;

	ok(!node_do(&n, in, out, NULL), "Clip");
	y = out->data;
	ok(y[0] == -1 && y[1] == 0.5f && y[2] == 1 && isnan(y[3]),
	    "Clip by two bounds");
	mel_tensor_free(out);
	in[2] = tensor_f32(0, NULL, &low_hi);
	ok(!node_do(&n, in, out, NULL), "Clip, min > max");
	y = out->data;
	ok(y[0] == -2 && y[1] == -2 && y[2] == -2, "min > max gives max");
	mel_tensor_free(out);
	in[1] = (struct mel_tensor){0};
	in[2] = tensor_f32(0, NULL, &hi);
	ok(!node_do(&n, in, out, NULL), "Clip without min");
	y = out->data;
	ok(y[0] == -5 && y[2] == 1, "Clip without min: values");
	mel_tensor_free(out);
	in[2] = tensor_i64(0, NULL, &i);
	ok(node_do(&n, in, out, &err), "%s", err.msg);
	mel_node_clear(&n);
	n = node_new("Clip", 2, 1);
	in[0] = tensor_i64(0, NULL, &j);
	in[1] = tensor_i64(0, NULL, &i);
	ok(!node_do(&n, in, out, NULL) && *(int64_t *)out->data == 3,
	    "Clip of i64");
	mel_tensor_free(out);
	mel_node_clear(&n);
}

static void
parameters(void)
{
	float x[] = {-2, 2};
	struct mel_tensor in[] = {tensor_f32(1, (int64_t[]){2}, x)}, out[1];
	struct mel_node n = node_new("LeakyRelu", 1, 1);
	struct mel_err err = {""};
	const float *y;

	mel_node_add_float(&n, "alpha", 0.25f, NULL);
	ok(!node_do(&n, in, out, NULL), "LeakyRelu, alpha");
	y = out->data;
	ok(y[0] == -0.5f && y[1] == 2, "alpha is used");
	mel_tensor_free(out);
	mel_node_clear(&n);
	n = node_new("Gelu", 1, 1);
	mel_node_add_string(&n, "approximate", "tanh", NULL);
	ok(!node_do(&n, in, out, NULL), "Gelu by tanh");
	y = out->data;
	ok(fabs((double)y[1] - 1.954597694) < 1e-6, "Gelu by tanh: value");
	mel_tensor_free(out);
	mel_node_clear(&n);
	n = node_new("Gelu", 1, 1);
	mel_node_add_string(&n, "approximate", "cubic", NULL);
	ok(node_do(&n, in, out, &err) && strstr(err.msg, "cubic"), "%s",
	    err.msg);
	mel_node_clear(&n);
}

static void
halves(void)
{
	float x[] = {-2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f, 0.49999997f};
	float want[] = {-2, -2, 0, 0, 2, 2, 0};
	struct mel_tensor in[] = {tensor_f32(1, (int64_t[]){7}, x)}, out[1];
	struct mel_node n = node_new("Round", 1, 1);
	bool good = !node_do(&n, in, out, NULL);

	for (int i = 0; i < 7; i++)
		good &= ((float *)out->data)[i] == want[i];
	ok(good, "Round: half to even");
	mel_tensor_free(out);
	mel_node_clear(&n);
}

static void
infinities(void)
{
	float x[] = {-INFINITY, INFINITY, NAN, 1};
	struct mel_tensor in[] = {tensor_f32(1, (int64_t[]){4}, x)}, out[1];
	struct mel_node n = node_new("IsInf", 1, 1);

	mel_node_add_int(&n, "detect_negative", 0, NULL);
	ok(!node_do(&n, in, out, NULL) &&
		!memcmp(out->data, (uint8_t[]){0, 1, 0, 0}, 4),
	    "IsInf of one sign");
	mel_tensor_free(out);
	mel_node_clear(&n);
	n = node_new("IsNaN", 1, 1);
	ok(!node_do(&n, in, out, NULL) &&
		!memcmp(out->data, (uint8_t[]){0, 0, 1, 0}, 4),
	    "IsNaN");
	mel_tensor_free(out);
	mel_node_clear(&n);
}

/* TensorProto.DataType numbers */
enum {
	F32 = 1,
	U8 = 2,
	I32 = 6,
	I64 = 7,
	BOOL = 9,
	F64 = 11
};

static void
cast(int to, const struct mel_tensor *in, const void *want, const char *what)
{
	struct mel_tensor out[1];
	struct mel_node n = node_new("Cast", 1, 1);

	mel_node_add_int(&n, "to", to, NULL);
	ok(!node_do(&n, in, out, NULL) &&
		!memcmp(out->data, want, mel_tensor_bytes(out)),
	    "Cast %s", what);
	mel_tensor_free(out);
	mel_node_clear(&n);
}

static void
casts(void)
{
	float f[] = {-1.9f, 1.9f, NAN, INFINITY, -INFINITY, 3e9f, 0, 300};
	int64_t i[] = {-1, 256, 1ll << 40, INT64_MAX, 0};
	struct mel_tensor x = tensor_f32(1, (int64_t[]){8}, f);
	struct mel_tensor y = tensor_i64(1, (int64_t[]){5}, i);
	struct mel_tensor out[1], two[] = {y, x};
	struct mel_err err = {""};
	struct mel_node n = node_new("Cast", 1, 1);

	cast(I64, &x,
	    (int64_t[]){-1, 1, 0, INT64_MAX, INT64_MIN, 3000000000, 0, 300},
	    "f32 to i64 truncates and saturates");
	cast(I32, &x,
	    (int32_t[]){-1, 1, 0, INT32_MAX, INT32_MIN, INT32_MAX, 0, 300},
	    "f32 to i32");
	cast(U8, &x, (uint8_t[]){0, 1, 0, 255, 0, 255, 0, 255}, "f32 to u8");
	cast(BOOL, &x, (uint8_t[]){1, 1, 1, 1, 1, 1, 0, 1},
	    "f32 to bool is != 0");
	cast(I32, &y, (int32_t[]){-1, 256, 0, -1, 0}, "i64 to i32 wraps");
	cast(U8, &y, (uint8_t[]){255, 0, 0, 255, 0}, "i64 to u8 wraps");
	cast(BOOL, &y, (uint8_t[]){1, 1, 1, 1, 0}, "i64 to bool");
	cast(F32, &y, (float[]){-1, 256, 0x1p40f, 0x1p63f, 0}, "i64 to f32");
	cast(F64, &y, (double[]){-1, 256, 0x1p40, 0x1p63, 0}, "i64 to f64");
	mel_node_add_int(&n, "to", 8, NULL);
	ok(node_do(&n, &x, out, &err), "%s", err.msg);
	mel_node_clear(&n);
	n = node_new("CastLike", 2, 1);
	ok(!node_do(&n, two, out, NULL) && out->dtype == MEL_F32 &&
		((float *)out->data)[1] == 256,
	    "CastLike");
	mel_tensor_free(out);
	mel_node_clear(&n);
}

int
main(void)
{
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		against_libm(c, MEL_ISA_PORTABLE);
		against_libm(c, MEL_ISA_AUTO);
	}
	integers();
	clip();
	parameters();
	halves();
	infinities();
	casts();
	return tap_done();
}
