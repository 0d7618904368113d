/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/loops.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "dsp/contract.h"
#include "dsp/filters.h"
#include "dsp/stft.h"
#include "tap.h"

enum {
	N = 402, /* n_fft; no multiple of any vector */
	BINS = N / 2 + 1
};

/* All that one table makes of the same numbers, one array after the other. */
struct results {
	float window[N], out[N], scaled[N], added[N], power[2][BINS];
	float zip[2 * N], unzip[2][N];
	float re[N], im[N], old[4][BINS], turned[8 * 208], log[N];
	float peak;
};

static void
noise(float *x, int n, uint64_t stream)
{
	for (int i = 0; i < n; i++)
		x[i] = mel_rng_normal(5, stream, (uint64_t)i);
}

static void
all(const struct mel_loops *l, struct results *r)
{
	static float x[8 * 208], w[N], a[BINS], b[BINS];
	struct mel_spectra old = {r->old[0], r->old[1], r->old[2], r->old[3]};
	struct mel_rephase step = {.n = N,
	    .re = r->re,
	    .im = r->im,
	    .a = a,
	    .b = b,
	    .old = &old,
	    .pull = 0.4f};
	struct mel_power power = {
	    .n = N, .re = x, .im = w, .p = 0.5f, .q = 0.25f, .root = 1};

	memset(r, 0, sizeof(*r));
	noise(x, 8 * 208, 1);
	noise(w, N, 2);
	for (int i = 0; i < 4; i++)
		noise(r->old[i], BINS, 3 + (uint64_t)i);
	for (int k = 0; k < BINS; k++) {
		a[k] = fabsf(x[k]);
		b[k] = fabsf(w[k]);
	}
	noise(r->re, N, 7);
	noise(r->im, N, 8);
	r->peak = l->window(r->window, x, w, N);
	l->window_out(r->out, x, w, 0.3f, N);
	l->add(r->added, x, N);
	l->multiply(r->added, w, N);
	memcpy(r->scaled, x, sizeof(r->scaled));
	l->scale(r->scaled, 0.7f, N);
	l->zip(r->zip, x, w, N);
	l->unzip(r->unzip[0], r->unzip[1], x, N);
	l->power(&power, r->power[0], r->power[1]);
	l->rephase(&step);
	l->lanes(r->turned, x, 208, BINS);
	for (int i = 0; i < N; i++)
		r->log[i] = fabsf(x[i]);
	l->log(r->log, 1e-3f, 1e-6f, 0.5f, N);
}

static void
test_tables(const struct results *want)
{
	static const enum mel_isa isas[] = {MEL_ISA_AVX2, MEL_ISA_AVX512};

	for (int i = 0; i < 2; i++) {
		struct mel_err err = {""};
		const struct mel_loops *l = mel_loops_get(isas[i], &err);
		struct results *r = malloc(sizeof(*r));

		if (!l) {
			ok(strstr(err.msg, mel_isa_names[isas[i]]) != NULL,
			    "%s # SKIP %s", mel_isa_names[isas[i]], err.msg);
			free(r);
			continue;
		}
		all(l, r);
		ok(!memcmp(r, want, sizeof(*r)),
		    "%s: the same bytes as portable", l->name);
		free(r);
	}
}

static void
test_values(const struct results *r)
{
	static float x[8 * 208], w[N];
	float top = 0;
	int bad = 0;

	noise(x, 8 * 208, 1);
	noise(w, N, 2);
	for (int i = 0; i < N; i++)
		top = fmaxf(top, fabsf(r->window[i]));
	ok(r->peak == top, "the peak is the largest magnitude");
	for (int l = 0; l < 8; l++) {
		for (int i = 0; i < BINS; i++)
			bad += r->turned[i * 8 + l] != x[l * 208 + i];
	}
	ok(!bad, "rows to lanes");
	for (int i = 0; i < 2 * N; i++)
		bad += r->unzip[i % 2][i / 2] != x[i];
	for (int i = 0; i < N; i++)
		bad += r->zip[2 * i] != x[i] || r->zip[2 * i + 1] != w[i];
	ok(!bad, "pairs to arrays and back");
}

/* Against the library's, over the floats above 0, small ones too. */
static void
test_log(void)
{
	const struct mel_loops *l = mel_loops_get(MEL_ISA_PORTABLE, NULL);
	double worst = 0;

	for (uint32_t bits = 1; bits < 0x7f800000; bits += 1009) {
		double want, ulp;
		float x, y, near;

		memcpy(&x, &bits, sizeof(x));
		y = x;
		l->log(&y, 0, 0, 1, 1);
		want = log((double)x);
		near = fabsf((float)want);
		ulp = (double)nextafterf(near, HUGE_VALF) - near;
		worst = fmax(worst, fabs(y - want) / ulp);
	}
	ok(worst <= 2, "logarithm within 2 units in the last place (%.2f)",
	    worst);
}

