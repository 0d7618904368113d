/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/networks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "addon/addon.h"
#include "addon/config.h"
#include "addon/packed.h"
#include "addon/yaml.h"
#include "base/mem.h"
#include "net/netdef.h"
#include "net/network.h"

/* Loads `networks: NAME:`; node is what stands behind the name. */
static struct mel_netdef *
load_network(struct mel_addon *a, yaml_node_t *node, const char *name,
    struct mel_err *err)
{
	yaml_node_t *file = mel_yaml_get(a->yaml, node, "file");
	char *path = mel_addon_path(a, mel_yaml_text(file), err);
	struct mel_network *network;
	struct mel_netdef *def;
	int rc = -1;

	if (path)
		rc = mel_network_load(&network, path, a->isa, err);
	free(path);
	if (rc) {
		mel_yaml_fail_at(a->yaml, file, err);
		return NULL;
	}
	if (mel_netdef_open(&def, name, network, err))
		return NULL;
	if (mel_addon_read_network(a, node, def, err)) {
		mel_netdef_close(def);
		return NULL;
	}
	return def;
}

static struct mel_netdef *
find_network(struct mel_addon *a, const yaml_node_t *at, const char *name,
    struct mel_err *err)
{
	yaml_node_t *networks =
	    mel_yaml_get(a->yaml, mel_yaml_root(a->yaml), "networks");
	yaml_node_t *node = mel_yaml_get(a->yaml, networks, name);
	struct mel_netdef *def;

	for (size_t i = 0; i < a->n_networks; i++) {
		if (!strcmp(a->network[i]->name, name))
			return a->network[i];
	}
	if (!node) {
		mel_yaml_fail(
		    a->yaml, at, err, "no network is called \"%s\"", name);
		return NULL;
	}
	if (mel_reserve(&a->network, &a->network_cap, a->n_networks + 1,
		sizeof(*a->network), err))
		return NULL;
	def = load_network(a, node, name, err);
	if (def)
		a->network[a->n_networks++] = def;
	return def;
}

/* With its file of packed weights, if there is one. */
static int
make_ready(
    const struct mel_addon *a, struct mel_netdef *def, struct mel_err *err)
{
	char *path;
	int rc;

	if (mel_packed_find(a, def->name, &path, err))
		return -1;
	rc = mel_network_ready(def->network, path, err);
	free(path);
	return rc;
}

struct mel_netdef *
mel_addon_network(struct mel_addon *a, const yaml_node_t *at, const char *name,
    bool ready, struct mel_err *err)
{
	struct mel_netdef *def;

	pthread_mutex_lock(&a->lock);
	def = find_network(a, at, name, err);
	if (def && ready && make_ready(a, def, err)) {
		mel_yaml_fail_at(a->yaml, at, err);
		def = NULL;
	}
	pthread_mutex_unlock(&a->lock);
	return def;
}
