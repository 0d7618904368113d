/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The laws of blocks, over the whole registry: a block that is registered and
 * not in the tables here fails the test.
 */
#include <math.h>

#include "addon/build.h"
#include "addon/builtin.h"
#include "addon/yaml.h"
#include "block/compose.h"
#include "block/sequence.h"
#include "fixture.h"
#include "tap.h"

#define TOKENS 6
#define MOST   1000 /* rows that a block here can give */

static struct mel_registry registry;
static int64_t tapped; /* side rows seen */

static void
tap(void *ctx, const char *name, const struct mel_tensor *rows)
{
	(void)ctx;
	(void)name;
	tapped += rows->dim[0];
}

static const struct mel_env env = {.tap = tap, .allow_exec = true};

/* The streamable blocks under test. */
static const struct stream_case {
	const char *type; /* in the registry */
	const char *yaml;
	bool upstream;
	int64_t slack; /* rows read from upstream beyond those wanted, at most;
			  -1: all */
} streams[] = {
    {"Upsampler", "{type: Upsampler}", false, 0},
    {"Gain", "{type: Gain, gain: 2, offset: {control: level}}", true, 0},
    {"Smooth", "{type: Smooth, frames: 5}", true, 2},
    {"Smooth", "{type: Smooth, frames: 1}", true, 0},
    {"Smooth", "{type: Smooth, frames: 201}", true, 100},
    {"Probe", "{type: Probe}", true, 0},
    {"Decoder", "{type: Decoder}", true, -1},
    {"Network", "{type: Network, network: level}", true, -1},
    {"Network", "{type: Network, network: level, window: 16, margin: 8}", true,
	23},
    {"Network", "{type: Network, network: level, window: 1, margin: 0}", true,
	0},
    {"Decoder", "{type: Decoder, network: level, window: 300, margin: 2}", true,
	-1},
    {"Network", "{type: Network, network: twice}", true, -1},
    {"AttentionDecoder",
	"{type: AttentionDecoder, network: step, state: {n: n_out}, feedback: "
	"x, first: {n: -139.5}, stop: n_out, inputs: {w: durations}}",
	false, 0},
    {"AttentionMonitor",
	"{type: StreamableStack, stack: [{type: AttentionDecoder, network: "
	"step, state: {n: n_out}, feedback: x, first: {n: -139.5}, stop: "
	"n_out, inputs: {w: durations}, attention: w_out, columns: 8, carry: "
	"true}, {type: AttentionMonitor, columns: 8, tokens: durations}]}",
	false, 0},
    {"Exec", "{type: Exec, command: [cat]}", true, -1},
    {"Exec", "{type: Exec, command: [cat], lookahead: 2, tensors: [counts]}",
	true, 2},
    {"StreamableStack",
	"{type: StreamableStack, stack: [{type: Smooth, frames: 3}, "
	"{type: Gain, offset: 1}, {type: Smooth, frames: 7}]}",
	true, 4},
    {"StreamablePipeline",
	"{type: StreamablePipeline, sequence_block: {type: Scale, "
	"in: encoded, out: encoded, gain: 3}, streamable_block: "
	"{type: StreamableStack, stack: [{type: Upsampler}, "
	"{type: Gain, gain: {control: level}}]}}",
	false, 0},
};

