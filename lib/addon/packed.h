/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_PACKED_H
#define MEL_ADDON_PACKED_H

#include <stddef.h>

struct mel_addon;
struct mel_err;
struct mel_netdef;

/*
 * Packed weights of an addon's networks, see net/packs.h: the folder
 * MEL_ADDON_PACKED inside the addon's, with a file NETWORK.ISA each. They save
 * the time of packing at each start and are no part of the addon: its digest
 * stays as it is.
 */
#define MEL_ADDON_PACKED "packed"

/*
 * Makes a network of the addon ready, with its file of packed weights if there
 * is one: that it does not fit is an error. Not to be called from two threads
 * at once.
 */
int mel_addon_ready(
    struct mel_addon *addon, struct mel_netdef *def, struct mel_err *err);

/*
 * Writes the files of all networks anew, for the instruction set of the addon.
 * done, unless NULL, is called for each. Each replaces an old one when it is
 * complete.
 */
int mel_addon_pack(struct mel_addon *addon,
    void (*done)(void *ctx, const char *network, const char *isa, size_t bytes),
    void *ctx, struct mel_err *err);

/*
 * Compares the files, of the addon's instruction set, with what the networks
 * pack to. bad is called for each that differs. Returns the number of those,
 * or -1. The networks are ready then, without the files.
 */
int mel_addon_check_packed(struct mel_addon *addon,
    void (*bad)(void *ctx, const char *why), void *ctx, struct mel_err *err);

#endif
