/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/blocks.h"

#include <math.h>

#include "base/option.h"
#include "block/block.h"
#include "block/decl.h"
#include "block/env.h"
#include "block/streamable.h"
#include "tensor/tensor.h"

enum {
	MIN,
	MAX,
	MEAN,
	RMS,
	COLUMNS,
};

#define BLOCK 64 /* rows passed on at most per pull */

struct options {
	char *name;
};

struct probe {
	const struct options *options;
	const struct mel_env *env;
	struct mel_streamable *upstream;
	int64_t width;
};

static int
open_probe(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct probe *p = state;
	struct mel_decl side = {.name = o->name,
	    .dtype = MEL_F32,
	    .ndim = 2,
	    .width = COLUMNS,
	    .rate = "frames"};

	p->options = o;
	p->env = env;
	spec->upstream = true;
	return mel_decls_add(&spec->side, &side, err);
}

static int
begin_probe(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct probe *p = state;

	(void)data;
	(void)err;
	p->upstream = upstream;
	p->width = *width = mel_streamable_width(upstream);
	return 0;
}

static void
measure(const float *row, int64_t width, float out[COLUMNS])
{
	double sum = 0, square = 0;
	float min = row[0], max = row[0];

	for (int64_t i = 0; i < width; i++) {
		min = fminf(min, row[i]);
		max = fmaxf(max, row[i]);
		sum += (double)row[i];
		square += (double)row[i] * (double)row[i];
	}
	out[MIN] = min;
	out[MAX] = max;
	out[MEAN] = (float)(sum / (double)width);
	out[RMS] = (float)sqrt(square / (double)width);
}

static int64_t
pull_probe(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct probe *p = state;
	float side[BLOCK][COLUMNS];
	struct mel_tensor view;
	int64_t n = mel_streamable_pull(
	    p->upstream, wanted < BLOCK ? wanted : BLOCK, rows, err);

	if (n <= 0 || !p->env->tap)
		return n;
	for (int64_t i = 0; i < n; i++)
		measure(rows + i * p->width, p->width, side[i]);
	view = mel_tensor_view(MEL_F32, 2, (const int64_t[]){n, COLUMNS}, side);
	p->env->tap(p->env->ctx, p->options->name, &view);
	return n;
}

static const struct mel_option table[] = {
    {"name", 0, MEL_OPT_STRING, offsetof(struct options, name), .arg = "PORT",
	.preset = "probe",
	.help = "port of the statistics, f32 [frames, 4]: min, max, mean, rms"},
    {0},
};

const struct mel_streamable_type mel_probe_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Probe",
    .help = "statistics per frame on a port of its own, rows unchanged",
    .options = table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct probe),
    .open = open_probe,
    .begin = begin_probe,
    .pull = pull_probe,
};
