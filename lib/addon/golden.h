/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_GOLDEN_H
#define MEL_ADDON_GOLDEN_H

struct mel_addon;
struct mel_env;
struct mel_err;

/*
 * Compares what an addon computes here with the golden outputs in it, see
 * `golden:` in melpipe-addon(5).
 */

/* The result for one tensor, over all cases that have it. */
struct mel_golden_result {
	const char *tensor; /* the addon's; "" for the text */
	int cases;          /* compared */
	int wrong;          /* of these */
	double worst;       /* largest absolute difference on equal inputs */
	double through;     /* the same from tokens to the end in one go */
	double tolerance;   /* for floats; others must be equal */
};

/*
 * Runs all cases. Each block gets golden inputs where there are any, so an
 * error shows at the block that makes it. result is called once a tensor.
 * Returns the number of tensors with a wrong case, or -1. Of an addon without
 * golden outputs the blocks are opened, and nothing more: no result.
 */
int mel_golden_check(struct mel_addon *addon, const struct mel_env *env,
    void (*result)(void *ctx, const struct mel_golden_result *result),
    void *ctx, struct mel_err *err);

#endif
