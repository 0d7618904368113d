/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RANDOMGRAPH_H
#define RANDOMGRAPH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "onnxfile.h"

/*
 * Random networks of the layers that speech is made with, for tests of the
 * row law: x [1, C, T], mask [1, 1, T] and speaker [1, SPEAKER] to one output
 * [1, C', T']. All choices come from a seed or, for a fuzzer, from bytes; a
 * graph that ends early is a graph, too. Weights are such that values stay
 * near 1, so that errors can be bounded.
 */

struct choices {
	const uint8_t *data; /* [n] one a choice; behind them each is lo */
	size_t n, at;
	uint64_t seed, counter; /* if data is NULL */
};

/* In [lo, hi]. */
static inline int64_t
choose(struct choices *c, int64_t lo, int64_t hi)
{
	uint64_t span = (uint64_t)(hi - lo) + 1;
	uint32_t x[4];

	if (c->data)
		return lo +
		       (c->at < c->n ? c->data[c->at++] % (int64_t)span : 0);
	mel_rng_block(c->seed, 17, c->counter++, x);
	return lo + (int64_t)(x[0] % span);
}

#define MOST_CHANNELS 64
#define MOST_STRETCH  8  /* rows for one of the input's */
#define MOST_NAMED    64 /* values that later layers may read again */

/* A value [1, width, T]; two of one stage have the same T. */
struct named {
	char name[16];
	int64_t width;
	int stage;
};

struct randomgraph {
	struct choices *from;
	struct mel_buf buf;
	struct named at; /* the value that the next layer goes on from */
	struct named past[MOST_NAMED];
	int n_past;
	int n;           /* names so far */
	int64_t stretch; /* rows for one of the input's, at most */
	uint64_t drawn;  /* weights so far */
};

static inline int64_t
pick(struct randomgraph *g, int64_t lo, int64_t hi)
{
	return choose(g->from, lo, hi);
}

/* In [-scale, scale), the same for every graph. */
static inline float
draw(struct randomgraph *g, float scale)
{
	return scale * (2 * mel_rng_uniform(9, 1, g->drawn++) - 1);
}

/* A new constant of f32; its name in name[16]. */
static inline void
put_weights(struct randomgraph *g, char *name, float scale, int ndim,
    const int64_t *dim)
{
	size_t n = 1;
	float *w;

	for (int d = 0; d < ndim; d++)
		n *= (size_t)dim[d];
	w = malloc(n * sizeof(*w));
	for (size_t i = 0; i < n; i++)
		w[i] = draw(g, scale);
	snprintf(name, 16, "w%d", g->n++);
	add_init(&g->buf, name, PB_F32, ndim, dim, w, n * sizeof(*w));
	free(w);
}

static inline void
put_number(struct randomgraph *g, char *name, float value)
{
	snprintf(name, 16, "c%d", g->n++);
	add_init(&g->buf, name, PB_F32, 0, NULL, &value, sizeof(value));
}

static inline void
put_i64(struct randomgraph *g, char *name, const int64_t *v, int n)
{
	snprintf(name, 16, "i%d", g->n++);
	add_init_i64(&g->buf, name, v, n);
}

/* One node from `at`; `more`: further inputs. Width and stage stay. */
static inline void
go_on(struct randomgraph *g, const char *kind, const char *more,
    struct mel_buf attr)
{
	char in[128], out[16];

	snprintf(in, sizeof(in), "%s%s%s", g->at.name, *more ? " " : "", more);
	snprintf(out, sizeof(out), "v%d", g->n++);
	add_node(&g->buf, kind, in, out, attr);
	strcpy(g->at.name, out);
}

/* The rows of what follows are others than those of what was. */
static inline void
new_stage(struct randomgraph *g)
{
	g->at.stage = g->n;
}

static inline void
go_bare(struct randomgraph *g, const char *kind)
{
	go_on(g, kind, "", (struct mel_buf){0});
}

static inline void
turn(struct randomgraph *g, int64_t a, int64_t b, int64_t c)
{
	const int64_t perm[3] = {a, b, c};

	go_on(g, "Transpose", "",
	    attr_ints((struct mel_buf){0}, "perm", perm, 3));
}

/* So that a sum of n products of numbers near 1 is near 1. */
static inline float
scale_for(int64_t n)
{
	return sqrtf(3.0f / (float)n);
}

