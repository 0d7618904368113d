/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <ftw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addon/addon.h"
#include "addon/build.h"
#include "addon/yaml.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "block/block.h"
#include "block/compose.h"
#include "block/env.h"
#include "block/registry.h"
#include "block/streamable.h"
#include "base/isa.h"
#include "onnxfile.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"

/*
 * An addon made by the test: a temporary folder with two networks, in which
 * each test writes its addon.yaml.
 *
 *	conv.onnx   [1, 4, time] to [1, 4, time]: Conv over time, kernel 3
 *	twice.onnx  [1, time, 4] to [1, time, 4]: x + x
 *	level.onnx  the same: x - its mean over all of time
 *	longer.onnx the same: x, and a row behind it, the mean
 *	step.onnx   x [1, 4] to y: x + 0.5; n [1, 1] to n_out: n + 1; w
 *	            [1, time] to w_out: w + w
 */
#define WIDTH 4

static char fixture_dir[64];

static inline void
fixture_write(const char *name, const char *text)
{
	char path[128];
	struct mel_outfile out;
	struct mel_err err;

	snprintf(path, sizeof(path), "%s/%s", fixture_dir, name);
	if (mel_outfile_open(&out, path, &err) ||
	    mel_write_full(out.fd, text, strlen(text), &err) ||
	    mel_outfile_commit(&out, &err)) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
}

static inline void
fixture_networks(void)
{
	int64_t across[3] = {1, WIDTH, -1}, along[3] = {1, -1, WIDTH};
	int64_t dim[3] = {WIDTH, WIDTH, 3}, pads[2] = {1, 1};
	float weight[WIDTH * WIDTH * 3];
	struct mel_buf g = {0}, none = {0};
	char path[128];

	for (size_t i = 0; i < WIDTH * WIDTH * 3; i++)
		weight[i] = (float)(int)(i * 7 % 11) / 8 - 0.5f;
	add_init(&g, "w", PB_F32, 3, dim, weight, sizeof(weight));
	add_io(&g, 11, "x", PB_F32, 3, across);
	add_io(&g, 12, "mel", PB_F32, 3, across);
	add_node(&g, "Conv", "x w", "mel", attr_ints(none, "pads", pads, 2));
	snprintf(path, sizeof(path), "%s/conv.onnx", fixture_dir);
	save_model(path, &g, 13);
	g = (struct mel_buf){0};
	add_io(&g, 11, "x", PB_F32, 3, along);
	add_io(&g, 12, "y", PB_F32, 3, along);
	add_node(&g, "Add", "x x", "y", none);
	snprintf(path, sizeof(path), "%s/twice.onnx", fixture_dir);
	save_model(path, &g, 13);
	g = (struct mel_buf){0};
	add_io(&g, 11, "x", PB_F32, 3, along);
	add_io(&g, 12, "y", PB_F32, 3, along);
	add_node(&g, "ReduceMean", "x", "m", attr_ints(none, "axes", pads, 1));
	add_node(&g, "Sub", "x m", "y", none);
	snprintf(path, sizeof(path), "%s/level.onnx", fixture_dir);
	save_model(path, &g, 13);
	g = (struct mel_buf){0};
	add_io(&g, 11, "x", PB_F32, 3, along);
	add_io(&g, 12, "y", PB_F32, 3, along);
	add_node(&g, "ReduceMean", "x", "m", attr_ints(none, "axes", pads, 1));
	add_node(&g, "Concat", "x m", "y", attr_int(none, "axis", 1));
	snprintf(path, sizeof(path), "%s/longer.onnx", fixture_dir);
	save_model(path, &g, 13);
}

static inline void
fixture_step(void)
{
	static const float half[WIDTH] = {0.5f, 0.5f, 0.5f, 0.5f}, one = 1;
	int64_t frame[2] = {1, WIDTH}, number[2] = {1, 1}, line[2] = {1, -1};
	struct mel_buf g = {0}, none = {0};
	char path[128];

	add_init(&g, "half", PB_F32, 2, frame, half, sizeof(half));
	add_init(&g, "one", PB_F32, 2, number, &one, sizeof(one));
	add_io(&g, 11, "x", PB_F32, 2, frame);
	add_io(&g, 11, "n", PB_F32, 2, number);
	add_io(&g, 11, "w", PB_F32, 2, line);
	add_io(&g, 12, "y", PB_F32, 2, frame);
	add_io(&g, 12, "n_out", PB_F32, 2, number);
	add_io(&g, 12, "w_out", PB_F32, 2, line);
	add_node(&g, "Add", "x half", "y", none);
	add_node(&g, "Add", "n one", "n_out", none);
	add_node(&g, "Add", "w w", "w_out", none);
	snprintf(path, sizeof(path), "%s/step.onnx", fixture_dir);
	save_model(path, &g, 13);
}

static inline void
fixture_open(void)
{
	strcpy(fixture_dir, "/tmp/melpipe-XXXXXX");
	if (!mkdtemp(fixture_dir)) {
		printf("Bail out! no temporary folder\n");
		exit(1);
	}
	fixture_networks();
	fixture_step();
}

