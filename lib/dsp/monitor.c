/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/decl.h"
#include "block/env.h"
#include "block/streamable.h"
#include "dsp/alignment.h"
#include "dsp/blocks.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"

#define BLOCK 64 /* rows passed on at most per pull */

struct options {
	char *name, *tokens;
	int64_t columns, reach, stuck;
	double coverage;
};

/* Rows come with the weights behind them and go without. */
struct monitor {
	const struct options *options;
	const struct mel_env *env;
	struct mel_alignment alignment;
	struct mel_streamable *upstream;
	int64_t width; /* of a row that goes */
	float *rows;   /* [BLOCK, width + columns] */
	size_t cap;
	bool told;
};

static int
open_monitor(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct monitor *m = state;
	struct mel_decl side = {.name = o->name,
	    .dtype = MEL_F32,
	    .ndim = 2,
	    .width = MEL_ALIGNMENT_COLUMNS,
	    .rate = "frames"};
	struct mel_decl tokens = {.name = o->tokens, .ndim = -1};

	m->options = o;
	m->env = env;
	spec->upstream = true;
	if (mel_decls_add(&spec->needs, &tokens, err))
		return -1;
	return mel_decls_add(&spec->side, &side, err);
}

static int
connect_monitor(void *state, const struct mel_decls *have, int64_t in_width,
    int64_t *width, struct mel_err *err)
{
	const struct options *o = ((struct monitor *)state)->options;
	const struct mel_decl need = {.name = o->tokens, .ndim = -1};
	const struct mel_decl *tokens = mel_decls_find(have, o->tokens);

	if (!tokens)
		return mel_fail(err, "nothing gives \"%s\"", o->tokens);
	if (mel_decl_check(&need, tokens, err))
		return -1;
	if (in_width && in_width <= o->columns)
		return mel_fail(err,
		    "rows of %lld floats come in: no room for %lld weights "
		    "(carry: true of the decoder)",
		    (long long)in_width, (long long)o->columns);
	*width = in_width ? in_width - o->columns : 0;
	return 0;
}

static int
begin_monitor(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct monitor *m = state;
	const struct options *o = m->options;
	const struct mel_tensor *tokens = mel_bundle_get(data, o->tokens);
	int64_t in_width = mel_streamable_width(upstream), n;

	m->upstream = upstream;
	m->told = false;
	m->width = *width = in_width - o->columns;
	if (m->width <= 0)
		return mel_fail(err, "rows have no weights behind them");
	if (tokens->ndim < 1)
		return mel_fail(err, "\"%s\" is one number", o->tokens);
	n = tokens->dim[0] < o->columns ? tokens->dim[0] : o->columns;
	if (mel_reserve(&m->rows, &m->cap, (size_t)(BLOCK * in_width),
		sizeof(float), err))
		return -1;
	return mel_alignment_begin(&m->alignment, n, o->reach, err);
}

static void
say(const struct monitor *m, const char *text)
{
	if (m->env->note)
		m->env->note(m->env->ctx, "AttentionMonitor", text);
}

/* One line a fault, when the utterance is through. */
static void
judge(struct monitor *m)
{
	const struct mel_alignment *a = &m->alignment;
	const struct options *o = m->options;
	char text[160];

	if (m->told || !a->frames)
		return;
	m->told = true;
	if ((double)a->covered < o->coverage * (double)a->tokens) {
		snprintf(text, sizeof(text),
		    "attention saw %lld of %lld tokens: some may be missing",
		    (long long)a->covered, (long long)a->tokens);
		say(m, text);
	}
	if (a->jumps || a->repeats) {
		snprintf(text, sizeof(text),
		    "attention jumped %lld times, %lld frames are repeats",
		    (long long)a->jumps, (long long)a->repeats);
		say(m, text);
	}
	if (a->stuck > o->stuck) {
		snprintf(text, sizeof(text),
		    "attention stood still for %lld frames",
		    (long long)a->stuck);
		say(m, text);
	}
}

static void
measure(struct monitor *m, int64_t n)
{
	int64_t in_width = m->width + m->options->columns;
	float side[BLOCK][MEL_ALIGNMENT_COLUMNS];
	struct mel_tensor view = mel_tensor_view(
	    MEL_F32, 2, (const int64_t[]){n, MEL_ALIGNMENT_COLUMNS}, side);

	for (int64_t i = 0; i < n; i++)
		mel_alignment_add(
		    &m->alignment, m->rows + i * in_width + m->width, side[i]);
	if (m->env->tap)
		m->env->tap(m->env->ctx, m->options->name, &view);
}

static int64_t
pull_monitor(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct monitor *m = state;
	int64_t in_width = m->width + m->options->columns;
	int64_t n = mel_streamable_pull(
	    m->upstream, wanted < BLOCK ? wanted : BLOCK, m->rows, err);

	for (int64_t i = 0; i < n; i++)
		memcpy(rows + i * m->width, m->rows + i * in_width,
		    (size_t)m->width * sizeof(*rows));
	if (n > 0 && m->alignment.tokens > 0)
		measure(m, n);
	else if (!n)
		judge(m);
	return n;
}

static void
close_monitor(void *state)
{
	struct monitor *m = state;

	mel_alignment_free(&m->alignment);
	free(m->rows);
}

#define AT(field) offsetof(struct options, field)

static const struct mel_option table[] = {
    {"name", 0, MEL_OPT_STRING, AT(name), .arg = "PORT", .preset = "alignment",
	.help = "port of the measures, f32 [frames, 4]: position, largest "
		"weight, entropy, coverage"},
    {"tokens", 0, MEL_OPT_STRING, AT(tokens), .arg = "TENSOR",
	.preset = "tokens", .help = "tensor with a row for each token"},
    {"columns", 0, MEL_OPT_INT, AT(columns), .arg = "N", .preset = "128",
	.min = 1, .max = 4096,
	.help = "weights behind each row, as of the AttentionDecoder"},
    {"reach", 0, MEL_OPT_INT, AT(reach), .arg = "N", .preset = "3", .min = 1,
	.max = 4096, .help = "tokens; farther from frame to frame is a jump"},
    {"stuck", 0, MEL_OPT_INT, AT(stuck), .arg = "N", .preset = "100", .min = 1,
	.max = 1e9, .help = "frames at one token above which it is said"},
    {"coverage", 0, MEL_OPT_FLOAT, AT(coverage), .arg = "X", .preset = "0.5",
	.min = 0, .max = 1,
	.help = "share of tokens seen below which it is said"},
    {0},
};

const struct mel_streamable_type mel_monitor_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "AttentionMonitor",
    .help = "tells of jumps, repeats and gaps in attention, rows unchanged",
    .options = table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct monitor),
    .open = open_monitor,
    .connect = connect_monitor,
    .begin = begin_monitor,
    .pull = pull_monitor,
    .close = close_monitor,
};