/* ---- layers of one row ---- */

static inline void
layer_act(struct randomgraph *g)
{
	static const char *const kinds[] = {"Relu", "LeakyRelu", "Tanh",
	    "Sigmoid", "Elu", "Softplus", "Gelu", "Neg", "Abs", "Erf",
	    "HardSigmoid", "HardSwish", "Sin", "Softsign", "Mish"};

	go_bare(g, kinds[pick(g, 0, 14)]);
}

static inline void
layer_scale(struct randomgraph *g)
{
	static const char *const kinds[] = {
	    "Add", "Mul", "Sub", "Max", "Min", "PRelu"};
	int64_t dim[3] = {1, g->at.width, 1};
	int skip = (int)pick(g, 0, 1); /* the axis of items */
	char w[16];

	put_weights(g, w, 1, 3 - skip, dim + skip);
	go_on(g, kinds[pick(g, 0, 5)], w, (struct mel_buf){0});
}

static inline void
layer_norm(struct randomgraph *g)
{
	struct mel_buf attr = attr_float((struct mel_buf){0}, "epsilon", 0.1f);
	char w[16], b[16], both[40];

	put_weights(g, w, 1, 1, &g->at.width);
	put_weights(g, b, 1, 1, &g->at.width);
	snprintf(both, sizeof(both), "%s %s", w, b);
	turn(g, 0, 2, 1);
	go_on(g, "LayerNormalization", both, attr);
	turn(g, 0, 2, 1);
}

static inline void
layer_batch(struct randomgraph *g)
{
	float var[MOST_CHANNELS];
	char name[4][16], all[80];

	for (int i = 0; i < 3; i++)
		put_weights(g, name[i], 1, 1, &g->at.width);
	for (int i = 0; i < g->at.width; i++)
		var[i] = 1.5f + draw(g, 1);
	snprintf(name[3], 16, "w%d", g->n++);
	add_init(&g->buf, name[3], PB_F32, 1, &g->at.width, var,
	    (size_t)g->at.width * sizeof(*var));
	snprintf(all, sizeof(all), "%s %s %s %s", name[0], name[1], name[2],
	    name[3]);
	go_on(g, "BatchNormalization", all, (struct mel_buf){0});
}

/* Softmax, or what is left when mean or maximum of the channels are taken. */
static inline void
layer_channels(struct randomgraph *g)
{
	const int64_t axis = 1;
	struct named before = g->at;
	char axes[16];
	int which = (int)pick(g, 0, 2);

	if (!which) {
		go_on(
		    g, "Softmax", "", attr_int((struct mel_buf){0}, "axis", 1));
		return;
	}
	put_i64(g, axes, &axis, 1);
	go_on(g, which == 1 ? "ReduceMean" : "ReduceMax", axes,
	    (struct mel_buf){0});
	go_on(g, "Sub", before.name, (struct mel_buf){0});
}

/* tanh of one half times sigmoid of the other. */
static inline void
layer_gate(struct randomgraph *g)
{
	char a[16], b[16], sizes[16], in[40], both[40];
	int64_t half[2] = {g->at.width / 2, g->at.width / 2};

	if (g->at.width % 2)
		return;
	put_i64(g, sizes, half, 2);
	snprintf(in, sizeof(in), "%s %s", g->at.name, sizes);
	snprintf(a, sizeof(a), "v%d", g->n++);
	snprintf(b, sizeof(b), "v%d", g->n++);
	snprintf(both, sizeof(both), "%s %s", a, b);
	add_node(&g->buf, "Split", in, both,
	    attr_int((struct mel_buf){0}, "axis", 1));
	strcpy(g->at.name, b);
	g->at.width /= 2;
	go_bare(g, "Sigmoid");
	strcpy(b, g->at.name);
	strcpy(g->at.name, a);
	go_bare(g, "Tanh");
	go_on(g, "Mul", b, (struct mel_buf){0});
}

static inline void
layer_linear(struct randomgraph *g)
{
	int64_t dim[2] = {g->at.width, pick(g, 1, MOST_CHANNELS)};
	char w[16], b[16];

	put_weights(g, w, scale_for(dim[0]), 2, dim);
	put_weights(g, b, 1, 1, dim + 1);
	turn(g, 0, 2, 1);
	go_on(g, "MatMul", w, (struct mel_buf){0});
	if (pick(g, 0, 2))
		go_on(g, "Add", b, (struct mel_buf){0});
	turn(g, 0, 2, 1);
	g->at.width = dim[1];
}

