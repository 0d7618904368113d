/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_PACK_H
#define MEL_ADDON_PACK_H

#include <stddef.h>

struct mel_addon;
struct mel_err;

/* Making the files of addon/packed.h, and comparing them. */

/*
 * Writes those of all networks anew, for the instruction set of the addon.
 * done, unless NULL, is called for each; file: its name from the addon's folder
 * on. Each replaces an old one when it is complete.
 */
int mel_addon_pack(struct mel_addon *addon,
    void (*done)(
	void *ctx, const char *network, const char *file, size_t bytes),
    void *ctx, struct mel_err *err);

/*
 * Compares those of the addon's instruction set with what the networks pack
 * to. bad is called for each that differs. Returns the number of those, or -1.
 * The networks are ready then, without the files.
 */
int mel_addon_check_packed(struct mel_addon *addon,
    void (*bad)(void *ctx, const char *why), void *ctx, struct mel_err *err);

#endif
