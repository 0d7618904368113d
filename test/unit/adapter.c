/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/err.h"
#include "dsp/adapter.h"
#include "dsp/contract.h"
#include "dsp/mel.h"
#include "tap.h"
#include "vectors.h"

static struct mel_err err;

static struct mel_contract
named(const char *name)
{
	struct mel_contract c;

	if (mel_contract_named(&c, name, &err))
		exit(1);
	return c;
}

/* All of x pushed `block` rows at a time; to be freed, *n rows. */
static float *
convert(const struct mel_contract *from, const struct mel_contract *to,
    const float *x, int64_t rows, int64_t block, int64_t *n)
{
	struct mel_adapter *a;
	int64_t room, got;
	float *y;

	if (mel_adapter_open(&a, from, to, MEL_ISA_AUTO, &err))
		exit(1);
	room = mel_adapter_rows(a, rows) + 1;
	y = malloc((size_t)(room * to->bands) * sizeof(*y));
	*n = 0;
	for (int64_t at = 0; y && at <= rows; at += block) {
		int64_t now = rows - at < block ? rows - at : block;

		if (mel_adapter_push(a, x + at * from->bands, now, &err))
			exit(1);
		if (at + block > rows)
			mel_adapter_finish(a);
		while ((got = mel_adapter_pull(a, y + *n * to->bands,
			    block < room - *n ? block : room - *n)) > 0)
			*n += got;
	}
	ok(*n == room - 1, "%s to %s by %lld: %lld rows as announced",
	    mel_contract_title(from), mel_contract_title(to), (long long)block,
	    (long long)*n);
	mel_adapter_close(a);
	return y;
}

/* Largest difference of output values that must agree up to rounding. */
static double
worst(const float *a, const float *b, int64_t n)
{
	double most = 0;

	for (int64_t i = 0; i < n; i++) {
		double d = fabs((double)a[i] - b[i]);

		if (!(d <= most))
			most = d;
	}
	return most;
}

/* The output formula by hand, band by band: the naive twin. */
static void
test_exact(void)
{
	struct mel_contract from = named("hifigan22k"), to = from;
	struct vector x = load_npy("glimmer.hifigan22k.npy");
	int64_t n, count = x.dim[0] * x.dim[1];
	float *want = malloc((size_t)count * sizeof(*want)), *got, *back;

	to.name[0] = '\0';
	to.log = MEL_LOG_LOG10;
	to.floor = 1e-3;
	to.gain = 32768;
	to.out_gain = 0.5;
	to.normalised = true;
	for (int b = 0; b < to.bands; b++) {
		to.mean[b] = 0.01 * b;
		to.std[b] = 1 + 0.1 * b;
	}
	for (int64_t i = 0; i < count; i++) {
		int b = (int)(i % to.bands);
		double m = 32768 * exp(x.data[i]);

		want[i] = (float)((0.5 * log10(fmax(m, 1e-3)) - to.mean[b]) /
				  to.std[b]);
	}
	got = convert(&from, &to, x.data, x.dim[0], 7, &n);
	ok(n == x.dim[0] && worst(got, want, count) < 1e-6,
	    "logarithm, floor, gain, mean and std exactly (%g)",
	    worst(got, want, count));
	back = convert(&to, &from, got, n, 32, &n);
	ok(worst(back, x.data, count) < 1e-4, "and back (%g)",
	    worst(back, x.data, count));
	free(want);
	free(got);
	free(back);
	free(x.data);
}

/* norm is one factor a band: the widths of the triangles. */
static void
test_norm(void)
{
	struct mel_contract from = named("torchaudio16k"), to = from;
	struct vector x = load_npy("glimmer.torchaudio16k.npy");
	int64_t n, count = x.dim[0] * x.dim[1];
	double step = 2595 * log10(1 + 8000.0 / 700) / 129, most = 0;
	float *got;

	to.name[0] = '\0';
	to.norm = MEL_NORM_SLANEY;
	got = convert(&from, &to, x.data, x.dim[0], 1000, &n);
	for (int64_t i = 0; i < count; i++) {
		double b = (double)(i % 128);
		double width = 700 * (pow(10, (b + 2) * step / 2595) -
					 pow(10, b * step / 2595));
		double d = fabs(got[i] - x.data[i] * 2 / width);

		if (!(d <= most))
			most = d;
	}
	ok(most < 1e-5, "norm: one factor a band (%g)", most);
	free(got);
	free(x.data);
}

