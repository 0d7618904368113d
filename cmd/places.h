/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PLACES_H
#define PLACES_H

struct mel_contract;

/*
 * Where addons are. Like tool.h these functions print and exit.
 */

/* The folders that addons are looked for in, as one path; to be freed. */
char *tool_addon_path(void);

/* The folder of an addon, given its name or folder; to be freed. */
char *tool_find_addon(const char *name);

/* The mel contract of an addon. */
void tool_addon_contract(const char *name, struct mel_contract *contract);

#endif
