/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two kinds of block and what is composed of them, as an addon's YAML
 * asks for it: order, nesting, scope, wiring, and what is refused.
 */
#include "addon/addon.h"
#include "addon/build.h"
#include "addon/builtin.h"
#include "addon/stage.h"
#include "base/buf.h"
#include "block/clock.h"
#include "block/registry.h"
#include "block/sequence.h"
#include "block/streamable.h"
#include "fixture.h"
#include "net/netdef.h"
#include "net/netimpl.h"
#include "tap.h"
#include "tensor/head.h"
#include "trace.h"

#define MOST     1000 /* rows */
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static struct mel_registry registry;
static int64_t tapped; /* side rows seen */

static void
tap(void *ctx, const char *name, const struct mel_tensor *rows)
{
	(void)ctx;
	(void)name;
	tapped += rows->dim[0];
}

static const struct mel_env env = {.tap = tap};

/* Ids 30, 0, 21, 7, 64 are the durations, too: 122 rows. */
#define ROWS           122
#define MAKE_ENCODED   "{type: Make, out: encoded, width: 4}"
#define MAKE_DURATIONS "{type: Make, out: durations, rate: tokens}"
#define MAKE_COUNTS    "{type: Durations, rounding: cumulative}"
#define ENCODERS                                                               \
	"encoders:\n  - " MAKE_ENCODED "\n  - " MAKE_DURATIONS                 \
	"\n  - " MAKE_COUNTS "\n"
/* The usual stack around a sequence block's type and a list of blocks. */
#define STACK(type, blocks)                                                    \
	"stack:\n"                                                             \
	"  - type: StreamablePipeline\n"                                       \
	"    sequence_block: {type: " type "}\n"                               \
	"    streamable_block:\n"                                              \
	"      type: StreamableStack\n"                                        \
	"      stack: [" blocks "]\n"
#define USUAL ENCODERS STACK("Encoders", "{type: Upsampler}, {type: Decoder}")

/* A whole addon, ready to speak. */
struct voice {
	struct mel_addon *addon;
	struct mel_stage *stage;
	struct mel_bundle data;
};

static void
voice_close(struct voice *v)
{
	mel_stage_close(v->stage);
	mel_addon_close(v->addon);
	mel_bundle_free(&v->data);
}

static bool
voice_open(struct voice *v, const char *text, struct mel_err *err)
{
	static const int64_t ids[5] = {30, 0, 21, 7, 64};
	struct mel_stage_options options = {.env = &env};

	*v = (struct voice){0};
	fixture_put(&v->data, "input_tokens", MEL_I64, 5, 0, ids);
	mel_bundle_put_f32(&v->data, "control:level", 1, NULL);
	v->addon = fixture_addon(text, &registry, err);
	if (!v->addon)
		return false;
	options.addon = v->addon;
	options.last = v->addon->n_positions;
	return !mel_stage_open(&v->stage, &options, err);
}

/* All rows of width WIDTH by pulls of `chunk`; -1 on failure. */
static int64_t
voice_speak(struct voice *v, int64_t chunk, float *rows, struct mel_err *err)
{
	int64_t n, have = 0;

	if (mel_stage_begin(v->stage, &v->data, NULL, err))
		return -1;
	do {
		n = mel_streamable_pull_full(
		    mel_stage_rows(v->stage), chunk, rows + have * WIDTH, err);
		have += n > 0 ? n : 0;
	} while (n > 0 && have + chunk <= MOST);
	mel_stage_reset(v->stage);
	return n < 0 ? -1 : have;
}

/* The same with an addon of that text. */
static int64_t
speak(const char *text, int64_t chunk, float *rows, struct mel_err *err)
{
	struct voice v;
	int64_t n = -1;

	trace[0] = '\0';
	if (voice_open(&v, text, err))
		n = voice_speak(&v, chunk, rows, err);
	voice_close(&v);
	return n;
}

static float usual[MOST * WIDTH], rows[MOST * WIDTH];

/* true if the addon speaks as the usual one does. */
static bool
as_usual(const char *text, struct mel_err *err)
{
	err->msg[0] = '\0';
	if (speak(text, 7, rows, err) != ROWS)
		return false;
	return !memcmp(rows, usual, ROWS * WIDTH * sizeof(float));
}

/* Checks that the addon is refused with a message that has all words. */
static void
check_refused(const char *text, const char *const *word, const char *what)
{
	struct mel_err err = {""};
	struct voice v;
	bool refused = !voice_open(&v, text, &err);

	for (; *word; word++)
		refused = refused && strstr(err.msg, *word);
	ok(refused, "%s: %s", what, err.msg);
	voice_close(&v);
}

#define REFUSED(text, what, ...)                                               \
	check_refused(text, (const char *const[]){__VA_ARGS__, NULL}, what)

/* A sequence block of that YAML on `in`; what it gives is put into out. */
static bool
run_sequence(const char *yaml, const struct mel_bundle *in,
    struct mel_bundle *out, struct mel_err *err)
{
	struct fixture_block b;
	struct mel_bundle views = {0};
	bool good =
	    fixture_block_open(&b, &registry, MEL_KIND_SEQUENCE, yaml, err) &&
	    !mel_sequence_run(b.block.sequence, in, &views, err);