static inline int
fixture_remove(
    const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void
fixture_close(void)
{
	nftw(fixture_dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* The keys that every addon.yaml here has; `stack` is up to the test. */
#define FIXTURE_HEAD                                                           \
	"name: test\n"                                                         \
	"networks: {conv: {file: conv.onnx},\n"                                \
	"  twice: {file: twice.onnx}, level: {file: level.onnx}, "             \
	"longer: {file: longer.onnx},\n"                                       \
	"  step: {file: step.onnx}}\n"                                         \
	"decoder: conv\n"                                                      \
	"controls:\n"                                                          \
	"  level: {default: 1, min: 0, max: 2}\n"

/* An addon with that text behind FIXTURE_HEAD; NULL and *err. */
static inline struct mel_addon *
fixture_addon(
    const char *text, const struct mel_registry *registry, struct mel_err *err)
{
	struct mel_buf all = {0};
	struct mel_addon *addon = NULL;

	mel_buf_printf(&all, NULL, "%s%s", FIXTURE_HEAD, text);
	fixture_write("addon.yaml", all.data);
	mel_buf_free(&all);
	if (mel_addon_open(&addon, fixture_dir, registry, MEL_ISA_AUTO, err))
		return NULL;
	return addon;
}

/* One block and the addon that it was made from. */
struct fixture_block {
	struct mel_addon *addon;
	struct mel_member block;
};

/* The block of a line of YAML; false with *err if it is refused. */
static inline bool
fixture_block_open_in(struct fixture_block *b,
    const struct mel_registry *registry, enum mel_block_kind kind,
    const char *yaml, const struct mel_env *env, struct mel_err *err)
{
	struct mel_builder builder = {.env = env, .where = "here"};
	struct mel_buf text = {0};
	struct mel_yaml *tree;

	*b = (struct fixture_block){0};
	mel_buf_printf(&text, NULL, "stack: [%s]\n", yaml);
	b->addon = fixture_addon(text.data, registry, err);
	mel_buf_free(&text);
	if (!b->addon)
		return false;
	builder.addon = b->addon;
	tree = b->addon->yaml;
	return !mel_build_block(&builder,
	    mel_yaml_item(
		tree, mel_yaml_get(tree, mel_yaml_root(tree), "stack"), 0),
	    kind, &b->block, err);
}

/* The same in a world where nothing is there nor allowed. */
static inline bool
fixture_block_open(struct fixture_block *b, const struct mel_registry *registry,
    enum mel_block_kind kind, const char *yaml, struct mel_err *err)
{
	static const struct mel_env env = {0};

	return fixture_block_open_in(b, registry, kind, yaml, &env, err);
}

static inline void
fixture_block_close(struct fixture_block *b)
{
	mel_member_close(&b->block);
	mel_addon_close(b->addon);
}

/* Adds a copy of values under a name. */
static inline void
fixture_put(struct mel_bundle *b, const char *name, enum mel_dtype dtype,
    int64_t rows, int64_t width, const void *values)
{
	int64_t dim[2] = {rows, width};
	struct mel_tensor t;

	if (mel_tensor_new(&t, dtype, width ? 2 : 1, dim, NULL))
		abort();
	if (mel_tensor_bytes(&t))
		memcpy(t.data, values, mel_tensor_bytes(&t));
	if (mel_bundle_put(b, name, &t, NULL))
		abort();
}

/*
 * A source of rows whose values are a fixed function of place, and which
 * counts what was asked of it.
 */
struct ramp {
	int64_t total, given;
};

static inline int
ramp_open(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	(void)env;
	(void)err;
	*(struct ramp **)state = *(struct ramp *const *)options;
	spec->width = WIDTH;
	return 0;
}

static inline int
ramp_begin(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	(void)data;
	(void)upstream;
	(void)err;
	(*(struct ramp **)state)->given = 0;
	*width = WIDTH;
	return 0;
}

static inline float
ramp_value(int64_t row, int64_t column)
{
	return (float)(int)((row * 37 + column * 11) % 101) / 16 - 3;
}

static inline int64_t
ramp_pull(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct ramp *r = *(struct ramp **)state;
	int64_t n = 0;

	(void)err;
	for (; n < wanted && r->given < r->total; n++, r->given++) {
		for (int64_t c = 0; c < WIDTH; c++)
			rows[n * WIDTH + c] = ramp_value(r->given, c);
	}
	return n;
}

static const struct mel_streamable_type ramp_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Ramp",
    .help = "rows for tests",
    .options_size = sizeof(struct ramp *),
    .state_size = sizeof(struct ramp *),
    .open = ramp_open,
    .begin = ramp_begin,
    .pull = ramp_pull,
};

static inline struct mel_streamable *
ramp_block(struct ramp *ramp)
{
	static const struct mel_env env = {0};
	struct ramp **options = malloc(sizeof(ramp));
	struct mel_streamable *block;

	*options = ramp;
	if (mel_streamable_open(
		&block, &ramp_type, options, "ramp", &env, NULL))
		abort();
	return block;
}

#endif
