/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Models with attention: steps, stops, limits, what the monitor says, and
 * voices of different architecture beside each other.
 */
#include <pthread.h>

#include "addon/addon.h"
#include "addon/builtin.h"
#include "addon/stage.h"
#include "block/registry.h"
#include "dsp/alignment.h"
#include "fixture.h"
#include "net/network.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define MOST     400 /* rows */

static struct mel_registry registry;

#define STEP                                                                   \
	"type: AttentionDecoder, network: step, state: {n: n_out}, feedback: " \
	"x, stop: n_out, inputs: {w: durations}"

static struct notes {
	int n;
	char text[200];
	int64_t tapped; /* side rows */
} notes;

static void
note(void *ctx, const char *block, const char *text)
{
	(void)ctx;
	(void)block;
	notes.n++;
	snprintf(notes.text, sizeof(notes.text), "%s", text);
}

static void
tap(void *ctx, const char *name, const struct mel_tensor *rows)
{
	(void)ctx;
	(void)name;
	notes.tapped += rows->dim[0];
}

/* Rows of a block by pulls of `chunk`; -1 on failure. */
static int64_t
speak(const char *yaml, int64_t chunk, float *rows, struct mel_err *err)
{
	static const struct mel_env env = {.note = note, .tap = tap};
	static const float durations[3] = {1, 2, 4};
	struct mel_builder b = {.env = &env, .where = "here"};
	struct mel_bundle data = {0};
	struct mel_member m = {0};
	char text[800];
	int64_t n = -1, have = 0;

	notes = (struct notes){0};
	fixture_put(&data, "durations", MEL_F32, 3, 0, durations);
	fixture_put(
	    &data, "go", MEL_F32, WIDTH, 0, (const float[]){1, 2, 3, 4});
	snprintf(text, sizeof(text), "stack: [%s]\n", yaml);
	b.addon = fixture_addon(text, &registry, err);
	if (b.addon &&
	    !mel_build_block(&b,
		mel_yaml_item(b.addon->yaml,
		    mel_yaml_get(
			b.addon->yaml, mel_yaml_root(b.addon->yaml), "stack"),
		    0),
		MEL_KIND_STREAMABLE, &m, err) &&
	    !mel_streamable_begin(m.streamable, &data, NULL, err)) {
		do {
			n = mel_streamable_pull(m.streamable, chunk,
			    rows + have * mel_streamable_width(m.streamable),
			    err);
			have += n > 0 ? n : 0;
		} while (n > 0 && have + chunk < MOST);
	}
	mel_member_close(&m);
	mel_addon_close(b.addon);
	mel_bundle_free(&data);
	return n < 0 ? -1 : have;
}

static float rows[MOST * 8];

static void
test_steps(void)
{
	struct mel_err err = {""};
	bool right;

	right = speak("{" STEP ", first: {n: -9.5}}", 4, rows, &err) == 10;
	for (int i = 0; right && i < 10; i++)
		right = rows[i * WIDTH] == 0.5f * (float)(i + 1);
	ok(right && !notes.n, "I2: each frame is made of the one before %s",
	    err.msg);
	ok(speak("{" STEP ", first: {n: -9.5, x: go}}", 4, rows, &err) == 10 &&
		rows[3] == 4.5f && rows[9 * WIDTH] == 6,
	    "I2: the frame before the first is a tensor %s", err.msg);
	right = speak("{" STEP ", first: {n: -2.5, x: 1}, frames: 2}", 3, rows,
		    &err) == 6;
	for (int i = 0; right && i < 6; i++)
		right = rows[i * 2] == 1 + 0.5f * (float)(i / 2 + 1);
	ok(right, "two frames a step, all fed back %s", err.msg);
	ok(speak("{" STEP ", first: {n: -3}, threshold: 0.9}", 4, rows, &err) ==
		6,
	    "I4: the threshold: ln 9 is passed in the sixth step");
	ok(speak("{" STEP ", first: {n: -3}, probability: true, threshold: "
		 "0.9}",
	       4, rows, &err) == 4,
	    "I4: a probability is taken as it is");
}

