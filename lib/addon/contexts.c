/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/contexts.h"

#include <string.h>

#include "addon/addon.h"
#include "addon/config.h"
#include "addon/lock.h"
#include "addon/yaml.h"
#include "base/err.h"
#include "base/option.h"
#include "block/env.h"
#include "net/netdef.h"

static int
read_sizes(const struct mel_addon *a, const yaml_node_t *list,
    struct mel_sizes *sizes, struct mel_err *err)
{
	if (!mel_yaml_is_list(list) || !mel_yaml_count(list))
		return mel_yaml_fail(a->yaml, list, err,
		    "sizes: a list of lengths is wanted, as [64, 128]");
	sizes->n = 0;
	for (size_t i = 0; i < mel_yaml_count(list); i++) {
		const yaml_node_t *item = mel_yaml_item(a->yaml, list, i);
		const char *text = mel_yaml_text(item);
		int64_t size;

		if (!text || mel_parse_int(text, &size, NULL))
			return mel_yaml_fail(
			    a->yaml, item, err, "a whole number is wanted");
		if (mel_sizes_add(sizes, size, err))
			return mel_yaml_fail_at(a->yaml, item, err);
	}
	return 0;
}

static int
check_network(const struct mel_addon *a, const yaml_node_t *at,
    const char *name, struct mel_err *err)
{
	const yaml_node_t *networks =
	    mel_yaml_get(a->yaml, mel_yaml_root(a->yaml), "networks");

	if (name && mel_yaml_get(a->yaml, networks, name))
		return 0;
	return mel_yaml_fail(
	    a->yaml, at, err, "no network is called \"%s\"", name ? name : "?");
}

/* A list for all, or a list for each network. */
static int
check_sizes(struct mel_addon *a, const yaml_node_t *node, struct mel_err *err)
{
	struct mel_sizes sizes;

	if (!node)
		return 0;
	if (!mel_yaml_is_map(node))
		return read_sizes(a, node, &sizes, err);
	for (size_t i = 0; i < mel_yaml_count(node); i++) {
		const yaml_node_t *key = mel_yaml_key(a->yaml, node, i);

		if (check_network(a, key, mel_yaml_text(key), err) ||
		    read_sizes(
			a, mel_yaml_value(a->yaml, node, i), &sizes, err))
			return -1;
	}
	return 0;
}

static int
check_names(struct mel_addon *a, const yaml_node_t *list, struct mel_err *err)
{
	if (!list)
		return 0;
	if (mel_addon_read_words(a, list, &a->fixed_networks, err))
		return -1;
	for (size_t i = 0; i < a->fixed_networks.n; i++) {
		if (check_network(a, mel_yaml_item(a->yaml, list, i),
			a->fixed_networks.item[i], err))
			return -1;
	}
	return 0;
}

int
mel_addon_read_contexts(
    struct mel_addon *a, yaml_node_t *map, struct mel_err *err)
{
	static const char *const contexts[] = {"fixed", NULL};
	static const char *const known[] = {"networks", "sizes", NULL};
	yaml_node_t *fixed = mel_yaml_get(a->yaml, map, "fixed");

	if (!map)
		return 0;
	if (!mel_yaml_is_map(map) || (fixed && !mel_yaml_is_map(fixed)))
		return mel_yaml_fail(a->yaml, fixed ? fixed : map, err,
		    "contexts: {fixed: {networks: [...], sizes: ...}} is "
		    "wanted");
	if (mel_yaml_known_keys(a->yaml, map, contexts, err) ||
	    mel_yaml_known_keys(a->yaml, fixed, known, err))
		return -1;
	a->fixed_sizes = mel_yaml_get(a->yaml, fixed, "sizes");
	return check_sizes(a, a->fixed_sizes, err) ||
		       check_names(
			   a, mel_yaml_get(a->yaml, fixed, "networks"), err)
		   ? -1
		   : 0;
}

bool
mel_addon_has_fixed(const struct mel_addon *a)
{
	return a->fixed_sizes || a->fixed_networks.n;
}

bool
mel_addon_fixes(const struct mel_addon *a, const char *network)
{
	for (size_t i = 0; i < a->fixed_networks.n; i++) {
		if (!strcmp(a->fixed_networks.item[i], network))
			return true;
	}
	return !a->fixed_networks.n;
}

int
mel_addon_sizes(const struct mel_addon *a, const char *network,
    struct mel_sizes *sizes, struct mel_err *err)
{
	const yaml_node_t *node = a->fixed_sizes;

	sizes->n = 0;
	if (mel_yaml_is_map(node))
		node = mel_yaml_get(a->yaml, node, network);
	return node ? read_sizes(a, node, sizes, err) : 0;
}

int
mel_addon_fix(struct mel_addon *a, struct mel_netdef *def,
    const struct mel_env *env, struct mel_err *err)
{
	int rc = 0;

	if (!env->backend || !mel_addon_fixes(a, def->name))
		return 0;
	pthread_mutex_lock(&a->lock);
	if (!def->fixed)
		def->fixed = mel_lock_network(a, def, err);
	if (!def->fixed)
		rc = -1;
	pthread_mutex_unlock(&a->lock);
	return rc;
}
