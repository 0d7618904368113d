/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_COMPILE_H
#define MEL_ADDON_COMPILE_H

#include "addon/contexts.h"

struct mel_addon;
struct mel_err;
struct mel_fixed;

/* What compiling needs and tells. */
struct mel_addon_compile {
	struct mel_addon *addon;
	struct mel_sizes sizes; /* of all networks; n = 0: as the addon says */
	/* After a network is done: what was found out of it. */
	void (*done)(void *ctx, const char *name, const struct mel_fixed *f);
	void *ctx;
};

/*
 * Compiles the networks that the addon runs with fixed lengths into the folder
 * MEL_ADDON_FIXED of its own, where the new programs replace the old ones when
 * all are written.
 */
int mel_addon_compile(
    const struct mel_addon_compile *compile, struct mel_err *err);

#endif