/* What is small is taken from another place. */
static inline void
layer_select(struct randomgraph *g)
{
	struct named before = g->at;
	char limit[16], rest[40], mask[16];

	put_number(g, limit, draw(g, 1));
	go_on(g, "Greater", limit, (struct mel_buf){0});
	strcpy(mask, g->at.name);
	g->at = before;
	layer_act(g);
	snprintf(rest, sizeof(rest), "%s %s", before.name, g->at.name);
	strcpy(g->at.name, mask);
	go_on(g, "Where", rest, (struct mel_buf){0});
}

/* Sum with, or beside, a value made before that has the same rows. */
static inline void
layer_join(struct randomgraph *g)
{
	static const char *const kinds[] = {"Add", "Sub", "Mul", "Max"};
	const struct named *p = &g->past[pick(g, 0, g->n_past - 1)];

	if (p->stage != g->at.stage)
		return;
	if (p->width == g->at.width) {
		go_on(g, kinds[pick(g, 0, 3)], p->name, (struct mel_buf){0});
	} else if (p->width + g->at.width <= MOST_CHANNELS) {
		go_on(g, "Concat", p->name,
		    attr_int((struct mel_buf){0}, "axis", 1));
		g->at.width += p->width;
	}
}

/* A number a row, and one a network: inputs of their own. */
#define SPEAKER 6 /* numbers of the latter */

static inline void
layer_mask(struct randomgraph *g)
{
	if (!g->at.stage)
		go_on(g, "Mul", "mask", (struct mel_buf){0});
}

static inline void
layer_speaker(struct randomgraph *g)
{
	int64_t dim[2] = {SPEAKER, g->at.width}, axis = 2;
	char w[16], axes[16];
	struct named rows = g->at;

	put_weights(g, w, scale_for(SPEAKER), 2, dim);
	put_i64(g, axes, &axis, 1);
	strcpy(g->at.name, "speaker");
	go_on(g, "MatMul", w, (struct mel_buf){0});
	layer_act(g);
	go_on(g, "Unsqueeze", axes, (struct mel_buf){0});
	go_on(g, "Add", rows.name, (struct mel_buf){0});
}

/* ---- layers that look at other rows ---- */

static inline void
layer_conv_as(struct randomgraph *g, bool same)
{
	int64_t taps = pick(g, 1, 7), dilation = pick(g, 1, 3);
	int64_t reach = (taps - 1) * dilation, group = 1;
	int64_t stride = same ? 1 : pick(g, 1, 3);
	int64_t pads[2] = {pick(g, 0, reach), pick(g, 0, reach)};
	int64_t dim[3] = {0, 0, taps};
	struct mel_buf attr = {0};
	char w[16], b[16], both[40];
	int kind = (int)pick(g, 0, 3);

	dim[0] = same ? g->at.width : pick(g, 1, MOST_CHANNELS);
	if (kind == 0) { /* one filter a channel */
		group = g->at.width;
		dim[0] = group;
	} else if (kind == 1 && g->at.width % 2 == 0 && dim[0] % 2 == 0) {
		group = 2;
	}
	dim[1] = g->at.width / group;
	if (same)
		pads[1] = reach - pads[0];
	put_weights(g, w, scale_for(dim[1] * taps), 3, dim);
	put_weights(g, b, 1, 1, dim);
	snprintf(both, sizeof(both), "%s %s", w, b);
	attr = attr_ints(attr, "pads", pads, 2);
	attr = attr_ints(attr, "dilations", &dilation, 1);
	attr = attr_ints(attr, "strides", &stride, 1);
	go_on(g, "Conv", pick(g, 0, 2) ? both : w,
	    attr_int(attr, "group", group));
	g->at.width = dim[0];
	if (!same)
		new_stage(g);
}

static inline void
layer_conv(struct randomgraph *g)
{
	layer_conv_as(g, false);
}

static inline void
layer_residual(struct randomgraph *g)
{
	struct named before = g->at;

	layer_conv_as(g, true);
	layer_act(g);
	go_on(g, "Add", before.name, (struct mel_buf){0});
}