	for (size_t i = 0; good && i < views.n; i++) {
		struct mel_tensor copy;

		good = !mel_tensor_copy(&copy, &views.item[i].tensor, err) &&
		       !mel_bundle_put(out, views.item[i].name, &copy, err);
	}
	mel_bundle_free(&views);
	fixture_block_close(&b);
	return good;
}

static bool
same_tensor(
    const struct mel_bundle *a, const struct mel_bundle *b, const char *name)
{
	const struct mel_tensor *x = mel_bundle_get(a, name);
	const struct mel_tensor *y = mel_bundle_get(b, name);

	return x && y && mel_tensor_same_shape(x, y) &&
	       !memcmp(x->data, y->data, mel_tensor_bytes(x));
}

static void
test_chain(void)
{
	static const char *const one[] = {
	    "{type: Scale, in: a, out: b, gain: 3}",
	    "{type: Make, in: b, also: a, out: c}",
	    "{type: Scale, in: c, out: d, offset: 0.5}"};
	static const float a[3] = {1, 2, 4};
	struct mel_bundle hand = {0}, got = {0}, in = {0};
	struct mel_err err = {""};
	struct mel_buf all = {0};
	bool good = true;

	fixture_put(&hand, "a", MEL_F32, 3, 0, a);
	fixture_put(&in, "a", MEL_F32, 3, 0, a);
	for (int i = 0; i < 3; i++)
		good = good && run_sequence(one[i], &hand, &hand, &err);
	/* The list is in no useful order. */
	mel_buf_printf(&all, NULL,
	    "{type: SequenceBlockContainer, blocks: [%s, %s, %s]}", one[2],
	    one[0], one[1]);
	good = good && run_sequence(all.data, &in, &got, &err);
	ok(good && same_tensor(&hand, &got, "b") &&
		same_tensor(&hand, &got, "c") && same_tensor(&hand, &got, "d"),
	    "C3: a chain of three is their composition by hand %s", err.msg);
	ok(good &&
		make_number(mel_bundle_get(&got, "d"), 2) == 4 * 3 + 7 + 0.5f,
	    "C3: the number worked out: (3 * 4 + sum 7) + 0.5");
	mel_buf_free(&all);
	mel_bundle_free(&hand);
	mel_bundle_free(&got);
	mel_bundle_free(&in);
}

/* Containers of n encoders, each a Make of its own. */
static void
test_containers(void)
{
	static const int size[] = {1, 2, 5};

	for (size_t i = 0; i < COUNT(size); i++) {
		struct mel_buf yaml = {0};
		struct mel_bundle in = {0}, out = {0};
		struct mel_err err = {""};
		bool good;

		fixture_put(&in, "tokens", MEL_F32, 1, 0, &(float){8});
		mel_buf_printf(
		    &yaml, NULL, "{type: SequenceBlockContainer, blocks: [");
		for (int k = 0; k < size[i]; k++)
			mel_buf_printf(&yaml, NULL,
			    "%s{type: Make, out: t%d, width: %d}",
			    k ? ", " : "", k, k + 1);
		mel_buf_puts(&yaml, "]}", NULL);
		trace[0] = '\0';
		good = run_sequence(yaml.data, &in, &out, &err) &&
		       out.n == (size_t)size[i] && trace_count("run:t0") == 1;
		for (int k = 0; good && k < size[i]; k++)
			good = out.item[k].tensor.dim[1] == k + 1;
		ok(good, "D3: a container of %d %s", size[i], err.msg);
		mel_buf_free(&yaml);
		mel_bundle_free(&in);
		mel_bundle_free(&out);
	}
}

