/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/option.h"
#include "block/block.h"
#include "dsp/blocks.h"

#include "block/control.h"
#include "block/streamable.h"

struct options {
	struct mel_amount gain, offset;
};

struct gain {
	const struct options *options;
	struct mel_streamable *upstream;
	int64_t width;
	float gain, offset;
};

static int
open_gain(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = options;

	(void)env;
	((struct gain *)state)->options = o;
	spec->upstream = true;
	if (mel_amount_declare(&o->gain, &spec->needs, err))
		return -1;
	return mel_amount_declare(&o->offset, &spec->needs, err);
}

static int
begin_gain(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct gain *g = state;
	double gain, offset;

	if (mel_amount_value(&g->options->gain, data, &gain, err) ||
	    mel_amount_value(&g->options->offset, data, &offset, err))
		return -1;
	g->gain = (float)gain;
	g->offset = (float)offset;
	g->upstream = upstream;
	g->width = *width = mel_streamable_width(upstream);
	return 0;
}

static int64_t
pull_gain(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct gain *g = state;
	int64_t n = mel_streamable_pull(g->upstream, wanted, rows, err);

	for (int64_t i = 0; i < n * g->width; i++)
		rows[i] = rows[i] * g->gain + g->offset;
	return n;
}

static const struct mel_option table[] = {
    {"gain", 0, MEL_OPT_AMOUNT, offsetof(struct options, gain), .arg = "AMOUNT",
	.preset = "1", .help = "factor"},
    {"offset", 0, MEL_OPT_AMOUNT, offsetof(struct options, offset),
	.arg = "AMOUNT", .preset = "0",
	.help = "added behind the factor; a louder log-mel"},
    {0},
};

const struct mel_streamable_type mel_gain_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Gain",
    .help = "row = gain * row + offset",
    .options = table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct gain),
    .open = open_gain,
    .begin = begin_gain,
    .pull = pull_gain,
};
