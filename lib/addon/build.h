/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_BUILD_H
#define MEL_ADDON_BUILD_H

#include <stdbool.h>
#include <yaml.h>

struct mel_env;
struct mel_err;
struct mel_member;
struct mel_sequence;

struct mel_addon;

/*
 * Makes blocks from an addon's YAML. A block is a mapping with `type` and the
 * options of that type; anything else in it is an error with file, line and
 * column.
 *
 * Kinds of OBJECT options, and what YAML gives for them:
 *
 *	sequence_block      a block          struct mel_sequence *
 *	streamable_block    a block          struct mel_streamable *
 *	sequence_blocks     list of blocks   struct mel_member_list *
 *	streamable_blocks   list of blocks   struct mel_member_list *
 *	encoders            the same; if absent the addon's `encoders:`
 *	network             name             struct mel_netdef *, the addon's
 *	decoder             the same; if absent the addon's `decoder:`
 *	file                name in the addon's folder; char *, full path
 */
struct mel_builder {
	struct mel_addon *addon;
	const struct mel_env *env;
	const char *where; /* the block being made, as "stack[0].stack[1]" */
	yaml_node_t *node; /* the same in the YAML; NULL before there is one */
	const char *unknown; /* for an option of that name; NULL: the YAML */
	bool in_encoders;    /* it is one of the addon's `encoders:` */
};

enum mel_block_kind {
	MEL_KIND_SEQUENCE,
	MEL_KIND_STREAMABLE,
};

/* The block that node describes, which must be of that kind. */
int mel_build_block(const struct mel_builder *builder, yaml_node_t *node,
    enum mel_block_kind kind, struct mel_member *block, struct mel_err *err);

/* The block that the addon's `text:` asks for; Ids if it has none. */
int mel_build_front(const struct mel_builder *builder,
    struct mel_sequence **block, struct mel_err *err);

#endif
