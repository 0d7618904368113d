/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/stage.h"

#include <stdlib.h>
#include <string.h>

#include "addon/addon.h"
#include "addon/build.h"
#include "addon/runs.h"
#include "addon/yaml.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "block/block.h"
#include "block/compose.h"
#include "block/control.h"
#include "block/decl.h"
#include "block/env.h"
#include "block/sequence.h"
#include "block/streamable.h"
#include "tensor/bundle.h"
#include "tensor/head.h"
#include "tensor/record.h"
#include "tensor/tensor.h"

struct mel_stage {
	struct mel_addon *addon;
	size_t first, last;
	struct mel_env spec_only;      /* the options' env, to declare only */
	struct mel_sequence *front;    /* or NULL */
	struct mel_sequence *sequence; /* or NULL */
	struct mel_member_list rows;   /* the streamable blocks, in order */
	struct mel_decls have;         /* tensors there once begin is through */
	int64_t in_width;              /* of the rows that come in, 0: none */
	int64_t width;                 /* of the rows that go out, 0: unknown */
	struct mel_head head;

	struct mel_streamable *tail;   /* of the utterance: gives its rows */
	struct mel_streamable *source; /* of the utterance, not ours; or NULL */
	uint64_t source_began_ns;      /* busy before the utterance */
	uint64_t source_ns;            /* busy in all of them */
	struct mel_bundle from_front, from_sequence; /* of the utterance */
	struct mel_bundle scope;                     /* views of all */
};

/* What begin gets at position 0: the text in some form. */
static int
declare_inputs(struct mel_stage *s, struct mel_err *err)
{
	static const struct mel_decl inputs[] = {
	    {.name = "text", .dtype = MEL_U8, .ndim = 1},
	    {.name = "input_phonemes", .dtype = MEL_U8, .ndim = 1},
	    {.name = "input_tokens", .dtype = MEL_I64, .ndim = 1},
	};

	for (size_t i = 0; i < sizeof(inputs) / sizeof(*inputs); i++) {
		if (mel_decls_add(&s->have, &inputs[i], err))
			return -1;
	}
	return 0;
}

/* What begin gets later: the ports of the stream. */
static int
declare_ports(
    struct mel_stage *s, const struct mel_head *head, struct mel_err *err)
{
	for (size_t i = 0; i < head->n_ports; i++) {
		const struct mel_port *port = &head->port[i];
		struct mel_decl decl = {.name = port->name,
		    .dtype = port->dtype,
		    .ndim = port->ndim};

		if (port->ndim > 1 && port->dim[port->ndim - 1] > 0)
			decl.width = port->dim[port->ndim - 1];
		if (port->sort == MEL_SEQUENCE &&
		    mel_decls_add(&s->have, &decl, err))
			return -1;
		if ((int)i != mel_head_rows(head))
			continue;
		if (port->ndim != 2 || port->dtype != MEL_F32 || !decl.width)
			return mel_fail(err,
			    "the stream's rows \"%s\" are not f32 of a fixed "
			    "width",
			    port->name);
		s->in_width = decl.width;
	}
	return 0;
}

/*
 * Set by the user at position 0; later they come with begin, not as ports, so
 * a port of that name is a fault of the stream.
 */
static int
declare_controls(struct mel_stage *s, struct mel_err *err)
{
	char name[MEL_CONTROL_NAME];
	struct mel_decl control = {.name = name, .dtype = MEL_F32};

	for (size_t i = 0; i < s->addon->n_controls; i++) {
		if (mel_control_tensor(s->addon->control[i].name, name, err) ||
		    mel_decls_add(&s->have, &control, err))
			return -1;
	}
	return 0;
}

/*
 * Connects a sequence block; what it gives hides what was there. node: what
 * it was made of, for messages.
 */
static int
connect_sequence(struct mel_stage *s, struct mel_sequence *block,
    const yaml_node_t *node, struct mel_err *err)
{
	struct mel_decls gives = {0};
	int rc = mel_sequence_connect(block, &s->have, &gives, err);

	if (!rc)
		rc = mel_decls_add_new(&gives, &s->have, err);
	if (rc) {
		mel_decls_free(&gives);
		return mel_yaml_fail_at(s->addon->yaml, node, err);
	}
	mel_decls_free(&s->have);
	s->have = gives;
	return 0;
}

