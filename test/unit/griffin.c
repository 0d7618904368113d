/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LINK: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc */
#include <math.h>

#include "base/err.h"
#include "base/pool.h"
#include "dsp/contract.h"
#include "dsp/griffin.h"
#include "dsp/inverse.h"
#include "oom.h"
#include "spectra.h"
#include "tap.h"
#include "vectors.h"

static struct mel_err err;

static float *
run(const struct mel_contract *c, int threads, const float *magnitude,
    int64_t frames, struct mel_griffin_options options, double *convergence)
{
	float *x =
	    calloc((size_t)mel_contract_samples(c, frames) + 1, sizeof(float));
	struct mel_pool *pool = NULL;
	struct mel_griffin *g;

	options.measure = true;
	if (mel_pool_open(&pool, threads, &err) ||
	    mel_griffin_open(&g, c, MEL_ISA_AUTO, pool, &err) ||
	    mel_griffin_run(g, magnitude, frames, &options, x, &err)) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	*convergence = mel_griffin_convergence(g);
	mel_griffin_close(g);
	mel_pool_close(pool);
	return x;
}

static void
compare(const struct mel_contract *c, const float *magnitude, int64_t frames,
    int iterations, double momentum)
{
	struct mel_griffin_options o = {
	    .iterations = iterations, .momentum = momentum, .zero_phase = true};
	double worst = 0, most = 0, sc;
	struct vector want;
	char name[64];
	float *x;

	snprintf(name, sizeof(name), "samples_start1_it%d_m%02.0f.npy",
	    iterations, momentum * 100);
	want = load_npy(name);
	x = run(c, 1, magnitude, frames, o, &sc);
	ok(want.dim[0] == mel_contract_samples(c, frames), "%s: %lld samples",
	    name, (long long)want.dim[0]);
	for (int64_t i = 0; i < want.dim[0]; i++) {
		worst = fmax(worst, fabs(x[i] - want.data[i]));
		most = fmax(most, fabs(want.data[i]));
	}
	ok(worst <= 2e-5 * most, "%s: within 2e-5 of the largest (%.1e)", name,
	    worst / most);
	free(want.data);
	free(x);
}

/* The reference's own figures for these magnitudes, five seeds. */
static void
quality(const struct mel_contract *c, const float *magnitude, int64_t frames,
    int iterations, double momentum, double bound)
{
	struct mel_griffin_options o = {
	    .iterations = iterations, .momentum = momentum};
	double mean = 0, sc;

	for (o.seed = 0; o.seed < 5; o.seed++) {
		free(run(c, 1, magnitude, frames, o, &sc));
		mean += sc / 5;
	}
	ok(mean <= bound + 0.002,
	    "convergence %.4f after %d iterations, momentum %g (torchaudio "
	    "%.3f)",
	    mean, iterations, momentum, bound);
}

static void
test_threads(const struct mel_contract *c, const float *magnitude,
    int64_t frames, const float *mel)
{
	struct mel_griffin_options o = {
	    .iterations = 3, .momentum = 0.99, .seed = 7};
	size_t n = (size_t)mel_contract_samples(c, frames);
	float *one, *three, *again, *other, *a, *b;
	size_t bins = (size_t)frames * ((size_t)c->n_fft / 2 + 1);
	struct mel_inverse *inverse, *spread;
	struct mel_pool *pool;
	double sc;

	one = run(c, 1, magnitude, frames, o, &sc);
	again = run(c, 1, magnitude, frames, o, &sc);
	three = run(c, 3, magnitude, frames, o, &sc);
	o.seed = 8;
	other = run(c, 1, magnitude, frames, o, &sc);
	ok(!memcmp(one, three, n * sizeof(float)) &&
		!memcmp(one, again, n * sizeof(float)),
	    "A7: same bytes with 1 and 3 threads");
	ok(memcmp(one, other, n * sizeof(float)), "another seed differs");
	a = malloc(bins * sizeof(float));
	b = malloc(bins * sizeof(float));
	if (mel_pool_open(&pool, 3, &err) ||
	    mel_inverse_open(&inverse, c, 8, MEL_ISA_AUTO, NULL, &err) ||
	    mel_inverse_open(&spread, c, 8, MEL_ISA_AUTO, pool, &err) ||
	    mel_inverse_run(inverse, mel, frames, 0, a, &err) ||
	    mel_inverse_run(spread, mel, frames, 0, b, &err))
		exit(1);
	ok(!memcmp(a, b, bins * sizeof(float)),
	    "mel to magnitude: same bytes with 1 and 3 threads");
	mel_inverse_close(inverse);
	mel_inverse_close(spread);
	mel_pool_close(pool);
	free(one);
	free(three);
	free(again);
	free(other);
	free(a);
	free(b);
}

