/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/compose.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/decl.h"
#include "block/streamable.h"

struct stack {
	struct mel_member *member; /* [n], of the options */
	size_t n;
};

static void
drop_list(void *list)
{
	mel_member_list_free(list);
}

/* The look-ahead of the whole is in rows of its input only if no member
 * changes the number of rows, which none does but those that read it all. */
static int64_t
add_lookahead(int64_t a, int64_t b)
{
	return a == MEL_WHOLE || b == MEL_WHOLE ? MEL_WHOLE : a + b;
}

static int
declare_member(const struct mel_streamable_spec *s,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	if (mel_decls_add_new(&spec->needs, &s->needs, err))
		return -1;
	for (size_t i = 0; i < s->side.n; i++) {
		if (mel_decls_add(&spec->side, &s->side.item[i], err))
			return -1;
	}
	if (s->rows) {
		free(spec->rows);
		spec->rows = mel_strdup(s->rows, err);
		if (!spec->rows)
			return -1;
	}
	spec->lookahead = add_lookahead(spec->lookahead, s->lookahead);
	spec->inexact |= s->inexact;
	return 0;
}

/* Sets the width that the member gives, as far as open can know it. */
static int
declare_width(const struct mel_streamable_spec *s,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	if (!s->width && !s->width_of)
		return 0; /* as the member before */
	free(spec->width_of);
	spec->width_of = NULL;
	spec->width = s->width;
	if (s->width_of) {
		spec->width_of = mel_strdup(s->width_of, err);
		if (!spec->width_of)
			return -1;
	}
	return 0;
}

static int
open_stack(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	const struct mel_stack_options *o = options;
	struct stack *stack = state;

	(void)env;
	if (!o || !o->stack || !o->stack->n)
		return mel_fail(err, "holds no block");
	stack->member = o->stack->item;
	stack->n = o->stack->n;
	for (size_t i = 0; i < stack->n; i++) {
		const struct mel_streamable_spec *s =
		    mel_streamable_spec_of(stack->member[i].streamable);

		if (declare_member(s, spec, err) || declare_width(s, spec, err))
			return -1;
	}
	spec->upstream =
	    mel_streamable_spec_of(stack->member[0].streamable)->upstream;
	spec->in_width =
	    mel_streamable_spec_of(stack->member[0].streamable)->in_width;
	return 0;
}

static int
connect_stack(void *state, const struct mel_decls *have, int64_t in_width,
    int64_t *width, struct mel_err *err)
{
	struct stack *stack = state;

	for (size_t i = 0; i < stack->n; i++) {
		if (mel_streamable_connect(stack->member[i].streamable, have,
			in_width, width, err))
			return -1;
		in_width = *width;
	}
	return 0;
}

static int
begin_stack(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	struct stack *stack = state;

	for (size_t i = 0; i < stack->n; i++) {
		if (mel_streamable_begin(
			stack->member[i].streamable, data, upstream, err))
			return -1;
		upstream = stack->member[i].streamable;
	}
	*width = mel_streamable_width(upstream);
	return 0;
}

static int64_t
pull_stack(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct stack *stack = state;

	return mel_streamable_pull(
	    stack->member[stack->n - 1].streamable, wanted, rows, err);
}

static void
reset_stack(void *state)
{
	struct stack *stack = state;

	for (size_t i = stack->n; i-- > 0;)
		mel_streamable_reset(stack->member[i].streamable);
}

static const struct mel_option stack_options[] = {
    {"stack", 0, MEL_OPT_OBJECT, offsetof(struct mel_stack_options, stack),
	.object = "streamable_blocks", .drop = drop_list, .arg = "LIST",
	.required = true,
	.help = "its members, each pulls from the one before"},
    {0},
};

const struct mel_streamable_type mel_stack_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "StreamableStack",
    .help = "blocks in a row, each pulls from the one before",
    .options = stack_options,
    .options_size = sizeof(struct mel_stack_options),
    .state_size = sizeof(struct stack),
    .open = open_stack,
    .connect = connect_stack,
    .begin = begin_stack,
    .pull = pull_stack,
    .reset = reset_stack,
};
