/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From predicted durations to rows of speech length: rules of rounding, the
 * upsampler, and what may go wrong.
 */
#include <math.h>

#include "addon/builtin.h"
#include "block/sequence.h"
#include "fixture.h"
#include "tap.h"

#define MOST  16   /* tokens */
#define FRESH (-7) /* in rows that nobody may write */

static struct mel_registry registry;
/* Runs Durations with those options on d [n]; -1 and *err, or 0. */
static int
run(const char *options, const float *d, int64_t n, float level,
    int32_t counts[MOST], struct mel_err *err)
{
	struct mel_bundle in = {0}, out = {0};
	const struct mel_tensor *t;
	struct mel_buf yaml = {0};
	struct fixture_block b;
	int rc = -1;

	mel_buf_printf(&yaml, NULL, "{type: Durations%s}", options);
	fixture_put(&in, "durations", MEL_F32, n, 0, d);
	mel_bundle_put_f32(&in, "control:level", level, NULL);
	if (fixture_block_open(
		&b, &registry, MEL_KIND_SEQUENCE, yaml.data, err))
		rc = mel_sequence_run(b.block.sequence, &in, &out, err);
	t = mel_bundle_get(&out, "counts");
	if (!rc && (!t || t->dtype != MEL_I32 || t->dim[0] != n))
		rc = mel_fail(err, "counts are not i32 [%lld]", (long long)n);
	if (!rc && n)
		memcpy(counts, t->data, (size_t)n * sizeof(*counts));
	mel_bundle_free(&out);
	mel_bundle_free(&in);
	fixture_block_close(&b);
	mel_buf_free(&yaml);
	return rc;
}

/* The rounding table of three halves, and ties on the other side. */
static void
test_rounding(void)
{
	static const struct {
		const char *options;
		int32_t want[5];
	} rule[] = {
	    {"", {0, 2, 2, 4, 4}}, /* half-even is what is not said */
	    {", rounding: half-even", {0, 2, 2, 4, 4}},
	    {", rounding: half-up", {1, 2, 3, 4, 5}},
	    /* Sums 0.5, 2, 4.5, 8, 12.5 round to 0, 2, 4, 8, 12. */
	    {", rounding: cumulative", {0, 2, 2, 4, 4}},
	};
	static const float halves[5] = {0.5f, 1.5f, 2.5f, 3.5f, 4.5f};

	for (size_t i = 0; i < sizeof(rule) / sizeof(*rule); i++) {
		struct mel_err err = {""};
		int32_t got[MOST] = {0};

		ok(!run(rule[i].options, halves, 5, 1, got, &err) &&
			!memcmp(got, rule[i].want, sizeof(rule[i].want)),
		    "E5: 0.5, 1.5, 2.5%s: %d, %d, %d %s", rule[i].options,
		    got[0], got[1], got[2], err.msg);
	}
}

static void
test_cumulative(void)
{
	int32_t got[MOST], total = 0, plain = 0;
	float d[10], odd[3] = {1.4f, 1.4f, 1.4f};

	for (int i = 0; i < 10; i++)
		d[i] = 0.4f;
	if (run("", d, 10, 1, got, NULL))
		plain = -1;
	for (int i = 0; i < 10; i++)
		plain += got[i];
	ok(plain == 0, "E5: 0.4 ten times, plain: total %d", plain);
	if (run(", rounding: cumulative", d, 10, 1, got, NULL))
		total = -1;
	for (int i = 0; i < 10; i++)
		total += got[i];
	ok(total == 4, "E5: 0.4 ten times, cumulative: total %d", total);
	ok(!run(", rounding: cumulative", odd, 3, 1, got, NULL) &&
		got[0] == 1 && got[1] == 2 && got[2] == 1,
	    "E5: cumulative: each count is a difference of rounded sums");
}

