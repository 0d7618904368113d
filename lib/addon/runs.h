/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_RUNS_H
#define MEL_ADDON_RUNS_H

#include <stdbool.h>

struct mel_env;
struct mel_sequence;
struct mel_streamable;

/* How the networks of a block run, members and theirs counted. */
struct mel_runs {
	bool free;  /* one runs at any length */
	bool fixed; /* one runs in programs of fixed length */
};

/* Adds those of the block, which was opened with env. */
void mel_runs_add_sequence(struct mel_runs *runs,
    const struct mel_sequence *block, const struct mel_env *env);
void mel_runs_add_streamable(struct mel_runs *runs,
    const struct mel_streamable *block, const struct mel_env *env);

#endif