/* What the addon asks to keep by name must be there. */
static int
check_keep(const struct mel_stage *s, struct mel_err *err)
{
	struct mel_yaml *yaml = s->addon->yaml;
	const yaml_node_t *list =
	    mel_yaml_get(yaml, mel_yaml_root(yaml), "keep");

	for (size_t i = 0; i < mel_yaml_count(list); i++) {
		const yaml_node_t *item = mel_yaml_item(yaml, list, i);

		if (!mel_decls_find(&s->have, mel_yaml_text(item)))
			return mel_yaml_fail(yaml, item, err,
			    "keep: nothing gives \"%s\"", mel_yaml_text(item));
	}
	return 0;
}

/*
 * Opening takes its time, for voices and dictionaries of the front end as for
 * weights of networks, so the two are made at once if there are threads.
 */
struct opening {
	struct mel_stage *stage;
	const struct mel_stage_options *options;
	struct mel_err err[2]; /* of each task; "": it went well */
};

static struct mel_builder
builder_at(const struct mel_stage *s, const struct mel_env *env, size_t i)
{
	return (struct mel_builder){.addon = s->addon,
	    .env = env,
	    .where = s->addon->position[i].where};
}

/* Of the positions of the stage itself. */
static const struct mel_env *
own_env(const struct mel_stage *s, const struct mel_stage_options *o)
{
	return o->declare_only ? &s->spec_only : o->env;
}

static int
make_front(
    struct mel_stage *s, const struct mel_stage_options *o, struct mel_err *err)
{
	struct mel_builder builder = builder_at(s, own_env(s, o), 0);

	builder.unknown = o->unknown;
	return mel_build_front(&builder, &s->front, err);
}

static int
make_sequence(
    struct mel_stage *s, const struct mel_env *env, struct mel_err *err)
{
	const struct mel_position *p = &s->addon->position[0];
	struct mel_builder builder = builder_at(s, env, 0);
	struct mel_member member = {0};

	if (p->node &&
	    mel_build_block(&builder, p->node, MEL_KIND_SEQUENCE, &member, err))
		return -1;
	s->sequence = member.sequence;
	return 0;
}

/* The streamable blocks of positions [from, to). */
static int
make_rows(struct mel_stage *s, const struct mel_env *env, size_t from,
    size_t to, struct mel_member_list *list, struct mel_err *err)
{
	list->item = mel_alloc(to - from, sizeof(*list->item), err);
	if (!list->item)
		return -1;
	for (size_t i = from; i < to; i++) {
		const struct mel_builder builder = builder_at(s, env, i);

		if (mel_build_block(&builder, s->addon->position[i].node,
			MEL_KIND_STREAMABLE, &list->item[list->n], err))
			return -1;
		list->n++;
	}
	return 0;
}

/* Task 0: the front end; task 1: what comes behind it. */
static void
make_part(void *ctx, size_t task, int worker)
{
	struct opening *opening = ctx;
	struct mel_stage *s = opening->stage;
	const struct mel_stage_options *o = opening->options;
	struct mel_err *err = &opening->err[task];
	size_t from = s->first ? s->first : 1;

	(void)worker;
	if (!task) {
		if (!s->first)
			make_front(s, o, err);
		return;
	}
	if (o->text_only || (!s->first && make_sequence(s, own_env(s, o), err)))
		return;
	make_rows(s, own_env(s, o), from, s->last < from ? from : s->last,
	    &s->rows, err);
}

static int
make_blocks(
    struct mel_stage *s, const struct mel_stage_options *o, struct mel_err *err)
{
	struct opening opening = {.stage = s, .options = o};

	mel_pool_run(o->env->pool, 2, make_part, &opening);
	for (int i = 0; i < 2; i++) {
		if (opening.err[i].msg[0])
			return mel_fail(err, "%s", opening.err[i].msg);
	}
	return 0;
}

static int
connect_first(
    struct mel_stage *s, const struct mel_stage_options *o, struct mel_err *err)
{
	struct mel_yaml *yaml = s->addon->yaml;

	if (declare_inputs(s, err) || declare_controls(s, err))
		return -1;
	if (s->front &&
	    connect_sequence(s, s->front,
		mel_yaml_get(yaml, mel_yaml_root(yaml), "text"), err))
		return -1;
	if (s->sequence &&
	    connect_sequence(s, s->sequence, s->addon->position[0].node, err))
		return -1;
	return o->text_only ? 0 : check_keep(s, err);
}

/* The blocks of list are those of positions from `from` on. *width: of the
 * rows before and, in the end, behind them. */
