/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LINK: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc */
#include <complex.h>
#include <math.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/rng.h"
#include "dsp/contract.h"
#include "dsp/griffin.h"
#include "dsp/inverse.h"
#include "dsp/rtisi.h"
#include "oom.h"
#include "spectra.h"
#include "tap.h"
#include "vectors.h"

static struct mel_err err;
static const struct mel_rtisi_options usual = {
    .look_ahead = MEL_RTISI_LOOK_AHEAD, .iterations = 32, .momentum = 0.99};

static void
need(int rc)
{
	if (!rc)
		return;
	printf("Bail out! %s\n", err.msg);
	exit(1);
}

static struct mel_rtisi *
open_one(const struct mel_contract *c, struct mel_rtisi_options o,
    struct mel_pool *pool)
{
	struct mel_rtisi *r;

	need(mel_rtisi_open(&r, c, &o, MEL_ISA_AUTO, pool, &err));
	return r;
}

/* All samples of an utterance into x; returns their number. */
static int64_t
speak(struct mel_rtisi *r, const struct mel_contract *c, const float *magnitude,
    int64_t frames, float *x)
{
	int64_t bins = c->n_fft / 2 + 1, n = 0, got;

	for (int64_t f = 0; f < frames; f++)
		n += mel_rtisi_push(r, magnitude + f * bins, x + n);
	while ((got = mel_rtisi_finish(r, x + n)))
		n += got;
	return n;
}

/* Room for the samples of an utterance and a hop more. */
static float *
room(const struct mel_contract *c, int64_t frames)
{
	return calloc(
	    (size_t)(mel_contract_samples(c, frames) + c->hop), sizeof(float));
}

/*
 * The definition in rtisi.h once more: in double, with the sum of the Fourier
 * transform written out, all frames of the utterance side by side.
 */
enum {
	MOST_N = 64,
	MOST_FRAMES = 9
};

struct twin {
	const struct mel_contract *c;
	double window[MOST_N];
	double full[MOST_N], most; /* sums of squared windows, [hop] */
	int64_t span, bins;
	double s[MOST_FRAMES][MOST_N];
	double complex before[MOST_FRAMES][MOST_N];
	double piece[MOST_FRAMES][MOST_N];
};

static void
twin_forward(const struct twin *t, const double *x, double complex *c)
{
	int64_t n = t->c->n_fft;

	for (int64_t k = 0; k < t->bins; k++) {
		c[k] = 0;
		for (int64_t j = 0; j < t->span; j++)
			c[k] += x[j] * t->window[j] *
				cexp(-2 * M_PI * I * (double)(j * k % n) /
				     (double)n);
	}
}

/* The piece of a frame from its spectrum. */
static void
twin_backward(struct twin *t, int64_t f, const double complex *c)
{
	int64_t n = t->c->n_fft;

	for (int64_t j = 0; j < t->span; j++) {
		double sum = creal(c[0]) + (j & 1 ? -1 : 1) * creal(c[n / 2]);

		for (int64_t k = 1; k < n / 2; k++)
			sum += 2 * creal(c[k] *
					 cexp(2 * M_PI * I *
					      (double)(j * k % n) / (double)n));
		t->piece[f][j] = sum / (double)n * t->window[j];
	}
}

/*
 * n samples of the padded sound from `at` on, of the first `frames` frames; by
 * the root of how far they cover it if `unsure`.
 */
static void
twin_sound(const struct twin *t, int64_t frames, int64_t at, int64_t n,
    bool unsure, double *x)
{
	for (int64_t i = 0; i < n; i++) {
		double sum = 0, weight = 0;

		for (int64_t f = 0; f < frames; f++) {
			int64_t j = at + i - f * t->c->hop;

			if (j < 0 || j >= t->span)
				continue;
			sum += t->piece[f][j];
			weight += t->window[j] * t->window[j];
		}
		x[i] = sum / fmax(weight, 1e-3 * t->most);
		if (unsure)
			x[i] *= sqrt(weight / fmax(t->full[i % t->c->hop],
						  1e-3 * t->most));
	}
}

