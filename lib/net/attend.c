/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/attend.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/decl.h"
#include "block/env.h"
#include "net/netdef.h"
#include "net/step.h"
#include "tensor/tensor.h"

#define BLOCK 64 /* rows of a pull at most: so many side rows are held */

struct options {
	struct mel_netdef *network; /* borrowed */
	struct mel_step_options step;
	char *output, *name, *stop;
	int64_t frames;
	bool probability;
	double threshold;
	int64_t max_frames, max_per_token;
	bool strict;
	char *attention, *side;
	int64_t columns;
	bool carry;
};

struct attend {
	const struct options *options;
	const struct mel_env *env;
	struct mel_step step;
	const struct mel_net_port *out, *stop, *attention; /* or NULL */
	int64_t width;  /* floats of a frame */
	double stop_at; /* of the stop output as it comes */
	float *weights; /* [columns], of the last step */
	float *side;    /* [BLOCK, columns], of the rows of a pull */
	const struct mel_bundle *data;

	bool begun, stopped;
	int64_t limit;           /* frames of this utterance at most */
	int64_t given;           /* frames so far */
	struct mel_tensor frame; /* [frames, width] of the last step */
	int64_t next, have;      /* rows of it: the next, and the end */
};

static int
index_of(const struct attend *a, const struct mel_net_port *port)
{
	return (int)(port - a->options->network->output);
}

/* The floats of a port without its time axis; 0 if not known. */
static int64_t
floats_of(const struct mel_net_port *port)
{
	int64_t floats = 1;

	for (int i = 0; i < port->ndim; i++) {
		if (port->axis[i] == MEL_AXIS_ANY)
			return 0;
		if (port->axis[i] > 0)
			floats *= port->axis[i];
	}
	return floats;
}

/* An output that gives frames either has them along time or one behind the
 * other. */
static int
choose_frames(struct attend *a, struct mel_err *err)
{
	const struct options *o = a->options;
	const struct mel_net_port *port = a->out;
	int64_t floats = floats_of(port), back;

	if (port->dtype != MEL_F32 || !floats)
		return mel_fail(err,
		    "output \"%s\" has no frames: f32 of known width is wanted",
		    port->name);
	if (mel_net_port_time(port) < 0 && floats % o->frames)
		return mel_fail(err,
		    "output \"%s\": %lld floats are not %lld frames",
		    port->name, (long long)floats, (long long)o->frames);
	a->width = floats / (mel_net_port_time(port) < 0 ? o->frames : 1);
	back = mel_step_feedback(&a->step);
	if (back && back != a->width && back != a->width * o->frames)
		return mel_fail(err,
		    "feedback: input \"%s\" takes %lld floats, a frame has "
		    "%lld",
		    o->step.feedback, (long long)back, (long long)a->width);
	return 0;
}

static int
choose_outputs(struct attend *a, struct mel_err *err)
{
	const struct options *o = a->options;
	struct mel_netdef *def = o->network;

	a->out = o->output ? mel_netdef_output(def, o->output, err)
			   : &def->output[0];
	a->stop = mel_netdef_output(def, o->stop, err);
	if (o->attention)
		a->attention = mel_netdef_output(def, o->attention, err);
	if (!a->out || !a->stop || (o->attention && !a->attention))
		return -1;
	if (a->stop->dtype != MEL_F32)
		return mel_fail(
		    err, "output \"%s\" cannot stop: not f32", a->stop->name);
	if (o->carry && !a->attention)
		return mel_fail(err, "carry: attention is needed");
	if (a->attention && (a->attention->dtype != MEL_F32 ||
				mel_net_port_time(a->attention) < 0))
		return mel_fail(err,
		    "output \"%s\" has no attention: f32 along time is wanted",
		    a->attention->name);
	a->stop_at = o->probability ? o->threshold
				    : log(o->threshold / (1 - o->threshold));
	return choose_frames(a, err);
}

/* The weights are side rows, or go along with the rows to the next block. */
static int
declare(struct attend *a, struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = a->options;
	struct mel_decl side = {.name = o->side,
	    .dtype = MEL_F32,
	    .ndim = 2,
	    .width = o->columns,
	    .rate = "frames"};

	spec->width = a->width + (o->carry ? o->columns : 0);
	spec->rows = mel_strdup(o->name ? o->name : a->out->name, err);
	if (!spec->rows)
		return -1;
	if (a->attention && mel_decls_add(&spec->side, &side, err))
		return -1;
	return mel_step_declare(&a->step, &spec->needs, err);
}

static int
open_attend(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct attend *a = state;
	size_t columns = (size_t)o->columns;

	a->options = o;
	a->env = env;
	if (mel_step_open(&a->step, o->network, &o->step, env, err) ||
	    choose_outputs(a, err) || declare(a, spec, err))
		return -1;
	a->weights = mel_alloc(columns, sizeof(float), err);
	a->side = mel_alloc(BLOCK * columns, sizeof(float), err);
	return a->weights && a->side ? 0 : -1;
}

