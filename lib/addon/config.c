/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addon/addon.h"
#include "addon/contexts.h"
#include "addon/yaml.h"
#include "base/err.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/control.h"
#include "dsp/contract.h"

int
mel_addon_read_words(struct mel_addon *a, const yaml_node_t *node,
    struct mel_strings *list, struct mel_err *err)
{
	if (!mel_yaml_is_list(node))
		return mel_yaml_fail(a->yaml, node, err, "a list is wanted");
	for (size_t i = 0; i < mel_yaml_count(node); i++) {
		const yaml_node_t *item = mel_yaml_item(a->yaml, node, i);

		if (!mel_yaml_text(item))
			return mel_yaml_fail(
			    a->yaml, item, err, "a word is wanted");
		if (mel_strings_add(list, mel_yaml_text(item), err))
			return -1;
	}
	return 0;
}

int
mel_addon_read_number(struct mel_addon *a, const yaml_node_t *node,
    double *value, struct mel_err *err)
{
	if (!mel_yaml_text(node))
		return mel_yaml_fail(a->yaml, node, err, "a number is wanted");
	if (mel_parse_double(mel_yaml_text(node), value, err))
		return mel_yaml_fail_at(a->yaml, node, err);
	return 0;
}

/* The text behind a key; "" if the key is absent. */
static int
read_text(struct mel_addon *a, const yaml_node_t *map, const char *key,
    char **text, struct mel_err *err)
{
	const yaml_node_t *node = mel_yaml_get(a->yaml, map, key);

	if (node && !mel_yaml_text(node))
		return mel_yaml_fail(
		    a->yaml, node, err, "%s: a text is wanted", key);
	*text = mel_strdup(node ? mel_yaml_text(node) : "", err);
	return *text ? 0 : -1;
}

static int
read_optional_number(struct mel_addon *a, const yaml_node_t *map,
    const char *key, double *value, struct mel_err *err)
{
	const yaml_node_t *node = mel_yaml_get(a->yaml, map, key);

	return node ? mel_addon_read_number(a, node, value, err) : 0;
}

/*
 * Fit to be a folder's name, to stand in a path with ':' between folders, in
 * -s NAME=VALUE, and in a message. Bytes above 127 are letters of some script.
 */
static bool
is_name(const char *text)
{
	const char *s = text;

	while ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
	       (*s >= '0' && *s <= '9') || (*s && strchr("-_+.", *s)) ||
	       (unsigned char)*s > 127)
		s++;
	return s > text && !*s && text[0] != '.';
}

static int
read_control(struct mel_addon *a, yaml_node_t *key, yaml_node_t *value,
    struct mel_control *c, struct mel_err *err)
{
	static const char *const known[] = {
	    "unit", "help", "default", "min", "max", NULL};
	char tensor[MEL_CONTROL_NAME];

	if (!is_name(mel_yaml_text(key)))
		return mel_yaml_fail(a->yaml, key, err,
		    "\"%s\" is no name of a control", mel_yaml_text(key));
	if (mel_control_tensor(mel_yaml_text(key), tensor, err))
		return mel_yaml_fail_at(a->yaml, key, err);
	if (!mel_yaml_is_map(value))
		return mel_yaml_fail(a->yaml, value, err,
		    "control \"%s\": {default, min, max, unit, help} is wanted",
		    mel_yaml_text(key));
	if (mel_yaml_known_keys(a->yaml, value, known, err))
		return -1;
	if (!mel_yaml_get(a->yaml, value, "min") ||
	    !mel_yaml_get(a->yaml, value, "max"))
		return mel_yaml_fail(a->yaml, value, err,
		    "control \"%s\" needs min and max", mel_yaml_text(key));
	c->name = mel_strdup(mel_yaml_text(key), err);
	if (!c->name || read_text(a, value, "unit", &c->unit, err) ||
	    read_text(a, value, "help", &c->help, err) ||
	    read_optional_number(a, value, "default", &c->preset, err) ||
	    read_optional_number(a, value, "min", &c->min, err) ||
	    read_optional_number(a, value, "max", &c->max, err))
		return -1;
	if (!(c->min <= c->preset && c->preset <= c->max))
		return mel_yaml_fail(a->yaml, value, err,
		    "control \"%s\": default %g is not within %g to %g",
		    c->name, c->preset, c->min, c->max);
	return 0;
}

static int
read_controls(struct mel_addon *a, const yaml_node_t *map, struct mel_err *err)
{
	size_t n = mel_yaml_count(map);

	if (map && !mel_yaml_is_map(map))
		return mel_yaml_fail(
		    a->yaml, map, err, "controls: a mapping is wanted");
	a->control = mel_alloc(n, sizeof(*a->control), err);
	if (!a->control)
		return -1;
	a->n_controls = n;
	for (size_t i = 0; i < n; i++) {
		if (read_control(a, mel_yaml_key(a->yaml, map, i),
			mel_yaml_value(a->yaml, map, i), &a->control[i], err))
			return -1;
	}
	return 0;
}

#define DEFAULT_MAX_TOKENS 10000