/* Root mean square in dB between what is converted and the truth. */
static double
distance(
    const struct mel_contract *c, const float *a, const float *b, int64_t rows)
{
	double scale = c->spectrum == MEL_SPECTRUM_POWER ? 10 : 20, sum = 0;

	for (int64_t i = 0; i < rows * c->bands; i++) {
		double p = mel_output_inverse(c, 0, a[i]);
		double q = mel_output_inverse(c, 0, b[i]);
		double d = scale * log10((p + 1e-7) / (q + 1e-7));

		sum += d * d;
	}
	return sqrt(sum / (double)(rows * c->bands));
}

/* The same sound in both contracts: how near the conversion comes. */
static void
pair(const char *a, const char *b, double bound)
{
	struct mel_contract from = named(a), to = named(b);
	char name[64];
	struct vector x, want;
	int64_t n, same;
	float *got;
	double d;

	snprintf(name, sizeof(name), "glimmer.%s.npy", a);
	x = load_npy(name);
	snprintf(name, sizeof(name), "glimmer.%s.npy", b);
	want = load_npy(name);
	got = convert(&from, &to, x.data, x.dim[0], 16, &n);
	same = n < want.dim[0] ? n : want.dim[0];
	d = distance(&to, got, want.data, same);
	ok(llabs(n - want.dim[0]) <= 2 && d < bound,
	    "%s to %s: %lld rows of %lld, %.2f dB", a, b, (long long)n,
	    (long long)want.dim[0], d);
	for (int64_t block = 1; block <= 64; block = block * 3 + 4) {
		int64_t m;
		float *again = convert(&from, &to, x.data, x.dim[0], block, &m);

		ok(m == n && !memcmp(got, again,
				 (size_t)(n * to.bands) * sizeof(*got)),
		    "B6: %s to %s by %lld rows, same bytes", a, b,
		    (long long)block);
		free(again);
	}
	free(got);
	free(x.data);
	free(want.data);
}

static void
refused(const char *a, const char *b, const char *key)
{
	struct mel_contract from = named(a), to = named(b);
	struct mel_adapter *adapter;

	err.msg[0] = '\0';
	ok(mel_adapter_open(&adapter, &from, &to, MEL_ISA_AUTO, &err) == -1 &&
		strstr(err.msg, a) && strstr(err.msg, b) &&
		strstr(err.msg, key),
	    "refused: %s", err.msg);
}

static void
test_edges(void)
{
	struct mel_contract from = named("hifigan22k"), to = named("taco24k");
	struct mel_adapter *a;
	float row[80] = {0}, out[4 * 80];
	int64_t n;

	free(convert(&from, &to, row, 0, 1, &n));
	ok(n == 0, "no rows give no rows");
	if (mel_adapter_open(&a, &from, &to, MEL_ISA_AUTO, &err))
		exit(1);
	row[5] = NAN;
	ok(mel_adapter_push(a, row, 1, &err) == -1 && strstr(err.msg, "band 5"),
	    "not a number: %s", err.msg);
	row[5] = 0;
	mel_adapter_reset(a);
	ok(!mel_adapter_push(a, row, 1, &err) && !mel_adapter_pull(a, out, 4),
	    "one row: nothing before the end");
	mel_adapter_finish(a);
	ok(mel_adapter_rows(a, INT64_MAX) > mel_adapter_rows(a, 1 << 30),
	    "a promise of 2^63 rows");
	n = mel_adapter_rows(a, 1);
	ok(n > 0 && mel_adapter_pull(a, out, 4) == n &&
		!mel_adapter_pull(a, out, 4) && !mel_adapter_pull(a, out, 4),
	    "B8: then all of it, and the end again and again");
	mel_adapter_close(a);
}

int
main(void)
{
	test_exact();
	test_norm();
	pair("hifigan22k", "taco24k", 1.5);
	pair("hifigan22k", "whisper16k", 3.8);
	pair("db48k", "hifigan22k", 2.5);
	pair("db48k", "whisper16k", 4.2);
	refused("hifigan22k", "db48k", "fmax");
	refused("taco24k", "hifigan22k", "fmin");
	test_edges();
	return tap_done();
}