static int
connect_rows(struct mel_stage *s, const struct mel_member_list *list,
    size_t from, int64_t *width, struct mel_err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct mel_position *p = &s->addon->position[from + i];
		struct mel_streamable *block = list->item[i].streamable;
		int64_t in_width = *width;

		if (mel_streamable_spec_of(block)->upstream && from + i == 1 &&
		    !s->in_width)
			return mel_yaml_fail(s->addon->yaml, p->node, err,
			    "%s: there is no block before it to pull from",
			    p->where);
		if (mel_streamable_connect(
			block, &s->have, in_width, width, err))
			return mel_yaml_fail_at(s->addon->yaml, p->node, err);
	}
	return 0;
}

static bool
is_kept(const struct mel_stage *s, const char *name)
{
	for (size_t i = 0; i < s->addon->keep.n; i++) {
		if (!strcmp(s->addon->keep.item[i], name))
			return true;
	}
	return false;
}

/* A port for a tensor; nothing is known of most lengths. */
static int
add_port(struct mel_stage *s, const struct mel_decl *decl,
    enum mel_port_sort sort, struct mel_err *err)
{
	struct mel_port port = {
	    .name = (char *)(uintptr_t)decl->name, /* copied by mel_head_add */
	    .dtype = decl->dtype,
	    .sort = sort};

	if (!decl->dtype || decl->ndim < 0 || decl->ndim > MEL_RECORD_DIMS)
		return mel_yaml_fail(s->addon->yaml, NULL, err,
		    "tensor \"%s\" cannot be sent: its type is not known",
		    decl->name);
	port.ndim = decl->ndim;
	for (int i = 0; i < port.ndim; i++)
		port.dim[i] = MEL_OPEN;
	if (port.ndim > 1 && decl->width)
		port.dim[port.ndim - 1] = decl->width;
	return mel_head_add(&s->head, &port, err);
}

static bool
is_needed(const struct mel_member_list *later, const char *name)
{
	for (size_t i = 0; i < later->n; i++) {
		const struct mel_streamable_spec *spec =
		    mel_streamable_spec_of(later->item[i].streamable);

		if (mel_decls_find(&spec->needs, name))
			return true;
	}
	return false;
}

static int
add_sequence_ports(struct mel_stage *s, const struct mel_member_list *later,
    struct mel_err *err)
{
	for (size_t i = 0; i < s->have.n; i++) {
		const struct mel_decl *decl = &s->have.item[i];

		if (!strncmp(decl->name, MEL_CONTROL_PREFIX,
			strlen(MEL_CONTROL_PREFIX)))
			continue;
		if (!is_kept(s, decl->name) && !is_needed(later, decl->name))
			continue;
		if (add_port(s, decl, MEL_SEQUENCE, err))
			return -1;
	}
	return 0;
}

/* The name of the rows: the last block that names them. */
static const char *
rows_name(const struct mel_stage *s, const struct mel_head *in)
{
	const char *name = "rows";

	if (in && mel_head_rows(in) >= 0)
		name = in->port[mel_head_rows(in)].name;
	for (size_t i = 0; i < s->rows.n; i++) {
		const struct mel_streamable_spec *spec =
		    mel_streamable_spec_of(s->rows.item[i].streamable);

		if (spec->rows)
			name = spec->rows;
	}
	return name;
}

static int
add_row_ports(
    struct mel_stage *s, const struct mel_head *in, struct mel_err *err)
{
	struct mel_decl rows = {.dtype = MEL_F32, .ndim = 2};

	if (!s->rows.n && !s->in_width)
		return 0;
	rows.name = rows_name(s, in);
	rows.width = s->width;
	if (!s->width)
		return mel_yaml_fail(s->addon->yaml, NULL, err,
		    "the width of rows \"%s\" is not known", rows.name);
	if (add_port(s, &rows, MEL_ROWS, err))
		return -1;
	for (size_t i = 0; in && i < in->n_ports; i++) {
		/* Side rows of stages before pass through. */
		if (in->port[i].sort == MEL_ROWS &&
		    (int)i != mel_head_rows(in) &&
		    mel_head_add(&s->head, &in->port[i], err))
			return -1;
	}
	for (size_t i = 0; i < s->rows.n; i++) {
		const struct mel_decls *side =
		    &mel_streamable_spec_of(s->rows.item[i].streamable)->side;

		for (size_t k = 0; k < side->n; k++) {
			if (add_port(s, &side->item[k], MEL_ROWS, err))
				return -1;
		}
	}
	return 0;
}