static void
twin_enter(struct twin *t, int64_t f, uint64_t seed)
{
	double complex c[MOST_N];
	double x[MOST_N];

	twin_sound(t, f, f * t->c->hop, t->span, true, x);
	twin_forward(t, x, c);
	for (int64_t k = 0; k < t->bins; k++) {
		uint32_t r[4];
		double complex p;

		mel_rng_block(seed, (uint64_t)f, (uint64_t)k / 2, r);
		p = (r[2 * (k & 1)] >> 8) + I * (r[2 * (k & 1) + 1] >> 8);
		p = c[k] + 0.01 * t->s[f][k] * p / cabs(p);
		c[k] = cabs(p) > 0 ? t->s[f][k] * p / cabs(p) : 0;
	}
	twin_backward(t, f, c);
}

static void
twin_iterate(struct twin *t, int64_t first, int64_t end, double momentum)
{
	double complex c[MOST_FRAMES][MOST_N];
	double x[MOST_N];

	for (int64_t f = first; f < end; f++) {
		twin_sound(t, end, f * t->c->hop, t->span, false, x);
		twin_forward(t, x, c[f]);
	}
	for (int64_t f = first; f < end; f++) {
		for (int64_t k = 0; k < t->bins; k++) {
			double complex p = c[f][k] - momentum / (1 + momentum) *
							 t->before[f][k];

			t->before[f][k] = c[f][k];
			c[f][k] = t->s[f][k] * p / (cabs(p) + 1e-16);
		}
		twin_backward(t, f, c[f]);
	}
}

/* x: [mel_contract_samples], of at most MOST_FRAMES frames. */
static void
twin_speak(const struct mel_contract *c, struct mel_rtisi_options o,
    const float *magnitude, int64_t frames, float *x)
{
	struct twin *t = calloc(1, sizeof(*t));
	int64_t samples = mel_contract_samples(c, frames), first = 0;
	double last = 0, *sound;

	t->c = c;
	t->span = mel_contract_span(c);
	t->bins = c->n_fft / 2 + 1;
	mel_window(c, t->window);
	for (int64_t i = 0; i < c->hop; i++) {
		for (int64_t j = i; j < t->span; j += c->hop)
			t->full[i] += t->window[j] * t->window[j];
		t->most = fmax(t->most, t->full[i]);
	}
	for (int64_t n = 0; first < frames; n++) {
		int64_t end = n < frames ? n + 1 : frames;

		for (int64_t k = 0; n < frames && k < t->bins; k++)
			t->s[n][k] = magnitude[n * t->bins + k];
		if (n < frames)
			twin_enter(t, n, o.seed);
		for (int i = 0; i < o.iterations; i += o.look_ahead + 1)
			twin_iterate(t, first, end, o.momentum);
		first += n >= o.look_ahead;
	}
	sound = calloc((size_t)samples + 1, sizeof(*sound));
	twin_sound(t, frames, c->pad, samples, false, sound);
	for (int64_t i = 0; i < samples; i++) {
		last = sound[i] + c->preemphasis * last;
		x[i] = (float)(last / c->gain);
	}
	free(sound);
	free(t);
}