static int
begin_attend(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct attend *a = state;

	(void)upstream;
	(void)err;
	a->data = data;
	a->begun = a->stopped = false;
	a->given = a->next = a->have = 0;
	*width = a->width + (a->options->carry ? a->options->columns : 0);
	return 0;
}

static int
begin_steps(struct attend *a, struct mel_err *err)
{
	const struct options *o = a->options;
	int64_t per_token = o->max_per_token;

	if (mel_step_begin(&a->step, a->data, err))
		return -1;
	a->begun = true;
	a->limit = o->max_frames;
	if (per_token && a->step.feed.steps <= a->limit / per_token)
		a->limit = a->step.feed.steps * per_token;
	if (!a->step.feed.steps)
		a->stopped = true; /* nothing to say: no rows, no error */
	return 0;
}

/*
 * Tokens to columns: one each while they last, else neighbours add up. Of
 * several channels (the last step's weights, their sum) the first counts.
 */
static int
take_weights(struct attend *a, struct mel_err *err)
{
	int64_t columns = a->options->columns, tokens, behind;
	struct mel_tensor t = {0};

	if (!a->attention)
		return 0;
	if (mel_net_port_unpack(
		a->attention, &a->step.out[index_of(a, a->attention)], &t, err))
		return -1;
	behind = t.dim[0] ? (int64_t)mel_tensor_count(&t) / t.dim[0] : 0;
	tokens = t.dim[0] < a->step.part.steps ? t.dim[0] : a->step.part.steps;
	memset(a->weights, 0, (size_t)columns * sizeof(float));
	for (int64_t i = 0; i < tokens; i++) {
		int64_t k = tokens > columns ? i * columns / tokens : i;

		a->weights[k] += ((const float *)t.data)[i * behind];
	}
	mel_tensor_free(&t);
	return 0;
}

/* The frame that is the last one by the stop output; `frames` if none is. */
static int
find_stop(const struct attend *a, int64_t *end, struct mel_err *err)
{
	const struct mel_tensor *t = &a->step.out[index_of(a, a->stop)];
	int64_t frames = a->options->frames;
	int64_t n = (int64_t)mel_tensor_count(t);

	if (n != 1 && n != frames)
		return mel_fail(err,
		    "output \"%s\" has %lld numbers, 1 or %lld are wanted",
		    a->stop->name, (long long)n, (long long)frames);
	*end = -1;
	for (int64_t i = 0; i < n && *end < 0; i++) {
		if (((const float *)t->data)[i] > a->stop_at)
			*end = n == 1 ? frames : i + 1;
	}
	return 0;
}

static int
check_frames(const struct attend *a, struct mel_err *err)
{
	const float *x = a->frame.data;
	int64_t n = (int64_t)mel_tensor_count(&a->frame);

	if (n != a->width * a->options->frames)
		return mel_fail(err,
		    "output \"%s\" has %lld floats, %lld frames of %lld are "
		    "wanted",
		    a->out->name, (long long)n, (long long)a->options->frames,
		    (long long)a->width);
	for (int64_t i = 0; i < n; i++) {
		if (!isfinite(x[i]))
			return mel_fail(err,
			    "output \"%s\" is not finite in row %lld",
			    a->out->name, (long long)(a->given + i / a->width));
	}
	return 0;
}

static int
run_step(struct attend *a, struct mel_err *err)
{
	int64_t frames = a->options->frames, end;
	int64_t back = mel_step_feedback(&a->step) / a->width;

	mel_tensor_free(&a->frame);
	if (mel_step_run(&a->step, err) ||
	    mel_net_port_unpack(
		a->out, &a->step.out[index_of(a, a->out)], &a->frame, err) ||
	    check_frames(a, err) || find_stop(a, &end, err) ||
	    take_weights(a, err))
		return -1;
	if (back)
		mel_step_feed_back(&a->step,
		    (const float *)a->frame.data + (frames - back) * a->width);
	a->stopped = end >= 0;
	a->next = 0;
	a->have = end >= 0 ? end : frames;
	return 0;
}

/* A runaway is cut off and said, or an error if the addon wants that. */
static int
end_runaway(struct attend *a, struct mel_err *err)
{
	char text[96];

	snprintf(text, sizeof(text),
	    "no stop within %lld frames for %lld tokens: cut off",
	    (long long)a->limit, (long long)a->step.feed.steps);
	a->stopped = true;
	a->next = a->have;
	if (a->options->strict)
		return mel_fail(err, "%s", text);
	if (a->env->note)
		a->env->note(a->env->ctx, "AttentionDecoder", text);
	return 0;
}

static void
give_row(struct attend *a, float *row, int64_t n)
{
	size_t columns = (size_t)a->options->columns * sizeof(float);

	memcpy(row, (const float *)a->frame.data + a->next * a->width,
	    (size_t)a->width * sizeof(float));
	if (a->options->carry)
		memcpy(row + a->width, a->weights, columns);
	if (a->attention)
		memcpy(a->side + n * a->options->columns, a->weights, columns);
	a->next++;
	a->given++;
}