static int
make_head(struct mel_stage *s, const struct mel_stage_options *o,
    const struct mel_member_list *later, struct mel_err *err)
{
	const struct mel_head *in = o->head;

	s->head.done = (int)s->last;
	s->head.contract = json_incref(s->addon->contract);
	s->head.extra = in ? json_incref(in->extra) : NULL;
	if (in && in->addon)
		s->head.addon = json_incref(in->addon);
	else
		s->head.addon = json_pack("{s:s, s:s, s:s*}", "name",
		    s->addon->name, "digest", s->addon->digest, "dir",
		    o->by_folder ? s->addon->dir : NULL);
	if (!s->head.addon)
		return mel_fail(err, "out of memory");
	if (add_sequence_ports(s, later, err))
		return -1;
	return add_row_ports(s, in, err);
}

/* What comes out in the end must be what `mel` says. */
static int
check_contract(const struct mel_stage *s, int64_t width, struct mel_err *err)
{
	struct mel_yaml *yaml = s->addon->yaml;
	int64_t bands =
	    json_integer_value(json_object_get(s->addon->contract, "bands"));

	if (!bands || !width || bands == width)
		return 0;
	return mel_yaml_fail(yaml,
	    mel_yaml_get(yaml, mel_yaml_root(yaml), "mel"), err,
	    "mel: it has %lld bands, and the last block gives rows of %lld",
	    (long long)bands, (long long)width);
}

/* The positions behind this stage, by their declarations alone. */
static int
look_ahead(
    struct mel_stage *s, const struct mel_stage_options *o, struct mel_err *err)
{
	struct mel_member_list later = {0};
	int64_t width = s->width;
	size_t from = s->last ? s->last : 1;
	int rc;

	rc = make_rows(
	    s, &s->spec_only, from, s->addon->n_positions, &later, err);
	if (!rc)
		rc = connect_rows(s, &later, from, &width, err) ||
		     check_contract(s, width, err);
	if (!rc)
		rc = make_head(s, o, &later, err);
	mel_member_list_clear(&later);
	return rc;
}

static int
open_all(
    struct mel_stage *s, const struct mel_stage_options *o, struct mel_err *err)
{
	int rc = make_blocks(s, o, err);

	if (!rc && s->first)
		rc = declare_ports(s, o->head, err) || declare_controls(s, err);
	else if (!rc)
		rc = connect_first(s, o, err);
	if (rc)
		return -1;
	if (o->text_only)
		return 0;
	s->width = s->in_width;
	if (connect_rows(s, &s->rows, s->first ? s->first : 1, &s->width, err))
		return -1;
	return look_ahead(s, o, err);
}

int
mel_stage_open(struct mel_stage **out, const struct mel_stage_options *o,
    struct mel_err *err)
{
	struct mel_stage *s = mel_alloc(1, sizeof(*s), err);

