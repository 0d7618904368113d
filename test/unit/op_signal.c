/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/fft.h"
#include "base/err.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/kernels.h"
#include "net/network.h"
#include "net/op.h"
#include "node.h"
#include "noise.h"
#include "onnxfile.h"
#include "tap.h"
#include "tensor/tensor.h"

/* Einsum, DFT and STFT against their sums; random numbers. */

/* ---- Einsum ---- */

/* Sums over all labels a to f of length len[], operands and result named by
   strings of labels. */
static double
offset_of(const char *labels, const int64_t *len, const int64_t *at)
{
	int64_t i = 0;

	for (; *labels; labels++)
		i = i * len[*labels - 'a'] + at[*labels - 'a'];
	return (double)i;
}

static void
sum_all(const char *const term[4], int n, const int64_t *len,
    const struct mel_tensor *in, double *out)
{
	int64_t at[6] = {0};
	int d;

	do {
		double v = 1;

		for (int i = 0; i < n; i++)
			v *= (double)((float *)in[i].data)[(size_t)offset_of(
			    term[i], len, at)];
		out[(size_t)offset_of(term[3], len, at)] += v;
		for (d = 5; d >= 0 && ++at[d] == len[d]; d--)
			at[d] = 0;
	} while (d >= 0);
}

static bool
einsum_case(const char *equation, const char *const term[4], int n)
{
	int64_t len[6] = {1, 1, 1, 1, 1, 1}, dim[8];
	struct mel_node node = node_new("Einsum", n, 1);
	const struct mel_run run = {.kernels = best()};
	struct mel_tensor in[3] = {{0}}, y[3] = {0};
	double *want;
	bool good;

	for (int i = 0; i < n; i++) {
		for (const char *l = term[i]; *l; l++)
			len[*l - 'a'] = between(1, 6);
	}
	for (int i = 0; i < n; i++) {
		int ndim = 0;

		for (const char *l = term[i]; *l; l++)
			dim[ndim++] = len[*l - 'a'];
		in[i] = noise_tensor(ndim, dim);
	}
	mel_node_add_string(&node, "equation", equation, NULL);
	good = !node_run_with(&node, 0, in, y, &run, NULL);
	want = calloc(mel_tensor_count(y) + 1, sizeof(*want));
	if (good)
		sum_all(term, n, len, in, want);
	for (size_t i = 0; good && i < mel_tensor_count(y); i++)
		good = fabs(want[i] - (double)((float *)y[0].data)[i]) < 2e-5;
	good = good && threads_agree(&node, in, y);
	free(want);
	for (int i = 0; i < n; i++)
		mel_tensor_free(&in[i]);
	mel_tensor_free(&y[0]);
	mel_node_clear(&node);
	return good;
}

static void
test_einsum(void)
{
	static const struct {
		const char *equation, *term[4];
		int n;
	} cases[] = {
	    {"ab,bc->ac", {"ab", "bc", "", "ac"}, 2},
	    {"abcd,abed->abce", {"abcd", "abed", "", "abce"}, 2},
	    {"abcd, aced -> abe", {"abcd", "aced", "", "abe"}, 2},
	    {"ab->ba", {"ab", "", "", "ba"}, 1},
	    {"abc->b", {"abc", "", "", "b"}, 1},
	    {"aab->ba", {"aab", "", "", "ba"}, 1},
	    {"ab,cb", {"ab", "cb", "", "ac"}, 2},
	    {"ba", {"ba", "", "", "ab"}, 1},
	    {"ab,bc,cd->da", {"ab", "bc", "cd", "da"}, 3},
	    {"a,b->ab", {"a", "b", "", "ab"}, 2},
	    {"ab,cd->ac", {"ab", "cd", "", "ac"}, 2},
	    {"...a,ab->...b", {"cda", "ab", "", "cdb"}, 2},
	    {"...ab,...bc", {"dab", "dbc", "", "dac"}, 2},
	    {"a...,b...->ab...", {"acd", "bcd", "", "abcd"}, 2},
	    {"ab,ab->", {"ab", "ab", "", ""}, 2},
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		bool good = true;

		for (int i = 0; i < 8; i++)
			good &= einsum_case(
			    cases[c].equation, cases[c].term, cases[c].n);
		ok(good, "Einsum %s", cases[c].equation);
	}
}

