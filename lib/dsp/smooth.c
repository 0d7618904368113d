/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/streamable.h"

struct options {
	int64_t frames; /* odd */
};

#define BLOCK 64 /* rows computed at most per pull */

/*
 * Keeps rows [first, have) of upstream: at most `radius` rows behind the next
 * one to give, BLOCK new ones and `radius` ahead.
 */
struct smooth {
	int64_t radius; /* frames on each side */
	struct mel_streamable *upstream;
	int64_t width;
	float *row;    /* [2 * radius + BLOCK, width] */
	size_t cap;    /* rows x width */
	int64_t first; /* index of row 0 of the buffer */
	int64_t have;  /* rows received so far */
	int64_t next;  /* index of the row to give next */
	bool ended;    /* upstream has no more */
};

static int
open_smooth(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct smooth *s = state;

	(void)env;
	if (o->frames % 2 == 0)
		return mel_fail(
		    err, "frames: %lld is not odd", (long long)o->frames);
	s->radius = o->frames / 2;
	spec->upstream = true;
	spec->lookahead = s->radius;
	return 0;
}

static int
begin_smooth(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct smooth *s = state;
	size_t floats;

	(void)data;
	s->upstream = upstream;
	s->width = *width = mel_streamable_width(upstream);
	s->first = s->have = s->next = 0;
	s->ended = false;
	if (!mel_size_mul(
		&floats, (size_t)(2 * s->radius + BLOCK), (size_t)s->width))
		return mel_fail(err, "rows are too wide");
	return mel_reserve(&s->row, &s->cap, floats, sizeof(*s->row), err);
}

/* Receives rows until `until` of them are there or no more come. */
static int
receive(struct smooth *s, int64_t until, struct mel_err *err)
{
	int64_t n;

	if (s->ended || s->have >= until)
		return 0;
	n = mel_streamable_pull_full(s->upstream, until - s->have,
	    s->row + (s->have - s->first) * s->width, err);
	if (n < 0)
		return -1;
	s->ended = n < until - s->have;
	s->have += n;
	return 0;
}

/* The mean over what there is around row t, summed in the order of time. */
static void
average(const struct smooth *s, int64_t t, float *out)
{
	int64_t lo = t - s->radius, hi = t + s->radius + 1;

	if (lo < 0)
		lo = 0;
	if (hi > s->have)
		hi = s->have;
	memset(out, 0, (size_t)s->width * sizeof(*out));
	for (int64_t k = lo; k < hi; k++) {
		const float *row = s->row + (k - s->first) * s->width;

		for (int64_t i = 0; i < s->width; i++)
			out[i] += row[i];
	}
	for (int64_t i = 0; i < s->width; i++)
		out[i] /= (float)(hi - lo);
}

/* Drops rows that no output needs any more. */
static void
forget(struct smooth *s)
{
	int64_t drop = s->next - s->radius - s->first;

	if (drop <= 0)
		return;
	memmove(s->row, s->row + drop * s->width,
	    (size_t)((s->have - s->first - drop) * s->width) * sizeof(*s->row));
	s->first += drop;
}

static int64_t
pull_smooth(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct smooth *s = state;
	int64_t n = wanted < BLOCK ? wanted : BLOCK;

	if (receive(s, s->next + n + s->radius, err))
		return -1;
	if (s->ended && n > s->have - s->next)
		n = s->have - s->next;
	for (int64_t i = 0; i < n; i++)
		average(s, s->next + i, rows + i * s->width);
	s->next += n;
	forget(s);
	return n;
}

static void
close_smooth(void *state)
{
	free(((struct smooth *)state)->row);
}

static const struct mel_option table[] = {
    {"frames", 0, MEL_OPT_INT, offsetof(struct options, frames),
	.arg = "FRAMES", .preset = "5", .min = 1, .max = 1001,
	.help = "length of the mean, odd; edges use what there is"},
    {0},
};

const struct mel_streamable_type mel_smooth_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Smooth",
    .help = "moving mean over frames",
    .options = table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct smooth),
    .open = open_smooth,
    .begin = begin_smooth,
    .pull = pull_smooth,
    .close = close_smooth,
};
