/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_YAML_H
#define MEL_ADDON_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

struct mel_err;

/*
 * A YAML file as a tree whose nodes know their line and column. JSON is YAML.
 * Nodes live as long as the file is open.
 */

#define MEL_YAML_LIMIT (1u << 20) /* largest file [bytes] */
#define MEL_YAML_DEPTH 64         /* deepest nesting */
#define MEL_YAML_KEYS  4096       /* most keys of one mapping */

struct mel_yaml {
	char *path; /* owned */
	yaml_document_t document;
};

/*
 * Reads the one document of a file, which must be a tree (no node twice through
 * aliases) whose mappings have scalar keys without duplicates.
 */
int mel_yaml_open(
    struct mel_yaml **yaml, const char *path, struct mel_err *err);
void mel_yaml_close(struct mel_yaml *yaml);

yaml_node_t *mel_yaml_root(struct mel_yaml *yaml);

/* "path:line:column: MESSAGE"; node NULL: "path: MESSAGE". Returns -1. */
int mel_yaml_fail(const struct mel_yaml *yaml, const yaml_node_t *node,
    struct mel_err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "path:line:column: " in front of the message. Returns -1. */
int mel_yaml_fail_at(
    const struct mel_yaml *yaml, const yaml_node_t *node, struct mel_err *err);

bool mel_yaml_is_map(const yaml_node_t *node);
bool mel_yaml_is_list(const yaml_node_t *node);

/* The text of a scalar, NULL of anything else (and of NULL). */
const char *mel_yaml_text(const yaml_node_t *node);

/* Members of a list, or pairs of a mapping; 0 of a scalar or NULL. */
size_t mel_yaml_count(const yaml_node_t *node);

/* Member i of a list. */
yaml_node_t *mel_yaml_item(
    struct mel_yaml *yaml, const yaml_node_t *list, size_t i);

/* Pair i of a mapping. */
yaml_node_t *mel_yaml_key(
    struct mel_yaml *yaml, const yaml_node_t *map, size_t i);
yaml_node_t *mel_yaml_value(
    struct mel_yaml *yaml, const yaml_node_t *map, size_t i);

/* The value behind a key; NULL if there is none, or node is no mapping. */
yaml_node_t *mel_yaml_get(
    struct mel_yaml *yaml, const yaml_node_t *map, const char *key);

/* Fails at the first key that is not in `known` (ends with NULL). */
int mel_yaml_known_keys(struct mel_yaml *yaml, const yaml_node_t *map,
    const char *const *known, struct mel_err *err);

#endif