static void
test_domains(void)
{
	static const float ln[3] = {0, 1.0986123f, -20};
	static const float ln1p[3] = {0, 1.0986123f, -5};
	static const float lin[3] = {2.2f, -3, 0};
	int32_t got[MOST];
	struct mel_err err = {""};

	ok(!run(", domain: log", ln, 3, 1, got, NULL) && got[0] == 1 &&
		got[1] == 3 && got[2] == 0,
	    "E5: ln 1, ln 3, ln of next to nothing");
	ok(!run(", domain: log1p", ln1p, 3, 1, got, NULL) && got[0] == 0 &&
		got[1] == 2 && got[2] == 0,
	    "E5: ln(0 + 1), ln(2 + 1), and one below zero is no frame");
	ok(!run(", domain: linear", lin, 3, 1, got, NULL) && got[0] == 2 &&
		got[1] == 0 && got[2] == 0,
	    "E5: what is below zero is no frame");
	ok(!run(", min: 1", lin, 3, 1, got, NULL) && got[0] == 2 &&
		got[1] == 1 && got[2] == 1,
	    "E5: min is the least a token gets");
	ok(run(", domain: exp", lin, 3, 1, got, &err) == -1 &&
		strstr(err.msg, "linear, log, log1p"),
	    "G10: an unknown domain is refused: %s", err.msg);
	ok(run(", rounding: up", lin, 3, 1, got, &err) == -1 &&
		strstr(err.msg, "half-even, half-up, cumulative"),
	    "G10: an unknown rule is refused: %s", err.msg);
}

static void
test_speed(void)
{
	static const float d[2] = {6, 3};
	struct mel_err err = {""};
	int32_t got[MOST];

	ok(!run(", speed: 2", d, 2, 1, got, NULL) && got[0] == 3 && got[1] == 2,
	    "E5: speed 2 halves 6 and 3, before rounding");
	ok(!run(", speed: {control: level}", d, 2, 0.5f, got, NULL) &&
		got[0] == 12 && got[1] == 6,
	    "E5: a control sets the speed");
	ok(!run(", speed: {control: level, times: 2, value: 1}", d, 2, 1, got,
	       NULL) &&
		got[0] == 2 && got[1] == 1,
	    "E5: value + times * control");
	/* 1.0986 is ln 3: the network's number is turned into frames first. */
	ok(!run(", domain: log, speed: 0.5", &(float){1.0986123f}, 1, 1, got,
	       NULL) &&
		got[0] == 6,
	    "E5: speed divides frames, not logarithms");
	ok(run(", speed: {control: level}", d, 2, 0, got, &err) == -1 &&
		strstr(err.msg, "speed is 0"),
	    "speed 0 is refused: %s", err.msg);
	ok(run(", speed: {control: level}", d, 2, NAN, got, &err) == -1,
	    "speed NaN is refused: %s", err.msg);
	ok(run(", speed: {control: pace}", d, 2, 1, got, &err) == -1 &&
		strstr(err.msg, "level"),
	    "a control that is not there is refused: %s", err.msg);
}

static void
test_errors(void)
{
	static const struct {
		const char *options;
		float d[3];
		const char *why;
	} bad[] = {
	    {"", {1, NAN, 1}, "token 1 is "},
	    {"", {1, 1, INFINITY}, "token 2 is inf"},
	    {", domain: log", {0, 1000, 0}, "token 1 is inf"},
	    {", domain: log1p", {NAN, 0, 0}, "token 0 is "},
	    {", rounding: cumulative", {0, NAN, 0}, "token 1 is "},
	    {"", {0, -INFINITY, 0}, "token 1 is -inf"},
	    {", domain: log", {0, 0, -INFINITY}, "token 2 is -inf"},
	    {", max_frames: 10", {5, 5, 1}, "more than 10 frames at token 2"},
	    {", rounding: half-up", {1e30f, 0, 0}, "more than 200000 frames"},
	};
	int32_t got[MOST];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mel_err err = {""};

		ok(run(bad[i].options, bad[i].d, 3, 1, got, &err) == -1 &&
			strstr(err.msg, bad[i].why) &&
			strstr(err.msg, "here (Durations)"),
		    "E5: an error of the utterance: %s", err.msg);
	}
	ok(!run(", max_frames: 11", (const float[]){5, 5, 1}, 3, 1, got, NULL),
	    "as many frames as the limit says are no error");
}

