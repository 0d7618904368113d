/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_BUILTIN_H
#define MEL_ADDON_BUILTIN_H

struct mel_err;
struct mel_registry;

/* Adds all blocks of the library. The registry must be {0}. */
int mel_builtin_blocks(struct mel_registry *registry, struct mel_err *err);

#endif
