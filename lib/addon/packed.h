/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_PACKED_H
#define MEL_ADDON_PACKED_H

struct mel_addon;
struct mel_buf;
struct mel_err;

/*
 * Packed weights of an addon's networks, see net/packs.h: the folder
 * MEL_ADDON_PACKED inside the addon's, with a file NETWORK.ISA each. They save
 * the time of packing at each start and are no part of the addon: its digest
 * stays as it is.
 */
#define MEL_ADDON_PACKED "packed"

/* Adds the name of the file for the addon's instruction set, from the addon's
 * folder on. Fails for networks whose name is none for a file. */
int mel_packed_name(const struct mel_addon *addon, const char *network,
    struct mel_buf *name, struct mel_err *err);

/* *path: of the file, to be freed; NULL: there is none. */
int mel_packed_find(const struct mel_addon *addon, const char *network,
    char **path, struct mel_err *err);

#endif
