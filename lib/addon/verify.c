/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/verify.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "addon/addon.h"
#include "addon/controls.h"
#include "addon/stage.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "block/block.h"
#include "block/clock.h"
#include "block/env.h"
#include "block/streamable.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"

#define TOKENS 8 /* of the utterance that the encoders get */

struct mel_verify {
	struct mel_addon *addon;
	struct mel_env env, whole_env;
	struct mel_bundle data; /* tokens and controls */
	int64_t token[TOKENS];
	struct mel_stage *front;         /* up to and including the Upsampler */
	struct mel_stage *whole, *parts; /* what is behind it, twice */
	struct mel_streamable *noise;
	float *rows[2]; /* what whole and parts gave */
	size_t cap[2];
};

/* Rows of uniform noise: the block that stands for the Upsampler. */
struct noise {
	int64_t width;
	int64_t n, next; /* rows in all; the next one */
};

static int
open_noise(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct noise *o = options;

	(void)env;
	(void)err;
	*(struct noise *)state = *o;
	spec->width = o->width;
	return 0;
}

static int
begin_noise(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct noise *s = state;

	(void)upstream;
	(void)err;
	*width = s->width;
	s->n = (int64_t) *
	       (const float *)mel_bundle_get(data, "rows of noise")->data;
	s->next = 0;
	return 0;
}

static int64_t
pull_noise(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct noise *s = state;
	int64_t n = s->n - s->next < wanted ? s->n - s->next : wanted;

	(void)err;
	for (int64_t i = 0; i < n * s->width; i++)
		rows[i] = 2 * mel_rng_uniform(
				  1, 0, (uint64_t)(s->next * s->width + i)) -
			  1;
	s->next += n;
	return n;
}

static const struct mel_streamable_type noise_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Noise",
    .help = "rows of noise",
    .options_size = sizeof(struct noise),
    .state_size = sizeof(struct noise),
    .open = open_noise,
    .begin = begin_noise,
    .pull = pull_noise,
};

static int
fill_data(struct mel_verify *v, struct mel_err *err)
{
	struct mel_tensor tokens =
	    mel_tensor_view(MEL_I64, 1, (const int64_t[]){TOKENS}, v->token);

	if (mel_bundle_put(&v->data, "input_tokens", &tokens, err))
		return -1;
	return mel_controls_put_presets(&v->data, v->addon, err);
}

static int
open_stages(struct mel_verify *v, struct mel_err *err)
{
	struct mel_stage_options o = {.addon = v->addon,
	    .last = mel_stage_upsampler(v->addon),
	    .env = &v->whole_env};

	if (!o.last || o.last == v->addon->n_positions)
		return mel_fail(err,
		    "%s: no block behind an Upsampler, so no rows to cut",
		    v->addon->name);
	if (mel_stage_open(&v->front, &o, err))
		return -1;
	o.first = o.last;
	o.last = v->addon->n_positions;
	o.head = mel_stage_head(v->front);
	o.env = &v->env;
	if (mel_stage_open(&v->parts, &o, err))
		return -1;
	o.env = &v->whole_env;
	return mel_stage_open(&v->whole, &o, err);
}

static int
open_all(struct mel_verify *v, struct mel_err *err)
{
	struct noise *options = mel_alloc(1, sizeof(*options), err);

	if (!options)
		return -1;
	if (!fill_data(v, err) && !open_stages(v, err) &&
	    !mel_stage_begin(v->front, &v->data, NULL, err)) {
		options->width = mel_streamable_width(mel_stage_rows(v->front));
		if (!mel_streamable_open(
			&v->noise, &noise_type, options, "noise", &v->env, err))
			return 0;
	}
	free(options);
	return -1;
}

int
mel_verify_open(struct mel_verify **out, struct mel_addon *addon,
    const struct mel_env *env, struct mel_err *err)
{
	struct mel_verify *v = mel_alloc(1, sizeof(*v), err);

	if (!v)
		return -1;
	v->addon = addon;
	v->env = v->whole_env = *env;
	v->env.tap = v->whole_env.tap = NULL;
	v->env.whole = false;
	v->whole_env.whole = true;
	v->whole_env.backend = NULL;
	if (open_all(v, err)) {
		mel_verify_close(v);
		return -1;
	}
	*out = v;
	return 0;
}

void
mel_verify_close(struct mel_verify *v)
{
	if (!v)
		return;
	mel_stage_close(v->whole);
	mel_stage_close(v->parts);
	mel_streamable_close(v->noise);
	mel_stage_close(v->front);
	mel_bundle_free(&v->data);
	free(v->rows[0]);
	free(v->rows[1]);
	free(v);
}

