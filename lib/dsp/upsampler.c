/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/blocks.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/decl.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"

struct options {
	char *in, *counts;
};

struct upsampler {
	const struct options *options;
	const float *rows;     /* [tokens, width], of the bundle */
	const int32_t *counts; /* [tokens], of the bundle */
	int64_t tokens, width;
	int64_t token; /* whose rows come next */
	int32_t given; /* of that token's rows */
};

static int
open_upsampler(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct upsampler *u = state;
	struct mel_decl in = {
	    .name = o->in, .dtype = MEL_F32, .ndim = 2, .rate = "tokens"};
	struct mel_decl counts = {
	    .name = o->counts, .dtype = MEL_I32, .ndim = 1, .rate = "tokens"};

	(void)env;
	u->options = o;
	spec->width_of = mel_strdup(o->in, err);
	spec->rows = mel_strdup("frames", err);
	if (!spec->width_of || !spec->rows ||
	    mel_decls_add(&spec->needs, &in, err))
		return -1;
	return mel_decls_add(&spec->needs, &counts, err);
}

static int
begin_upsampler(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct upsampler *u = state;
	const struct mel_tensor *in = mel_bundle_get(data, u->options->in);
	const struct mel_tensor *counts =
	    mel_bundle_get(data, u->options->counts);

	(void)upstream;
	if (in->dim[0] != counts->dim[0])
		return mel_fail(err, "%lld rows of \"%s\" but %lld counts",
		    (long long)in->dim[0], u->options->in,
		    (long long)counts->dim[0]);
	u->rows = in->data;
	u->counts = counts->data;
	u->tokens = in->dim[0];
	u->width = *width = in->dim[1];
	u->token = 0;
	u->given = 0;
	for (int64_t i = 0; i < u->tokens; i++) {
		if (u->counts[i] < 0)
			return mel_fail(err, "count of token %lld is %d",
			    (long long)i, (int)u->counts[i]);
	}
	return 0;
}

static int64_t
pull_upsampler(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct upsampler *u = state;
	int64_t n = 0;

	(void)err;
	while (n < wanted && u->token < u->tokens) {
		if (u->given == u->counts[u->token]) {
			u->token++;
			u->given = 0;
			continue;
		}
		memcpy(rows + n * u->width, u->rows + u->token * u->width,
		    (size_t)u->width * sizeof(*rows));
		u->given++;
		n++;
	}
	return n;
}

static const struct mel_option table[] = {
    {"in", 0, MEL_OPT_STRING, offsetof(struct options, in), .arg = "TENSOR",
	.preset = "encoded",
	.help = "f32 [tokens, width], its rows are repeated"},
    {"counts", 0, MEL_OPT_STRING, offsetof(struct options, counts),
	.arg = "TENSOR", .preset = "counts",
	.help = "i32 [tokens], how often each"},
    {0},
};

const struct mel_streamable_type mel_upsampler_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Upsampler",
    .help = "repeats each token's row for as many frames as it lasts",
    .options = table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct upsampler),
    .open = open_upsampler,
    .begin = begin_upsampler,
    .pull = pull_upsampler,
};