static void
test_inverse(
    const struct mel_contract *c, const struct vector *mel, const float *truth)
{
	int64_t bins = c->n_fft / 2 + 1, n = mel->dim[0] * bins;
	float *m = malloc((size_t)n * sizeof(float));
	static const int updates[] = {0, MEL_INVERSE_UPDATES};
	/* The reference: 0.300 by the pseudo-inverse, 0.281 after 500. */
	static const double bound[] = {0.3005, 0.285};
	struct mel_inverse *inverse;

	for (int i = 0; i < 2; i++) {
		double d;

		if (mel_inverse_open(
			&inverse, c, updates[i], MEL_ISA_AUTO, NULL, &err))
			exit(1);
		if (mel_inverse_run(
			inverse, mel->data, mel->dim[0], 0, m, &err))
			exit(1);
		d = distance(m, truth, n);
		ok(d < bound[i], "magnitudes after %d updates: %.4f off",
		    updates[i], d);
		mel_inverse_close(inverse);
	}
	if (mel_inverse_open(&inverse, c, 1, MEL_ISA_AUTO, NULL, &err))
		exit(1);
	m[0] = NAN;
	mel->data[83] = NAN;
	ok(mel_inverse_run(inverse, mel->data, 2, 40, m, &err) == -1 &&
		strstr(err.msg, "row 41, band 3 is not finite"),
	    "a NaN mel is named: %s", err.msg);
	mel->data[83] = 200;
	ok(mel_inverse_run(inverse, mel->data, 2, 40, m, &err) == -1 &&
		strstr(err.msg, "too large"),
	    "no mel of this contract: %s", err.msg);
	mel_inverse_close(inverse);
	free(m);
}

/* Every contract goes from sound to magnitudes and back. */
static void
test_contracts(const float *x)
{
	for (int i = 0; mel_contract_names[i]; i++) {
		struct mel_griffin_options o = {
		    .iterations = 32, .momentum = 0.99};
		struct mel_contract c;
		int64_t n = 12000, frames;
		float *m;
		double sc;

		mel_contract_named(&c, mel_contract_names[i], &err);
		frames = mel_contract_frames(&c, n);
		m = magnitudes(&c, x, n);
		free(run(&c, 1, m, frames, o, &sc));
		ok(sc < 0.15, "%s: convergence %.3f", c.name, sc);
		free(m);
	}
}

/* Lengths at which something is missing. */
static void
test_small(const struct mel_contract *c)
{
	struct mel_griffin_options o = {.iterations = 2, .momentum = 0.5};
	static float m[3 * 513];
	struct mel_contract bad = *c, centred = *c;
	struct mel_griffin *g;
	bool quiet = true;
	double sc;
	float *x;

	for (int64_t frames = 0; frames < 4; frames++) {
		x = run(c, 1, m, frames, o, &sc);
		for (int64_t i = 0; i < mel_contract_samples(c, frames); i++)
			quiet = quiet && x[i] == 0;
		free(x);
	}
	ok(quiet && sc == 0, "0 to 3 frames of silence are silent");
	centred.pad = 512;
	x = run(&centred, 1, m, 1, o, &sc);
	ok(mel_contract_samples(&centred, 1) == 0,
	    "one centred frame has no samples");
	free(x);
	bad.hop = 2000;
	ok(mel_griffin_open(&g, &bad, MEL_ISA_AUTO, NULL, &err) == -1 &&
		strstr(err.msg, "longer than the window"),
	    "frames with gaps: %s", err.msg);
}

/* What a run takes, it takes before the first iteration, and keeps. */
static void
test_memory(const struct mel_contract *c, const float *magnitude,
    const float *mel, float *x)
{
	struct mel_griffin_options o = {.iterations = 1, .momentum = 0.99};
	static float inverted[20 * 513];
	struct mel_inverse *inverse;
	struct mel_griffin *g;
	long before, first, second, undone;

	if (mel_griffin_open(&g, c, MEL_ISA_AUTO, NULL, &err) ||
	    mel_inverse_open(&inverse, c, 8, MEL_ISA_AUTO, NULL, &err))
		exit(1);
	before = allocations;
	mel_griffin_run(g, magnitude, 200, &o, x, &err);
	first = allocations - before;
	o.iterations = 20;
	mel_griffin_run(g, magnitude, 200, &o, x, &err);
	second = allocations - before - first;
	ok(first == 1 && second == 0,
	    "allocations of the first run: %ld, of one with 20 iterations: %ld",
	    first, second);
	before = allocations;
	mel_inverse_run(inverse, mel, 20, 0, inverted, &err);
	undone = allocations - before;
	ok(undone == 0, "mel to magnitude: %ld allocations", undone);
	mel_inverse_close(inverse);
	mel_griffin_close(g);
}

int
main(void)
{
	struct vector x = load_wav("glimmer_22050.wav");
	struct vector mel = load_npy("glimmer.hifigan22k.npy");
	struct mel_contract c, centred;
	float *truth;

	mel_contract_named(&c, "hifigan22k", &err);
	centred = c;
	centred.pad = 512;
	truth = magnitudes(&c, x.data, x.dim[0]);
	compare(&centred, truth, 242, 0, 0);
	compare(&centred, truth, 242, 4, 0);
	compare(&centred, truth, 242, 4, 0.99);
	quality(&centred, truth, 242, 32, 0, 0.127);
	quality(&centred, truth, 242, 32, 0.99, 0.058);
	quality(&centred, truth, 242, 60, 0.99, 0.040);
	test_threads(&c, truth, 242, mel.data);
	test_contracts(x.data);
	test_memory(&c, truth, mel.data, x.data);
	test_small(&c);
	test_inverse(&c, &mel, truth);
	free(truth);
	free(x.data);
	free(mel.data);
	return tap_done();
}