/* Two of one value that come together, as the halves of a gate. */
static inline void
layer_pair(struct randomgraph *g)
{
	struct named before = g->at, one;

	layer_conv_as(g, true);
	if (pick(g, 0, 1))
		layer_act(g);
	one = g->at;
	g->at = before;
	layer_conv_as(g, true);
	if (pick(g, 0, 1))
		layer_act(g);
	go_on(g, pick(g, 0, 1) ? "Mul" : "Add", one.name, (struct mel_buf){0});
}

static inline void
layer_spread(struct randomgraph *g)
{
	int64_t most = MOST_STRETCH / g->stretch;
	int64_t stride = pick(g, 1, most < 4 ? most : 4);
	int64_t taps = pick(g, 1, 8), dilation = pick(g, 1, 2);
	int64_t pads[2] = {pick(g, 0, 2), pick(g, 0, 2)}, group = 1;
	int64_t more = pick(g, 0, stride - 1);
	int64_t dim[3] = {g->at.width, pick(g, 1, MOST_CHANNELS), taps};
	struct mel_buf attr = {0};
	char w[16];

	if (!pick(g, 0, 3)) {
		group = g->at.width;
		dim[1] = 1;
	}
	put_weights(
	    g, w, scale_for(dim[0] / group * (1 + taps / stride)), 3, dim);
	attr = attr_ints(attr, "pads", pads, 2);
	attr = attr_ints(attr, "dilations", &dilation, 1);
	attr = attr_ints(attr, "output_padding", &more, 1);
	attr = attr_int(attr, "group", group);
	go_on(g, "ConvTranspose", w, attr_ints(attr, "strides", &stride, 1));
	g->at.width = dim[1] * group;
	g->stretch *= stride;
	new_stage(g);
}

static inline void
layer_pad(struct randomgraph *g)
{
	static const char *const modes[] = {"constant", "reflect", "edge"};
	int mode = (int)pick(g, 0, 2);
	int64_t least = mode ? 0 : -1; /* cuts */
	int64_t pads[6] = {0, 0, pick(g, least, 4), 0, 0, pick(g, least, 4)};
	char name[16];

	put_i64(g, name, pads, 6);
	go_on(
	    g, "Pad", name, attr_str((struct mel_buf){0}, "mode", modes[mode]));
	new_stage(g);
}

static inline void
layer_pool(struct randomgraph *g)
{
	int64_t taps = pick(g, 1, 4), stride = pick(g, 1, 2);
	int64_t pads[2] = {pick(g, 0, taps - 1), pick(g, 0, taps - 1)};
	bool max = pick(g, 0, 1);
	struct mel_buf attr = attr_ints((struct mel_buf){0}, "pads", pads, 2);

	attr = attr_ints(attr, "strides", &stride, 1);
	attr = attr_ints(attr, "kernel_shape", &taps, 1);
	if (!max)
		attr = attr_int(attr, "count_include_pad", pick(g, 0, 1));
	go_on(g, max ? "MaxPool" : "AveragePool", "", attr);
	new_stage(g);
}

/* [1, C, T] to [T, directions, 1, H] and back. */
static inline void
put_recurrent(struct randomgraph *g, const char *direction, int64_t n)
{
	static const char *const kinds[] = {"LSTM", "GRU", "RNN"};
	static const int64_t gates[] = {4, 3, 1};
	int which = (int)pick(g, 0, 2);
	int64_t size = pick(g, 1, MOST_CHANNELS / 2),
		rows = gates[which] * size;
	const int64_t perm[4] = {2, 1, 3, 0}, shape[3] = {1, n * size, -1};
	struct mel_buf attr = {0};
	char w[16], r[16], both[40], name[16];

	put_weights(
	    g, w, scale_for(g->at.width), 3, (int64_t[]){n, rows, g->at.width});
	put_weights(
	    g, r, 0.5f * scale_for(size), 3, (int64_t[]){n, rows, size});
	snprintf(both, sizeof(both), "%s %s", w, r);
	attr = attr_str(attr, "direction", direction);
	if (which == 1)
		attr = attr_int(attr, "linear_before_reset", pick(g, 0, 1));
	turn(g, 2, 0, 1);
	go_on(g, kinds[which], both, attr_int(attr, "hidden_size", size));
	go_on(g, "Transpose", "",
	    attr_ints((struct mel_buf){0}, "perm", perm, 4));
	put_i64(g, name, shape, 3);
	go_on(g, "Reshape", name, (struct mel_buf){0});
	g->at.width = n * size;
}