/* Each sequence block, and what it gives. */
static const struct sequence_case {
	const char *type;
	const char *yaml;
} sequences[] = {
    {"Scale", "{type: Scale, in: encoded, out: y, gain: 2, offset: 1}"},
    {"Durations", "{type: Durations}"},
    {"Network", "{network: twice, inputs: {x: encoded}}"},
    {"SequenceBlockContainer",
	"{type: SequenceBlockContainer, blocks: [{type: Durations, in: d2, "
	"out: c2}, {type: Scale, in: durations, out: d2, gain: 2}]}"},
    {"Encoders", "{type: Encoders}"},
    {"ParallelEncoders", "{type: ParallelEncoders}"},
    {"Espeak", "{type: Espeak, symbols: symbols.txt, begin: '^', end: '$'}"},
    {"Characters", "{type: Characters, symbols: symbols.txt}"},
    {"Ids", "{type: Ids}"},
    {"Exec", "{type: Exec, command: [cat], tensors: [encoded, counts], gives: "
	     "{encoded: 'f32 [tokens, 4]', counts: 'i32 [?]'}}"},
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void
fill(struct mel_bundle *data)
{
	static const int32_t counts[TOKENS] = {2, 0, 3, 70, 1, 64};
	static const float durations[TOKENS] = {2, 0.4f, 3, 7.5f, 1, 4};
	float encoded[TOKENS * WIDTH];

	for (int i = 0; i < TOKENS * WIDTH; i++)
		encoded[i] = ramp_value(i, 3);
	fixture_put(data, "encoded", MEL_F32, TOKENS, WIDTH, encoded);
	fixture_put(data, "counts", MEL_I32, TOKENS, 0, counts);
	fixture_put(data, "durations", MEL_F32, TOKENS, 0, durations);
	fixture_put(data, "text", MEL_U8, 5, 0, "1 2 3");
	mel_bundle_put_f32(data, "control:level", 1.5f, NULL);
}

static bool
build(const char *yaml, enum mel_block_kind kind, struct mel_addon **addon,
    struct mel_member *block)
{
	struct mel_buf text = {0};
	struct mel_err err = {""};
	struct mel_builder b = {.env = &env, .where = "here"};

	mel_buf_printf(
	    &text, NULL, "encoders: [{type: Durations}]\nstack: [%s]\n", yaml);
	*block = (struct mel_member){0};
	b.addon = *addon = fixture_addon(text.data, &registry, &err);
	mel_buf_free(&text);
	if (*addon)
		mel_build_block(&b,
		    mel_yaml_item((*addon)->yaml,
			mel_yaml_get((*addon)->yaml,
			    mel_yaml_root((*addon)->yaml), "stack"),
			0),
		    kind, block, &err);
	return ok(
	    block->sequence || block->streamable, "%s opens %s", yaml, err.msg);
}

/* All rows by pulls of `chunk`; -1 on failure. */
static int64_t
pull_all(struct mel_streamable *block, int64_t chunk, float *rows)
{
	int64_t n, total = 0;

	do {
		int64_t want = chunk < MOST - total ? chunk : MOST - total;

		n = want ? mel_streamable_pull(
			       block, want, rows + total * WIDTH, NULL)
			 : 0;
		if (n > 0)
			total += n;
	} while (n > 0);
	return n < 0 ? -1 : total;
}

struct run {
	struct mel_streamable *block;
	struct mel_bundle data;
	struct ramp ramp;
	struct mel_streamable *upstream; /* or NULL */
	float whole[MOST * WIDTH], rows[MOST * WIDTH];
	int64_t n; /* rows of whole */
};

static bool
begin(struct run *r)
{
	if (r->upstream)
		mel_streamable_begin(r->upstream, &r->data, NULL, NULL);
	return !mel_streamable_begin(r->block, &r->data, r->upstream, NULL);
}

static void
check_chunks(struct run *r, const char *yaml)
{
	static const int64_t chunk[] = {1, 2, 7, 32, 63, 64, 65, 10000};

	for (size_t i = 0; i < COUNT(chunk); i++) {
		bool same = begin(r) &&
			    pull_all(r->block, chunk[i], r->rows) == r->n &&
			    !memcmp(r->rows, r->whole,
				(size_t)(r->n * WIDTH) * sizeof(float));

		ok(same, "B6, B7: %s by %lld rows", yaml, (long long)chunk[i]);
	}
}

static void
check_life(struct run *r, const char *yaml)
{
	ok(!mel_streamable_pull(r->block, 5, r->rows, NULL) &&
		!mel_streamable_pull(r->block, 5, r->rows, NULL),
	    "B8: %s: past the end, twice", yaml);
	ok(begin(r) && mel_streamable_pull(r->block, 3, r->rows, NULL) > 0,
	    "%s begins", yaml);
	mel_streamable_reset(r->block);
	ok(begin(r) && pull_all(r->block, 9, r->rows) == r->n &&
		!memcmp(
		    r->rows, r->whole, (size_t)(r->n * WIDTH) * sizeof(float)),
	    "B9: %s: abandoned and used again", yaml);
	ok(begin(r) && begin(r) && pull_all(r->block, 9, r->rows) == r->n,
	    "B9: %s: begun twice", yaml);
}

/* Nothing is pulled before it is asked for, nor more than is needed. */
static void
check_demand(struct run *r, const struct stream_case *c)
{
	int64_t have = 0, n;
	bool lazy, lean = true;

	if (!r->upstream)
		return;
	lazy = begin(r) && !r->ramp.given;
	while ((n = mel_streamable_pull(r->block, 3, r->rows, NULL)) > 0) {
		have += n;
		lean &= c->slack < 0 || r->ramp.given <= have + c->slack;
	}
	ok(lazy, "B4: %s: begin pulls nothing", c->yaml);
	ok(lean, "B4: %s: reads %lld rows ahead at most", c->yaml,
	    (long long)c->slack);
}

/* Rows read until the first three are there, of `total`. */
static int64_t
first_reads(struct run *r, int64_t total)
{
	int64_t before = r->ramp.total;

	r->ramp.total = total;
	if (!begin(r) || mel_streamable_pull(r->block, 3, r->rows, NULL) <= 0)
		r->ramp.given = -1;
	r->ramp.total = before;
	return r->ramp.given;
}

/* Where all rows are read ahead there is nothing to hold. */
static void
check_first(struct run *r, const struct stream_case *c)
{
	int64_t few = 140, many = 100000, n;

	if (!r->upstream || c->slack < 0)
		return;
	n = first_reads(r, few);
	ok(n > 0 && n < few && first_reads(r, many) == n,
	    "B5: %s: as many rows read for the first of %lld as of %lld",
	    c->yaml, (long long)few, (long long)many);
}

static void
check_empty(struct run *r, const char *yaml)
{
	int64_t total = r->ramp.total;

	if (!r->upstream)
		return;
	r->ramp.total = 0;
	ok(begin(r) && !pull_all(r->block, 9, r->rows),
	    "E6: %s: no rows in, none out", yaml);
	r->ramp.total = 1;
	ok(begin(r) && pull_all(r->block, 9, r->rows) == 1, "%s: one row",
	    yaml);
	r->ramp.total = total;
}

static void
test_stream(const struct stream_case *c)
{
	static struct run r;
	struct mel_addon *addon;
	struct mel_member block;

	memset(&r, 0, sizeof(r));
	if (build(c->yaml, MEL_KIND_STREAMABLE, &addon, &block)) {
		fill(&r.data);
		r.block = block.streamable;
		r.ramp.total = 140;
		r.upstream = c->upstream ? ramp_block(&r.ramp) : NULL;
		r.n = begin(&r) ? pull_all(r.block, MOST, r.whole) : -1;
		ok(r.n == 140, "%s: %lld rows", c->yaml, (long long)r.n);
		check_life(&r, c->yaml);
		check_chunks(&r, c->yaml);
		check_demand(&r, c);
		check_first(&r, c);
		check_empty(&r, c->yaml);
	}
	mel_member_close(&block);
	mel_streamable_close(r.upstream);
	mel_bundle_free(&r.data);
	mel_addon_close(addon);
}

static bool
same_bundles(const struct mel_bundle *a, const struct mel_bundle *b)
{
	bool same = a->n == b->n && a->n > 0;

	for (size_t i = 0; same && i < a->n; i++) {
		const struct mel_tensor *x = &a->item[i].tensor;
		const struct mel_tensor *y = mel_bundle_get(b, a->item[i].name);

		same = y && mel_tensor_same_shape(x, y) &&
		       !memcmp(x->data, y->data, mel_tensor_bytes(x));
	}
	return same;
}

/* Makes what is in the bundle its own, since a block's views go away. */
static void
own(struct mel_bundle *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct mel_tensor copy;

		if (mel_tensor_copy(&copy, &b->item[i].tensor, NULL))
			abort();
		mel_tensor_free(&b->item[i].tensor);
		b->item[i].tensor = copy;
	}
}

