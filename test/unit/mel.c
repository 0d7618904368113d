/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/err.h"
#include "dsp/contract.h"
#include "dsp/filters.h"
#include "dsp/mel.h"
#include "tap.h"
#include "vectors.h"

static struct mel_err err;

/*
 * The whole mel of x, pushed in blocks and pulled after each; *frames is set.
 * NULL on an error.
 */
static float *
analyse(const struct mel_contract *c, const float *x, int64_t n, int64_t block,
    int64_t *frames)
{
	struct mel_analysis *a;
	int64_t room = n / c->hop + 64, got;
	float *rows = calloc((size_t)(room * c->bands), sizeof(float));
	bool bad;

	*frames = 0;
	if (!rows || mel_analysis_open(&a, c, MEL_ISA_AUTO, 1 << 20, &err))
		exit(1);
	bad = false;
	for (int64_t at = 0; at <= n && !bad; at += block) {
		int64_t now = n - at < block ? n - at : block;

		bad = mel_analysis_push(a, x + at, (size_t)now, &err) ||
		      (at + block > n && mel_analysis_finish(a, &err));
		while (!bad &&
		       (got = mel_analysis_pull(a, rows + *frames * c->bands,
			    room - *frames, &err)) != 0) {
			bad = got < 0;
			*frames += got;
		}
	}
	mel_analysis_close(a);
	if (!bad)
		return rows;
	free(rows);
	return NULL;
}

/* The same contract without anything behind the filters' sum. */
static struct mel_contract
linear_of(struct mel_contract c)
{
	c.log = MEL_LOG_NONE;
	c.floor = c.add = c.range = c.out_offset = 0;
	c.out_gain = 1;
	return c;
}

/* Largest |a - b|; a NaN does not pass as small. */
static double
stored_difference(const float *a, const struct vector *v)
{
	double worst = 0;

	for (int64_t i = 0; i < v->dim[0] * v->dim[1]; i++) {
		double d = fabs((double)a[i] - v->data[i]);

		if (!(d <= worst))
			worst = d;
	}
	return worst;
}

/* The same before the logarithm, above the floor, over the largest value. */
static double
linear_difference(
    const struct mel_contract *c, const float *m, const struct vector *v)
{
	int64_t n = v->dim[0] * v->dim[1];
	double most = 0, worst = 0, least = HUGE_VAL;

	for (int64_t i = 0; i < n; i++) {
		double q = mel_output_inverse(c, 0, v->data[i]);

		most = q > most ? q : most;
		least = q < least ? q : least;
	}
	for (int64_t i = 0; i < n; i++) {
		double q = mel_output_inverse(c, 0, v->data[i]), d;

		/* Only a floor or a range can have raised the least. */
		d = fabs((m[i] > least ? m[i] : least) - q);
		if (!(d <= worst))
			worst = d;
	}
	return most > 0 ? worst / most : worst;
}

static void
one_vector(const char *sound, const char *contract)
{
	struct mel_contract c, plain;
	struct vector x, want;
	double stored, linear;
	char name[128];
	int64_t frames;
	float *got, *sum;

	mel_contract_named(&c, contract, &err);
	snprintf(name, sizeof(name), "%s_%lld.wav", sound, (long long)c.rate);
	x = load_wav(name);
	snprintf(name, sizeof(name), "%s.%s.npy", sound, contract);
	want = load_npy(name);
	got = analyse(&c, x.data, x.dim[0], x.dim[0] + 1, &frames);
	ok(got && frames == want.dim[0] && want.dim[1] == c.bands &&
		frames == mel_contract_frames(&c, x.dim[0]),
	    "%s: %lld frames", name, (long long)frames);
	plain = linear_of(c);
	sum = analyse(&plain, x.data, x.dim[0], 4096, &frames);
	stored = stored_difference(got, &want);
	linear = linear_difference(&c, sum, &want);
	ok(linear <= 1e-6, "%s: linear within 1e-6 (%.1e)", name, linear);
	if (c.log != MEL_LOG_NONE)
		ok(stored <= 1e-3, "%s: as stored within 1e-3 (%.1e)", name,
		    stored);
	free(sum);
	free(got);
	free(x.data);
	free(want.data);
}

static void
test_vectors(void)
{
	static const char *const sounds[] = {
	    "glimmer", "short", "impulse", "silence"};
	static const char *const contracts[] = {"hifigan22k", "taco24k",
	    "whisper16k", "torchaudio16k", "torchaudio16k-ln", "db48k"};

	for (int s = 0; s < 4; s++) {
		for (int k = 0; k < 6; k++) {
			/* The plain one is there; the sum is the same. */
			if (s == 0 && k == 4)
				continue;
			one_vector(sounds[s], contracts[k]);
		}
	}
}