/* A contract as small as the twin is slow. */
static struct mel_contract
small(const char *name, int64_t hop, int64_t window, int64_t pad)
{
	struct mel_contract c;

	need(mel_contract_named(&c, name, &err));
	c.n_fft = MOST_N;
	c.window = window;
	c.hop = hop;
	c.pad = pad;
	c.bands = 8;
	need(mel_contract_check(&c, &err));
	return c;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * A bin in which next to nothing is left has a phase of rounding alone, which
 * the frames behind it enlarge: one seed in forty is 1e-3 off. So the median
 * of five.
 */
static void
test_twin(struct mel_contract c, int64_t frames, struct mel_rtisi_options o)
{
	int64_t n = mel_contract_samples(&c, frames);
	float *noise = calloc((size_t)n + 1, sizeof(float));
	float *x = room(&c, frames), *want = room(&c, frames), *magnitude;
	bool exact = true;
	double far[5];

	for (int64_t i = 0; i < n; i++)
		noise[i] = 0.3f * sinf(0.3f * (float)i) +
			   0.1f * mel_rng_normal(3, 0, (uint64_t)i);
	magnitude = magnitudes(&c, noise, n);
	for (o.seed = 0; o.seed < 5; o.seed++) {
		struct mel_rtisi *r = open_one(&c, o, NULL);

		twin_speak(&c, o, magnitude, frames, want);
		exact = exact && speak(r, &c, magnitude, frames, x) == n;
		far[o.seed] = distance(x, want, n);
		mel_rtisi_close(r);
	}
	qsort(far, 5, sizeof(*far), by_size);
	ok(exact && far[2] < 1e-4,
	    "n_fft %lld, hop %lld: %lld frames, look-ahead %d, %d iterations: "
	    "the samples of the naive twin (%.1e off, at worst %.1e)",
	    (long long)c.n_fft, (long long)c.hop, (long long)frames,
	    o.look_ahead, o.iterations, far[2], far[4]);
	free(magnitude);
	free(noise);
	free(want);
	free(x);
}

static void
test_twins(void)
{
	struct mel_contract c = small("hifigan22k", 16, 64, 24);
	struct mel_rtisi_options o = {
	    .look_ahead = 3, .iterations = 8, .momentum = 0.99};

	test_twin(c, 9, o);
	test_twin(c, 2, o);
	o.look_ahead = 2;
	o.iterations = 5;
	test_twin(c, 7, o);
	o.iterations = 0;
	test_twin(c, 9, o);
	o.iterations = 3;
	test_twin(small("kaldi", 20, 50, 0), 8, o);
	test_twin(small("whisper16k", 24, 56, 32), 8, o);
}

/* Every length at which something is missing is exact, for every contract. */
static void
test_lengths(const float *sound)
{
	for (int i = 0; mel_contract_names[i]; i++) {
		struct mel_rtisi_options o = {.look_ahead = 3, .iterations = 4};
		struct mel_contract c;
		struct mel_rtisi *r;
		int64_t bad = 0;
		float *m;

		need(mel_contract_named(&c, mel_contract_names[i], &err));
		m = magnitudes(&c, sound, 20 * c.hop + 2 * c.n_fft);
		r = open_one(&c, o, NULL);
		for (int64_t frames = 0; frames < 10; frames++) {
			float *x = room(&c, frames);

			bad += speak(r, &c, m, frames, x) !=
			       mel_contract_samples(&c, frames);
			mel_rtisi_reset(r);
			free(x);
		}
		ok(!bad, "%s: 0 to 9 frames give exactly their samples",
		    c.name);
		mel_rtisi_close(r);
		free(m);
	}
}

/* The first sample is there with the frame that was promised. */
static void
test_delay(const float *magnitude)
{
	static const int64_t pads[] = {0, 384, 512, 1024};
	struct mel_contract c;
	static float x[256];

	need(mel_contract_named(&c, "hifigan22k", &err));
	for (size_t i = 0; i < sizeof(pads) / sizeof(*pads); i++) {
		struct mel_rtisi *r;
		int64_t frames = 1;

		c.pad = pads[i];
		r = open_one(&c, usual, NULL);
		while (!mel_rtisi_push(r, magnitude + frames * 513, x))
			frames++;
		ok(frames == mel_rtisi_delay(r) && frames == 8 + c.pad / 256,
		    "pad %lld: the first sample comes with frame %lld",
		    (long long)c.pad, (long long)frames);
		mel_rtisi_close(r);
	}
}

/* Threads, reuse, and utterances given up do not show. */
static void
test_same(const struct mel_contract *c, const float *magnitude)
{
	size_t n = (size_t)mel_contract_samples(c, 60) * sizeof(float);
	float *one = room(c, 60), *other = room(c, 60);
	struct mel_rtisi_options o = usual;
	struct mel_rtisi *r = open_one(c, usual, NULL), *spread;
	struct mel_pool *pool;

	speak(r, c, magnitude, 60, one);
	mel_rtisi_reset(r);
	for (int64_t f = 60; f < 75; f++)
		mel_rtisi_push(r, magnitude + f * 513, other);
	mel_rtisi_reset(r);
	speak(r, c, magnitude, 60, other);
	ok(!memcmp(one, other, n), "D5: abandoned, reset: the same bytes");
	need(mel_pool_open(&pool, 3, &err));
	spread = open_one(c, usual, pool);
	speak(spread, c, magnitude, 60, other);
	ok(!memcmp(one, other, n), "A7: the same bytes with 3 threads");
	mel_rtisi_close(spread);
	mel_pool_close(pool);
	mel_rtisi_close(r);
	o.measure = true;
	r = open_one(c, o, NULL);
	speak(r, c, magnitude, 60, other);
	ok(!memcmp(one, other, n), "measuring changes nothing");
	mel_rtisi_close(r);
	o.seed = 1;
	r = open_one(c, o, NULL);
	speak(r, c, magnitude, 60, other);
	ok(memcmp(one, other, n), "another seed differs");
	mel_rtisi_close(r);
	free(one);
	free(other);
}

static void
test_memory(const struct mel_contract *c, const float *magnitude)
{
	struct mel_rtisi *r = open_one(c, usual, NULL);
	float *x = room(c, 60);
	long before = allocations;

	for (int i = 0; i < 2; i++) {
		speak(r, c, magnitude, 60, x);
		mel_rtisi_reset(r);
	}
	ok(allocations == before, "two utterances take no memory: %ld pieces",
	    allocations - before);
	mel_rtisi_close(r);
	free(x);
}

/* Silence is silent, and what follows it is as if nothing had been. */
static void
test_silence(const struct mel_contract *c, const float *magnitude)
{
	int64_t frames = 80, n = mel_contract_samples(c, frames);
	float *m = calloc((size_t)frames * 513, sizeof(float));
	float *x = room(c, frames);
	struct mel_rtisi_options o = usual;
	struct mel_rtisi *r;
	bool quiet = true;
	double sc;

	o.measure = true;
	r = open_one(c, o, NULL);
	memcpy(m + 20 * 513, magnitude, 60 * 513 * sizeof(float));
	speak(r, c, m, frames, x);
	for (int64_t i = 0; i < 20 * c->hop - c->pad; i++)
		quiet = quiet && fabsf(x[i]) < 1e-7f;
	sc = mel_rtisi_convergence(r);
	/* Rounding of the first sound reaches the frame beside it. */
	ok(quiet && sc > 0 && sc < 0.12,
	    "20 frames of silence, then sound: convergence %.3f", sc);
	mel_rtisi_reset(r);
	memset(m, 0, (size_t)frames * 513 * sizeof(float));
	speak(r, c, m, frames, x);
	for (int64_t i = 0; i < n; i++)
		quiet = quiet && x[i] == 0;
	ok(quiet && mel_rtisi_convergence(r) == 0, "silence stays silent");
	mel_rtisi_close(r);
	free(m);
	free(x);
}

/* Mean convergence of five seeds: whole utterance, and streamed. */
static double
whole_quality(const struct mel_contract *c, const float *m, int64_t frames)
{
	struct mel_griffin_options o = {
	    .iterations = 32, .momentum = 0.99, .measure = true};
	float *x = room(c, frames);
	struct mel_griffin *g;
	double mean = 0;

	need(mel_griffin_open(&g, c, MEL_ISA_AUTO, NULL, &err));
	for (o.seed = 0; o.seed < 5; o.seed++) {
		need(mel_griffin_run(g, m, frames, &o, x, &err));
		mean += mel_griffin_convergence(g) / 5;
	}
	mel_griffin_close(g);
	free(x);
	return mean;
}

static double
stream_quality(const struct mel_contract *c, int ahead, const float *m,
    int64_t frames, double *checked)
{
	struct mel_rtisi_options o = usual;
	float *x = room(c, frames);
	double mean = 0;

	o.measure = true;
	o.look_ahead = ahead;
	*checked = 0;
	for (o.seed = 0; o.seed < 5; o.seed++) {
		struct mel_rtisi *r = open_one(c, o, NULL);
		int64_t n = speak(r, c, m, frames, x);
		float *again = magnitudes(c, x, n);

		mean += mel_rtisi_convergence(r) / 5;
		*checked += distance(again, m, frames * (c->n_fft / 2 + 1)) / 5;
		free(again);
		mel_rtisi_close(r);
	}
	free(x);
	return mean;
}

static void
compare(const struct mel_contract *c, const char *what, const float *m,
    int64_t frames)
{
	double whole = whole_quality(c, m, frames), checked[2], stream[2];

	stream[0] = stream_quality(c, 3, m, frames, &checked[0]);
	stream[1] =
	    stream_quality(c, MEL_RTISI_LOOK_AHEAD, m, frames, &checked[1]);
	ok(stream[1] < 1.03 * whole && stream[0] < 1.1 * whole &&
		fabs(stream[1] - checked[1]) < 0.01,
	    "%s, %s: convergence %.4f; streamed %.4f with look-ahead 3, %.4f "
	    "with 7 (%.4f with the contract's pads)",
	    c->name, what, whole, stream[0], stream[1], checked[1]);
}

/* The magnitudes of a recording, and those found from its mel. */
static void
test_quality(const char *contract, const char *sound, const char *mel)
{
	struct vector x = load_wav(sound), rows = load_npy(mel);
	int64_t frames = rows.dim[0];
	struct mel_inverse *inverse;
	struct mel_contract c;
	float *m;

	need(mel_contract_named(&c, contract, &err));
	m = magnitudes(&c, x.data, x.dim[0]);
	compare(&c, "true magnitudes", m, frames);
	need(mel_inverse_open(
	    &inverse, &c, MEL_INVERSE_UPDATES, MEL_ISA_AUTO, NULL, &err));
	need(mel_inverse_run(inverse, rows.data, frames, 0, m, &err));
	compare(&c, "magnitudes from the mel", m, frames);
	mel_inverse_close(inverse);
	free(m);
	free(rows.data);
	free(x.data);
}

static void
test_refused(void)
{
	struct mel_contract c;
	struct mel_rtisi *r;

	need(mel_contract_named(&c, "hifigan22k", &err));
	c.hop = 2000;
	ok(mel_rtisi_open(&r, &c, &usual, MEL_ISA_AUTO, NULL, &err) == -1 &&
		strstr(err.msg, "longer than the window"),
	    "frames with gaps: %s", err.msg);
	c.hop = 256;
	c.pad = 1024 + 6 * 256;
	mel_rtisi_close(open_one(&c, usual, NULL));
	c.pad++;
	ok(mel_rtisi_open(&r, &c, &usual, MEL_ISA_AUTO, NULL, &err) == -1 &&
		strstr(err.msg, "look-ahead of 7"),
	    "a pad too long: %s", err.msg);
}

int
main(void)
{
	struct vector x = load_wav("glimmer_22050.wav");
	struct mel_contract c;
	float *truth;

	need(mel_contract_named(&c, "hifigan22k", &err));
	truth = magnitudes(&c, x.data, x.dim[0]);
	test_twins();
	test_lengths(x.data);
	test_delay(truth);
	test_same(&c, truth);
	test_memory(&c, truth);
	test_silence(&c, truth);
	test_quality(
	    "hifigan22k", "glimmer_22050.wav", "glimmer.hifigan22k.npy");
	test_quality("taco24k", "glimmer_24000.wav", "glimmer.taco24k.npy");
	test_quality(
	    "whisper16k", "glimmer_16000.wav", "glimmer.whisper16k.npy");
	test_quality(
	    "torchaudio16k", "glimmer_16000.wav", "glimmer.torchaudio16k.npy");
	test_quality("db48k", "glimmer_48000.wav", "glimmer.db48k.npy");
	test_refused();
	free(truth);
	free(x.data);
	return tap_done();
}