/*
 * The filters' sums against double, and the transposed way, in every table to
 * the same bytes. A sum of n terms, none negative, errs by n 6e-8 at most.
 */
static void
test_filters(void)
{
	static const enum mel_isa isas[] = {
	    MEL_ISA_PORTABLE, MEL_ISA_AVX2, MEL_ISA_AVX512};
	static float x[201 * MEL_LANES], mel[128 * MEL_LANES];
	static float back[201 * MEL_LANES], first[2][201 * MEL_LANES];
	struct mel_contract c;
	struct mel_filters f;
	struct mel_err err;
	double worst = 0;
	int differ = 0;

	if (mel_contract_named(&c, "torchaudio16k", &err) ||
	    mel_filters_open(&f, &c, MEL_ISA_AUTO, &err))
		exit(1);
	noise(x, 201 * MEL_LANES, 9);
	for (int i = 0; i < 201 * MEL_LANES; i++)
		x[i] *= x[i];
	for (int t = 0; t < 3; t++) {
		const struct mel_loops *l = mel_loops_get(isas[t], &err);

		if (!l)
			continue;
		l->apply(&f, x, mel);
		l->spread(&f, mel, back);
		if (t) {
			differ += !!memcmp(first[0], mel, sizeof(mel)) +
				  !!memcmp(first[1], back, sizeof(back));
			continue;
		}
		memcpy(first[0], mel, sizeof(mel));
		memcpy(first[1], back, sizeof(back));
	}
	for (int i = 0; i < 128 * MEL_LANES; i++) {
		int b = i / MEL_LANES;
		double sum = 0;

		for (int k = 0; k < f.count[b]; k++)
			sum += f.exact[f.at[b] + k] *
			       x[(f.first[b] + k) * MEL_LANES + i % MEL_LANES];
		worst = fmax(worst, fabs(mel[i] - sum) / (sum + 1e-30));
	}
	ok(!differ, "filters: the same bytes in every table");
	ok(worst < 1e-6, "the filters' sums within 1e-6 of themselves (%.1e)",
	    worst);
	worst = 0;
	for (int k = 0; k < 201; k++) {
		double sum = 0;

		for (int b = 0; b < 128; b++) {
			int i = k - f.first[b];

			if (i >= 0 && i < f.count[b])
				sum += f.exact[f.at[b] + i] *
				       mel[b * MEL_LANES + 3];
		}
		worst = fmax(
		    worst, fabs(back[k * MEL_LANES + 3] - sum) / (sum + 1e-30));
	}
	ok(worst < 1e-6, "and the transposed ones (%.1e)", worst);
	mel_filters_close(&f);
}

/* Each gets the loops that it was opened for. */
static void
test_chosen(void)
{
	struct mel_contract c;
	struct mel_filters f;
	struct mel_stft s;
	struct mel_err err;

	if (mel_contract_named(&c, "whisper16k", &err))
		exit(1);
	for (int i = 0; mel_isa_names[i]; i++) {
		const char *name =
		    mel_isa_names[mel_isa_resolve((enum mel_isa)i)];

		if (!mel_isa_available((enum mel_isa)i)) {
			ok(mel_stft_open(&s, &c, (enum mel_isa)i, &err) &&
				strstr(err.msg, name) &&
				mel_filters_open(&f, &c, (enum mel_isa)i, &err),
			    "%s is refused: %s", name, err.msg);
			continue;
		}
		if (mel_stft_open(&s, &c, (enum mel_isa)i, &err) ||
		    mel_filters_open(&f, &c, (enum mel_isa)i, &err))
			exit(1);
		ok(!strcmp(s.loops->name, name) && s.loops == f.loops,
		    "%s: loops of %s", mel_isa_names[i], s.loops->name);
		mel_stft_close(&s);
		mel_filters_close(&f);
	}
}

static void
test_finite(void)
{
	const struct mel_loops *l = mel_loops_get(MEL_ISA_AUTO, NULL);
	float x[19];
	int bad = 0;

	for (int i = 0; i < 19; i++)
		x[i] = 3e38f;
	ok(l->finite(x, 19) && l->finite(x, 0), "large numbers are finite");
	for (int i = 0; i < 19; i++) {
		x[i] = i & 1 ? NAN : -INFINITY;
		bad += l->finite(x, 19);
		x[i] = 0;
	}
	ok(!bad, "NaN and infinity are found at every place");
}

int
main(void)
{
	struct results *want = malloc(sizeof(*want));

	all(mel_loops_get(MEL_ISA_PORTABLE, NULL), want);
	test_tables(want);
	test_values(want);
	test_log();
	test_filters();
	test_finite();
	test_chosen();
	free(want);
	return tap_done();
}