/* Labels that pile up from operand to operand: a step can take 16. */
static void
test_einsum_many(void)
{
	static const char *const equation[] = {
	    "ABCDEFGH,IJKLMNOP,ABCDEFGH,IJKLMNOP->A",
	    "ABCDEFGH,IJKLMNOP,QRSTUVWX,ABCDEFGH->IJKLMNOP"};
	const int64_t dim[8] = {1, 1, 1, 1, 1, 1, 1, 1};
	const struct mel_run run = {.kernels = best()};
	struct mel_tensor in[4], y[1] = {{0}};
	struct mel_err err = {""};
	const float two = 2;

	for (int i = 0; i < 4; i++)
		in[i] = tensor_f32(8, dim, &two);
	for (int i = 0; i < 2; i++) {
		struct mel_node n = node_new("Einsum", 4, 1);
		int rc;

		mel_node_add_string(&n, "equation", equation[i], NULL);
		rc = node_run_with(&n, 0, in, y, &run, &err);
		if (i)
			ok(rc == -1 && strstr(err.msg, "labels"),
			    "24 labels in a step are refused");
		else
			ok(!rc && *(float *)y[0].data == 16,
			    "16 labels in a step");
		mel_tensor_free(&y[0]);
		mel_node_clear(&n);
	}
}

static void
test_einsum_refused(void)
{
	static const char *const bad[] = {
	    "ab,bc->ad", "ab", "ab,b!->a", "ab,bc->aa", "ab,bc,cd->ad", "a,bc"};
	struct mel_tensor in[2] = {noise_tensor(2, (int64_t[]){2, 3}),
	    noise_tensor(2, (int64_t[]){3, 4})};
	struct mel_tensor y[1];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct mel_node n = node_new("Einsum", 2, 1);
		struct mel_err err = {""};

		mel_node_add_string(&n, "equation", bad[i], NULL);
		ok(node_run(&n, in, y, &err) == -1, "%s: %s", bad[i], err.msg);
		mel_node_clear(&n);
	}
	mel_tensor_free(&in[0]);
	mel_tensor_free(&in[1]);
}

/* ---- transforms ---- */

static void
test_fft(void)
{
	bool good = true;

	for (size_t n = 1; n <= 130; n++) {
		struct mel_complex root[130], in[130], out[130], work[130];

		for (size_t i = 0; i < n; i++)
			in[i] = (struct mel_complex){
			    (double)noise(), (double)noise()};
		mel_fft_roots(root, n, n & 1);
		mel_fft(out, in, root, work, n);
		for (size_t k = 0; k < n; k++) {
			double re = 0, im = 0, sign = n & 1 ? 1 : -1;

			for (size_t j = 0; j < n; j++) {
				double a = sign * 2 * M_PI * (double)(j * k) /
					   (double)n;

				re += in[j].re * cos(a) - in[j].im * sin(a);
				im += in[j].re * sin(a) + in[j].im * cos(a);
			}
			good &= fabs(re - out[k].re) < 1e-10 &&
				fabs(im - out[k].im) < 1e-10;
		}
	}
	ok(good, "transforms of 1 to 130 are their sums");
}

/* Element (o, i, step j) of x [outer, n, inner, parts]. */
static double
part_of(const struct mel_tensor *x, int64_t o, int64_t j, int64_t i, int part)
{
	int64_t parts = x->dim[3];

	if (j >= x->dim[1] || part >= parts)
		return 0;
	return (double)((
	    float *)x->data)[((o * x->dim[1] + j) * x->dim[2] + i) * parts +
			     part];
}

static bool
dft_case(void)
{
	int64_t dim[4] = {
	    between(1, 3), between(1, 20), between(1, 3), between(1, 2)};
	int64_t n = between(0, 1) ? dim[1] : between(1, 24), axis = -3;
	bool inverse = between(0, 1), half = !inverse && dim[3] == 1 && n & 1;
	struct mel_tensor in[3] = {noise_tensor(4, dim),
	    tensor_i64(0, NULL, &n), tensor_i64(0, NULL, &axis)},
			  y[1] = {0};
	struct mel_node node = node_new("DFT", 3, 1);
	bool good;

	mel_node_add_int(&node, "inverse", inverse, NULL);
	mel_node_add_int(&node, "onesided", half, NULL);
	good = !node_run(&node, in, y, NULL) && y[0].dim[3] == 2 &&
	       y[0].dim[1] == (half ? n / 2 + 1 : n);
	for (int64_t c = 0; good && c < (int64_t)mel_tensor_count(y) / 2; c++) {
		int64_t i = c % dim[2], k = c / dim[2] % y[0].dim[1];
		int64_t o = c / dim[2] / y[0].dim[1];
		double re = 0, im = 0;

		for (int64_t j = 0; j < n; j++) {
			double a = (inverse ? 2 : -2) * M_PI * (double)(j * k) /
				   (double)n;
			double u = part_of(&in[0], o, j, i, 0);
			double v = part_of(&in[0], o, j, i, 1);

			re += u * cos(a) - v * sin(a);
			im += u * sin(a) + v * cos(a);
		}
		re /= inverse ? (double)n : 1;
		im /= inverse ? (double)n : 1;
		good = fabs(re - part_of(y, o, k, i, 0)) < 1e-5 &&
		       fabs(im - part_of(y, o, k, i, 1)) < 1e-5;
	}
	mel_tensor_free(&in[0]);
	mel_tensor_free(&y[0]);
	mel_node_clear(&node);
	return good;
}