static inline void
layer_recurrent(struct randomgraph *g)
{
	put_recurrent(g, "forward", 1);
}

static inline void
layer_sum(struct randomgraph *g)
{
	int64_t axis = 2;
	char name[16], small[16];

	put_number(g, small, 1.0f / 64);
	put_i64(g, name, &axis, 1);
	go_on(g, "CumSum", name,
	    attr_int((struct mel_buf){0}, "exclusive", pick(g, 0, 1)));
	go_on(g, "Mul", small, (struct mel_buf){0});
}

static inline void
layer_slice(struct randomgraph *g)
{
	int64_t from = pick(g, 0, 3), axis = 2, step = pick(g, 1, 2);
	int64_t to = pick(g, 0, 1) ? -pick(g, 1, 3) : 1 << 30;
	char a[4][16], all[80];

	put_i64(g, a[0], &from, 1);
	put_i64(g, a[1], &to, 1);
	put_i64(g, a[2], &axis, 1);
	put_i64(g, a[3], &step, 1);
	snprintf(all, sizeof(all), "%s %s %s %s", a[0], a[1], a[2], a[3]);
	go_on(g, "Slice", all, (struct mel_buf){0});
	new_stage(g);
}

/* Rows in front, as causal networks have them, or behind. */
static inline void
layer_append(struct randomgraph *g)
{
	int64_t dim[3] = {1, g->at.width, pick(g, 1, 3)};
	char w[16], swap[16];

	put_weights(g, w, 1, 3, dim);
	if (pick(g, 0, 2)) {
		strcpy(swap, g->at.name);
		strcpy(g->at.name, w);
		strcpy(w, swap);
	}
	go_on(g, "Concat", w, attr_int((struct mel_buf){0}, "axis", 2));
	new_stage(g);
}

static inline void
layer_repeat(struct randomgraph *g)
{
	int64_t times = pick(g, 1, 3), dim = 3;
	float scales[3] = {1, 1, (float)times};
	struct mel_buf attr = {0};
	char name[16], all[40];

	if (g->stretch * times > MOST_STRETCH)
		return;
	snprintf(name, sizeof(name), "c%d", g->n++);
	snprintf(all, sizeof(all), "_ %s", name);
	add_init(&g->buf, name, PB_F32, 1, &dim, scales, sizeof(scales));
	attr = attr_str(attr, "mode", "nearest");
	attr = attr_str(attr, "nearest_mode", "floor");
	go_on(g, "Resize", all,
	    attr_str(attr, "coordinate_transformation_mode", "asymmetric"));
	g->stretch *= times;
	new_stage(g);
}

/* Rows are cut into more rows of fewer channels, or joined. */
static inline void
layer_fold(struct randomgraph *g)
{
	bool joined = !pick(g, 0, 3);
	int64_t shape[3] = {1, -1, g->at.width};
	char name[16];

	if (joined ? g->at.width * 2 > MOST_CHANNELS
		   : g->at.width % 2 || g->stretch * 2 > MOST_STRETCH)
		return;
	if (joined) {
		shape[2] *= 2;
	} else {
		shape[2] /= 2;
		g->stretch *= 2;
	}
	put_i64(g, name, shape, 3);
	turn(g, 0, 2, 1);
	go_on(g, "Reshape", name, (struct mel_buf){0});
	turn(g, 0, 2, 1);
	g->at.width = shape[2];
	new_stage(g);
}

/* ---- layers that look at all rows ---- */

static inline void
layer_attention(struct randomgraph *g)
{
	int64_t width = g->at.width, dim[2] = {width, pick(g, 1, 32)};
	char part[3][16], scale[16], w[16];
	struct named rows;

	turn(g, 0, 2, 1);
	rows = g->at;
	for (int i = 0; i < 3; i++) {
		g->at = rows;
		put_weights(g, w, scale_for(width), 2, dim);
		go_on(g, "MatMul", w, (struct mel_buf){0});
		if (i == 1)
			turn(g, 0, 2, 1);
		strcpy(part[i], g->at.name);
	}
	strcpy(g->at.name, part[0]);
	put_number(g, scale, 1 / sqrtf((float)dim[1]));
	go_on(g, "MatMul", part[1], (struct mel_buf){0});
	go_on(g, "Mul", scale, (struct mel_buf){0});
	go_on(g, "Softmax", "", attr_int((struct mel_buf){0}, "axis", -1));
	go_on(g, "MatMul", part[2], (struct mel_buf){0});
	turn(g, 0, 2, 1);
	g->at.width = dim[1];
}

