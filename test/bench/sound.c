/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "dsp/contract.h"
#include "dsp/fft.h"
#include "dsp/griffin.h"
#include "dsp/inverse.h"
#include "dsp/mel.h"
#include "dsp/rtisi.h"
#include "dsp/sound_in.h"

/*
 * Analysis and Griffin-Lim on one thread, against the complex transforms
 * alone that they cannot do without (two frames each), in turns. The sound is
 * a recording of the tests' data, repeated.
 */

enum {
	TURNS = 7,
	LONG = 600, /* seconds of sound for the analysis */
	SHORT = 10  /* and for the way back */
};

static struct mel_err err;

/* Of the processor: other programs on the machine do not count. */
static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
need(int rc)
{
	if (!rc)
		return;
	fprintf(stderr, "sound: %s\n", err.msg);
	exit(1);
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *t)
{
	qsort(t, TURNS, sizeof(*t), by_size);
	return t[TURNS / 2];
}

/* n samples of the recording, again and again. */
static float *
recording(int64_t rate, int64_t n)
{
	const char *path = "test/data/mel/glimmer_22050.wav";
	struct mel_sound_options options = {
	    .channel = MEL_CHANNEL_ONLY, .rate = rate};
	float *x = mel_alloc((size_t)n, sizeof(float), &err);
	struct mel_sound_in *sound;
	int64_t at = 0, got;

	need(!x || mel_sound_open(&sound, path, &options, &err));
	while (at < n && (got = mel_sound_read(
			      sound, x + at, (size_t)(n - at), &err)) > 0)
		at += got;
	need(at == 0);
	mel_sound_close(sound);
	for (int64_t i = at; i < n; i++)
		x[i] = x[i - at];
	return x;
}

/* Frames of samples, in the pieces in which a tool reads. */
static int64_t
analyse(struct mel_analysis *a, const float *x, int64_t n, float *rows)
{
	int64_t frames = 0, got;

	mel_analysis_reset(a);
	for (int64_t at = 0; at < n; at += 16384) {
		int64_t now = n - at < 16384 ? n - at : 16384;

		need(mel_analysis_push(a, x + at, (size_t)now, &err));
		while ((got = mel_analysis_pull(a, rows, 256, &err)) > 0)
			frames += got;
	}
	need(mel_analysis_finish(a, &err));
	while ((got = mel_analysis_pull(a, rows, 256, &err)) > 0)
		frames += got;
	return frames;
}

/* One complex transform for two frames, `times` over. */
static double
transforms(int n, int64_t frames, int times)
{
	size_t floats = mel_fft_block(n);
	float *block = mel_alloc_aligned(floats * sizeof(float), &err);
	struct mel_fft *fft;
	double began;

	need(!block || mel_fft_open(&fft, n, MEL_ISA_AUTO, &err));
	for (size_t i = 0; i < floats; i++)
		block[i] = mel_rng_uniform(1, 0, i) - 0.5f;
	began = seconds();
	for (int64_t i = 0; i < (frames + 1) / 2 * times; i++)
		mel_fft_forward(fft, block);
	began = seconds() - began;
	mel_fft_close(fft);
	free(block);
	return began;
}

static void
measure_mel(const struct mel_contract *c)
{
	int64_t n = c->rate * LONG, frames = 0;
	float *x = recording(c->rate, n), *rows;
	double t[TURNS], limit[TURNS], ours, alone;
	struct mel_analysis *a;

	rows = mel_alloc(256 * (size_t)c->bands, sizeof(float), &err);
	need(!rows || mel_analysis_open(&a, c, MEL_ISA_AUTO, 1 << 20, &err));
	frames = analyse(a, x, n / 10, rows);
	for (int i = 0; i < TURNS; i++) {
		t[i] = seconds();
		frames = analyse(a, x, n, rows);
		t[i] = seconds() - t[i];
		limit[i] = transforms((int)c->n_fft, frames, 1);
	}
	ours = median(t);
	alone = median(limit);
	printf("mel %-12s %8.1f ms %7.3f us a frame %7.0f x real time; "
	       "transforms alone %.3f us: %.2f\n",
	    c->name, 1e3 * ours, 1e6 * ours / (double)frames, LONG / ours,
	    1e6 * alone / (double)frames, ours / alone);
	mel_analysis_close(a);
	free(rows);
	free(x);
}

static float *
magnitudes_of(const struct mel_contract *c, int64_t *frames, double *took)
{
	int64_t n = c->rate * SHORT;
	float *x = recording(c->rate, n), *rows, *magnitude;
	struct mel_analysis *a;
	struct mel_inverse *inverse;
	double t[TURNS];

	*frames = mel_contract_frames(c, n);
	rows = mel_alloc(
	    (size_t)(*frames * c->bands + 256 * c->bands), sizeof(float), &err);
	magnitude = mel_alloc(
	    (size_t)(*frames * (c->n_fft / 2 + 1)), sizeof(float), &err);
	need(!rows || !magnitude ||
	     mel_analysis_open(&a, c, MEL_ISA_AUTO, 1 << 20, &err));
	need(mel_analysis_push(a, x, (size_t)n, &err) ||
	     mel_analysis_finish(a, &err));
	need(mel_analysis_pull(a, rows, *frames + 1, &err) != *frames);
	need(mel_inverse_open(
	    &inverse, c, MEL_INVERSE_UPDATES, MEL_ISA_AUTO, NULL, &err));
	for (int i = 0; i < TURNS; i++) {
		t[i] = seconds();
		need(mel_inverse_run(
		    inverse, rows, *frames, 0, magnitude, &err));
		t[i] = seconds() - t[i];
	}
	*took = median(t);
	mel_inverse_close(inverse);
	mel_analysis_close(a);
	free(rows);
	free(x);
	return magnitude;
}

