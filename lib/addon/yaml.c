/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"

static int
fail_mark(const char *path, const yaml_mark_t *mark, struct mel_err *err)
{
	return mel_fail_in(
	    err, "%s:%zu:%zu", path, mark->line + 1, mark->column + 1);
}

int
mel_yaml_fail_at(
    const struct mel_yaml *yaml, const yaml_node_t *node, struct mel_err *err)
{
	if (!node)
		return mel_fail_in(err, "%s", yaml->path);
	return fail_mark(yaml->path, &node->start_mark, err);
}

int
mel_yaml_fail(const struct mel_yaml *yaml, const yaml_node_t *node,
    struct mel_err *err, const char *fmt, ...)
{
	char text[MEL_ERR_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mel_fail(err, "%s", text);
	return mel_yaml_fail_at(yaml, node, err);
}

bool
mel_yaml_is_map(const yaml_node_t *node)
{
	return node && node->type == YAML_MAPPING_NODE;
}

bool
mel_yaml_is_list(const yaml_node_t *node)
{
	return node && node->type == YAML_SEQUENCE_NODE;
}

const char *
mel_yaml_text(const yaml_node_t *node)
{
	if (!node || node->type != YAML_SCALAR_NODE)
		return NULL;
	return (const char *)node->data.scalar.value;
}

size_t
mel_yaml_count(const yaml_node_t *node)
{
	if (mel_yaml_is_list(node))
		return (size_t)(node->data.sequence.items.top -
				node->data.sequence.items.start);
	if (mel_yaml_is_map(node))
		return (size_t)(node->data.mapping.pairs.top -
				node->data.mapping.pairs.start);
	return 0;
}

yaml_node_t *
mel_yaml_item(struct mel_yaml *yaml, const yaml_node_t *list, size_t i)
{
	return yaml_document_get_node(
	    &yaml->document, list->data.sequence.items.start[i]);
}

yaml_node_t *
mel_yaml_key(struct mel_yaml *yaml, const yaml_node_t *map, size_t i)
{
	return yaml_document_get_node(
	    &yaml->document, map->data.mapping.pairs.start[i].key);
}

yaml_node_t *
mel_yaml_value(struct mel_yaml *yaml, const yaml_node_t *map, size_t i)
{
	return yaml_document_get_node(
	    &yaml->document, map->data.mapping.pairs.start[i].value);
}

yaml_node_t *
mel_yaml_get(struct mel_yaml *yaml, const yaml_node_t *map, const char *key)
{
	if (!mel_yaml_is_map(map))
		return NULL;
	for (size_t i = 0; i < mel_yaml_count(map); i++) {
		if (!strcmp(mel_yaml_text(mel_yaml_key(yaml, map, i)), key))
			return mel_yaml_value(yaml, map, i);
	}
	return NULL;
}

int
mel_yaml_known_keys(struct mel_yaml *yaml, const yaml_node_t *map,
    const char *const *known, struct mel_err *err)
{
	for (size_t i = 0; i < mel_yaml_count(map); i++) {
		const yaml_node_t *key = mel_yaml_key(yaml, map, i);
		size_t k = 0;

		while (known[k] && strcmp(known[k], mel_yaml_text(key)) != 0)
			k++;
		if (!known[k])
			return mel_yaml_fail(yaml, key, err,
			    "unknown key \"%s\"", mel_yaml_text(key));
	}
	return 0;
}

yaml_node_t *
mel_yaml_root(struct mel_yaml *yaml)
{
	return yaml_document_get_root_node(&yaml->document);
}

static int
check_keys(struct mel_yaml *yaml, const yaml_node_t *map, struct mel_err *err)
{
	/* Each key is compared with all before it. */
	if (mel_yaml_count(map) > MEL_YAML_KEYS)
		return mel_yaml_fail(
		    yaml, map, err, "more than %d keys", MEL_YAML_KEYS);
	for (size_t i = 0; i < mel_yaml_count(map); i++) {
		const yaml_node_t *key = mel_yaml_key(yaml, map, i);
		const char *text = mel_yaml_text(key);

		if (!text)
			return mel_yaml_fail(
			    yaml, key, err, "a key must be a word");
		if (strlen(text) != key->data.scalar.length)
			return mel_yaml_fail(yaml, key, err, "NUL in a key");
		for (size_t k = 0; k < i; k++) {
			if (!strcmp(text,
				mel_yaml_text(mel_yaml_key(yaml, map, k))))
				return mel_yaml_fail(yaml, key, err,
				    "key \"%s\" is there twice", text);
		}
	}
	return 0;
}

/*
 * Everything later walks the tree by recursion, so it must be one: no node
 * reachable twice. seen: one mark for each node.
 */
static int
check_tree(
    struct mel_yaml *yaml, yaml_node_t *node, char *seen, struct mel_err *err)
{
	size_t number = (size_t)(node - yaml->document.nodes.start);
	int rc = 0;

