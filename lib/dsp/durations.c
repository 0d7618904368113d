/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/blocks.h"

#include <math.h>

#include "base/err.h"
#include "base/option.h"
#include "block/block.h"
#include "block/control.h"
#include "block/decl.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"

enum domain {
	LINEAR,
	LOG,
	LOG1P,
};

enum rounding {
	HALF_EVEN,
	HALF_UP,
	CUMULATIVE,
};

struct options {
	char *in, *out;
	int domain;
	int rounding;
	struct mel_amount speed;
	double min;         /* frames a token */
	int64_t max_frames; /* of the utterance */
};

static int
open_durations(void *state, const void *options, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct mel_decl in = {
	    .name = o->in, .dtype = MEL_F32, .ndim = 1, .rate = "tokens"};
	struct mel_decl out = {
	    .name = o->out, .dtype = MEL_I32, .ndim = 1, .rate = "tokens"};

	(void)env;
	*(const struct options **)state = o;
	if (mel_decls_add(&spec->needs, &in, err) ||
	    mel_amount_declare(&o->speed, &spec->needs, err))
		return -1;
	return mel_decls_add(&spec->gives, &out, err);
}

/* One predicted duration in frames, before rounding. */
static double
to_frames(const struct options *o, double d, double speed)
{
	if (o->domain == LOG)
		d = exp(d);
	else if (o->domain == LOG1P)
		d = expm1(d);
	d /= speed;
	return d < o->min ? o->min : d; /* NaN stays NaN */
}

/*
 * In double: the sum of a thousand predictions in float would be off by more
 * than the distance from a half that a voice can promise.
 */
static int
round_all(const struct options *o, const struct mel_tensor *in, double speed,
    int32_t *counts, struct mel_err *err)
{
	const float *d = in->data;
	double sum = 0, last = 0, total = 0;

	for (int64_t i = 0; i < in->dim[0]; i++) {
		double frames = to_frames(o, (double)d[i], speed), n;

		/* Minus infinity would pass for no frames. */
		if (!isfinite(d[i]))
			frames = (double)d[i];
		if (!isfinite(frames))
			return mel_fail(err, "duration of token %lld is %g",
			    (long long)i, frames);
		sum += frames;
		if (o->rounding == CUMULATIVE)
			n = rint(sum) - last;
		else if (o->rounding == HALF_UP)
			n = floor(frames + 0.5);
		else
			n = rint(frames);
		last = rint(sum);
		total += n;
		if (total > (double)o->max_frames)
			return mel_fail(err,
			    "more than %lld frames at token %lld of %lld",
			    (long long)o->max_frames, (long long)i,
			    (long long)in->dim[0]);
		counts[i] = (int32_t)n;
	}
	return 0;
}

static int
run_durations(void *state, const struct mel_bundle *in, struct mel_bundle *out,
    struct mel_err *err)
{
	const struct options *o = *(const struct options **)state;
	const struct mel_tensor *d = mel_bundle_get(in, o->in);
	struct mel_tensor counts;
	double speed;
	int rc;

	if (mel_amount_value(&o->speed, in, &speed, err))
		return -1;
	if (speed <= 0)
		return mel_fail(err, "speed is %g", speed);
	if (mel_tensor_new(&counts, MEL_I32, 1, d->dim, err))
		return -1;
	rc = round_all(o, d, speed, counts.data, err);
	if (!rc)
		rc = mel_bundle_put(out, o->out, &counts, err);
	mel_tensor_free(&counts);
	return rc;
}

static const char *const domains[] = {"linear", "log", "log1p", NULL};
static const char *const roundings[] = {
    "half-even", "half-up", "cumulative", NULL};

static const struct mel_option table[] = {
    {"in", 0, MEL_OPT_STRING, offsetof(struct options, in), .arg = "TENSOR",
	.preset = "durations",
	.help = "f32 [tokens], as the network predicts them"},
    {"out", 0, MEL_OPT_STRING, offsetof(struct options, out), .arg = "TENSOR",
	.preset = "counts", .help = "i32 [tokens], whole frames"},
    {"domain", 0, MEL_OPT_CHOICE, offsetof(struct options, domain),
	.choice = domains, .preset = "linear",
	.help = "what is predicted: frames, ln(frames), ln(frames + 1)"},
    {"rounding", 0, MEL_OPT_CHOICE, offsetof(struct options, rounding),
	.choice = roundings, .preset = "half-even",
	.help = "rule of rounding; cumulative rounds the running sum"},
    {"speed", 0, MEL_OPT_AMOUNT, offsetof(struct options, speed),
	.arg = "AMOUNT", .preset = "1",
	.help = "durations are divided by this"},
    {"min", 0, MEL_OPT_FLOAT, offsetof(struct options, min), .arg = "FRAMES",
	.preset = "0", .min = 0, .max = 1e6,
	.help = "least duration of a token, before rounding"},
    {"max_frames", 0, MEL_OPT_INT, offsetof(struct options, max_frames),
	.arg = "FRAMES", .preset = "200000", .min = 1, .max = 100000000,
	.help = "longest utterance, more is an error"},
    {0},
};

const struct mel_sequence_type mel_durations_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Durations",
    .help = "predicted durations to whole numbers of frames",
    .options = table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(const struct options *),
    .open = open_durations,
    .run = run_durations,
};
