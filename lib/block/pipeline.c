/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/compose.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/decl.h"
#include "block/sequence.h"
#include "block/streamable.h"
#include "tensor/bundle.h"

struct pipeline {
	struct mel_sequence *sequence;     /* of the options */
	struct mel_streamable *streamable; /* of the options */
	struct mel_bundle made;            /* what the sequence block gave */
	struct mel_bundle scope;           /* views: made, then from outside */
};

static void
drop_sequence(void *block)
{
	mel_sequence_close(block);
}

static void
drop_streamable(void *block)
{
	mel_streamable_close(block);
}

static int
copy_text(char **to, const char *from, struct mel_err *err)
{
	*to = from ? mel_strdup(from, err) : NULL;
	return from && !*to ? -1 : 0;
}

/* Needs of both, less what the sequence block gives to the other. */
static int
declare_needs(
    const struct pipeline *p, struct mel_decls *needs, struct mel_err *err)
{
	const struct mel_sequence_spec *first =
	    mel_sequence_spec_of(p->sequence);
	const struct mel_streamable_spec *second =
	    mel_streamable_spec_of(p->streamable);

	if (mel_decls_add_new(needs, &first->needs, err))
		return -1;
	for (size_t i = 0; i < second->needs.n; i++) {
		const struct mel_decl *need = &second->needs.item[i];

		if (mel_decls_find(&first->gives, need->name) ||
		    mel_decls_find(needs, need->name))
			continue;
		if (mel_decls_add(needs, need, err))
			return -1;
	}
	return 0;
}

static int
open_pipeline(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct mel_pipeline_options *o = options;
	struct pipeline *p = state;
	const struct mel_streamable_spec *s;

	(void)env;
	if (!o || !o->sequence_block || !o->streamable_block)
		return mel_fail(err, "holds one sequence_block and one "
				     "streamable_block");
	p->sequence = o->sequence_block;
	p->streamable = o->streamable_block;
	s = mel_streamable_spec_of(p->streamable);
	spec->upstream = s->upstream;
	spec->in_width = s->in_width;
	spec->width = s->width;
	spec->lookahead = s->lookahead;
	spec->inexact = s->inexact;
	/* width_of may be an inner tensor, which nobody outside sees. */
	if (s->width_of &&
	    !mel_decls_find(
		&mel_sequence_spec_of(p->sequence)->gives, s->width_of) &&
	    copy_text(&spec->width_of, s->width_of, err))
		return -1;
	if (copy_text(&spec->rows, s->rows, err) ||
	    mel_decls_add_new(&spec->side, &s->side, err))
		return -1;
	return declare_needs(p, &spec->needs, err);
}

static int
connect_pipeline(void *state, const struct mel_decls *have, int64_t in_width,
    int64_t *width, struct mel_err *err)
{
	struct pipeline *p = state;
	struct mel_decls scope = {0};
	int rc = mel_sequence_connect(p->sequence, have, &scope, err);

	if (!rc)
		rc = mel_decls_add_new(&scope, have, err);
	if (!rc)
		rc = mel_streamable_connect(
		    p->streamable, &scope, in_width, width, err);
	mel_decls_free(&scope);
	return rc;
}

static int
begin_pipeline(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct pipeline *p = state;

	if (mel_sequence_run(p->sequence, data, &p->made, err) ||
	    mel_bundle_view_all(&p->scope, &p->made, err) ||
	    mel_bundle_view_all(&p->scope, data, err) ||
	    mel_streamable_begin(p->streamable, &p->scope, upstream, err))
		return -1;
	*width = mel_streamable_width(p->streamable);
	return 0;
}

static int64_t
pull_pipeline(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct pipeline *p = state;

	return mel_streamable_pull(p->streamable, wanted, rows, err);
}

static void
reset_pipeline(void *state)
{
	struct pipeline *p = state;

	mel_streamable_reset(p->streamable);
	mel_bundle_free(&p->scope);
	mel_bundle_free(&p->made);
}

static const struct mel_option pipeline_options[] = {
    {"sequence_block", 0, MEL_OPT_OBJECT,
	offsetof(struct mel_pipeline_options, sequence_block),
	.object = "sequence_block", .drop = drop_sequence, .arg = "BLOCK",
	.required = true, .help = "runs once, at the start"},
    {"streamable_block", 0, MEL_OPT_OBJECT,
	offsetof(struct mel_pipeline_options, streamable_block),
	.object = "streamable_block", .drop = drop_streamable, .arg = "BLOCK",
	.required = true, .help = "gives the rows"},
    {0},
};

const struct mel_streamable_type mel_pipeline_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "StreamablePipeline",
    .help = "one sequence block, then one streamable block on its tensors",
    .options = pipeline_options,
    .options_size = sizeof(struct mel_pipeline_options),
    .state_size = sizeof(struct pipeline),
    .open = open_pipeline,
    .connect = connect_pipeline,
    .begin = begin_pipeline,
    .pull = pull_pipeline,
    .reset = reset_pipeline,
};