static void
test_sequence(const struct sequence_case *c)
{
	struct mel_bundle data = {0}, before = {0}, one = {0}, two = {0};
	struct mel_err err = {""};
	struct mel_addon *addon;
	struct mel_member block;

	fill(&data);
	fill(&before);
	if (build(c->yaml, MEL_KIND_SEQUENCE, &addon, &block)) {
		ok(!mel_sequence_run(block.sequence, &data, &one, &err),
		    "C2: %s runs %s", c->yaml, err.msg);
		own(&one);
		ok(!mel_sequence_run(block.sequence, &data, &two, NULL) &&
			same_bundles(&one, &two),
		    "A7: %s: run again, same bytes", c->yaml);
		ok(same_bundles(&before, &data), "%s: input untouched",
		    c->yaml);
		ok(mel_sequence_calls(block.sequence) == 2,
		    "D6: %s: calls are counted", c->yaml);
	}
	mel_bundle_free(&one);
	mel_bundle_free(&two);
	mel_bundle_free(&before);
	mel_bundle_free(&data);
	mel_member_close(&block);
	mel_addon_close(addon);
}

/* Every block there is has a case above. */
static void
test_complete(void)
{
	for (size_t i = 0; i < registry.n_streamable; i++) {
		size_t k = 0;

		while (k < COUNT(streams) &&
		       strcmp(streams[k].type, registry.streamable[i]->name))
			k++;
		ok(k < COUNT(streams), "%s is tested",
		    registry.streamable[i]->name);
	}
	for (size_t i = 0; i < registry.n_sequence; i++) {
		size_t k = 0;

		while (k < COUNT(sequences) &&
		       strcmp(sequences[k].type, registry.sequence[i]->name))
			k++;
		ok(k < COUNT(sequences), "%s is tested",
		    registry.sequence[i]->name);
	}
}