int64_t
mel_verify_lookahead(const struct mel_verify *v)
{
	int64_t ahead = 0;

	for (size_t i = 0;; i++) {
		struct mel_stage_part part;

		if (!mel_stage_part(v->parts, i, &part))
			return ahead;
		if (part.lookahead == MEL_WHOLE)
			return MEL_WHOLE;
		ahead += part.lookahead;
	}
}

bool
mel_verify_inexact(const struct mel_verify *v)
{
	struct mel_stage_part part;
	bool inexact = false;

	for (size_t i = 0; mel_stage_part(v->parts, i, &part); i++)
		inexact |= part.inexact;
	return inexact;
}

double
mel_verify_rate(const struct mel_verify *v)
{
	const json_t *c = v->addon->contract;
	double rate = json_number_value(json_object_get(c, "rate"));
	double hop = json_number_value(json_object_get(c, "hop"));

	return hop > 0 ? rate / hop : 0;
}

/* All rows of a stage, `chunk` a pull; the times go where they belong. */
static int64_t
run_stage(struct mel_verify *v, bool whole, const struct mel_bundle *data,
    int64_t chunk, double ms[2], struct mel_err *err)
{
	struct mel_stage *stage = whole ? v->whole : v->parts;
	uint64_t start = mel_clock_ns();
	int64_t n = 0, got = 1, width;

	if (mel_streamable_begin(v->noise, data, NULL, err) ||
	    mel_stage_begin(stage, data, v->noise, err))
		return -1;
	width = mel_streamable_width(mel_stage_rows(stage));
	while (got > 0) {
		size_t need;

		if (!mel_size_mul(&need, (size_t)(n + chunk), (size_t)width))
			return mel_fail(err, "too many rows");
		if (mel_reserve(&v->rows[whole], &v->cap[whole], need,
			sizeof(float), err))
			return -1;
		got = mel_streamable_pull_full(mel_stage_rows(stage), chunk,
		    v->rows[whole] + n * width, err);
		if (!n)
			ms[0] = (double)(mel_clock_ns() - start) / 1e6;
		n += got;
	}
	ms[1] = (double)(mel_clock_ns() - start) / 1e6;
	return got < 0 ? -1 : n;
}

static double
largest(const float *x, int64_t n)
{
	double most = 0;

	for (int64_t i = 0; i < n; i++)
		most = fabs((double)x[i]) > most ? fabs((double)x[i]) : most;
	return most;
}

static void
compare(const struct mel_verify *v, int64_t rows, int64_t got, int64_t width,
    struct mel_verify_result *r)
{
	const float *a = v->rows[true], *b = v->rows[false];
	int64_t both = rows < got ? rows : got;
	double allowed;

	r->rows = rows;
	r->same = rows == got;
	r->bad = rows == got ? -1 : both;
	r->difference = rows == got ? 0 : INFINITY;
	r->scale = largest(a, rows * width);
	allowed = v->env.backend ? MEL_VERIFY_TOLERANCE * r->scale : -1;
	if (mel_verify_inexact(v))
		allowed = DBL_MAX;
	for (int64_t i = both * width; i-- > 0;) {
		double d = fabs((double)a[i] - b[i]);

		if (!memcmp(&a[i], &b[i], sizeof(*a)))
			continue;
		r->same = false;
		if (!(d <= allowed))
			r->bad = i / width;
		r->difference = d > r->difference ? d : r->difference;
	}
}

int
mel_verify_run(struct mel_verify *v, int64_t n, int64_t chunk,
    struct mel_verify_result *result, struct mel_err *err)
{
	struct mel_bundle data = {0};
	double whole[2], parts[2];
	int64_t rows = -1, got = -1, width = 0;
	int rc = mel_bundle_view_all(&data, mel_stage_tensors(v->front), err) ||
		 mel_bundle_put_f32(&data, "rows of noise", (float)n, err);

	if (!rc)
		rows = run_stage(v, true, &data, chunk, whole, err);
	if (rows >= 0) {
		width = mel_streamable_width(mel_stage_rows(v->whole));
		got = run_stage(v, false, &data, chunk, parts, err);
	}
	if (got >= 0) {
		compare(v, rows, got, width, result);
		result->whole_first_ms = whole[0];
		result->whole_ms = whole[1];
		result->stream_first_ms = parts[0];
		result->stream_ms = parts[1];
	}
	mel_stage_reset(v->whole);
	mel_stage_reset(v->parts);
	mel_streamable_reset(v->noise);
	mel_bundle_free(&data);
	if (rc || got >= 0)
		return rc ? -1 : 0;
	if (rows < 0)
		return 1;
	return v->env.backend ? 2 : -1;
}
