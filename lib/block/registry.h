/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_REGISTRY_H
#define MEL_BLOCK_REGISTRY_H

#include <stddef.h>

struct mel_err;
struct mel_sequence_type;
struct mel_streamable_type;

/*
 * Names to block types. The two kinds have name spaces of their own (Network
 * is one of each). Types are not copied and must outlive the registry.
 */
struct mel_registry {
	const struct mel_sequence_type **sequence; /* [n_sequence] */
	size_t n_sequence, sequence_cap;
	const struct mel_streamable_type **streamable; /* [n_streamable] */
	size_t n_streamable, streamable_cap;
};

/* Refuses a foreign ABI number, a missing function, a name that is taken. */
int mel_registry_add_sequence(struct mel_registry *registry,
    const struct mel_sequence_type *type, struct mel_err *err);
int mel_registry_add_streamable(struct mel_registry *registry,
    const struct mel_streamable_type *type, struct mel_err *err);

/* NULL if unknown; the message then says whether the other kind has it. */
const struct mel_sequence_type *mel_registry_sequence(
    const struct mel_registry *registry, const char *name, struct mel_err *err);
const struct mel_streamable_type *mel_registry_streamable(
    const struct mel_registry *registry, const char *name, struct mel_err *err);

void mel_registry_free(struct mel_registry *registry);

#endif
