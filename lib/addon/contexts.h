/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_CONTEXTS_H
#define MEL_ADDON_CONTEXTS_H

#include <stdbool.h>
#include <yaml.h>

#include "addon/sizes.h"

struct mel_addon;
struct mel_env;
struct mel_err;
struct mel_netdef;

/*
 * `contexts:` of an addon: which networks run with fixed lengths when that is
 * asked for, and in which sizes.
 */

/* Checks it; map may be NULL. */
int mel_addon_read_contexts(
    struct mel_addon *addon, yaml_node_t *map, struct mel_err *err);

/* The addon says something of fixed lengths. */
bool mel_addon_has_fixed(const struct mel_addon *addon);

/* The network is one that runs with fixed lengths. */
bool mel_addon_fixes(const struct mel_addon *addon, const char *network);

/* Those that the addon wants for the network; n = 0: it does not say. */
int mel_addon_sizes(const struct mel_addon *addon, const char *network,
    struct mel_sizes *sizes, struct mel_err *err);

/*
 * Sets def->fixed if the world of the blocks (env) runs networks with fixed
 * lengths and this is one of them: it must have been compiled.
 */
int mel_addon_fix(struct mel_addon *addon, struct mel_netdef *def,
    const struct mel_env *env, struct mel_err *err);

#endif