static void
test_limits(void)
{
	struct mel_err err = {""};

	ok(speak("{" STEP ", first: {n: -900}, max_frames: 20}", 7, rows,
	       &err) == 20 &&
		notes.n == 1 && strstr(notes.text, "no stop within 20 frames"),
	    "I4: a runaway ends: %s", notes.text);
	ok(speak("{" STEP ", first: {n: -900}, max_per_token: 5}", 7, rows,
	       &err) == 15 &&
		notes.n == 1,
	    "I4: by the number of tokens: %s", notes.text);
	ok(speak("{" STEP ", first: {n: -900}, max_frames: 20, strict: true}",
	       7, rows, &err) == -1 &&
		strstr(err.msg, "no stop within 20 frames"),
	    "I4: or fails: %s", err.msg);
	ok(speak("{" STEP ", first: {n: -19.5}, max_frames: 20}", 7, rows,
	       &err) == 20 &&
		!notes.n,
	    "I4: a stop in the last frame allowed is none");
}

static void
test_refused(void)
{
	static const struct {
		const char *yaml, *why;
	} cases[] = {
	    {"{" STEP ", first: {w: 1}}", "neither state nor feedback"},
	    {"{" STEP ", first: {x: none}}", "none"},
	    {"{" STEP ", frames: 3}", "are not 3 frames"},
	    {"{" STEP ", attention: y}", "has no attention"},
	    {"{" STEP ", carry: true}", "attention is needed"},
	    {"{" STEP ", output: gone}", "no output \"gone\""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mel_err err = {""};

		ok(speak(cases[i].yaml, 7, rows, &err) == -1 &&
			strstr(err.msg, cases[i].why),
		    "%s: %s", cases[i].yaml, err.msg);
	}
}

#define WATCHED(more)                                                          \
	"{type: StreamableStack, stack: [{" STEP                               \
	", first: {n: -9.5}, attention: w_out, columns: 3, carry: true}, "     \
	"{type: AttentionMonitor, columns: 3, tokens: durations" more "}]}"

static void
test_monitor(void)
{
	static const float walk[][3] = {{9, 1, 1}, {1, 8, 1}, {1, 1, 7}};
	struct mel_alignment a = {0};
	struct mel_err err = {""};
	float m[MEL_ALIGNMENT_COLUMNS];
	static float plain[MOST * 8];

	ok(speak("{" STEP ", first: {n: -9.5}}", 4, plain, &err) == 10 &&
		speak(WATCHED(""), 4, rows, &err) == 10 &&
		!memcmp(rows, plain, 10 * WIDTH * sizeof(float)),
	    "I3: watched, same rows %s", err.msg);
	ok(notes.tapped == 20, "I3: weights and measures, a row a frame each");
	ok(notes.n == 1 && strstr(notes.text, "saw 1 of 3 tokens"),
	    "I3: coverage: %s", notes.text);
	ok(speak(WATCHED(", coverage: 0, stuck: 9"), 4, rows, &err) == 10 &&
		notes.n == 1 && strstr(notes.text, "still for 10 frames"),
	    "I3: standing still: %s", notes.text);
	ok(speak(WATCHED(", coverage: 0, reach: 1"), 4, rows, &err) == 10 &&
		notes.n == 1 && strstr(notes.text, "jumped 1 times"),
	    "I3: jumps: %s", notes.text);
	ok(!mel_alignment_begin(&a, 3, 1, &err), "an utterance begins");
	for (int i = 0; i < 3; i++)
		mel_alignment_add(&a, walk[i], m);
	ok(a.covered == 3 && !a.jumps && !a.repeats && a.stuck == 1 &&
		m[MEL_ALIGNMENT_COVERAGE] == 1 && m[MEL_ALIGNMENT_PEAK] == 7,
	    "I3: reading on is no fault");
	mel_alignment_add(&a, walk[0], m);
	mel_alignment_add(&a, walk[0], m);
	ok(a.jumps == 1 && a.repeats == 2 && a.stuck == 2,
	    "I3: going back is a jump, and repeats");
	mel_alignment_add(&a, (const float[]){2, 2, 2}, m);
	ok(m[MEL_ALIGNMENT_ENTROPY] > 0.999f && m[0] == 0,
	    "I3: even weights have the greatest entropy");
	mel_alignment_free(&a);
}

/* A voice of the tree, spoken by ids. */
struct voice {
	struct mel_addon *addon;
	struct mel_stage *stage;
	struct mel_bundle data;
	float *rows;
	size_t cap;
	int64_t n, width;
	pthread_t thread;
	struct mel_err err;
};

static bool
voice_open(struct voice *v, const char *dir)
{
	static const struct mel_env env = {0};
	static const int64_t ids[5] = {3, 1, 4, 1, 5};
	struct mel_stage_options o = {.env = &env};

	fixture_put(&v->data, "input_tokens", MEL_I64, 5, 0, ids);
	mel_bundle_put_f32(&v->data, "control:speed", 1, NULL);
	if (mel_addon_open(&v->addon, dir, &registry, MEL_ISA_AUTO, &v->err))
		return false;
	o.addon = v->addon;
	o.last = v->addon->n_positions;
	return !mel_stage_open(&v->stage, &o, &v->err);
}

static void
voice_close(struct voice *v)
{
	mel_stage_close(v->stage);
	mel_addon_close(v->addon);
	mel_bundle_free(&v->data);
	free(v->rows);
	*v = (struct voice){0};
}

static void *
voice_speak(void *arg)
{
	struct voice *v = arg;

	v->n = -1;
	if (mel_stage_begin(v->stage, &v->data, NULL, &v->err))
		return NULL;
	v->width = mel_streamable_width(mel_stage_rows(v->stage));
	if (mel_streamable_pull_all(
		mel_stage_rows(v->stage), &v->rows, &v->cap, &v->n, &v->err))
		v->n = -1;
	mel_stage_reset(v->stage);
	return NULL;
}

static bool
same_speech(const struct voice *a, const struct voice *b)
{
	return a->n > 0 && a->n == b->n &&
	       !memcmp(
		   a->rows, b->rows, (size_t)(a->n * a->width) * sizeof(float));
}

/* Rows of the two in turns, a few at a time. */
static bool
interleave(struct voice *v)
{
	float *out[2] = {NULL, NULL};
	int64_t n[2] = {0, 0}, got[2] = {1, 1};
	bool good = !mel_stage_begin(v[0].stage, &v[0].data, NULL, NULL) &&
		    !mel_stage_begin(v[1].stage, &v[1].data, NULL, NULL);

	for (int i = 0; i < 2; i++)
		out[i] = calloc((size_t)(v[i].n + 9) * 80, sizeof(float));
	for (int i = 0; good && (got[0] > 0 || got[1] > 0); i = !i) {
		int64_t room = v[i].n + 9 - n[i];

		got[i] = mel_streamable_pull(mel_stage_rows(v[i].stage),
		    room < 5 ? room : 5, out[i] + n[i] * v[i].width, NULL);
		good = got[i] >= 0 && n[i] + got[i] <= v[i].n;
		n[i] += good ? got[i] : 0;
	}
	for (int i = 0; i < 2; i++) {
		good = good && n[i] == v[i].n &&
		       !memcmp(out[i], v[i].rows,
			   (size_t)(n[i] * v[i].width) * sizeof(float));
		mel_stage_reset(v[i].stage);
		free(out[i]);
	}
	return good;
}

static const char *const dirs[] = {"test/data/taco", "test/data/tiny"};

static void
test_beside(void)
{
	static struct voice alone[2], v[4];
	bool good = true;

	for (size_t i = 0; i < COUNT(alone); i++) {
		good = voice_open(&alone[i], dirs[i]) && good;
		if (good)
			voice_speak(&alone[i]);
	}
	ok(good && alone[0].n > 0 && alone[1].n > 0,
	    "A4: with attention and with durations %s%s", alone[0].err.msg,
	    alone[1].err.msg);
	ok(good && interleave(alone),
	    "A5: the two in turns, each as it is alone");
	for (size_t i = 0; i < COUNT(v); i++)
		good = voice_open(&v[i], dirs[i % 2]) && good;
	for (size_t i = 0; good && i < COUNT(v); i++) {
		if (pthread_create(&v[i].thread, NULL, voice_speak, &v[i]))
			abort();
	}
	for (size_t i = 0; good && i < COUNT(v); i++)
		pthread_join(v[i].thread, NULL);
	for (size_t i = 0; i < COUNT(v); i++) {
		good = good && same_speech(&v[i], &alone[i % 2]);
		voice_close(&v[i]);
	}
	ok(good, "J2: four threads, two architectures");
	for (size_t i = 0; i < COUNT(alone); i++)
		voice_close(&alone[i]);
}

int
main(void)
{
	fixture_open();
	if (mel_builtin_blocks(&registry, NULL))
		return 1;
	test_steps();
	test_limits();
	test_refused();
	test_monitor();
	test_beside();
	mel_registry_free(&registry);
	fixture_close();
	return tap_done();
}