static inline void
layer_bidirectional(struct randomgraph *g)
{
	put_recurrent(g, "bidirectional", 2);
}

/* What is left without the mean of all rows. */
static inline void
layer_mean(struct randomgraph *g)
{
	const int64_t axis = 2;
	struct named before = g->at;
	char axes[16];

	put_i64(g, axes, &axis, 1);
	go_on(g, "ReduceMean", axes, (struct mel_buf){0});
	go_on(g, "Sub", before.name, (struct mel_buf){0});
}

static inline void
layer_instance(struct randomgraph *g)
{
	struct mel_buf attr = attr_float((struct mel_buf){0}, "epsilon", 0.1f);
	char w[16], b[16], both[40];

	put_weights(g, w, 1, 1, &g->at.width);
	put_weights(g, b, 1, 1, &g->at.width);
	snprintf(both, sizeof(both), "%s %s", w, b);
	go_on(g, "InstanceNormalization", both, attr);
}

static inline void
layer_reverse(struct randomgraph *g)
{
	const int64_t from = -1, to = INT64_MIN, axis = 2, step = -1;
	char a[4][16], all[80];

	put_i64(g, a[0], &from, 1);
	put_i64(g, a[1], &to, 1);
	put_i64(g, a[2], &axis, 1);
	put_i64(g, a[3], &step, 1);
	snprintf(all, sizeof(all), "%s %s %s %s", a[0], a[1], a[2], a[3]);
	go_on(g, "Slice", all, (struct mel_buf){0});
}

/* ---- graphs ---- */

typedef void layer_fn(struct randomgraph *g);

static layer_fn *const layers[] = {
    layer_residual, /* first: what no bytes are left for */
    layer_residual,
    layer_conv,
    layer_conv,
    layer_pair,
    layer_spread,
    layer_act,
    layer_scale,
    layer_norm,
    layer_batch,
    layer_channels,
    layer_gate,
    layer_linear,
    layer_select,
    layer_mask,
    layer_speaker,
    layer_join,
    layer_join,
    layer_pad,
    layer_pool,
    layer_recurrent,
    layer_sum,
    layer_slice,
    layer_append,
    layer_repeat,
    layer_fold,
    layer_attention, /* from here on: of all rows */
    layer_bidirectional,
    layer_mean,
    layer_instance,
    layer_reverse,
};

#define LAYERS     ((int)(sizeof(layers) / sizeof(*layers)))
#define WHOLE_ONES 5 /* at the end */

/*
 * The model of a graph of so many layers, to be freed; whole: with layers that
 * look at all rows, too. Its opset is 20.
 */
static inline struct mel_buf
randomgraph(struct choices *from, int n_layers, bool whole)
{
	struct randomgraph g = {.from = from, .stretch = 1};
	int most = LAYERS - 1 - (whole ? 0 : WHOLE_ONES);

	g.at = (struct named){"x", choose(from, 1, MOST_CHANNELS / 2), 0};
	/* Some text, so that weights lie at any address. */
	put_bytes(&g.buf, 10, "text", (size_t)choose(from, 0, 3));
	add_io(&g.buf, 11, "x", PB_F32, 3, (int64_t[]){1, g.at.width, -1});
	add_io(&g.buf, 11, "mask", PB_F32, 3, (int64_t[]){1, 1, -1});
	add_io(&g.buf, 11, "speaker", PB_F32, 2, (int64_t[]){1, SPEAKER});
	for (int i = 0; i < n_layers; i++) {
		if (g.n_past < MOST_NAMED)
			g.past[g.n_past++] = g.at;
		layers[pick(&g, 0, most)](&g);
	}
	go_bare(&g, "Sigmoid");
	add_bare_io(&g.buf, 12, g.at.name);
	return pb_model(&g.buf, 20);
}

#endif
