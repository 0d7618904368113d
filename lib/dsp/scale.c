/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "base/option.h"
#include "block/block.h"
#include "block/decl.h"
#include "dsp/blocks.h"

#include "block/control.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"

struct options {
	char *in, *out;
	struct mel_amount gain, offset;
};

static int
open_scale(void *state, const void *options, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct mel_decl in = {.name = o->in, .dtype = MEL_F32, .ndim = -1};
	struct mel_decl out = {.name = o->out, .dtype = MEL_F32, .ndim = -1};

	(void)env;
	*(const struct options **)state = o;
	if (mel_decls_add(&spec->needs, &in, err) ||
	    mel_amount_declare(&o->gain, &spec->needs, err) ||
	    mel_amount_declare(&o->offset, &spec->needs, err))
		return -1;
	return mel_decls_add(&spec->gives, &out, err);
}

/* What comes out has the form of what goes in. */
static int
connect_scale(void *state, const struct mel_decls *have,
    struct mel_decls *gives, struct mel_err *err)
{
	const struct options *o = *(const struct options **)state;
	const struct mel_decl *in = mel_decls_find(have, o->in);
	struct mel_decl out;

	if (!in)
		return mel_fail(
		    err, "needs \"%s\", which nothing gives", o->in);
	if (in->dtype != MEL_F32)
		return mel_fail(err, "\"%s\" is %s, but f32 is wanted", o->in,
		    mel_dtype_name(in->dtype));
	out = *in;
	out.name = o->out;
	mel_decls_free(gives);
	return mel_decls_add(gives, &out, err);
}

static int
run_scale(void *state, const struct mel_bundle *in, struct mel_bundle *out,
    struct mel_err *err)
{
	const struct options *o = *(const struct options **)state;
	const struct mel_tensor *x = mel_bundle_get(in, o->in);
	struct mel_tensor y;
	double gain, offset;
	size_t n = mel_tensor_count(x);
	int rc;

	if (mel_amount_value(&o->gain, in, &gain, err) ||
	    mel_amount_value(&o->offset, in, &offset, err) ||
	    mel_tensor_new(&y, MEL_F32, x->ndim, x->dim, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		((float *)y.data)[i] =
		    ((const float *)x->data)[i] * (float)gain + (float)offset;
	rc = mel_bundle_put(out, o->out, &y, err);
	mel_tensor_free(&y);
	return rc;
}

static const struct mel_option table[] = {
    {"in", 0, MEL_OPT_STRING, offsetof(struct options, in), .arg = "TENSOR",
	.required = true, .help = "f32 tensor to read"},
    {"out", 0, MEL_OPT_STRING, offsetof(struct options, out), .arg = "TENSOR",
	.required = true, .help = "tensor to make"},
    {"gain", 0, MEL_OPT_AMOUNT, offsetof(struct options, gain), .arg = "AMOUNT",
	.preset = "1", .help = "factor"},
    {"offset", 0, MEL_OPT_AMOUNT, offsetof(struct options, offset),
	.arg = "AMOUNT", .preset = "0", .help = "added behind the factor"},
    {0},
};

const struct mel_sequence_type mel_scale_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Scale",
    .help = "out = gain * in + offset",
    .options = table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(const struct options *),
    .open = open_scale,
    .connect = connect_scale,
    .run = run_scale,
};