	if (!s)
		return -1;
	s->addon = o->addon;
	s->first = o->first;
	s->last = o->last;
	s->spec_only = *o->env;
	s->spec_only.spec_only = true;
	if (open_all(s, o, err)) {
		mel_stage_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void
mel_stage_close(struct mel_stage *s)
{
	if (!s)
		return;
	mel_stage_reset(s);
	mel_member_list_clear(&s->rows);
	mel_sequence_close(s->sequence);
	mel_sequence_close(s->front);
	mel_decls_free(&s->have);
	mel_head_free(&s->head);
	free(s);
}

const struct mel_head *
mel_stage_head(const struct mel_stage *s)
{
	return &s->head;
}

/* Runs a sequence block on scope; what it gives comes before the rest. */
static int
run_sequence(struct mel_stage *s, struct mel_sequence *block,
    struct mel_bundle *made, struct mel_err *err)
{
	struct mel_bundle scope = {0};

	if (!block)
		return 0;
	if (mel_sequence_run(block, &s->scope, made, err))
		return -1;
	if (mel_bundle_view_all(&scope, made, err) ||
	    mel_bundle_view_all(&scope, &s->scope, err)) {
		mel_bundle_free(&scope);
		return -1;
	}
	mel_bundle_free(&s->scope);
	s->scope = scope;
	return 0;
}

static int
check_tokens(const struct mel_stage *s, struct mel_err *err)
{
	const struct mel_tensor *tokens = mel_bundle_get(&s->scope, "tokens");

	if (tokens && tokens->ndim == 1 &&
	    tokens->dim[0] > s->addon->max_tokens)
		return mel_fail(err, "%lld tokens, the limit of %s is %lld",
		    (long long)tokens->dim[0], s->addon->name,
		    (long long)s->addon->max_tokens);
	return 0;
}

int
mel_stage_begin(struct mel_stage *s, const struct mel_bundle *data,
    struct mel_streamable *source, struct mel_err *err)
{
	mel_stage_reset(s);
	s->source = source;
	if (source)
		s->source_began_ns = mel_streamable_busy_ns(source);
	if (mel_bundle_view_all(&s->scope, data, err))
		return -1;
	if (!s->first &&
	    (run_sequence(s, s->front, &s->from_front, err) ||
		check_tokens(s, err) ||
		run_sequence(s, s->sequence, &s->from_sequence, err)))
		return -1;
	for (size_t i = 0; i < s->rows.n; i++) {
		struct mel_streamable *block = s->rows.item[i].streamable;

		if (mel_streamable_begin(block, &s->scope, source, err))
			return -1;
		source = block;
	}
	s->tail = source;
	return 0;
}

const struct mel_bundle *
mel_stage_tensors(const struct mel_stage *s)
{
	return &s->scope;
}

struct mel_streamable *
mel_stage_rows(const struct mel_stage *s)
{
	return s->tail;
}

void
mel_stage_reset(struct mel_stage *s)
{
	for (size_t i = s->rows.n; i-- > 0;)
		mel_streamable_reset(s->rows.item[i].streamable);
	if (s->source)
		s->source_ns +=
		    mel_streamable_busy_ns(s->source) - s->source_began_ns;
	s->tail = s->source = NULL;
	mel_bundle_free(&s->scope);
	mel_bundle_free(&s->from_sequence);
	mel_bundle_free(&s->from_front);
}

/* Block *i of those that `block` is made of, or NULL and *i less those. */
static const struct mel_sequence *
find_part(const struct mel_sequence *block, size_t *i)
{
	const struct mel_member_list *list = mel_container_members(block);
	const struct mel_sequence *found = NULL;

	if (!list)
		return (*i)-- ? NULL : block;
	for (size_t k = 0; !found && k < list->n; k++)
		found = find_part(list->item[k].sequence, i);
	return found;
}

/* mel_stage_part of those that run once per utterance. */
static bool
sequence_part(const struct mel_stage *s, size_t *i, struct mel_stage_part *part)
{
	const struct mel_sequence *block = NULL;

	if (s->front)
		block = find_part(s->front, i);
	if (!block && s->sequence)
		block = find_part(s->sequence, i);
	if (!block)
		return false;
	part->where = mel_sequence_where_of(block);
	part->busy_ns = mel_sequence_busy_ns(block);
	part->lookahead = 0;
	part->inexact = false;
	part->runs = (struct mel_runs){0};
	mel_runs_add_sequence(&part->runs, block, &s->spec_only);
	return true;
}

bool
mel_stage_part(const struct mel_stage *s, size_t i, struct mel_stage_part *part)
{
	const struct mel_streamable *block;
	uint64_t before = s->source_ns;

	if (sequence_part(s, &i, part))
		return true;
	if (i >= s->rows.n)
		return false;
	/* A pull's time holds that of the pulls it makes itself; the first
	 * block's that of waiting for the rows that come in. */
	if (i > 0)
		before = mel_streamable_busy_ns(s->rows.item[i - 1].streamable);
	block = s->rows.item[i].streamable;
	part->where = mel_streamable_where_of(block);
	part->lookahead = mel_streamable_spec_of(block)->lookahead;
	part->inexact = mel_streamable_spec_of(block)->inexact;
	part->busy_ns = mel_streamable_busy_ns(block);
	part->busy_ns -= before < part->busy_ns ? before : part->busy_ns;
	part->runs = (struct mel_runs){0};
	mel_runs_add_streamable(&part->runs, block, &s->spec_only);
	return true;
}

size_t
mel_stage_upsampler(const struct mel_addon *a)
{
	for (size_t i = 1; i < a->n_positions; i++) {
		const char *type = mel_yaml_text(
		    mel_yaml_get(a->yaml, a->position[i].node, "type"));

		if (type && !strcmp(type, "Upsampler"))
			return i + 1;
	}
	return 0;
}
