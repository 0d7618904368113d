/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_NETWORKS_H
#define MEL_ADDON_NETWORKS_H

#include <stdbool.h>
#include <yaml.h>

struct mel_addon;
struct mel_err;
struct mel_netdef;

/*
 * The network of that name in `networks:`, loaded at the first call; ready: to
 * run, else its declaration is all that is wanted. at: who asks, for messages.
 * From any thread.
 */
struct mel_netdef *mel_addon_network(struct mel_addon *addon,
    const yaml_node_t *at, const char *name, bool ready, struct mel_err *err);

#endif
