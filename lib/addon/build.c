/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/build.h"

#include <stdlib.h>
#include <string.h>

#include "addon/addon.h"
#include "addon/contexts.h"
#include "addon/networks.h"
#include "addon/options.h"
#include "addon/yaml.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/compose.h"
#include "block/env.h"
#include "block/registry.h"
#include "block/sequence.h"
#include "block/streamable.h"

/* The keys of a block that are not its options. */
static const char *const block_keys[] = {"type", NULL};

/* "WHERE.KEY" or "WHERE.KEY[I]", to be freed. */
static char *
place(const char *where, const char *key, int i, struct mel_err *err)
{
	struct mel_buf text = {0};
	int rc = i < 0 ? mel_buf_printf(&text, err, "%s.%s", where, key)
		       : mel_buf_printf(&text, err, "%s.%s[%d]", where, key, i);

	return rc ? NULL : text.data;
}

static yaml_node_t *
top(const struct mel_builder *b, const char *key)
{
	struct mel_yaml *yaml = b->addon->yaml;

	return mel_yaml_get(yaml, mel_yaml_root(yaml), key);
}

/* The type's name; a network alone means Network. */
static const char *
type_name(const struct mel_builder *b, yaml_node_t *node, struct mel_err *err)
{
	struct mel_yaml *yaml = b->addon->yaml;
	yaml_node_t *type = mel_yaml_get(yaml, node, "type");

	if (!mel_yaml_is_map(node)) {
		mel_yaml_fail(yaml, node, err,
		    "%s: a block is wanted, as {type: NAME}", b->where);
		return NULL;
	}
	if (!type && mel_yaml_get(yaml, node, "network"))
		return "Network";
	if (!mel_yaml_text(type)) {
		mel_yaml_fail(yaml, node, err, "%s: type is needed", b->where);
		return NULL;
	}
	return mel_yaml_text(type);
}

/* A new options struct, filled; NULL on failure. */
static void *
read_options(const struct mel_builder *b, const struct mel_option *table,
    size_t size, struct mel_err *err)
{
	const struct mel_option *unknown =
	    b->unknown ? mel_option_find(table, "unknown") : NULL;
	void *values = mel_alloc(1, size, err);

	if (!values)
		return NULL;
	if (mel_options_preset(table, values, err) ||
	    mel_options_from_yaml(b, b->node, table, block_keys, values, err) ||
	    (unknown && mel_option_set(unknown, values, b->unknown, err))) {
		mel_options_free(table, values);
		free(values);
		return NULL;
	}
	return values;
}

/* What opening needs to know of a type of either kind. */
struct found {
	const struct mel_sequence_type *sequence;
	const struct mel_streamable_type *streamable;
	const struct mel_option *options;
	size_t options_size;
};

static int
find_type(const struct mel_builder *b, enum mel_block_kind kind,
    const char *name, struct found *found, struct mel_err *err)
{
	const struct mel_registry *registry = b->addon->registry;

	*found = (struct found){0};
	if (kind == MEL_KIND_SEQUENCE) {
		found->sequence = mel_registry_sequence(registry, name, err);
		if (!found->sequence)
			return -1;
		found->options = found->sequence->options;
		found->options_size = found->sequence->options_size;
		return 0;
	}
	found->streamable = mel_registry_streamable(registry, name, err);
	if (!found->streamable)
		return -1;
	found->options = found->streamable->options;
	found->options_size = found->streamable->options_size;
	return 0;
}

/* Opens the block under its place and type; options as in block/sequence.h. */
static int
open_type(const struct mel_builder *b, const struct found *found,
    const char *name, void *options, struct mel_member *block,
    struct mel_err *err)
{
	struct mel_buf where = {0};
	int rc;

	if (mel_buf_printf(&where, err, "%s (%s)", b->where, name))
		return -1;
	if (found->sequence)
		rc = mel_sequence_open(&block->sequence, found->sequence,
		    options, where.data, b->env, err);
	else
		rc = mel_streamable_open(&block->streamable, found->streamable,
		    options, where.data, b->env, err);
	if (rc)
		mel_fail_in(err, "%s", where.data);
	mel_buf_free(&where);
	return rc;
}

int
mel_build_block(const struct mel_builder *b, yaml_node_t *node,
    enum mel_block_kind kind, struct mel_member *block, struct mel_err *err)
{
	const char *name = type_name(b, node, err);
	struct mel_builder own = *b;
	struct found found;
	void *options;

	*block = (struct mel_member){0};
	if (!name)
		return -1;
	if (find_type(b, kind, name, &found, err)) {
		mel_fail_in(err, "%s", b->where);
		return mel_yaml_fail_at(b->addon->yaml, node, err);
	}
	own.node = node;
	options = read_options(&own, found.options, found.options_size, err);
	if (!options)
		return -1;
	if (!open_type(b, &found, name, options, block, err))
		return 0;
	mel_yaml_fail_at(b->addon->yaml, node, err);
	mel_options_free(found.options, options);
	free(options);
	return -1;
}

static int
build_list(const struct mel_builder *b, yaml_node_t *node, const char *key,
    enum mel_block_kind kind, struct mel_member_list *list, struct mel_err *err)
{
	struct mel_yaml *yaml = b->addon->yaml;
	size_t n = mel_yaml_count(node);