/* Upsamples `in` [n, width] by counts; rows or -1. */
static int64_t
upsample(const float *in, int64_t n, int64_t width, const int32_t *counts,
    int64_t n_counts, float *rows, int64_t most, struct mel_err *err)
{
	struct mel_bundle data = {0};
	struct fixture_block b;
	int64_t have = -1;

	fixture_put(&data, "encoded", MEL_F32, n, width, in);
	fixture_put(&data, "counts", MEL_I32, n_counts, 0, counts);
	if (fixture_block_open(
		&b, &registry, MEL_KIND_STREAMABLE, "{type: Upsampler}", err) &&
	    !mel_streamable_begin(b.block.streamable, &data, NULL, err))
		have = mel_streamable_pull_full(
		    b.block.streamable, most, rows, err);
	if (have >= 0 && have < most &&
	    mel_streamable_pull(
		b.block.streamable, 1, rows + have * width, err) != 0)
		have = -2;
	mel_bundle_free(&data);
	fixture_block_close(&b);
	return have;
}

static void
test_upsampler(void)
{
	static const float one[3] = {1, 2, 3};
	static const float two[6] = {1, -1, 2, -2, 3, -3};
	static const float want[5] = {1, 1, 3, 3, 3};
	static const int32_t counts[3] = {2, 0, 3}, none[3] = {0, 0, 0};
	static const int32_t below[3] = {2, -1, 3};
	struct mel_err err = {""};
	float rows[32] = {0};
	bool right = true;

	ok(upsample(one, 3, 1, counts, 3, rows, 20, &err) == 5 &&
		!memcmp(rows, want, sizeof(want)),
	    "E2, E3: 1, 2, 3 by 2, 0, 3 gives 1, 1, 3, 3, 3 %s", err.msg);
	ok(upsample(two, 3, 2, counts, 3, rows, 10, &err) == 5,
	    "E3: five rows of two");
	for (int i = 0; i < 5; i++)
		right &= rows[2 * i] == want[i] && rows[2 * i + 1] == -want[i];
	ok(right, "E3: whole rows are repeated");
	rows[0] = FRESH;
	ok(upsample(one, 3, 1, none, 3, rows, 20, &err) == 0 &&
		rows[0] == FRESH,
	    "E6: a total of zero: no rows, the end, no error");
	ok(upsample(one, 0, 1, none, 0, rows, 20, &err) == 0,
	    "E6: no tokens: no rows, no error");
	ok(upsample(one, 3, 1, below, 3, rows, 20, &err) == -1 &&
		strstr(err.msg, "token 1 is -1"),
	    "a count below zero is refused: %s", err.msg);
	ok(upsample(one, 3, 1, counts, 2, rows, 20, &err) == -1 &&
		strstr(err.msg, "3 rows of \"encoded\" but 2 counts"),
	    "other counts than rows are refused: %s", err.msg);
}

/* All zero goes through a whole pipeline, decoder included. */
static void
test_silence(void)
{
	static const float d[3] = {0.1f, 0, 0.3f}, encoded[3 * WIDTH] = {1};
	static const char yaml[] =
	    "{type: StreamablePipeline, sequence_block: {type: Durations}, "
	    "streamable_block: {type: StreamableStack, stack: [{type: "
	    "Upsampler}, {type: Smooth}, {type: Decoder}, {type: Probe}]}}";
	struct mel_bundle data = {0};
	struct mel_err err = {""};
	struct fixture_block b;
	float row[WIDTH];
	bool ended;

	fixture_put(&data, "durations", MEL_F32, 3, 0, d);
	fixture_put(&data, "encoded", MEL_F32, 3, WIDTH, encoded);
	ended = fixture_block_open(
		    &b, &registry, MEL_KIND_STREAMABLE, yaml, &err) &&
		!mel_streamable_begin(b.block.streamable, &data, NULL, &err);
	for (int i = 0; ended && i < 2; i++)
		ended = !mel_streamable_pull(b.block.streamable, 1, row, &err);
	ok(ended, "E6: durations that round to nothing: an empty mel %s",
	    err.msg);
	mel_bundle_free(&data);
	fixture_block_close(&b);
}

int
main(void)
{
	fixture_open();
	if (mel_builtin_blocks(&registry, NULL))
		return 1;
	test_rounding();
	test_cumulative();
	test_domains();
	test_speed();
	test_errors();
	test_upsampler();
	test_silence();
	mel_registry_free(&registry);
	fixture_close();
	return tap_done();
}