static void
tap(const struct attend *a, int64_t n)
{
	int64_t dim[2] = {n, a->options->columns};
	struct mel_tensor rows = mel_tensor_view(MEL_F32, 2, dim, a->side);

	if (n && a->attention && a->env->tap)
		a->env->tap(a->env->ctx, a->options->side, &rows);
}

static int64_t
pull_attend(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct attend *a = state;
	int64_t width = a->width, n = 0;

	if (a->options->carry)
		width += a->options->columns;
	if (!a->begun && begin_steps(a, err))
		return -1;
	while (n < wanted && n < BLOCK) {
		if (a->next < a->have && a->given < a->limit) {
			give_row(a, rows + n * width, n);
			n++;
		} else if (a->stopped && a->next == a->have) {
			break;
		} else if (a->given == a->limit) {
			if (end_runaway(a, err))
				return -1;
		} else if (run_step(a, err)) {
			return -1;
		}
	}
	tap(a, n);
	return n;
}

static void
reset_attend(void *state)
{
	mel_tensor_free(&((struct attend *)state)->frame);
}

static void
close_attend(void *state)
{
	struct attend *a = state;

	reset_attend(a);
	mel_step_close(&a->step);
	free(a->weights);
	free(a->side);
}

#define AT(field) offsetof(struct options, field)

static const struct mel_option table[] = {
    {"network", 0, MEL_OPT_OBJECT, AT(network), .object = "network",
	.arg = "NAME", .required = true,
	.help = "one of the addon's networks: it makes one step"},
    {"inputs", 0, MEL_OPT_MAP, AT(step.inputs), .arg = "{INPUT: TENSOR}",
	.help = "tensors for inputs of another name"},
    {"state", 0, MEL_OPT_MAP, AT(step.state), .arg = "{INPUT: OUTPUT}",
	.help = "inputs that take an output of the step before"},
    {"feedback", 0, MEL_OPT_STRING, AT(step.feedback), .arg = "INPUT",
	.help = "input that takes the frame made last, or all of a step"},
    {"first", 0, MEL_OPT_MAP, AT(step.first), .arg = "{INPUT: VALUE}",
	.help = "state or feedback of the first step, a number or a tensor; "
		"0 if not said"},
    {"output", 0, MEL_OPT_STRING, AT(output), .arg = "OUTPUT",
	.help = "output that gives the frames; the first if not said"},
    {"name", 0, MEL_OPT_STRING, AT(name), .arg = "PORT",
	.help = "name of the rows; the output's if not said"},
    {"frames", 0, MEL_OPT_INT, AT(frames), .arg = "N", .preset = "1", .min = 1,
	.max = 64, .help = "frames that a step makes"},
    {"stop", 0, MEL_OPT_STRING, AT(stop), .arg = "OUTPUT", .required = true,
	.help = "output above the threshold at the last frame, one number a "
		"step or one a frame"},
    {"threshold", 0, MEL_OPT_FLOAT, AT(threshold), .arg = "X", .preset = "0.5",
	.min = 1e-6, .max = 1 - 1e-6,
	.help = "probability above which a frame is the last"},
    {"probability", 0, MEL_OPT_FLAG, AT(probability),
	.help = "the stop output is a probability, not its logit"},
    {"max_frames", 0, MEL_OPT_INT, AT(max_frames), .arg = "N",
	.preset = "10000", .min = 1, .max = 1e9,
	.help = "frames after which a runaway is cut off"},
    {"max_per_token", 0, MEL_OPT_INT, AT(max_per_token), .arg = "N", .min = 0,
	.max = 1e9, .help = "the same for each token; 0: no such limit"},
    {"strict", 0, MEL_OPT_FLAG, AT(strict),
	.help = "a runaway is an error of the utterance"},
    {"attention", 0, MEL_OPT_STRING, AT(attention), .arg = "OUTPUT",
	.help = "output with a weight for each token, given as side rows"},
    {"side", 0, MEL_OPT_STRING, AT(side), .arg = "PORT", .preset = "attention",
	.help = "port of the weights"},
    {"columns", 0, MEL_OPT_INT, AT(columns), .arg = "N", .preset = "128",
	.min = 1, .max = 4096,
	.help = "weights of a side row; more tokens share columns"},
    {"carry", 0, MEL_OPT_FLAG, AT(carry),
	.help = "the weights stand behind each row, too, for an "
		"AttentionMonitor"},
    {0},
};

const struct mel_streamable_type mel_attention_decoder_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "AttentionDecoder",
    .help = "frames of a network that attends and feeds back what it made",
    .options = table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct attend),
    .open = open_attend,
    .begin = begin_attend,
    .pull = pull_attend,
    .reset = reset_attend,
    .close = close_attend,
};
