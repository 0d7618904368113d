/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_PLUGIN_H
#define MEL_BLOCK_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

struct mel_err;
struct mel_registry;
struct mel_sequence_type;
struct mel_streamable_type;

/*
 * Blocks from a shared object, see melpipe-block(3). It exports one table
 * under the name below and calls the library as blocks inside it do: the
 * functions come from the program that loads it (the tools export them) or
 * from the shared library that the program is linked with. So there is one
 * copy of them, and a block is the same source inside and outside.
 */

#define MEL_PLUGIN_SYMBOL "mel_plugin"

/* What a plug-in exports: const struct mel_plugin mel_plugin. */
struct mel_plugin {
	uint32_t abi; /* MEL_BLOCK_ABI; first, nothing is read before */
	const struct mel_sequence_type *const *sequence;     /* ends with NULL;
								or NULL */
	const struct mel_streamable_type *const *streamable; /* the same */
};

/* Plug-ins that are loaded. Starts as {0}. */
struct mel_plugins {
	struct mel_plugin_file {
		char *path;                     /* owned, as it was given */
		void *handle;                   /* owned, of dlopen(3) */
		const struct mel_plugin *table; /* in the object */
	} * item;                               /* [n] */
	size_t n;
	size_t cap;
};

/*
 * Loads path (always a file, never looked up) and adds its blocks. A name
 * that is taken is an error which says by whom; some of the types may have
 * been added then.
 */
int mel_plugins_load(struct mel_plugins *plugins, struct mel_registry *registry,
    const char *path, struct mel_err *err);

/* Unloads; the registry and all blocks of these types must be gone. */
void mel_plugins_free(struct mel_plugins *plugins);

#endif