	if (!mel_yaml_is_list(node) || !n)
		return mel_yaml_fail(yaml, node ? node : b->node, err,
		    "%s: a list of blocks is wanted", key);
	list->item = mel_alloc(n, sizeof(*list->item), err);
	for (size_t i = 0; list->item && i < n; i++) {
		char *where = place(b->where, key, (int)i, err);
		struct mel_builder inner = *b;
		int rc = -1;

		inner.where = where;
		if (where)
			rc = mel_build_block(&inner,
			    mel_yaml_item(yaml, node, i), kind, &list->item[i],
			    err);
		free(where);
		if (rc)
			return -1;
		list->n++;
	}
	return list->item ? 0 : -1;
}

static int
object_list(const struct mel_builder *b, yaml_node_t *node, const char *key,
    enum mel_block_kind kind, void **object, struct mel_err *err)
{
	struct mel_member_list *list = mel_alloc(1, sizeof(*list), err);

	if (!list)
		return -1;
	if (build_list(b, node, key, kind, list, err)) {
		mel_member_list_free(list);
		return -1;
	}
	*object = list;
	return 0;
}

/* Those of the block, else the addon's, which cannot hold themselves. */
static int
object_encoders(const struct mel_builder *b, yaml_node_t *node,
    const struct mel_option *o, void **object, struct mel_err *err)
{
	struct mel_builder inner = *b;

	if (node)
		return object_list(
		    b, node, o->name, MEL_KIND_SEQUENCE, object, err);
	if (b->in_encoders)
		return mel_yaml_fail(b->addon->yaml, b->node, err,
		    "%s: one of the encoders holds all of them", b->where);
	inner.in_encoders = true;
	return object_list(&inner, top(b, "encoders"), "encoders",
	    MEL_KIND_SEQUENCE, object, err);
}

static int
object_network(const struct mel_builder *b, yaml_node_t *node, void **object,
    struct mel_err *err)
{
	const char *name = mel_yaml_text(node);
	struct mel_netdef *def;
	bool fixed;

	if (!name)
		return mel_yaml_fail(b->addon->yaml, node ? node : b->node, err,
		    "%s: the name of a network is wanted", b->where);
	fixed = b->env->backend && mel_addon_fixes(b->addon, name);
	def = mel_addon_network(
	    b->addon, node, name, !b->env->spec_only && !fixed, err);
	if (!def || mel_addon_fix(b->addon, def, b->env, err))
		return -1;
	*object = def;
	return 0;
}

static int
object_file(const struct mel_builder *b, yaml_node_t *node, void **object,
    struct mel_err *err)
{
	const char *name = mel_yaml_text(node);

	if (!node)
		return 0;
	if (!name)
		return mel_yaml_fail(
		    b->addon->yaml, node, err, "a file name is wanted");
	*object = mel_addon_path(b->addon, name, err);
	return *object ? 0 : mel_yaml_fail_at(b->addon->yaml, node, err);
}

/* A block inside a block. */
static int
object_block(const struct mel_builder *b, yaml_node_t *node,
    const struct mel_option *o, void **object, struct mel_err *err)
{
	bool sequence = !strcmp(o->object, "sequence_block");
	struct mel_builder inner = *b;
	struct mel_member block = {0};
	char *where = place(b->where, o->name, -1, err);
	int rc;

	if (!where)
		return -1;
	inner.where = where;
	rc = mel_build_block(&inner, node,
	    sequence ? MEL_KIND_SEQUENCE : MEL_KIND_STREAMABLE, &block, err);
	if (sequence)
		*object = block.sequence;
	else
		*object = block.streamable;
	free(where);
	return rc;
}

int
mel_build_object(const struct mel_builder *b, yaml_node_t *node,
    const struct mel_option *o, void **object, struct mel_err *err)
{
	const char *kind = o->object;

	if (!strcmp(kind, "encoders"))
		return object_encoders(b, node, o, object, err);
	if (!strcmp(kind, "decoder") && !node)
		node = top(b, "decoder");
	if (!strcmp(kind, "network") || !strcmp(kind, "decoder"))
		return object_network(b, node, object, err);
	if (!strcmp(kind, "file"))
		return object_file(b, node, object, err);
	if (!strcmp(kind, "sequence_blocks"))
		return object_list(
		    b, node, o->name, MEL_KIND_SEQUENCE, object, err);
	if (!strcmp(kind, "streamable_blocks"))
		return object_list(
		    b, node, o->name, MEL_KIND_STREAMABLE, object, err);
	return object_block(b, node, o, object, err);
}

/* Without a front end token ids are the only way in. */
static int
open_ids(const struct mel_builder *b, struct mel_sequence **block,
    struct mel_err *err)
{
	const struct mel_sequence_type *type =
	    mel_registry_sequence(b->addon->registry, "Ids", err);
	void *options = type ? mel_alloc(1, type->options_size, err) : NULL;

	if (!options)
		return -1;
	if (!mel_options_preset(type->options, options, err) &&
	    !mel_sequence_open(block, type, options, "text (Ids)", b->env, err))
		return 0;
	mel_options_free(type->options, options);
	free(options);
	return -1;
}

int
mel_build_front(const struct mel_builder *b, struct mel_sequence **block,
    struct mel_err *err)
{
	struct mel_builder inner = *b;
	struct mel_member member = {0};
	yaml_node_t *node = top(b, "text");

	*block = NULL;
	if (!node)
		return open_ids(b, block, err);
	inner.where = "text";
	if (mel_build_block(&inner, node, MEL_KIND_SEQUENCE, &member, err))
		return -1;
	*block = member.sequence;
	return 0;
}
