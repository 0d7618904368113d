/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_OPTIONS_H
#define MEL_ADDON_OPTIONS_H

#include <yaml.h>

struct mel_builder;
struct mel_err;
struct mel_option;

/*
 * Sets options from a mapping by their table. Keys in `skip` (ends with NULL)
 * are the caller's; any other unknown key is an error. OBJECT options are
 * made by the builder (mel_build_object).
 */
int mel_options_from_yaml(const struct mel_builder *builder, yaml_node_t *map,
    const struct mel_option *table, const char *const *skip, void *values,
    struct mel_err *err);

/* An OBJECT option's value; node is NULL if the key is absent. */
int mel_build_object(const struct mel_builder *builder, yaml_node_t *node,
    const struct mel_option *option, void **object, struct mel_err *err);

#endif