static void
test_registry(void)
{
	struct mel_streamable_type foreign = ramp_type;
	struct mel_err err;

	foreign.abi++;
	ok(mel_registry_add_streamable(&registry, &foreign, &err) &&
		strstr(err.msg, "interface"),
	    "a foreign ABI is refused: %s", err.msg);
	foreign = ramp_type;
	foreign.pull = NULL;
	ok(mel_registry_add_streamable(&registry, &foreign, &err) == -1,
	    "a block without pull is refused: %s", err.msg);
	foreign = ramp_type;
	foreign.name = "Gain";
	ok(mel_registry_add_streamable(&registry, &foreign, &err) == -1,
	    "a name that is taken is refused: %s", err.msg);
}

/* Values by hand, where a law does not tell them. */
static void
test_values(void)
{
	static struct run r;
	struct mel_addon *addon;
	struct mel_member block;
	bool right = true;

	if (!build("{type: Smooth, frames: 5}", MEL_KIND_STREAMABLE, &addon,
		&block))
		return;
	fill(&r.data);
	r.block = block.streamable;
	r.ramp.total = 20;
	r.upstream = ramp_block(&r.ramp);
	r.n = begin(&r) ? pull_all(r.block, 4, r.rows) : 0;
	for (int64_t t = 0; t < r.n; t++) {
		float sum = 0, k = 0;

		for (int64_t i = t - 2; i <= t + 2; i++) {
			if (i < 0 || i >= 20)
				continue;
			sum += ramp_value(i, 1);
			k++;
		}
		right &= r.rows[t * WIDTH + 1] == sum / k;
	}
	ok(r.n == 20 && right, "H3: the mean of what is there");
	tapped = 0;
	mel_member_close(&block);
	mel_addon_close(addon);
	if (build("{type: Probe}", MEL_KIND_STREAMABLE, &addon, &block)) {
		r.block = block.streamable;
		right = begin(&r) && pull_all(r.block, 3, r.rows) == 20;
		for (int64_t t = 0; t < 20; t++)
			right &= r.rows[t * WIDTH] == ramp_value(t, 0);
		ok(right && tapped == 20, "H1: rows unchanged, one side row "
					  "each");
	}
	mel_member_close(&block);
	mel_streamable_close(r.upstream);
	mel_bundle_free(&r.data);
	mel_addon_close(addon);
}

#define EXCERPT 16
#define MARGIN  8

