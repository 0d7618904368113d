/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_DIFF_H
#define MEL_TENSOR_DIFF_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/compare.h"

struct mel_err;
struct mel_strings;

struct mel_reader;

/*
 * Compares two record streams by what they say: utterances by key, in the
 * same order, tensors by port name. Times, stages, notes, the order of ports,
 * and how rows are cut into records do not count. An utterance that ended
 * with an error is the same as one that did, too.
 */
struct mel_diff_options {
	struct mel_tolerance tolerance;
	const struct mel_strings *ports; /* only these; NULL: all */
	const char *name[2];             /* of the streams, for messages */

	/*
	 * Most data held [bytes], 0: MEL_UTTERANCE_LIMIT: of one utterance,
	 * and of all that wait for their like from the other stream.
	 */
	uint64_t limit;

	/* Gets each difference as a line without newline. */
	void (*report)(void *ctx, const char *line);
	void *ctx;
};

/*
 * Reads both to their ends. Returns 0 and the number of differences; -1 if a
 * stream is wrong or cut, or more data would be held than the limit.
 */
int mel_diff(struct mel_reader *const reader[2],
    const struct mel_diff_options *options, size_t *differences,
    struct mel_err *err);

/*
 * Compares two .npy files: options->name are their paths. Like mel_diff; the
 * limit is that of one array.
 */
int mel_diff_npy(const struct mel_diff_options *options, size_t *differences,
    struct mel_err *err);

#endif