static int
read_limits(struct mel_addon *a, const yaml_node_t *map, struct mel_err *err)
{
	static const char *const known[] = {"tokens", NULL};
	const yaml_node_t *tokens = mel_yaml_get(a->yaml, map, "tokens");

	a->max_tokens = DEFAULT_MAX_TOKENS;
	if (map && !mel_yaml_is_map(map))
		return mel_yaml_fail(
		    a->yaml, map, err, "limits: a mapping is wanted");
	if (mel_yaml_known_keys(a->yaml, map, known, err))
		return -1;
	if (!tokens)
		return 0;
	if (!mel_yaml_text(tokens) ||
	    mel_parse_int(mel_yaml_text(tokens), &a->max_tokens, err) ||
	    a->max_tokens < 1)
		return mel_yaml_fail(a->yaml, tokens, err,
		    "tokens: a whole number above 0 is wanted");
	return 0;
}

static int
read_keep(struct mel_addon *a, const yaml_node_t *list, struct mel_err *err)
{
	static const char *const preset[] = {
	    "counts", "tokens", "pitch", "energy"};

	if (list)
		return mel_addon_read_words(a, list, &a->keep, err);
	for (size_t i = 0; i < sizeof(preset) / sizeof(*preset); i++) {
		if (mel_strings_add(&a->keep, preset[i], err))
			return -1;
	}
	return 0;
}

/* A scalar as JSON: number, boolean or text, as it looks. */
static json_t *
scalar_json(const yaml_node_t *node)
{
	const char *text = mel_yaml_text(node);
	int64_t i;
	double d;

	if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return json_string(text);
	if (!strcmp(text, "true") || !strcmp(text, "false"))
		return json_boolean(text[0] == 't');
	if (!mel_parse_int(text, &i, NULL))
		return json_integer(i);
	if (!mel_parse_double(text, &d, NULL))
		return json_real(d);
	return json_string(text);
}

static json_t *
list_json(struct mel_addon *a, const yaml_node_t *list)
{
	json_t *json = json_array();

	for (size_t i = 0; json && i < mel_yaml_count(list); i++) {
		const yaml_node_t *item = mel_yaml_item(a->yaml, list, i);

		if (!mel_yaml_text(item) ||
		    json_array_append_new(json, scalar_json(item))) {
			json_decref(json);
			return NULL;
		}
	}
	return json;
}

static int
read_contract(struct mel_addon *a, const yaml_node_t *map, struct mel_err *err)
{
	struct mel_contract contract;
	json_t *json;
	int rc = 0;

	if (!map)
		return 0;
	if (!mel_yaml_is_map(map))
		return mel_yaml_fail(a->yaml, map, err,
		    "mel: a mapping is wanted, as {name: hifigan22k}");
	json = json_object();
	if (!json)
		return mel_fail(err, "out of memory");
	errno = 0;
	for (size_t i = 0; !rc && i < mel_yaml_count(map); i++) {
		const yaml_node_t *key = mel_yaml_key(a->yaml, map, i);
		const yaml_node_t *value = mel_yaml_value(a->yaml, map, i);
		json_t *v = mel_yaml_text(value) ? scalar_json(value)
						 : list_json(a, value);

		if (json_object_set_new(json, mel_yaml_text(key), v))
			rc = mel_yaml_fail(a->yaml, value, err, "mel: %s: %s",
			    mel_yaml_text(key),
			    errno == ENOMEM ? "out of memory"
					    : "a value is wanted");
	}
	if (!rc && mel_contract_from_json(&contract, json, err))
		rc = mel_yaml_fail_at(a->yaml, map, err);
	json_decref(json);
	if (rc)
		return rc;
	a->contract = mel_contract_to_json(&contract, err);
	return a->contract ? 0 : -1;
}

/* Takes the string over. */
static int
add_position(struct mel_addon *a, yaml_node_t *node, char *where, size_t *cap,
    struct mel_err *err)
{
	if (!where)
		return -1;
	if (mel_reserve(&a->position, cap, a->n_positions + 1,
		sizeof(*a->position), err)) {
		free(where);
		return -1;
	}
	a->position[a->n_positions++] =
	    (struct mel_position){.node = node, .where = where};
	return 0;
}

static char *
place(const char *outer, const char *key, size_t i, struct mel_err *err)
{
	struct mel_buf text = {0};

	if (mel_buf_printf(&text, err, "%s%s[%zu]", outer, key, i))
		return NULL;
	return text.data;
}

/* Adds a streamable block; the members of a stack one by one. */
static int
add_streamable(struct mel_addon *a, yaml_node_t *node, const char *where,
    size_t *cap, struct mel_err *err)
{
	const char *type = mel_yaml_text(mel_yaml_get(a->yaml, node, "type"));
	const yaml_node_t *list = mel_yaml_get(a->yaml, node, "stack");

	if (!type || strcmp(type, "StreamableStack") != 0 ||
	    mel_yaml_count(node) != 2 || !mel_yaml_is_list(list) ||
	    !mel_yaml_count(list))
		return add_position(a, node, mel_strdup(where, err), cap, err);
	for (size_t i = 0; i < mel_yaml_count(list); i++) {
		char *inner = place(where, ".stack", i, err);
		int rc = -1;

		if (inner)
			rc = add_streamable(a, mel_yaml_item(a->yaml, list, i),
			    inner, cap, err);
		free(inner);
		if (rc)
			return -1;
	}
	return 0;
}