/* Each window's rows by hand: less the mean of what the window has. */
static bool
is_level(const float *rows, int64_t total)
{
	bool right = true;

	for (int64_t t = 0; t < total; t++) {
		int64_t at = t / EXCERPT * EXCERPT;
		int64_t lo = at < MARGIN ? 0 : at - MARGIN;
		int64_t hi = at + EXCERPT + MARGIN;

		hi = hi > total ? total : hi;
		for (int64_t c = 0; c < WIDTH; c++) {
			double sum = 0;

			for (int64_t i = lo; i < hi; i++)
				sum += (double)ramp_value(i, c);
			/* 32 floats below 4, added in f32: 32 * 4 * 2^-24. */
			right &= fabs((double)(ramp_value(t, c) -
					       rows[t * WIDTH + c]) -
				      sum / (double)(hi - lo)) < 1e-5;
		}
	}
	return right;
}

static void
test_window(void)
{
	static const int64_t totals[] = {1, 15, 16, 17, 23, 24, 25, 32, 140};
	static struct run r;
	struct mel_addon *addon;
	struct mel_member block;

	memset(&r, 0, sizeof(r));
	if (!build("{type: Network, network: level, window: 16, margin: 8}",
		MEL_KIND_STREAMABLE, &addon, &block))
		return;
	r.block = block.streamable;
	r.upstream = ramp_block(&r.ramp);
	ok(mel_streamable_spec_of(r.block)->inexact &&
		mel_streamable_spec_of(r.block)->lookahead == 23,
	    "windows are declared as inexact, with their look-ahead");
	for (size_t i = 0; i < COUNT(totals); i++) {
		r.ramp.total = totals[i];
		ok(begin(&r) && pull_all(r.block, 5, r.rows) == totals[i] &&
			is_level(r.rows, totals[i]),
		    "windows over %lld rows, by hand", (long long)totals[i]);
	}
	mel_member_close(&block);
	mel_streamable_close(r.upstream);
	mel_addon_close(addon);
}

static void
check_refused(const char *yaml, const char *words)
{
	struct fixture_block b;
	struct mel_err err = {""};

	ok(!fixture_block_open(
	       &b, &registry, MEL_KIND_STREAMABLE, yaml, &err) &&
		strstr(err.msg, words),
	    "refused: %s", err.msg);
	fixture_block_close(&b);
}

static void
test_window_refused(void)
{
	static struct run r;
	struct mel_err err = {""};
	struct mel_addon *addon;
	struct mel_member block;

	check_refused("{type: Network, network: level, window: 4}",
	    "window and margin belong together");
	check_refused("{type: Network, network: level, margin: 4}",
	    "window and margin belong together");
	check_refused(
	    "{type: Decoder, window: 4, margin: 4}", "streams exactly without");
	check_refused("{type: Network, network: level, window: 0, margin: 4}",
	    "window: 0 is outside");
	check_refused("{type: Network, network: level, window: 1, margin: -2}",
	    "margin: -2 is outside");
	memset(&r, 0, sizeof(r));
	if (!build("{type: Network, network: longer, window: 4, margin: 4}",
		MEL_KIND_STREAMABLE, &addon, &block))
		return;
	r.block = block.streamable;
	r.ramp.total = 20;
	r.upstream = ramp_block(&r.ramp);
	ok(begin(&r) && mel_streamable_pull(r.block, 5, r.rows, &err) < 0 &&
		strstr(err.msg, "window: output \"y\" has 9 rows for 8"),
	    "rows that are not one for each: %s", err.msg);
	mel_member_close(&block);
	mel_streamable_close(r.upstream);
	mel_addon_close(addon);
}

int
main(void)
{
	fixture_open();
	fixture_write("symbols.txt", "^\n$\n1\n2\n3\n \na\nb\nc\n");
	if (mel_builtin_blocks(&registry, NULL))
		return 1;
	test_complete();
	test_registry();
	for (size_t i = 0; i < COUNT(streams); i++)
		test_stream(&streams[i]);
	for (size_t i = 0; i < COUNT(sequences); i++)
		test_sequence(&sequences[i]);
	test_values();
	test_window();
	test_window_refused();
	mel_registry_free(&registry);
	fixture_close();
	return tap_done();
}