static void
one_bank(const char *name, const struct mel_contract *c, int empty)
{
	struct vector want = load_npy(name);
	struct mel_filters f;
	double worst = 0;
	int first = -1;

	if (mel_filters_open(&f, c, MEL_ISA_AUTO, &err))
		exit(1);
	for (int b = 0; b < f.bands; b++) {
		for (int k = 0; k < f.bins; k++) {
			int i = k - f.first[b];
			double w = i >= 0 && i < f.count[b]
				       ? f.weight[f.at[b] + i]
				       : 0;
			double d = fabs(w - want.data[b * f.bins + k]);

			worst = d > worst ? d : worst;
		}
	}
	ok(worst <= 1e-7 && want.dim[0] == f.bands && want.dim[1] == f.bins,
	    "%s: within 1e-7 (%.1e)", name, worst);
	ok(mel_filters_empty(&f, &first, 1) == empty &&
		(empty ? first >= 0 && !f.count[first] : first == -1),
	    "%s: %d empty, the first by its number", name, empty);
	mel_filters_close(&f);
	free(want.data);
}

static void
test_filters(void)
{
	struct mel_contract c;

	mel_contract_named(&c, "hifigan22k", &err);
	one_bank("fb_22050_n1024_b80_0-8000_slaney_slaney.npy", &c, 0);
	mel_contract_named(&c, "torchaudio16k", &err);
	one_bank("fb_16000_n400_b128_0-8000_htk_none.npy", &c, 4);
	c.n_fft = 512;
	c.bands = 40;
	c.fmin = 20;
	c.fmax = 7600;
	one_bank("fb_16000_n512_b40_20-7600_htk_none.npy", &c, 0);
	c.norm = MEL_NORM_SLANEY;
	one_bank("fb_16000_n512_b40_20-7600_htk_slaney.npy", &c, 0);
	c.norm = MEL_NORM_NONE;
	c.scale = MEL_SCALE_SLANEY;
	one_bank("fb_16000_n512_b40_20-7600_slaney_none.npy", &c, 0);
}

/* Whole = streamed, byte for byte, for every block size and short signals. */
static void
test_streaming(void)
{
	static const int64_t lengths[] = {0, 1, 2, 100, 255, 256, 383, 384, 385,
	    400, 700, 1024, 1030, 5000, 20001};
	static const int64_t blocks[] = {1, 7, 256, 1000, 4096};
	struct vector x = load_wav("glimmer_22050.wav");

	for (int k = 0; mel_contract_names[k]; k++) {
		struct mel_contract c;
		int bad = 0;

		mel_contract_named(&c, mel_contract_names[k], &err);
		for (int i = 0; i < 15 * 5 * 3; i++) {
			int64_t n = lengths[i % 15], fa, fb;
			float *a, *b;

			c.pad_mode = i / 75;
			a = analyse(&c, x.data, n, n + 1, &fa);
			b = analyse(&c, x.data, n, blocks[i / 15 % 5], &fb);
			if (!a || !b || fa != fb ||
			    fa != mel_contract_frames(&c, n) ||
			    memcmp(
				a, b, (size_t)(fa * c.bands) * sizeof(float)))
				bad++;
			free(a);
			free(b);
		}
		ok(!bad, "%s: whole = streamed at 15 lengths x 5 block sizes",
		    c.name);
	}
	free(x.data);
}

/* One frame in double precision straight from the page's formulas. */
static double
naive(const struct mel_contract *c, const float *x, int64_t n, int64_t frame,
    int band)
{
	struct mel_filters f;
	double sum = 0, pi2 = 2 * M_PI;

	if (mel_filters_open(&f, c, MEL_ISA_AUTO, &err))
		exit(1);
	for (int i = 0; i < f.count[band]; i++) {
		double re = 0, im = 0, p;
		int k = f.first[band] + i;

		for (int64_t j = 0; j < c->window; j++) {
			int64_t off = (c->n_fft - c->window) / 2 + j;
			int64_t at = frame * c->hop + off - c->pad;
			int64_t period = 2 * (n - 1);
			double w = 0.5 - 0.5 * cos(pi2 * (double)j /
						   (double)c->window);

			at = ((at % period) + period) % period;
			at = at < n ? at : period - at;
			re += w * x[at] *
			      cos(pi2 * k * (double)off / (double)c->n_fft);
			im -= w * x[at] *
			      sin(pi2 * k * (double)off / (double)c->n_fft);
		}
		p = re * re + im * im;
		sum += f.exact[f.at[band] + i] *
		       (c->spectrum == MEL_SPECTRUM_POWER ? p : sqrt(p));
	}
	mel_filters_close(&f);
	return mel_output(c, band, sum);
}