/*
 * The first block of the top-level stack, if it is a whole and sound
 * pipeline, is taken apart into its two members. All else is one position;
 * if it is wrong, the builder says so.
 */
static int
add_first(
    struct mel_addon *a, yaml_node_t *node, size_t *cap, struct mel_err *err)
{
	const char *type = mel_yaml_text(mel_yaml_get(a->yaml, node, "type"));
	yaml_node_t *sequence = mel_yaml_get(a->yaml, node, "sequence_block");
	yaml_node_t *streamable =
	    mel_yaml_get(a->yaml, node, "streamable_block");

	if (!type || strcmp(type, "StreamablePipeline") != 0 || !sequence ||
	    !streamable || mel_yaml_count(node) != 3) {
		if (add_position(a, NULL, mel_strdup("stack", err), cap, err))
			return -1;
		return add_streamable(a, node, "stack[0]", cap, err);
	}
	if (add_position(a, sequence,
		mel_strdup("stack[0].sequence_block", err), cap, err))
		return -1;
	return add_streamable(
	    a, streamable, "stack[0].streamable_block", cap, err);
}

static int
read_stack(struct mel_addon *a, const yaml_node_t *root, struct mel_err *err)
{
	const yaml_node_t *list = mel_yaml_get(a->yaml, root, "stack");
	size_t cap = 0;

	if (!mel_yaml_is_list(list) || !mel_yaml_count(list))
		return mel_yaml_fail(a->yaml, list ? list : root, err,
		    "stack: a list of blocks is wanted");
	if (add_first(a, mel_yaml_item(a->yaml, list, 0), &cap, err))
		return -1;
	for (size_t i = 1; i < mel_yaml_count(list); i++) {
		char *where = place("", "stack", i, err);
		int rc = -1;

		if (where)
			rc = add_streamable(a, mel_yaml_item(a->yaml, list, i),
			    where, &cap, err);
		free(where);
		if (rc)
			return -1;
	}
	return 0;
}

/* Also of those that no block asks for: a file that is there, known keys. */
static int
check_networks(struct mel_addon *a, const yaml_node_t *map, struct mel_err *err)
{
	static const char *const known[] = {
	    "file", "inputs", "outputs", "masks", NULL};

	if (map && !mel_yaml_is_map(map))
		return mel_yaml_fail(
		    a->yaml, map, err, "networks: a mapping is wanted");
	for (size_t i = 0; i < mel_yaml_count(map); i++) {
		const yaml_node_t *key = mel_yaml_key(a->yaml, map, i);
		const yaml_node_t *value = mel_yaml_value(a->yaml, map, i);
		const char *file =
		    mel_yaml_text(mel_yaml_get(a->yaml, value, "file"));
		char *path;

		if (!file)
			return mel_yaml_fail(a->yaml, value, err,
			    "network \"%s\" needs a file", mel_yaml_text(key));
		if (mel_yaml_known_keys(a->yaml, value, known, err))
			return -1;
		path = mel_addon_path(a, file, err);
		if (!path)
			return mel_yaml_fail_at(a->yaml, value, err);
		free(path);
	}
	return 0;
}

int
mel_addon_read(struct mel_addon *a, struct mel_err *err)
{
	static const char *const known[] = {"name", "description", "language",
	    "licence", "text", "networks", "encoders", "decoder", "stack",
	    "mel", "controls", "limits", "keep", "contexts", "golden", NULL};
	yaml_node_t *root = mel_yaml_root(a->yaml);

	if (!mel_yaml_is_map(root))
		return mel_yaml_fail(a->yaml, root, err, "a mapping is wanted");
	if (mel_yaml_known_keys(a->yaml, root, known, err) ||
	    read_text(a, root, "name", &a->name, err) ||
	    read_text(a, root, "description", &a->description, err) ||
	    read_text(a, root, "language", &a->language, err) ||
	    read_text(a, root, "licence", &a->licence, err))
		return -1;
	if (!is_name(a->name))
		return mel_yaml_fail(a->yaml, root, err,
		    "name: a word of letters, digits, - _ . + is needed, "
		    "no . first");
	if (read_stack(a, root, err) ||
	    check_networks(a, mel_yaml_get(a->yaml, root, "networks"), err) ||
	    read_contract(a, mel_yaml_get(a->yaml, root, "mel"), err) ||
	    read_controls(a, mel_yaml_get(a->yaml, root, "controls"), err) ||
	    read_limits(a, mel_yaml_get(a->yaml, root, "limits"), err))
		return -1;
	if (read_keep(a, mel_yaml_get(a->yaml, root, "keep"), err))
		return -1;
	return mel_addon_read_contexts(
	    a, mel_yaml_get(a->yaml, root, "contexts"), err);
}