static void
test_dft(void)
{
	bool good = true;

	for (int i = 0; i < 100; i++)
		good &= dft_case();
	ok(good, "DFT: any axis, length, direction; one side");
}

static void
test_stft(void)
{
	int64_t dim[3] = {2, 50, 1}, step = 7, n = 12, bins = 7;
	struct mel_tensor in[4] = {noise_tensor(3, dim),
	    tensor_i64(0, NULL, &step), noise_tensor(1, &n), {0}},
			  y[1] = {0};
	struct mel_node node = node_new("STFT", 4, 1);
	const float *x = in[0].data, *w = in[2].data;
	bool good;

	/* DFT has this one; here it means nothing. */
	mel_node_add_int(&node, "inverse", 1, NULL);
	good = !node_run(&node, in, y, NULL) && y[0].dim[1] == 6 &&
	       y[0].dim[2] == bins;
	for (int64_t c = 0; good && c < 2 * 6 * bins; c++) {
		int64_t k = c % bins, f = c / bins % 6, b = c / bins / 6;
		double re = 0, im = 0;

		for (int64_t j = 0; j < n; j++) {
			double v =
			    (double)x[b * 50 + f * step + j] * (double)w[j];

			re += v * cos(2 * M_PI * (double)(j * k) / 12);
			im -= v * sin(2 * M_PI * (double)(j * k) / 12);
		}
		good =
		    fabs(re - (double)((float *)y[0].data)[2 * c]) < 1e-5 &&
		    fabs(im - (double)((float *)y[0].data)[2 * c + 1]) < 1e-5;
	}
	ok(good, "STFT");
	mel_tensor_free(&in[0]);
	mel_tensor_free(&in[2]);
	mel_tensor_free(&y[0]);
	mel_node_clear(&node);
}

/* ---- noise ---- */

static struct mel_tensor
draw(const char *kind, uint64_t seed, uint64_t stream, struct mel_pool *pool)
{
	struct mel_node n = node_new(kind, 0, 1);
	const struct mel_run run = {
	    .kernels = best(), .seed = seed, .stream = stream, .pool = pool};
	int64_t shape[2] = {100, 400};
	struct mel_tensor y[1];

	mel_node_add_ints(&n, "shape", shape, 2, NULL);
	if (node_run_with(&n, 0, NULL, y, &run, NULL))
		abort();
	mel_node_clear(&n);
	return y[0];
}

static void
test_moments(const char *kind, double mean, double var)
{
	struct mel_tensor a = draw(kind, 1, 2, NULL), b, c, d;
	struct mel_pool *pool;
	double sum = 0, square = 0, n = 40000;

	if (mel_pool_open(&pool, 3, NULL))
		abort();
	b = draw(kind, 1, 2, pool);
	c = draw(kind, 1, 3, pool);
	d = draw(kind, 2, 2, pool);
	for (int i = 0; i < 40000; i++) {
		double v = (double)((float *)a.data)[i];

		sum += v;
		square += v * v;
	}
	ok(fabs(sum / n - mean) < 0.02 &&
		fabs(square / n - sum / n * sum / n - var) < 0.03,
	    "%s: mean %.3f, variance %.3f", kind, sum / n,
	    square / n - sum / n * sum / n);
	ok(same(&a, &b) && !same(&a, &c) && !same(&a, &d),
	    "%s: a function of seed, node and element", kind);
	mel_pool_close(pool);
	mel_tensor_free(&a);
	mel_tensor_free(&b);
	mel_tensor_free(&c);
	mel_tensor_free(&d);
}

