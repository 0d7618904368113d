/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/options.h"

#include <string.h>

#include "addon/addon.h"
#include "addon/build.h"
#include "addon/config.h"
#include "addon/yaml.h"
#include "base/mem.h"
#include "base/option.h"

/* {control: NAME, times: X, value: Y}: value + times * control. */
static int
read_amount(const struct mel_builder *b, yaml_node_t *map,
    struct mel_amount *amount, struct mel_err *err)
{
	static const char *const known[] = {"control", "times", "value", NULL};
	struct mel_yaml *yaml = b->addon->yaml;
	yaml_node_t *control = mel_yaml_get(yaml, map, "control");
	yaml_node_t *times = mel_yaml_get(yaml, map, "times");
	yaml_node_t *value = mel_yaml_get(yaml, map, "value");

	if (mel_yaml_known_keys(yaml, map, known, err))
		return -1;
	if (!mel_yaml_text(control))
		return mel_yaml_fail(yaml, map, err,
		    "a number or {control: NAME, times: X} is wanted");
	if (!mel_addon_control(b->addon, mel_yaml_text(control), err))
		return mel_yaml_fail_at(yaml, control, err);
	amount->value = 0;
	amount->times = 1;
	if (times &&
	    mel_addon_read_number(b->addon, times, &amount->times, err))
		return -1;
	if (value &&
	    mel_addon_read_number(b->addon, value, &amount->value, err))
		return -1;
	amount->control = mel_strdup(mel_yaml_text(control), err);
	return amount->control ? 0 : -1;
}

static int
read_map(const struct mel_builder *b, yaml_node_t *map,
    struct mel_strings *pairs, struct mel_err *err)
{
	struct mel_yaml *yaml = b->addon->yaml;

	for (size_t i = 0; i < mel_yaml_count(map); i++) {
		yaml_node_t *key = mel_yaml_key(yaml, map, i);
		yaml_node_t *value = mel_yaml_value(yaml, map, i);

		if (!mel_yaml_text(value))
			return mel_yaml_fail(
			    yaml, value, err, "a word is wanted");
		if (mel_strings_add_pair(
			pairs, mel_yaml_text(key), mel_yaml_text(value), err))
			return -1;
	}
	return 0;
}

static int
read_option(const struct mel_builder *b, yaml_node_t *node,
    const struct mel_option *o, void *values, struct mel_err *err)
{
	struct mel_yaml *yaml = b->addon->yaml;
	void *p = (char *)values + o->offset;

	if (o->type == MEL_OPT_OBJECT)
		return mel_build_object(b, node, o, p, err);
	if (o->type == MEL_OPT_MAP && mel_yaml_is_map(node))
		return read_map(b, node, p, err);
	if (o->type == MEL_OPT_LIST && mel_yaml_is_list(node))
		return mel_addon_read_words(b->addon, node, p, err);
	if (o->type == MEL_OPT_AMOUNT && mel_yaml_is_map(node))
		return read_amount(b, node, p, err);
	if (!mel_yaml_text(node) || o->type == MEL_OPT_MAP ||
	    o->type == MEL_OPT_LIST)
		return mel_yaml_fail(yaml, node, err, "%s: %s is wanted",
		    o->name,
		    o->type == MEL_OPT_MAP    ? "a mapping"
		    : o->type == MEL_OPT_LIST ? "a list"
					      : "a plain value");
	if (mel_option_set(o, values, mel_yaml_text(node), err))
		return mel_yaml_fail_at(yaml, node, err);
	return 0;
}

static bool
is_in(const char *const *list, const char *word)
{
	while (*list && strcmp(*list, word) != 0)
		list++;
	return *list != NULL;
}

/* What must be given and was not; absent objects may have a default. */
static int
read_absent(const struct mel_builder *b, yaml_node_t *map,
    const struct mel_option *table, void *values, struct mel_err *err)
{
	struct mel_yaml *yaml = b->addon->yaml;

	for (const struct mel_option *o = table; o && o->name; o++) {
		void **p = (void **)((char *)values + o->offset);

		if (mel_yaml_get(yaml, map, o->name))
			continue;
		if (o->required)
			return mel_yaml_fail(
			    yaml, map, err, "%s is needed", o->name);
		if (o->type == MEL_OPT_OBJECT && !*p &&
		    mel_build_object(b, NULL, o, p, err))
			return -1;
	}
	return 0;
}

int
mel_options_from_yaml(const struct mel_builder *b, yaml_node_t *map,
    const struct mel_option *table, const char *const *skip, void *values,
    struct mel_err *err)
{
	struct mel_yaml *yaml = b->addon->yaml;

	for (size_t i = 0; i < mel_yaml_count(map); i++) {
		yaml_node_t *key = mel_yaml_key(yaml, map, i);
		const char *name = mel_yaml_text(key);
		const struct mel_option *o = mel_option_find(table, name);

		if (is_in(skip, name))
			continue;
		if (!o)
			return mel_yaml_fail(
			    yaml, key, err, "unknown key \"%s\"", name);
		if (read_option(
			b, mel_yaml_value(yaml, map, i), o, values, err))
			return -1;
	}
	return read_absent(b, map, table, values, err);
}
