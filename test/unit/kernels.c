/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/rng.h"
#include "net/kernels.h"
#include "net/op.h"
#include "net/product.h"
#include "tap.h"

/*
 * Every kernel of every instruction set of this machine against a naive twin
 * in double, and the row law byte for byte. Arrays are allocated to the exact
 * size, so that an address sanitizer sees a step outside.
 */

static uint64_t counter;

static float
noise(void)
{
	return 2.0f * mel_rng_uniform(1, 2, counter++) - 1.0f;
}

static size_t
pick_size(size_t n)
{
	return (size_t)(mel_rng_uniform(3, 4, counter++) * (float)n);
}

static float *
noise_array(size_t n)
{
	float *x = malloc(n ? n * sizeof(*x) : 1);

	for (size_t i = 0; i < n; i++)
		x[i] = noise();
	return x;
}

static bool
same_bits(const float *a, const float *b, size_t n)
{
	return !n || !memcmp(a, b, n * sizeof(*a));
}

/* ---- elementwise ---- */

static double
twin_sigmoid(double x)
{
	return 1.0 / (1.0 + exp(-x));
}

static double
twin_softplus(double x)
{
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

#define UNARY(name, twin)                                                      \
	{                                                                      \
#name, offsetof(struct mel_kernels, name), twin                \
	}

static const struct unary {
	const char *name;
	size_t at;
	double (*twin)(double);
} unaries[] = {
    UNARY(exp, exp),
    UNARY(expm1, expm1),
    UNARY(log, log),
    UNARY(log1p, log1p),
    UNARY(tanh, tanh),
    UNARY(sigmoid, twin_sigmoid),
    UNARY(softplus, twin_softplus),
    UNARY(erf, erf),
    UNARY(sin, sin),
    UNARY(cos, cos),
    UNARY(sqrt, sqrt),
};

#define N_UNARY (sizeof(unaries) / sizeof(unaries[0]))

static mel_unary *
unary_of(const struct mel_kernels *k, const struct unary *u)
{
	mel_unary *f;

	memcpy(&f, (const char *)k + u->at, sizeof(f));
	return f;
}

/* Distance in units of the last place of a float at r. */
static double
ulps(float y, double r)
{
	double unit;
	int e;

	if (isnan(r) || isnan(y))
		return isnan(r) && isnan(y) ? 0 : INFINITY;
	if (isinf((float)r) || isinf(y))
		return (float)r == y ? 0 : INFINITY;
	frexp(r, &e);
	unit = ldexp(1, e - 24 < -149 ? -149 : e - 24);
	return fabs(y - r) / unit;
}

/* Bit patterns over the whole range of float, and the special ones. */
static void
test_accuracy(const struct mel_kernels *k, const struct unary *u)
{
	const float special[] = {0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY,
	    NAN, 0x1p-149f, -0x1p-149f, 0x1p-126f, 0x1.fffffep127f,
	    -0x1.fffffep127f, 88.73f, -88.0f, -103.9f, -104.1f, 0x1p20f,
	    0x1.000002p20f};
	const size_t n_special = sizeof(special) / sizeof(*special);
	enum {
		N = 4096
	};
	float x[N], y[N], at = 0;
	double worst = 0, d;
	bool signs = true;

	for (uint64_t b = 0; b < (1ull << 32); b += 32768ull * N / 16) {
		for (size_t i = 0; i < N; i++) {
			uint32_t bits = (uint32_t)(b + i * 2039 + i);

			memcpy(&x[i], &bits, sizeof(bits));
		}
		memcpy(x, special, sizeof(special));
		unary_of(k, u)(y, x, N);
		for (size_t i = 0; i < N; i++) {
			d = ulps(y[i], u->twin(x[i]));
			if (d > worst) {
				worst = d;
				at = x[i];
			}
		}
	}
	unary_of(k, u)(y, special, n_special);
	for (size_t i = 0; i < n_special; i++)
		signs &= isnan(y[i]) ||
			 !signbit(y[i]) == !signbit(u->twin(special[i]));
	ok(worst <= 3, "%s %s: %.2f ulp at %a", k->name, u->name, worst,
	    (double)at);
	ok(signs, "%s %s: sign of zeros", k->name, u->name);
}

/* Any piece, any place, in place or not: the same bits. */
static void
test_unary_law(const struct mel_kernels *k, const struct unary *u)
{
	enum {
		N = 203
	};
	float *x = noise_array(N), *whole = malloc(N * sizeof(*x));
	bool same = true;

	for (int i = 0; i < N; i++)
		x[i] = 30.0f * x[i];
	unary_of(k, u)(whole, x, N);
	for (int t = 0; t < 60; t++) {
		size_t lo = pick_size(N), n = pick_size(N - lo + 1);
		float *piece = malloc(n * sizeof(*x) + 1);

		memcpy(piece, x + lo, n * sizeof(*x));
		unary_of(k, u)(piece, piece, n);
		same &= same_bits(piece, whole + lo, n);
		free(piece);
	}
	ok(same, "row law: %s %s in pieces", k->name, u->name);
	free(x);
	free(whole);
}

static void
test_simple(const struct mel_kernels *k)
{
	enum {
		N = 37
	};
	float *a = noise_array(N), *b = noise_array(N), y[N], t[2];
	bool good = true;

	k->add(y, a, b, N);
	for (int i = 0; i < N; i++)
		good &= y[i] == a[i] + b[i];
	k->sub(y, a, b, N);
	for (int i = 0; i < N; i++)
		good &= y[i] == a[i] - b[i];
	k->mul(y, a, b, N);
	for (int i = 0; i < N; i++)
		good &= y[i] == a[i] * b[i];
	k->div(y, a, b, N);
	for (int i = 0; i < N; i++)
		good &= y[i] == a[i] / b[i];
	k->addc(y, a, 0.3f, N);
	for (int i = 0; i < N; i++)
		good &= y[i] == a[i] + 0.3f;
	k->mulc(y, a, 0.3f, N);
	for (int i = 0; i < N; i++)
		good &= y[i] == a[i] * 0.3f;
	k->relu(y, a, N);
	for (int i = 0; i < N; i++)
		good &= y[i] == (a[i] < 0 ? 0 : a[i]);
	t[0] = NAN;
	t[1] = -INFINITY;
	k->relu(t, t, 2);
	ok(good && isnan(t[0]) && t[1] == 0, "%s: plain loops", k->name);
	free(a);
	free(b);
}

/* ---- rows ---- */

static void
test_reductions(const struct mel_kernels *k, const struct mel_kernels *other)
{
	bool close = true, same = true;

	for (size_t n = 0; n < 140; n++) {
		float *x = noise_array(n), max = -INFINITY;
		double sum = 0, abs = 0, square = 0;

		for (size_t i = 0; i < n; i++) {
			double d = (double)x[i] - 0.25;

			sum += x[i];
			abs += fabsf(x[i]);
			square += d * d;
			max = x[i] > max ? x[i] : max;
		}
		close &= fabs(k->sum(x, n) - sum) <= (abs + 1) * 1e-6;
		close &=
		    fabs(k->sumsq(x, 0.25f, n) - square) <= (square + 1) * 1e-6;
		close &= k->max(x, n) == max;
		same &= k->sum(x, n) == other->sum(x, n);
		same &= k->sumsq(x, 0.25f, n) == other->sumsq(x, 0.25f, n);
		if (n) {
			x[pick_size(n)] = NAN;
			close &= isnan(k->sum(x, n)) && isnan(k->max(x, n));
		}
		free(x);
	}
	ok(close, "%s: sum, sumsq, max", k->name);
	ok(same, "%s: the same bits as %s", k->name, other->name);
}

static void
test_softmax(const struct mel_kernels *k)
{
	double worst = 0, worst_log = 0;
	float y[300], l[300];
	bool nan = true;

	for (size_t n = 1; n < 300; n += 1 + n / 7) {
		float *x = noise_array(n);
		double sum = 0;

		for (size_t i = 0; i < n; i++)
			x[i] *= 20.0f;
		for (size_t i = 0; i < n; i++)
			sum += exp((double)x[i]);
		k->softmax(y, x, n);
		k->logsoftmax(l, x, n);
		for (size_t i = 0; i < n; i++) {
			double want = exp((double)x[i]) / sum;

			worst = fmax(worst, fabs(y[i] - want) / want);
			worst_log = fmax(worst_log, fabs(l[i] - log(want)));
		}
		for (size_t i = 0; i < n; i++)
			x[i] = -INFINITY;
		k->softmax(y, x, n);
		k->logsoftmax(l, x, n);
		nan &= isnan(y[0]) && isnan(y[n - 1]) && isnan(l[n - 1]);
		free(x);
	}
	/* x - max rounds by half an ulp of up to 40. */
	ok(worst < 5e-6 && worst_log < 1e-5, "%s: softmax %.2g, log %.2g",
	    k->name, worst, worst_log);
	ok(nan, "%s: a row of -inf gives NaN", k->name);
}

static void
test_layernorm(const struct mel_kernels *k)
{
	double worst = 0;

	for (size_t n = 1; n < 300; n += 1 + n / 5) {
		float *x = noise_array(n), *s = noise_array(n);
		float *b = noise_array(n), *y = noise_array(n), stats[2];
		struct mel_layernorm p = {n, s, b, 1e-5f};
		double mean = 0, var = 0;

		for (size_t i = 0; i < n; i++)
			mean += x[i] / (double)n;
		for (size_t i = 0; i < n; i++)
			var += (x[i] - mean) * (x[i] - mean) / (double)n;
		var = sqrt(var + 1e-5);
		k->layernorm(&p, y, x, stats);
		for (size_t i = 0; i < n; i++)
			worst = fmax(worst,
			    fabs((x[i] - mean) / var * s[i] + b[i] - y[i]));
		worst = fmax(worst, fabs(stats[0] - mean));
		worst = fmax(worst, fabs(stats[1] * var - 1));
		free(x);
		free(s);
		free(b);
		free(y);
	}
	/* One element: x - mean is a rounding error over sqrt(1e-5). */
	ok(worst < 3e-5, "%s: layernorm, %.2g", k->name, worst);
}

/* ---- products ---- */

struct problem {
	struct mel_gemm g;
	size_t frames;         /* floats of a */
	float *a, *b, *packed; /* b plain [taps * k, n] */
	float *init, *c;
	bool row_init;
};

static void
problem_make(struct problem *p, const struct mel_kernels *k, bool depthwise)
{
	struct mel_gemm *g = &p->g;
	size_t width = depthwise ? g->n : g->k, rows = g->taps * g->k;
	struct mel_pack pack = {.k = rows, .n = g->n, .col_step = 1};

	g->lda = width * (1 + pick_size(3)) + pick_size(2);
	g->tap = width * (1 + pick_size(2));
	g->ldc = g->n + pick_size(5);
	p->frames =
	    g->m ? (g->m - 1) * g->lda + (g->taps - 1) * g->tap + width : 0;
	p->a = noise_array(p->frames);
	p->b = noise_array((depthwise ? g->taps : rows) * g->n);
	p->c = noise_array(g->m ? (g->m - 1) * g->ldc + g->n : 0);
	p->row_init = pick_size(2);
	p->init = noise_array(p->row_init ? g->n : g->m * g->n);
	g->a = p->a;
	g->b = p->b;
	g->c = p->c;
	g->init = p->init;
	g->ldinit = p->row_init ? 0 : g->n;
	p->packed = NULL;
	if (depthwise)
		return;
	/* In two slices, to see that they meet. */
	pack.row_step = g->n;
	pack.scale = 1.0f;
	pack.rows = pick_size(rows + 1);
	pack.b = p->b;
	p->packed = malloc(k->packed_size(rows, g->n) * sizeof(float) + 1);
	pack.out = p->packed;
	k->pack(&pack);
	pack.k0 = pack.rows;
	pack.b = p->b + pack.rows * g->n;
	pack.rows = rows - pack.rows;
	k->pack(&pack);
	g->b = p->packed;
}

static void
problem_free(struct problem *p)
{
	free(p->a);
	free(p->b);
	free(p->packed);
	free(p->init);
	free(p->c);
}

/* Largest error in units of what K roundings of the chain can give. */
static double
gemm_error(const struct problem *p, bool depthwise)
{
	const struct mel_gemm *g = &p->g;
	size_t k = depthwise ? 1 : g->k;
	double worst = 0;

	for (size_t r = 0; r < g->m; r++) {
		for (size_t j = 0; j < g->n; j++) {
			double sum = p->init[r * g->ldinit + j];
			double abs = fabs(sum), steps = 1;

			for (size_t i = 0; i < g->taps * k; i++) {
				double x = p->a[r * g->lda + i / k * g->tap +
						(depthwise ? j : i % k)];

				x *= p->b[i * g->n + j];
				sum += x;
				abs += fabs(x);
				steps++;
			}
			sum = fabs(sum - p->c[r * g->ldc + j]);
			worst = fmax(worst, sum / (abs * steps * 0x1p-23));
		}
	}
	return worst;
}

static void
random_shape(struct mel_gemm *g, int round)
{
	static const size_t rows[] = {1, 2, 3, 5, 13, 14, 15, 29, 64, 240};

	*g = (struct mel_gemm){
	    .m = rows[round % 10],
	    .n = 1 + pick_size(round % 3 ? 140 : 40),
	    .taps = 1 + pick_size(4),
	    .k = 1 + pick_size(round % 4 ? 40 : 900),
	};
}

/*
 * Rows [lo, hi) alone give the same bits. fn takes the packed matrix if it is
 * gemm of k, else the plain one.
 */
static bool
blocks_agree(const struct problem *p, const struct mel_kernels *k,
    void (*fn)(const struct mel_gemm *g))
{
	const struct mel_gemm *g = &p->g;
	bool same = true;

	for (int t = 0; t < 4; t++) {
		size_t lo = pick_size(g->m), m = 1 + pick_size(g->m - lo);
		float *c = noise_array(m * g->n);
		struct mel_gemm part = *g;

		part.m = m;
		part.a += lo * g->lda;
		part.init += lo * g->ldinit;
		part.c = c;
		part.ldc = g->n;
		if (fn != k->gemm && fn != k->depthwise)
			part.b = p->b;
		fn(&part);
		for (size_t r = 0; r < m; r++)
			same &= same_bits(
			    c + r * g->n, g->c + (lo + r) * g->ldc, g->n);
		free(c);
	}
	return same;
}

/* Over 1 to 3 threads. */
static bool
threads_agree(const struct problem *p, const struct mel_kernels *k)
{
	const struct mel_gemm *g = &p->g;
	bool same = true;

	for (int threads = 1; threads <= 3; threads++) {
		struct mel_run run = {.kernels = k};
		struct mel_gemm other = *g;
		float *c = noise_array(g->m * g->n);

		mel_pool_open(&run.pool, threads, NULL);
		other.c = c;
		other.ldc = g->n;
		mel_product_run(&other, &run);
		for (size_t r = 0; r < g->m; r++)
			same &=
			    same_bits(c + r * g->n, g->c + r * g->ldc, g->n);
		mel_pool_close(run.pool);
		free(c);
	}
	return same;
}

static void
test_gemm(const struct mel_kernels *k)
{
	bool law = true, plain = true, threads = true;
	double worst = 0;

	for (int round = 0; round < 60; round++) {
		struct problem p;

		random_shape(&p.g, round);
		problem_make(&p, k, false);
		k->gemm(&p.g);
		worst = fmax(worst, gemm_error(&p, false));
		law &= blocks_agree(&p, k, k->gemm);
		plain &= blocks_agree(&p, k, k->gemm_plain);
		threads &= threads_agree(&p, k);
		problem_free(&p);
	}
	ok(worst <= 1, "%s: gemm within its roundings, %.3f", k->name, worst);
	ok(law, "row law: %s gemm in blocks of rows", k->name);
	ok(plain, "row law: %s gemm_plain is gemm", k->name);
	ok(threads, "row law: %s gemm on 1, 2, 3 threads", k->name);
}

static void
test_depthwise(const struct mel_kernels *k)
{
	bool law = true;
	double worst = 0;

	for (int round = 0; round < 40; round++) {
		struct problem p;

		random_shape(&p.g, round);
		p.g.taps = 1 + pick_size(12);
		problem_make(&p, k, true);
		k->depthwise(&p.g);
		worst = fmax(worst, gemm_error(&p, true));
		law &= blocks_agree(&p, k, k->depthwise);
		problem_free(&p);
	}
	ok(worst <= 1, "%s: depthwise, %.3f", k->name, worst);
	ok(law, "row law: %s depthwise in blocks of rows", k->name);
}

static void
test_gemm_edges(const struct mel_kernels *k)
{
	float a[6] = {1, NAN, 2, INFINITY, 3, 4}, b[2] = {0, 1}, c[9];
	float packed[2 * MEL_PANEL_MAX], bias[1] = {5};
	struct mel_pack pack = {packed, 2, 1, 0, 2, b, 1, 1, 1.0f, 1};
	struct mel_gemm g = {.m = 3,
	    .n = 1,
	    .taps = 1,
	    .k = 2,
	    .a = a,
	    .lda = 2,
	    .tap = 2,
	    .b = packed,
	    .c = c,
	    .ldc = 1};

	k->pack(&pack);
	k->gemm(&g);
	ok(isnan(c[0]) && isinf(c[1]) && c[2] == 4,
	    "%s: NaN and infinity stay in their rows", k->name);
	a[3] = 0;
	a[2] = INFINITY;
	k->gemm(&g);
	ok(isnan(c[1]), "%s: infinity times 0 is NaN", k->name);
	g.k = 0;
	g.init = bias;
	k->gemm(&g);
	ok(c[0] == 5 && c[2] == 5, "%s: no products: the bias", k->name);
	g.init = NULL;
	k->gemm(&g);
	ok(c[0] == 0 && c[2] == 0, "%s: no products, no bias: 0", k->name);
	c[0] = 7;
	g.k = 2;
	g.m = 0;
	k->gemm(&g);
	g.m = 3;
	g.n = 0;
	k->gemm(&g);
	k->depthwise(&g);
	ok(c[0] == 7, "%s: empty results write nothing", k->name);
}

/* Both fuse the same products, so a network has one result on both. */
static void
test_fused_alike(const struct mel_kernels *k, const struct mel_kernels *other)
{
	bool unary = true, product = true;

	for (size_t i = 0; i < N_UNARY; i++) {
		enum {
			N = 1000
		};
		float *x = noise_array(N), y[N], z[N];

		k->mulc(x, x, 20.0f, N);
		unary_of(k, &unaries[i])(y, x, N);
		unary_of(other, &unaries[i])(z, x, N);
		for (int j = 0; j < N; j++)
			unary &= y[j] == z[j] || (isnan(y[j]) && isnan(z[j]));
		free(x);
	}
	for (int round = 0; round < 20; round++) {
		struct problem p;

		random_shape(&p.g, round);
		problem_make(&p, k, false);
		k->gemm(&p.g);
		product &= blocks_agree(&p, k, other->gemm_plain);
		problem_free(&p);
	}
	ok(unary && product, "%s and %s give the same bytes", k->name,
	    other->name);
}

static void
test_transpose(void)
{
	bool good = true;

	for (size_t rows = 0; rows < 23; rows++) {
		for (size_t cols = 0; cols < 40; cols += 3) {
			float *x = noise_array(rows * cols);
			float *y = noise_array(rows * cols);

			mel_transpose(y, rows, x, cols, rows, cols);
			for (size_t i = 0; i < rows * cols; i++)
				good &= x[i] == y[i % cols * rows + i / cols];
			free(x);
			free(y);
		}
	}
	ok(good, "transpose");
}

static void
test_names(void)
{
	ok(mel_isa_parse("avx512") == MEL_ISA_AVX512, "isa by name");
	ok(mel_isa_parse("sse9") == -1 && mel_isa_parse("") == -1,
	    "unknown isa");
	ok(mel_isa_available(MEL_ISA_PORTABLE), "portable is always there");
	ok(mel_kernels_get(MEL_ISA_AUTO) != NULL, "auto finds one");
}

int
main(void)
{
	const struct mel_kernels *portable = mel_kernels_get(MEL_ISA_PORTABLE);
	const struct mel_kernels *avx2 = mel_kernels_get(MEL_ISA_AVX2);
	const struct mel_kernels *avx512 = mel_kernels_get(MEL_ISA_AVX512);

	test_names();
	test_transpose();
	for (int isa = MEL_ISA_PORTABLE; isa <= MEL_ISA_AVX512; isa++) {
		const struct mel_kernels *k =
		    mel_kernels_get((enum mel_isa)isa);

		if (!k)
			continue;
		ok(mel_isa_parse(k->name) == isa && k->panel <= MEL_PANEL_MAX,
		    "%s: its table", k->name);
		for (size_t i = 0; i < N_UNARY; i++) {
			test_accuracy(k, &unaries[i]);
			test_unary_law(k, &unaries[i]);
		}
		test_simple(k);
		test_reductions(k, portable);
		test_softmax(k);
		test_layernorm(k);
		test_gemm(k);
		test_depthwise(k);
		test_gemm_edges(k);
	}
	if (avx2 && avx512)
		test_fused_alike(avx2, avx512);
	return tap_done();
}