static void
test_like(void)
{
	struct mel_node n = node_new("RandomNormalLike", 1, 1);
	struct mel_node b = node_new("Bernoulli", 1, 1);
	struct mel_tensor x = noise_tensor(1, (int64_t[]){1000}), y[1], z[1];
	const struct mel_run run = {.kernels = best(), .seed = 3};
	const struct mel_run other = {.kernels = best(), .seed = 4};
	size_t ones = 0;

	mel_node_add_float(&n, "mean", 100, NULL);
	mel_node_add_float(&n, "seed", 5, NULL);
	ok(!node_run_with(&n, 0, &x, y, &run, NULL) &&
		!node_run_with(&n, 0, &x, z, &other, NULL) && same(y, z) &&
		fabs((double)((float *)y[0].data)[7] - 100) < 6,
	    "a seed of its own; as long as its input");
	mel_tensor_free(y);
	mel_tensor_free(z);
	for (int i = 0; i < 1000; i++)
		((float *)x.data)[i] = i < 100 ? 0 : i < 200 ? 1 : 0.25f;
	mel_node_add_int(&b, "dtype", 9, NULL);
	ok(!node_run_with(&b, 0, &x, y, &run, NULL) && y[0].dtype == MEL_BOOL,
	    "Bernoulli of bool");
	for (int i = 200; i < 1000; i++)
		ones += ((uint8_t *)y[0].data)[i];
	ok(!((uint8_t *)y[0].data)[50] && ((uint8_t *)y[0].data)[150] &&
		ones > 140 && ones < 260,
	    "Bernoulli: never, always, %zu of 800", ones);
	mel_tensor_free(y);
	mel_tensor_free(&x);
	mel_node_clear(&n);
	mel_node_clear(&b);
}

/* Two draws of a graph without inputs that count; its output. */
static struct mel_tensor
run_graph(const char *path, uint64_t seed, int threads)
{
	struct mel_network *net;
	struct mel_session *session;
	struct mel_pool *pool;
	struct mel_tensor out[1], copy = {0};

	if (mel_pool_open(&pool, threads, NULL) ||
	    mel_network_open(&net, path, MEL_ISA_AUTO, NULL) ||
	    mel_session_open(&session, net, pool, NULL))
		abort();
	mel_session_seed(session, seed);
	for (int run = 0; run < 2; run++) {
		mel_tensor_free(&copy);
		if (mel_session_run(session, NULL, out, NULL) ||
		    mel_tensor_copy(&copy, out, NULL))
			abort();
	}
	mel_session_close(session);
	mel_network_close(net);
	mel_pool_close(pool);
	return copy;
}

/* Noise is neither folded nor planned, and two nodes draw other numbers. */
static void
test_network(void)
{
	const int64_t shape[2] = {10, 2000};
	struct mel_buf g = {0};
	char *dir = temp_dir(), path[512];
	struct mel_tensor a, b, c;

	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	add_node(&g, "RandomNormal", "", "n",
	    attr_ints((struct mel_buf){0}, "shape", shape, 2));
	add_node(&g, "RandomNormalLike", "n", "m", (struct mel_buf){0});
	add_node(&g, "Sub", "n m", "y", (struct mel_buf){0});
	add_io(&g, 12, "y", PB_F32, 0, NULL);
	save_model(path, &g, 13);
	a = run_graph(path, 1, 1);
	b = run_graph(path, 1, 3);
	c = run_graph(path, 2, 1);
	ok(same(&a, &b), "the same seed: the same noise, on any threads");
	ok(!same(&a, &c), "another seed, other noise");
	ok(((float *)a.data)[0] != 0 && ((float *)a.data)[1] != 0,
	    "two nodes draw different numbers");
	mel_tensor_free(&a);
	mel_tensor_free(&b);
	mel_tensor_free(&c);
	unlink(path);
	rmdir(dir);
	free(dir);
}

static void
test_dropout(void)
{
	struct mel_node n = node_new("Dropout", 3, 2);
	float ratio = 0.5f;
	uint8_t training = 1;
	struct mel_tensor in[3] = {noise_tensor(1, (int64_t[]){1000}),
	    tensor_f32(0, NULL, &ratio),
	    mel_tensor_view(MEL_BOOL, 0, NULL, &training)},
			  y[2];
	const struct mel_run run = {.kernels = best(), .seed = 3};
	bool good = !node_run_with(&n, 0, in, y, &run, NULL);
	size_t kept = 0;

	for (int i = 0; good && i < 1000; i++) {
		float x = ((float *)in[0].data)[i];
		bool keep = ((uint8_t *)y[1].data)[i];

		kept += keep;
		good = ((float *)y[0].data)[i] == (keep ? 2 * x : 0);
	}
	ok(good && kept > 430 && kept < 570, "Dropout keeps %zu of 1000", kept);
	mel_tensor_free(&y[0]);
	mel_tensor_free(&y[1]);
	mel_tensor_free(&in[0]);
	mel_node_clear(&n);
}

int
main(void)
{
	test_einsum();
	test_einsum_many();
	test_einsum_refused();
	test_fft();
	test_dft();
	test_stft();
	test_moments("RandomUniform", 0.5, 1.0 / 12);
	test_moments("RandomNormal", 0, 1);
	test_like();
	test_dropout();
	test_network();
	return tap_done();
}
