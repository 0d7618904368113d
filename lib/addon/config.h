/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_CONFIG_H
#define MEL_ADDON_CONFIG_H

#include <yaml.h>

struct mel_addon;
struct mel_err;
struct mel_netdef;
struct mel_strings;

/*
 * Reads the tree of addon->yaml into the rest of *addon and checks all but
 * the blocks, which the builder checks when it makes them.
 */
int mel_addon_read(struct mel_addon *addon, struct mel_err *err);

/* Reads inputs, outputs and masks of `networks: NAME:` into def. */
int mel_addon_read_network(struct mel_addon *addon, yaml_node_t *node,
    struct mel_netdef *def, struct mel_err *err);

/* The words of a list of scalars. list must be {0}. */
int mel_addon_read_words(struct mel_addon *addon, const yaml_node_t *node,
    struct mel_strings *list, struct mel_err *err);

/* A finite number. */
int mel_addon_read_number(struct mel_addon *addon, const yaml_node_t *node,
    double *value, struct mel_err *err);

#endif