	if (seen[number]++)
		return mel_yaml_fail(yaml, node, err,
		    "aliases are not used "
		    "here");
	if (mel_yaml_text(node) &&
	    strlen(mel_yaml_text(node)) != node->data.scalar.length)
		return mel_yaml_fail(yaml, node, err, "NUL in a text");
	if (mel_yaml_is_map(node))
		rc = check_keys(yaml, node, err);
	for (size_t i = 0; !rc && i < mel_yaml_count(node); i++)
		rc = check_tree(yaml,
		    mel_yaml_is_map(node) ? mel_yaml_value(yaml, node, i)
					  : mel_yaml_item(yaml, node, i),
		    seen, err);
	return rc;
}

static int
check_document(struct mel_yaml *yaml, struct mel_err *err)
{
	size_t n =
	    (size_t)(yaml->document.nodes.top - yaml->document.nodes.start);
	char *seen;
	int rc;

	if (!n)
		return mel_fail(err, "%s: empty", yaml->path);
	seen = mel_alloc(n, 1, err);
	if (!seen)
		return -1;
	rc = check_tree(yaml, mel_yaml_root(yaml), seen, err);
	free(seen);
	return rc;
}

/* What the parser found, and where. */
static int
fail_parser(const char *path, const yaml_parser_t *parser, struct mel_err *err)
{
	mel_fail(err, "%s", parser->problem ? parser->problem : "not YAML");
	/* Bytes that are no text have no line yet. */
	if (parser->error == YAML_READER_ERROR)
		return mel_fail_in(
		    err, "%s: byte %zu", path, parser->problem_offset + 1);
	return fail_mark(path, &parser->problem_mark, err);
}

/* What the events so far have opened. */
struct scan {
	int depth;
	int documents;
};

static int
check_event(const char *path, const yaml_event_t *event, struct scan *scan,
    struct mel_err *err)
{
	const char *why = NULL;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		/* The tree would be of the first alone. */
		if (scan->documents++)
			why = "a second document";
		break;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (++scan->depth > MEL_YAML_DEPTH)
			why = "nested too deeply";
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		scan->depth--;
		break;
	default:
		break;
	}
	if (!why)
		return 0;
	mel_fail(err, "%s", why);
	return fail_mark(path, &event->start_mark, err);
}

static int
start(const struct mel_yaml *yaml, const struct mel_buf *text,
    yaml_parser_t *parser, struct mel_err *err)
{
	if (!yaml_parser_initialize(parser))
		return mel_fail(err, "%s: out of memory", yaml->path);
	yaml_parser_set_input_string(
	    parser, (const unsigned char *)text->data, text->len);
	return 0;
}

/*
 * Reads to the end once before a tree is made: the parser's time for a
 * bracket grows with the number of those that are open.
 */
static int
scan_all(const struct mel_yaml *yaml, const struct mel_buf *text,
    struct mel_err *err)
{
	yaml_parser_t parser;
	yaml_event_t event;
	struct scan scan = {0};
	bool end = false;
	int rc = start(yaml, text, &parser, err);

	if (rc)
		return rc;
	while (!rc && !end) {
		if (!yaml_parser_parse(&parser, &event)) {
			rc = fail_parser(yaml->path, &parser, err);
			break;
		}
		rc = check_event(yaml->path, &event, &scan, err);
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return rc;
}

static int
parse(struct mel_yaml *yaml, const struct mel_buf *text, struct mel_err *err)
{
	yaml_parser_t parser;
	int rc = scan_all(yaml, text, err);

	if (rc || start(yaml, text, &parser, err))
		return -1;
	if (!yaml_parser_load(&parser, &yaml->document)) {
		rc = fail_parser(yaml->path, &parser, err);
		/* A failed load leaves nothing to delete. */
		memset(&yaml->document, 0, sizeof(yaml->document));
	}
	yaml_parser_delete(&parser);
	return rc;
}

int
mel_yaml_open(struct mel_yaml **out, const char *path, struct mel_err *err)
{
	struct mel_yaml *yaml = mel_alloc(1, sizeof(*yaml), err);
	struct mel_buf text = {0};
	int rc = -1;

	if (!yaml)
		return -1;
	yaml->path = mel_strdup(path, err);
	if (yaml->path && !mel_read_file(path, MEL_YAML_LIMIT, &text, err) &&
	    !parse(yaml, &text, err) && !check_document(yaml, err))
		rc = 0;
	mel_buf_free(&text);
	if (rc)
		mel_yaml_close(yaml);
	else
		*out = yaml;
	return rc;
}

void
mel_yaml_close(struct mel_yaml *yaml)
{
	if (!yaml)
		return;
	yaml_document_delete(&yaml->document);
	free(yaml->path);
	free(yaml);
}
