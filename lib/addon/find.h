/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_FIND_H
#define MEL_ADDON_FIND_H

struct mel_err;
struct mel_strings;

/*
 * Addons by name along a path of folders, separated by ':'. An addon is a
 * folder with an addon.yaml; its name here is the folder's.
 */

/*
 * The folder of an addon, to be freed. A name with '/' in it is a folder
 * itself. NULL if there is none: the message names the places looked at.
 */
char *mel_addon_find(const char *path, const char *name, struct mel_err *err);

/*
 * All folders with an addon along the path, in its order, sorted by name
 * within a folder; a later one of a name that came already is shadowed.
 */
int mel_addon_list(
    const char *path, struct mel_strings *dirs, struct mel_err *err);

/* The last part of a folder's path. */
const char *mel_addon_base(const char *dir);

#endif