/* Rows of a streamable block on ramp rows and some tensors; -1: failure. */
static int64_t
stream(const char *yaml, bool upstream, int64_t chunk, float *out,
    struct mel_err *err)
{
	static const float encoded[3 * WIDTH] = {
	    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	static const int32_t counts[3] = {20, 0, 30};
	static const float durations[3] = {1, 2, 4};
	struct ramp ramp = {.total = 50};
	struct mel_streamable *source = upstream ? ramp_block(&ramp) : NULL;
	struct mel_bundle data = {0};
	struct fixture_block b;
	int64_t n = -1, have = 0;

	fixture_put(&data, "encoded", MEL_F32, 3, WIDTH, encoded);
	fixture_put(&data, "counts", MEL_I32, 3, 0, counts);
	fixture_put(&data, "durations", MEL_F32, 3, 0, durations);
	if (source)
		mel_streamable_begin(source, &data, NULL, NULL);
	if (fixture_block_open(&b, &registry, MEL_KIND_STREAMABLE, yaml, err) &&
	    !mel_streamable_begin(b.block.streamable, &data, source, err)) {
		do {
			n = mel_streamable_pull(
			    b.block.streamable, chunk, out + have * WIDTH, err);
			have += n > 0 ? n : 0;
		} while (n > 0);
	}
	fixture_block_close(&b);
	mel_streamable_close(source);
	mel_bundle_free(&data);
	return n < 0 ? -1 : have;
}

static void
test_inputs(void)
{
	struct mel_err err = {""};
	bool right = true;

	ok(stream("{type: Gain, gain: 2}", true, 9, rows, &err) == 50 &&
		rows[4 * WIDTH + 1] == 2 * ramp_value(4, 1),
	    "C5: from a stream only %s", err.msg);
	ok(stream("{type: Upsampler}", false, 9, rows, &err) == 50 &&
		rows[19 * WIDTH] == 1 && rows[20 * WIDTH] == 9,
	    "C5: from sequence data only %s", err.msg);
	ok(stream("{type: Bias, in: durations}", true, 9, rows, &err) == 50,
	    "C5: from both %s", err.msg);
	for (int64_t i = 0; i < 50; i++)
		right &= rows[i * WIDTH + 3] == ramp_value(i, 3) + 7;
	ok(right, "C5: rows plus the sum of 1, 2, 4");
	ok(stream("{type: Bias, in: durations}", false, 9, rows, &err) == -1 &&
		strstr(err.msg, "no block to pull"),
	    "C5: a block that needs a stream says so: %s", err.msg);
}

/* D7: however a chain is bracketed. Also through the addon's stack. */
static void
test_nesting(void)
{
#define A       "{type: Smooth, frames: 3}"
#define B       "{type: Gain, gain: 1.7, offset: 0.3}"
#define C       "{type: Decoder}"
#define S(list) "{type: StreamableStack, stack: [" list "]}"
	static const char *const same[] = {S(A ", " B ", " C),
	    S(A ", " S(B ", " C)), S(S(A ", " B) ", " C),
	    S(S(S(A) ", " S(B)) ", " S(S(C)))};
	static float flat[MOST * WIDTH];
	struct mel_err err = {""};

	ok(stream(same[0], true, 9, flat, &err) == 50, "three rows %s",
	    err.msg);
	for (size_t i = 1; i < COUNT(same); i++)
		ok(stream(same[i], true, 4, rows, &err) == 50 &&
			!memcmp(rows, flat, 50 * WIDTH * sizeof(float)),
		    "D7: %s is the chain of three", same[i]);
	ok(stream(B, true, 9, flat, &err) == 50 &&
		stream(S(B), true, 9, rows, &err) == 50 &&
		!memcmp(rows, flat, 50 * WIDTH * sizeof(float)),
	    "D4, D7: a stack of one is the block");
	ok(stream(S(A ", " B), true, 9, rows, &err) == 50,
	    "D4: a stack of two");
	ok(stream(S(A ", " B ", " A ", " C), true, 9, rows, &err) == 50,
	    "D4: a stack of four");
	ok(as_usual(
	       ENCODERS STACK("Encoders", S("{type: Upsampler}") ", " S(S(C))),
	       &err),
	    "D7: an addon's stack, bracketed otherwise %s", err.msg);
	ok(as_usual(ENCODERS
	       "stack: [{type: StreamablePipeline, sequence_block: "
	       "{type: Encoders}, streamable_block: {type: Upsampler}}, " C
	       "]\n",
	       &err),
	    "D7: the decoder behind the pipeline %s", err.msg);
	ok(as_usual(ENCODERS "stack: [" S("{type: StreamablePipeline, "
					  "sequence_block: {type: Encoders}, "
					  "streamable_block: "
					  "{type: Upsampler}}, " C) "]\n",
	       &err),
	    "D7: the pipeline inside a stack %s", err.msg);
}

/* C6: three blocks of this program, in YAML as if they had always been. */
static void
test_new_block(void)
{
	static const char text[] = ENCODERS STACK(
	    "Encoders", "{type: Upsampler}, {type: Mark}, {type: Decoder}");
	struct mel_err err = {""};

	REFUSED(text, "C6: not known before it is registered",
	    "addon.yaml:", "no SequenceBlock is called \"Make\"");
	ok(!mel_registry_add_sequence(&registry, &make_type, &err) &&
		!mel_registry_add_sequence(&registry, &wait_type, &err) &&
		!mel_registry_add_streamable(&registry, &bias_type, &err),
	    "C6: registered %s", err.msg);
	REFUSED(text, "C6: nor the other",
	    "addon.yaml:", "no StreamableBlock is called \"Mark\"");
	ok(!mel_registry_add_streamable(&registry, &mark_type, &err),
	    "C6: registered, too %s", err.msg);
	ok(speak(text, 7, rows, &err) == ROWS && trace_count("begin:mark") == 1,
	    "C6: usable from YAML at once %s", err.msg);
	ok(speak(USUAL, MOST, usual, &err) == ROWS, "the usual stack %s",
	    err.msg);
	ok(!memcmp(rows, usual, ROWS * WIDTH * sizeof(float)),
	    "H1: the trace block changes no byte");
}

static void
test_pipelines(void)
{
	static const char inner[] =
	    "{type: StreamablePipeline, sequence_block: {type: Scale, in: "
	    "durations, out: more, gain: 2}, streamable_block: {type: Bias, "
	    "in: more}}";
	static const char hiding[] =
	    "{type: StreamablePipeline, sequence_block: {type: Scale, in: "
	    "durations, out: durations, gain: 2}, streamable_block: {type: "
	    "Bias, in: durations}}, {type: Bias, in: durations}";
	struct mel_buf yaml = {0};
	struct mel_err err = {""};
	int64_t n;

	mel_buf_printf(&yaml, NULL,
	    "{type: StreamablePipeline, sequence_block: {type: Scale, in: "
	    "encoded, out: up, gain: 3}, streamable_block: {type: "
	    "StreamableStack, stack: [{type: Upsampler, in: up}, %s, {type: "
	    "Gain, gain: 2}]}}",
	    inner);
	n = stream(yaml.data, false, 9, rows, &err);
	ok(n == 50 && rows[0] == (1 * 3 + 14) * 2 &&
		rows[49 * WIDTH + 3] == (12 * 3 + 14) * 2,
	    "C7: a pipeline in a stack in a pipeline %s", err.msg);
	ok(n == 50, "D10: its encoder read a tensor of the outer one");
	mel_buf_free(&yaml);
	mel_buf_printf(&yaml, NULL,
	    "{type: StreamableStack, stack: [{type: Upsampler}, %s]}", hiding);
	ok(stream(yaml.data, false, 9, rows, &err) == 50 &&
		rows[0] == 1 + 14 + 7,
	    "D10: inner names hide outer ones, inside only %s", err.msg);
	mel_buf_free(&yaml);
	ok(as_usual(ENCODERS STACK("Encoders",
			"{type: Upsampler}, {type: StreamablePipeline, "
			"sequence_block: {type: Make, in: encoded, out: x}, "
			"streamable_block: {type: Decoder}}"),
	       &err),
	    "D9: a pipeline where the decoder stood, same mel %s", err.msg);
}

/* D2: pulled through the interface of a streamable block and no other. */
static void
test_one_block(void)
{
	static const char yaml[] =
	    "{type: StreamablePipeline, sequence_block: {type: "
	    "SequenceBlockContainer, blocks: [" MAKE_ENCODED ", " MAKE_DURATIONS
	    ", " MAKE_COUNTS
	    "]}, streamable_block: {type: StreamableStack, stack: [{type: "
	    "Upsampler}, {type: Decoder}]}}";
	static const int64_t ids[5] = {30, 0, 21, 7, 64};
	struct mel_bundle data = {0};
	struct fixture_block b;
	struct mel_err err = {""};
	int64_t n = -1;

	fixture_put(&data, "tokens", MEL_I64, 5, 0, ids);
	trace[0] = '\0';
	if (fixture_block_open(
		&b, &registry, MEL_KIND_STREAMABLE, yaml, &err) &&
	    !mel_streamable_begin(b.block.streamable, &data, NULL, &err))
		n = mel_streamable_pull_full(
		    b.block.streamable, MOST, rows, &err);
	ok(n == ROWS && !memcmp(rows, usual, ROWS * WIDTH * sizeof(float)),
	    "D2: the whole model is one StreamableBlock %s", err.msg);
	ok(trace_count("run:encoded") == 1, "D2: and runs its encoders once");
	fixture_block_close(&b);
	mel_bundle_free(&data);
}

static void
test_order(void)
{
	static const char text[] = ENCODERS STACK("Encoders",
	    "{type: Upsampler}, {type: Mark, name: up}, {type: Decoder}, "
	    "{type: Mark, name: dec}");
	static const char first[] =
	    "run:encoded run:durations begin:up begin:dec rows:up ";
	struct mel_err err = {""};
	const char *last_up = trace, *dec, *up;
	int64_t n = speak(text, 1, rows, &err);

	ok(n == ROWS && !strncmp(trace, first, strlen(first)),
	    "D5: encoders, then the upsampler: %.60s %s", trace, err.msg);
	dec = strstr(trace, "rows:dec");
	up = strstr(trace, "rows:up");
	for (const char *p = trace; (p = strstr(p, "rows:up")); p++)
		last_up = p;
	ok(dec && up && up < dec, "D5: the upsampler before the decoder");
	ok(dec && dec < last_up, "B1: the decoder does not wait for all rows");
	ok(trace_count("run:encoded") == 1 && trace_count("run:durations") == 1,
	    "D6: encoders run once for %d pulls", (int)n);
	ok(trace_count("begin:up") == 1 && trace_count("rows:dec") == ROWS,
	    "D6: the trace saw all pulls");
}

static void
test_encoders(void)
{
	struct mel_err err = {""};

	ok(as_usual("encoders:\n  - " MAKE_COUNTS "\n  - " MAKE_DURATIONS
		    "\n  - " MAKE_ENCODED
		    "\n" STACK("Encoders", "{type: Upsampler}, {type: "
					   "Decoder}"),
	       &err) &&
		trace_count("run:durations") == 1,
	    "D8: encoders in another order, same bytes %s", err.msg);
	ok(as_usual("encoders:\n  - " MAKE_ENCODED "\n  - " MAKE_DURATIONS
		    "\n  - {type: Make, in: counts, out: third}\n  - " //
	       MAKE_COUNTS "\n" STACK("Encoders", "{type: Upsampler}, "
						  "{type: Decoder}"),
	       &err) &&
		trace_count("run:third") == 1,
	    "G4: a third encoder is there, the stack untouched %s", err.msg);
	ok(as_usual(ENCODERS STACK("Encoders",
			"{type: Upsampler}, {type: Network, network: conv}"),
	       &err),
	    "G5: Decoder is the network that the addon calls its decoder %s",
	    err.msg);
	ok(!as_usual(ENCODERS STACK("Encoders",
			 "{type: Upsampler}, {type: Decoder, network: "
			 "twice}"),
	       &err) &&
		!err.msg[0],
	    "G6: one word takes another network: other rows");
	REFUSED("encoders:\n  - " MAKE_ENCODED
		"\n  - {type: Scale, in: b, out: a}\n"
		"  - {type: Scale, in: a, out: b}\n" STACK(
		    "Encoders", "{type: Upsampler}"),
	    "D8: a cycle is an error",
	    "addon.yaml:14:21: ", "stack[0].sequence_block (Encoders)",
	    "Scale needs, through others, what it gives itself");
	REFUSED("encoders:\n  - " MAKE_ENCODED "\n  - " MAKE_ENCODED
		"\n" STACK("Encoders", "{type: Upsampler}"),
	    "D8: a tensor made twice is an error",
	    "addon.yaml:13:21: ", "\"encoded\" is made twice");
	REFUSED("encoders:\n  - " MAKE_ENCODED
		"\n" STACK("Encoders", "{type: Upsampler}, {type: Decoder}"),
	    "C9: what nobody gives is an error",
	    "addon.yaml:", "needs \"counts\", which nothing gives");
	REFUSED(STACK("Encoders", "{type: Upsampler}"),
	    "G4: Encoders without encoders",
	    "addon.yaml:", "encoders: a list of blocks is wanted");
}

static void
test_parallel(void)
{
	static const char serial[] =
	    ENCODERS "  - {type: Wait, out: w1, limit: 0.05}\n"
		     "  - {type: Wait, out: w2, limit: 0.05}\n" STACK(
			 "Encoders", "{type: Upsampler}, {type: Decoder}");
	static const char parallel[] =
	    ENCODERS "  - {type: Wait, out: w1}\n"
		     "  - {type: Wait, out: w2}\n" STACK("ParallelEncoders",
			 "{type: Upsampler}, {type: Decoder}");
	static const char quiet[] =
	    "encoders:\n  - {type: Make, out: encoded, width: 4, quiet: true}"
	    "\n  - {type: Make, out: durations, quiet: true}\n  - " //
	    MAKE_COUNTS "\n" STACK(
		"ParallelEncoders", "{type: Upsampler}, {type: Decoder}");
	struct mel_err err = {""};

	ok(as_usual(quiet, &err),
	    "G7: Encoders to ParallelEncoders: same bytes %s", err.msg);
	waits.begun = 0;
	ok(speak(serial, 7, rows, &err) == -1 && strstr(err.msg, "alone"),
	    "G8: one after the other they never meet: %s", err.msg);
	waits.begun = 0;
	err.msg[0] = '\0';
	ok(speak(parallel, 7, rows, &err) == ROWS && waits.begun == 2,
	    "G8: each has begun before the other ended %s", err.msg);
	ok(!memcmp(rows, usual, ROWS * WIDTH * sizeof(float)),
	    "G7: and the mel is the same");
}

static void
test_wrong_kinds(void)
{
	REFUSED(ENCODERS STACK("Decoder", "{type: Upsampler}"),
	    "C8: a StreamableBlock for a sequence_block", //
	    "addon.yaml:14:21: stack[0].sequence_block: ",
	    "Decoder is a StreamableBlock; a SequenceBlock belongs here");
	REFUSED(ENCODERS STACK("Encoders", "{type: Upsampler}, {type: Scale}"),
	    "C8: a SequenceBlock in a stack",
	    "addon.yaml:17:34: stack[0].streamable_block.stack[1]: ",
	    "Scale is a SequenceBlock; a StreamableBlock belongs here");
	REFUSED("stack:\n  - {type: Encoders}\n",
	    "C8: a SequenceBlock as the whole", "addon.yaml:9:5: stack[0]: ");
	REFUSED("encoders:\n  - {type: Gain}\n" STACK(
		    "Encoders", "{type: Upsampler}"),
	    "C8: a StreamableBlock among the encoders",
	    "addon.yaml:9:5: ", "encoders[0]", "Gain is a StreamableBlock");
	REFUSED(ENCODERS STACK("Encoders", "Upsampler"),
	    "C8: a word is no block",
	    "addon.yaml:17:15: ", "a block is wanted");
	REFUSED(
	    ENCODERS STACK("Encoders", "{type: Upsampler}, {type: Upsampler}"),
	    "C9: a block that takes no rows behind one that gives some",
	    "addon.yaml:17:34: ", "takes no rows");
	REFUSED(ENCODERS STACK("Encoders", "{type: Upsampler}, {type: Gian}"),
	    "G10: an unknown type is an error",
	    "addon.yaml:17:34: ", "no StreamableBlock is called \"Gian\"");
	REFUSED(ENCODERS STACK("Encoders", "{type: Upsampler, frames: 5}"),
	    "G10: an unknown key is an error",
	    "addon.yaml:17:33: ", "unknown key \"frames\"");
}

static void
test_wrong_pipelines(void)
{
#define PIPELINE(members) "stack:\n  - type: StreamablePipeline\n" members
#define SEQUENCE          "    sequence_block: {type: Encoders}\n"
#define STREAMABLE        "    streamable_block: {type: Upsampler}\n"
	REFUSED(ENCODERS PIPELINE(STREAMABLE),
	    "D1: no SequenceBlock is an error",
	    "addon.yaml:13:5: ", "sequence_block is needed");
	REFUSED(ENCODERS PIPELINE(SEQUENCE),
	    "D1: no StreamableBlock is an error",
	    "addon.yaml:13:5: ", "streamable_block is needed");
	REFUSED(ENCODERS PIPELINE(SEQUENCE SEQUENCE STREAMABLE),
	    "D1: two SequenceBlocks are an error",
	    "addon.yaml:15:5: ", "\"sequence_block\" is there twice");
	REFUSED(ENCODERS PIPELINE(SEQUENCE STREAMABLE STREAMABLE),
	    "D1: two StreamableBlocks are an error",
	    "addon.yaml:16:5: ", "\"streamable_block\" is there twice");
	REFUSED(ENCODERS PIPELINE("    sequence_block: [{type: Encoders}, "
				  "{type: Encoders}]\n" STREAMABLE),
	    "D1: a list of two is an error",
	    "addon.yaml:14:21: ", "stack[0].sequence_block: a block is wanted");
	REFUSED(ENCODERS PIPELINE(SEQUENCE "    streamable_block: [{type: "
					   "Upsampler}]\n"),
	    "D1: nor is a list of one a block", "addon.yaml:15:23: ",
	    "stack[0].streamable_block: a block is wanted");
	REFUSED(ENCODERS STACK("Encoders", ""), "D4: a stack of none",
	    "addon.yaml:", "a list of blocks is wanted");
	REFUSED("stack: []\n", "G3: an empty stack",
	    "addon.yaml:8:8: ", "a list of blocks is wanted");
	REFUSED("keep: []\n", "G3: no stack",
	    "addon.yaml:1:1: ", "stack: a list of blocks is wanted");
}

static void
test_wiring(void)
{
#define ENCODED(width)                                                         \
	"encoders:\n  - {type: Make, out: encoded, width: " width              \
	"}\n  - " MAKE_DURATIONS "\n  - " MAKE_COUNTS "\n"
	REFUSED(ENCODED("80") STACK(
		    "Encoders", "{type: Upsampler}, {type: Mark, width: 384}"),
	    "C9: rows of 80 into a block that wants 384", "addon.yaml:17:34: ",
	    "rows of 80 floats come in, rows of 384 are wanted");
	REFUSED(ENCODED("80") STACK("Encoders",
		    "{type: Upsampler}, {type: Gain}, {type: Decoder}"),
	    "C9: the network's own width counts, too", "addon.yaml:17:48: ",
	    "rows of 80 floats come in, rows of 4 are wanted");
	REFUSED(ENCODERS STACK("Encoders", "{type: Upsampler, counts: "
					   "durations}"),
	    "C9: the element type",
	    "addon.yaml:17:15: ", "\"durations\" is f32 [",
	    "but i32 [tokens] is wanted");
	REFUSED(ENCODERS STACK("Encoders", "{type: Upsampler, in: durations}"),
	    "C9: the rank", "addon.yaml:17:15: ",
	    "\"durations\" is f32 [tokens], but f32 [tokens, ?] is wanted");
	REFUSED("encoders:\n  - " MAKE_ENCODED
		"\n  - {type: Make, out: durations, rate: frames}\n  - " //
	    MAKE_COUNTS "\n" STACK("Encoders", "{type: Upsampler}"),
	    "C9: the rate", "addon.yaml:14:21: ",
	    "\"durations\" is f32 [frames], but f32 [tokens] is wanted");
	REFUSED(ENCODERS "  - {network: twice, inputs: {x: durations}}\n" //
	    STACK("Encoders", "{type: Upsampler}"),
	    "C9: a network's input", "addon.yaml:", "\"durations\" is f32",
	    "but f32 [?, 4] is wanted");
	REFUSED(ENCODERS "stack: [{type: Gain}]\n",
	    "C9: no block before it to pull from",
	    "addon.yaml:12:9: stack[0]: there is no block before it");
	REFUSED(ENCODERS
	    "keep: [counts, pich]\n" STACK("Encoders", "{type: Upsampler}"),
	    "G10: a tensor to keep that there is not",
	    "addon.yaml:12:16: ", "nothing gives \"pich\"");
}

static void
test_experiments(void)
{
	struct mel_err err = {""};
	bool right = true;
	int64_t n;

	tapped = 0;
	ok(as_usual(ENCODERS STACK("Encoders",
			"{type: Upsampler}, {type: Probe}, {type: Decoder}"),
	       &err) &&
		tapped == ROWS,
	    "H1: statistics between upsampler and decoder, same mel %s",
	    err.msg);
	tapped = 0;
	ok(as_usual(ENCODERS STACK("Encoders",
			"{type: Upsampler}, {type: Decoder}, {type: Probe, "
			"name: energy}"),
	       &err) &&
		tapped == ROWS,
	    "E7, H1: energy per frame of the mel, same mel %s", err.msg);
	n = speak(ENCODERS STACK("Encoders", "{type: Upsampler}, {type: "
					     "Decoder}, {type: Gain, gain: "
					     "1.5, offset: -2}"),
	    7, rows, &err);
	for (int i = 0; i < ROWS * WIDTH; i++)
		right &= rows[i] == usual[i] * 1.5f + -2.0f;
	ok(n == ROWS && right,
	    "H2: gain is the same done afterwards on the whole mel %s",
	    err.msg);
	n = speak(ENCODERS STACK("Encoders", "{type: Upsampler}, {type: "
					     "Decoder}, {type: Smooth, "
					     "frames: 5}"),
	    7, rows, &err);
	right = n == ROWS;
	for (int t = 0; right && t < ROWS; t++) {
		int lo = t < 2 ? 0 : t - 2, hi = t + 3 > ROWS ? ROWS : t + 3;
		float sum = 0;

		for (int k = lo; k < hi; k++)
			sum += usual[k * WIDTH];
		right = rows[t * WIDTH] == sum / (float)(hi - lo);
	}
	ok(right, "H3: so is a mean over five frames %s", err.msg);
	ok(as_usual(USUAL, &err),
	    "H4: taken out of the text again, nothing is left of it");
}

/* The network of that name: 1 ready, 0 declared only, -1 not there. */
static int
is_ready(const struct mel_addon *addon, const char *name)
{
	for (size_t i = 0; i < addon->n_networks; i++) {
		if (!strcmp(addon->network[i]->name, name))
			return addon->network[i]->network->ready;
	}
	return -1;
}

/* Weights of networks that will not run are not packed, or not even read. */
static void
test_laziness(void)
{
	static const char text[] = //
	    "encoders:\n  - " MAKE_ENCODED "\n  - " MAKE_DURATIONS
	    "\n  - " MAKE_COUNTS "\n  - {network: twice, inputs: "
	    "{x: encoded}}\n" STACK(
		"Encoders", "{type: Upsampler}, {type: Decoder}");
	struct mel_err err = {""};
	struct mel_stage_options options = {.env = &env};
	json_t *head, *json;
	struct voice v;
	bool good = voice_open(&v, text, &err) &&
		    is_ready(v.addon, "twice") == 1 &&
		    is_ready(v.addon, "conv") == 1;

	ok(good, "networks of the stage are ready %s", err.msg);
	head = mel_head_to_json(mel_stage_head(v.stage), NULL);
	voice_close(&v);
	v = (struct voice){0};
	v.addon = options.addon = fixture_addon(text, &registry, &err);
	options.declare_only = true;
	options.last = v.addon->n_positions;
	good = !mel_stage_open(&v.stage, &options, &err);
	json = good ? mel_head_to_json(mel_stage_head(v.stage), NULL) : NULL;
	ok(good && json_equal(head, json) && is_ready(v.addon, "twice") == 0 &&
		is_ready(v.addon, "conv") == 0,
	    "declared only, the head is the same %s", err.msg);
	json_decref(json);
	json_decref(head);
	options.declare_only = false;
	options.last = 1;
	for (int text_only = 0; text_only < 2; text_only++) {
		voice_close(&v);
		v = (struct voice){0};
		v.addon = fixture_addon(text, &registry, &err);
		options.addon = v.addon;
		options.text_only = text_only;
		good = v.addon && !mel_stage_open(&v.stage, &options, &err) &&
		       is_ready(v.addon, "twice") == (text_only ? -1 : 1) &&
		       is_ready(v.addon, "conv") == (text_only ? -1 : 0);
		ok(good, "%s %s",
		    text_only ? "for text alone no network is read"
			      : "those behind it are declared only",
		    err.msg);
	}
	voice_close(&v);
}

/*
 * J4: what blocks take and the rest are all there is. Blocks sleep here, so
 * one that is missing, or in another's time as well, shows for sure.
 */
static void
test_accounts(void)
{
	static const char text[] =
	    "encoders:\n  - {type: Make, out: encoded, width: 4, nap: 30}"
	    "\n  - " MAKE_DURATIONS "\n  - " MAKE_COUNTS "\n" //
	    STACK("Encoders", "{type: Upsampler}, {type: Mark, nap: 20}, "
			      "{type: Decoder}");
	/* Ids, three encoders, three blocks of rows. */
	static const uint64_t least[] = {0, 30, 0, 0, 0, 40, 0};
	struct mel_err err = {""};
	struct mel_stage_part part = {0};
	struct voice v;
	uint64_t began, spent, sum = 0;
	bool good = voice_open(&v, text, &err);
	size_t i = 0;

	began = mel_clock_ns();
	good = good && voice_speak(&v, 64, rows, &err) == ROWS;
	spent = mel_clock_ns() - began;
	for (; good && mel_stage_part(v.stage, i, &part); i++) {
		good = i < COUNT(least) && part.busy_ns >= least[i] * 1000000;
		sum += part.busy_ns;
	}
	ok(good && i == COUNT(least) && sum <= spent,
	    "J4: the time of the blocks is part of the whole: %s",
	    good ? part.where : err.msg);
	voice_close(&v);
}

/* J4: what a stage waits for is not its own. */
static void
test_waiting(void)
{
	struct mel_err err = {""};
	struct mel_stage_options options = {.first = 3, .env = &env};
	struct mel_stage_part part;
	struct mel_stage *later = NULL;
	struct voice v;
	uint64_t began, spent, source_ns = 0;
	bool good = voice_open(&v,
	    ENCODERS STACK("Encoders",
		"{type: Upsampler}, {type: Mark, nap: 20}, {type: Decoder}"),
	    &err);
	int64_t n = -1;

	mel_stage_close(v.stage);
	v.stage = NULL;
	options.addon = v.addon;
	options.last = v.addon ? v.addon->n_positions : 0;
	good = good && !mel_stage_open(&v.stage,
			   &(struct mel_stage_options){
			       .addon = v.addon, .last = 3, .env = &env},
			   &err);
	options.head = good ? mel_stage_head(v.stage) : NULL;
	good = good && !mel_stage_open(&later, &options, &err) &&
	       !mel_stage_begin(v.stage, &v.data, NULL, &err);
	began = mel_clock_ns();
	if (good && !mel_stage_begin(later, mel_stage_tensors(v.stage),
			mel_stage_rows(v.stage), &err))
		n = mel_streamable_pull_full(
		    mel_stage_rows(later), MOST, rows, &err);
	spent = mel_clock_ns() - began;
	if (n == ROWS) {
		source_ns = mel_streamable_busy_ns(mel_stage_rows(v.stage));
		mel_stage_reset(later);
	}
	ok(n == ROWS && mel_stage_part(later, 0, &part) &&
		source_ns >= 20000000 && part.busy_ns + source_ns <= spent,
	    "J4: waiting for rows that come in is nobody's work %s", err.msg);
	mel_stage_close(later);
	voice_close(&v);
}

/* A5: two addons in one process, rows of the one between rows of the other. */
static void
test_two_voices(void)
{
	static const char other[] = ENCODERS STACK(
	    "Encoders", "{type: Upsampler}, {type: Smooth}, {type: Decoder}");
	static float alone[MOST * WIDTH], a_rows[MOST * WIDTH];
	struct mel_err err = {""};
	struct voice a, b;
	int64_t n = 1, m = 1, n_a = 0, n_b = 0;
	bool good = speak(other, 9, alone, &err) == ROWS;

	good &= voice_open(&a, USUAL, &err);
	good &= voice_open(&b, other, &err);
	good = good && !mel_stage_begin(a.stage, &a.data, NULL, &err) &&
	       !mel_stage_begin(b.stage, &b.data, NULL, &err);
	while (good && (n > 0 || m > 0)) {
		n = mel_streamable_pull_full(
		    mel_stage_rows(a.stage), 5, a_rows + n_a * WIDTH, &err);
		m = mel_streamable_pull_full(
		    mel_stage_rows(b.stage), 11, rows + n_b * WIDTH, &err);
		n_a += n;
		n_b += m;
		good = n >= 0 && m >= 0;
	}
	ok(good && n_a == ROWS && n_b == ROWS &&
		!memcmp(a_rows, usual, ROWS * WIDTH * sizeof(float)) &&
		!memcmp(rows, alone, ROWS * WIDTH * sizeof(float)),
	    "A5: two voices at once, each as alone %s", err.msg);
	voice_close(&a);
	voice_close(&b);
}

struct speaker {
	struct voice voice;
	float rows[MOST * WIDTH];
	int64_t n;
	pthread_t thread;
	struct mel_err err;
};

static void *
speak_often(void *arg)
{
	struct speaker *s = arg;

	for (int i = 0; i < 20; i++)
		s->n = voice_speak(&s->voice, 1 + i, s->rows, &s->err);
	return NULL;
}

/* J2: the library has no state of its own. */
static void
test_threads(void)
{
	static const char text[] =
	    "encoders:\n  - {type: Make, out: encoded, width: 4, quiet: true}"
	    "\n  - {type: Make, out: durations, quiet: true}\n  - " //
	    MAKE_COUNTS "\n" STACK(
		"ParallelEncoders", "{type: Upsampler}, {type: Decoder}");
	static struct speaker s[4];
	bool good = true;

	for (size_t i = 0; i < COUNT(s); i++)
		good &= voice_open(&s[i].voice, text, &s[i].err);
	for (size_t i = 0; good && i < COUNT(s); i++) {
		if (pthread_create(&s[i].thread, NULL, speak_often, &s[i]))
			abort();
	}
	for (size_t i = 0; good && i < COUNT(s); i++)
		pthread_join(s[i].thread, NULL);
	for (size_t i = 0; i < COUNT(s); i++) {
		good = good && s[i].n == ROWS &&
		       !memcmp(s[i].rows, usual, ROWS * WIDTH * sizeof(float));
		voice_close(&s[i].voice);
	}
	ok(good, "J2: four threads with a voice each %s", s[0].err.msg);
}

int
main(void)
{
	fixture_open();
	if (mel_builtin_blocks(&registry, NULL))
		return 1;
	test_new_block();
	test_chain();
	test_containers();
	test_inputs();
	test_nesting();
	test_pipelines();
	test_one_block();
	test_order();
	test_encoders();
	test_parallel();
	test_wrong_kinds();
	test_wrong_pipelines();
	test_wiring();
	test_experiments();
	test_laziness();
	test_accounts();
	test_waiting();
	test_two_voices();
	test_threads();
	mel_registry_free(&registry);
	fixture_close();
	return tap_done();
}