/* Audio shorter than the pad: the reflection goes to and fro. */
static void
test_short_reflection(void)
{
	static const float x[5] = {0.5f, -0.25f, 0.75f, 0.1f, -0.6f};
	struct mel_contract c;
	double worst = 0, most = 0;
	int64_t frames;
	float *got;

	mel_contract_named(&c, "taco24k", &err);
	c = linear_of(c);
	got = analyse(&c, x, 5, 1, &frames);
	ok(got && frames == 1, "five samples: one frame of taco24k");
	for (int b = 0; b < c.bands; b++) {
		double m = naive(&c, x, 5, 0, b), d = fabs(got[b] - m);

		worst = d > worst ? d : worst;
		most = m > most ? m : most;
	}
	ok(worst < 1e-6 * most,
	    "periodic reflection as the formula says (%.1e)", worst / most);
	free(got);
}

/* Kaldi's steps, written out for one frame. */
static double
naive_kaldi(const float *x, int band)
{
	double y[400], mean = 0, sum = 0, pi2 = 2 * M_PI;
	double low = 1127 * log(1 + 20 / 700.0);
	double step = (1127 * log(1 + 8000 / 700.0) - low) / 81;
	double left = low + step * band;

	for (int j = 0; j < 400; j++)
		mean += 32768.0 * x[j] / 400;
	for (int j = 0; j < 400; j++)
		y[j] = 32768.0 * x[j] - mean;
	for (int j = 399; j >= 0; j--)
		y[j] -= 0.97 * y[j ? j - 1 : 0];
	for (int j = 0; j < 400; j++)
		y[j] *= pow(0.5 - 0.5 * cos(pi2 * j / 399), 0.85);
	for (int k = 0; k < 256; k++) {
		double mel = 1127 * log(1 + k * 16000.0 / 512 / 700);
		double up = (mel - left) / step, down = 2 - up;
		double w = up < down ? up : down, re = 0, im = 0;

		if (w <= 0)
			continue;
		for (int j = 0; j < 400; j++) {
			re += y[j] * cos(pi2 * k * j / 512);
			im -= y[j] * sin(pi2 * k * j / 512);
		}
		sum += w * (re * re + im * im);
	}
	return log(sum > 0x1p-23 ? sum : 0x1p-23);
}

static void
test_kaldi(void)
{
	struct vector x = load_wav("glimmer_16000.wav");
	struct mel_contract c;
	double worst = 0;
	int64_t frames;
	float *got;

	mel_contract_named(&c, "kaldi", &err);
	got = analyse(&c, x.data, x.dim[0], 777, &frames);
	ok(got && frames == 1 + (x.dim[0] - 400) / 160, "kaldi: %lld frames",
	    (long long)frames);
	for (int64_t f = 0; f < frames; f += 40) {
		for (int b = 0; b < 80; b += 11) {
			double d = fabs(
			    got[f * 80 + b] - naive_kaldi(x.data + f * 160, b));

			worst = d > worst ? d : worst;
		}
	}
	ok(worst < 1e-3, "kaldi as its steps say (%.1e)", worst);
	free(got);
	free(x.data);
}

static void
test_bad_samples(void)
{
	float x[600] = {0}, rows[4 * 80];
	struct mel_analysis *a;
	struct mel_contract c;

	mel_contract_named(&c, "hifigan22k", &err);
	if (mel_analysis_open(&a, &c, MEL_ISA_AUTO, 0, &err))
		exit(1);
	x[7] = NAN;
	ok(mel_analysis_push(a, x, 100, &err) == -1 &&
		strstr(err.msg, "sample 7 "),
	    "a NaN sample is named: %s", err.msg);
	mel_analysis_reset(a);
	x[7] = 3e38f;
	ok(!mel_analysis_push(a, x, 600, &err) &&
		!mel_analysis_finish(a, &err) &&
		mel_analysis_pull(a, rows, 4, &err) == -1 &&
		strstr(err.msg, "too large"),
	    "samples beyond float are an error: %s", err.msg);
	mel_analysis_close(a);
	mel_contract_named(&c, "whisper16k", &err);
	if (mel_analysis_open(&a, &c, MEL_ISA_AUTO, 3, &err))
		exit(1);
	ok(!mel_analysis_push(a, x + 100, 400, &err) &&
		mel_analysis_pull(a, rows, 4, &err) == 0 &&
		!mel_analysis_push(a, x + 100, 500, &err) &&
		(mel_analysis_pull(a, rows, 4, &err) == -1 ||
		    mel_analysis_finish(a, &err) ||
		    mel_analysis_pull(a, rows, 4, &err) == -1) &&
		strstr(err.msg, "needs the whole"),
	    "a clip too long for its contract: %s", err.msg);
	mel_analysis_close(a);
}

int
main(void)
{
	test_vectors();
	test_filters();
	test_streaming();
	test_short_reflection();
	test_kaldi();
	test_bad_samples();
	return tap_done();
}
