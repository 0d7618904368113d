/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_ADDON_H
#define MEL_ADDON_ADDON_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include "base/option.h"
#include "base/isa.h"

struct mel_err;
struct mel_netdef;
struct mel_registry;
struct mel_yaml;

/*
 * A voice as a folder: addon.yaml, networks, symbols, golden outputs. See
 * melpipe-addon(5). Opening reads and checks the YAML; networks are loaded
 * when a block asks for them.
 */

#define MEL_ADDON_FILE     "addon.yaml"
#define MEL_ADDON_SUMS     "SHA256SUMS"
#define MEL_ADDON_VERIFIED "verified.txt" /* what tts-addon verify printed */

/* Something the user may set for an utterance. */
struct mel_control {
	char *name;              /* owned */
	char *unit;              /* owned; "" if none */
	char *help;              /* owned; "" if none */
	double preset, min, max; /* min <= preset <= max */
};

/*
 * The stack is run in positions: 0 is the front end with the sequence block
 * of the first pipeline, 1.. are the streamable blocks behind it, with nested
 * stacks taken apart. A stream's head says how many are done.
 */
struct mel_position {
	yaml_node_t *node; /* the block; position 0: NULL if there is none */
	char *where;       /* owned; its place in the tree */
};

struct mel_addon {
	char *dir;  /* owned; the folder, an absolute path */
	char *name; /* owned */
	char *description, *language, *licence; /* owned; "" if none */
	char digest[65];  /* SHA-256 of addon.yaml and SHA256SUMS, hex */
	json_t *contract; /* owned; full mel contract, or NULL */

	struct mel_control *control; /* [n_controls] */
	size_t n_controls;
	int64_t max_tokens;                /* of an utterance */
	struct mel_strings keep;           /* ports forwarded to the end */
	struct mel_strings fixed_networks; /* see addon/contexts.h; none: all */
	yaml_node_t *fixed_sizes;          /* the same; NULL: not said */

	struct mel_position *position; /* [n_positions], at least 1 */
	size_t n_positions;

	/* For the builder. */
	struct mel_yaml *yaml;
	const struct mel_registry *registry; /* borrowed */
	enum mel_isa isa;
	pthread_mutex_t lock;        /* blocks may be opened at once; guards: */
	struct mel_netdef **network; /* [n_networks] loaded so far, owned */
	size_t n_networks, network_cap;
};

/* dir: the folder. Messages begin with the file. */
int mel_addon_open(struct mel_addon **addon, const char *dir,
    const struct mel_registry *registry, enum mel_isa isa, struct mel_err *err);
void mel_addon_close(struct mel_addon *addon);

/* NULL with a message that lists the controls there are. */
const struct mel_control *mel_addon_control(
    const struct mel_addon *addon, const char *name, struct mel_err *err);

/*
 * The full path of a file of the addon, to be freed. The name must be
 * relative, without "..", and not lead out of the folder through links.
 */
char *mel_addon_path(
    const struct mel_addon *addon, const char *name, struct mel_err *err);

#endif
