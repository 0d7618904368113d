/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ADDON_INFO_H
#define ADDON_INFO_H

#include <stdbool.h>

#include "voice.h"

/* The parts of tts-addon. Each prints and returns the exit status. */
struct addon_options {
	struct voice_options voice;
	bool write, json;
	int64_t block;            /* verify: rows a pull */
	struct mel_strings sizes; /* compile: lists of sizes */
};

/* The addons along the path; shadowed ones are marked. */
int addon_list(void);

/* All blocks with their options. */
int addon_blocks(const struct addon_options *options);

/* What one addon is. */
int addon_info(const struct addon_options *options, const char *name);

/* Sums, wiring and golden outputs of one addon. */
int addon_check(const struct addon_options *options, const char *name);

/* Streamed against whole, of one addon. */
int addon_verify(const struct addon_options *options, const char *name);

/* Programs of fixed length, of one addon. */
int addon_compile(const struct addon_options *options, const char *name);

#endif
