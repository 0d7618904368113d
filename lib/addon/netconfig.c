/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/config.h"

#include <string.h>

#include "addon/addon.h"
#include "addon/yaml.h"
#include "base/mem.h"
#include "base/option.h"
#include "net/netdef.h"

static const char *const roles[] = {
    [MEL_ROLE_TENSOR] = "tensor",
    [MEL_ROLE_MASK] = "mask",
    [MEL_ROLE_PADDING] = "padding",
    [MEL_ROLE_LENGTH] = "length",
    [MEL_ROLE_POSITION] = "position",
    [MEL_ROLE_CONTROL] = "control",
    [MEL_ROLE_CONSTANT] = "constant",
    NULL,
};

static int
read_axes(struct mel_addon *a, yaml_node_t *node, struct mel_net_port *port,
    struct mel_err *err)
{
	struct mel_strings words = {0};
	int rc;

	if (!node)
		return 0;
	rc = mel_addon_read_words(a, node, &words, err);
	if (!rc && mel_net_port_axes(port, &words, err))
		rc = mel_yaml_fail_at(a->yaml, node, err);
	mel_strings_free(&words);
	return rc;
}

static int
read_role(struct mel_addon *a, yaml_node_t *map, struct mel_net_port *port,
    struct mel_err *err)
{
	yaml_node_t *node = mel_yaml_get(a->yaml, map, "role");
	yaml_node_t *control = mel_yaml_get(a->yaml, map, "control");
	yaml_node_t *value = mel_yaml_get(a->yaml, map, "value");
	const char *text = mel_yaml_text(node);
	int role = 0;

	if (node) {
		while (roles[role] && (!text || strcmp(text, roles[role]) != 0))
			role++;
		if (!roles[role])
			return mel_yaml_fail(a->yaml, node, err,
			    "role: tensor, mask, padding, length, position, "
			    "control or constant is wanted");
	}
	port->role = (enum mel_net_role)role;
	if ((role == MEL_ROLE_CONTROL) != (control != NULL))
		return mel_yaml_fail(a->yaml, map, err,
		    "role control and the key control belong together");
	if ((role == MEL_ROLE_CONSTANT) != (value != NULL))
		return mel_yaml_fail(a->yaml, map, err,
		    "role constant and the key value belong together");
	if (value)
		return mel_addon_read_number(a, value, &port->value, err);
	if (!control)
		return 0;
	if (!mel_yaml_text(control) ||
	    !mel_addon_control(a, mel_yaml_text(control), err))
		return mel_yaml_fail_at(a->yaml, control, err);
	port->control = mel_strdup(mel_yaml_text(control), err);
	return port->control ? 0 : -1;
}

static int
read_port(struct mel_addon *a, struct mel_netdef *def, yaml_node_t *key,
    yaml_node_t *value, bool input, struct mel_err *err)
{
	static const char *const of_input[] = {
	    "axes", "role", "control", "value", NULL};
	static const char *const of_output[] = {"axes", NULL};
	const char *name = mel_yaml_text(key);
	struct mel_net_port *port = input ? mel_netdef_input(def, name, err)
					  : mel_netdef_output(def, name, err);

	if (!port)
		return mel_yaml_fail_at(a->yaml, key, err);
	if (!mel_yaml_is_map(value))
		return mel_yaml_fail(a->yaml, value, err,
		    "\"%s\": a mapping with axes%s is wanted", name,
		    input ? ", role" : "");
	if (mel_yaml_known_keys(
		a->yaml, value, input ? of_input : of_output, err) ||
	    read_axes(a, mel_yaml_get(a->yaml, value, "axes"), port, err))
		return -1;
	return input ? read_role(a, value, port, err) : 0;
}

static int
read_ports(struct mel_addon *a, struct mel_netdef *def, yaml_node_t *map,
    bool input, struct mel_err *err)
{
	if (map && !mel_yaml_is_map(map))
		return mel_yaml_fail(a->yaml, map, err, "a mapping is wanted");
	for (size_t i = 0; i < mel_yaml_count(map); i++) {
		if (read_port(a, def, mel_yaml_key(a->yaml, map, i),
			mel_yaml_value(a->yaml, map, i), input, err))
			return -1;
	}
	return 0;
}

int
mel_addon_read_network(struct mel_addon *a, yaml_node_t *node,
    struct mel_netdef *def, struct mel_err *err)
{
	yaml_node_t *masks = mel_yaml_get(a->yaml, node, "masks");
	const char *text = mel_yaml_text(masks);

	if (read_ports(
		a, def, mel_yaml_get(a->yaml, node, "inputs"), true, err) ||
	    read_ports(
		a, def, mel_yaml_get(a->yaml, node, "outputs"), false, err))
		return -1;
	if (masks && (!text || (strcmp(text, "model") != 0 &&
				   strcmp(text, "layer") != 0)))
		return mel_yaml_fail(
		    a->yaml, masks, err, "masks: model or layer is wanted");
	def->masks = text && !strcmp(text, "model");
	if (mel_netdef_check(def, err))
		return mel_yaml_fail_at(a->yaml, node, err);
	return 0;
}