static void
measure_griffin(
    struct mel_griffin *g, int iterations, const float *s, int64_t frames)
{
	struct mel_griffin_options o = {
	    .iterations = iterations, .momentum = 0.99};
	double t[TURNS], limit[TURNS], sc = 0, ours, alone;
	float *x = mel_alloc((size_t)(frames + 8) * 1024, sizeof(float), &err);

	need(!x);
	for (int i = 0; i < TURNS; i++) {
		t[i] = seconds();
		need(mel_griffin_run(g, s, frames, &o, x, &err));
		t[i] = seconds() - t[i];
		limit[i] = transforms(1024, frames, 2 * iterations);
	}
	o.measure = true;
	for (o.seed = 0; o.seed < 5; o.seed++) {
		need(mel_griffin_run(g, s, frames, &o, x, &err));
		sc += mel_griffin_convergence(g) / 5;
	}
	ours = median(t);
	alone = median(limit);
	printf("griffin-lim %3d x   %7.1f ms, convergence %.4f; transforms "
	       "alone %.1f ms: %.2f\n",
	    iterations, 1e3 * ours, sc, 1e3 * alone, ours / alone);
	free(x);
}

/* All frames one by one; the time until there is a sample goes to first. */
static void
stream(struct mel_rtisi *r, const float *s, int64_t frames, float *x,
    double *first)
{
	double began = seconds();

	*first = 0;
	mel_rtisi_reset(r);
	for (int64_t f = 0; f < frames; f++) {
		if (mel_rtisi_push(r, s + f * 513, x) && *first == 0)
			*first = seconds() - began;
	}
	while (mel_rtisi_finish(r, x))
		;
}

static double
streamed_convergence(const struct mel_contract *c, struct mel_rtisi_options o,
    const float *s, int64_t frames, float *x)
{
	struct mel_rtisi *r;
	double mean = 0, first;

	o.measure = true;
	for (o.seed = 0; o.seed < 5; o.seed++) {
		need(mel_rtisi_open(&r, c, &o, MEL_ISA_AUTO, NULL, &err));
		stream(r, s, frames, x, &first);
		mean += mel_rtisi_convergence(r) / 5;
		mel_rtisi_close(r);
	}
	return mean;
}

/* Beside the whole utterance, in turns. */
static void
measure_stream(const struct mel_contract *c, struct mel_griffin *g,
    int iterations, const float *s, int64_t frames)
{
	struct mel_rtisi_options o = {.look_ahead = MEL_RTISI_LOOK_AHEAD,
	    .iterations = iterations,
	    .momentum = 0.99};
	struct mel_griffin_options whole = {
	    .iterations = iterations, .momentum = 0.99};
	double t[TURNS], of_whole[TURNS], first[TURNS], ours;
	float *x = mel_alloc((size_t)(frames + 8) * 1024, sizeof(float), &err);
	struct mel_rtisi *r;

	need(!x || mel_rtisi_open(&r, c, &o, MEL_ISA_AUTO, NULL, &err));
	for (int i = 0; i < TURNS; i++) {
		t[i] = seconds();
		stream(r, s, frames, x, &first[i]);
		t[i] = seconds() - t[i];
		of_whole[i] = seconds();
		need(mel_griffin_run(g, s, frames, &whole, x, &err));
		of_whole[i] = seconds() - of_whole[i];
	}
	ours = median(t);
	printf("streamed    %3d x   %7.1f ms, convergence %.4f; %.0f x real "
	       "time, %.2f of the whole; first sample with frame %lld, after "
	       "%.2f ms\n",
	    iterations, 1e3 * ours, streamed_convergence(c, o, s, frames, x),
	    SHORT / ours, ours / median(of_whole),
	    (long long)mel_rtisi_delay(r), 1e3 * median(first));
	mel_rtisi_close(r);
	free(x);
}

/* For peers, who shall work on the same numbers. */
static void
save(const char *path, const float *x, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(x, sizeof(float), n, f) != n || fclose(f)) {
		perror(path);
		exit(1);
	}
}

/* An operand is a file for the magnitudes [frames, 513]. */
int
main(int argc, char **argv)
{
	struct mel_contract c;
	struct mel_griffin *g;
	int64_t frames;
	float *magnitude;
	double took;

	need(mel_contract_named(&c, "hifigan22k", &err));
	measure_mel(&c);
	need(mel_contract_named(&c, "whisper16k", &err));
	measure_mel(&c);
	need(mel_contract_named(&c, "hifigan22k", &err));
	/* Centred, as others have it. */
	c.pad = c.n_fft / 2;
	magnitude = magnitudes_of(&c, &frames, &took);
	printf("mel to magnitude    %7.1f ms for %d s\n", 1e3 * took, SHORT);
	if (argc > 1)
		save(argv[1], magnitude, (size_t)frames * 513);
	need(mel_griffin_open(&g, &c, MEL_ISA_AUTO, NULL, &err));
	measure_griffin(g, 32, magnitude, frames);
	measure_griffin(g, 60, magnitude, frames);
	measure_stream(&c, g, 32, magnitude, frames);
	measure_stream(&c, g, 60, magnitude, frames);
	mel_griffin_close(g);
	free(magnitude);
	return 0;
}
