/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_STAGE_H
#define MEL_ADDON_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addon/runs.h"

struct mel_addon;
struct mel_bundle;
struct mel_env;
struct mel_err;
struct mel_head;
struct mel_streamable;

/*
 * Some positions of an addon's stack, ready to run one utterance after
 * another: all of them (tts-pipe), or those of one tool of a pipe.
 *
 *	begin { pull } reset, for each utterance
 */
struct mel_stage;

struct mel_stage_options {
	struct mel_addon *addon;     /* must outlive the stage */
	size_t first, last;          /* positions [first, last), last > 0;
					first == last: everything passes */
	const struct mel_head *head; /* of the stream that comes in; NULL if
					first is 0 */
	const struct mel_env *env;   /* must outlive the stage */
	const char *unknown; /* what the front end does with unknown symbols:
				"skip", "fail"; NULL: as the addon says */
	bool text_only; /* of position 0 the front end alone: what it makes of
			   text is all that is wanted; there is no head */
	bool declare_only; /* no voices of the front end, no weights: for the
			   head, which is all that may be asked for then */
	bool by_folder;    /* later tools shall find the addon by its folder */
};

/*
 * Opens the blocks, with the threads of env->pool, and checks the wiring of all
 * positions from first on, those after last by their declarations alone.
 */
int mel_stage_open(struct mel_stage **stage,
    const struct mel_stage_options *options, struct mel_err *err);
void mel_stage_close(struct mel_stage *stage);

/*
 * The head of the stream that this stage makes: sequence ports that later
 * positions need or the addon keeps, then the rows, then side rows.
 */
const struct mel_head *mel_stage_head(const struct mel_stage *stage);

/*
 * Begins an utterance. data: from position 0 on the text (or tokens or
 * phonemes, see text/text.h) and the controls; else the sequence ports of the
 * stream. source: gives the rows of the stream, NULL if it has none. Both must
 * live until reset.
 */
int mel_stage_begin(struct mel_stage *stage, const struct mel_bundle *data,
    struct mel_streamable *source, struct mel_err *err);

/* All tensors there are now, also those not forwarded. Until reset. */
const struct mel_bundle *mel_stage_tensors(const struct mel_stage *stage);

/*
 * The block whose rows the stage gives, to be pulled; NULL if no rows are made
 * here, nor come in. Until reset.
 */
struct mel_streamable *mel_stage_rows(const struct mel_stage *stage);

void mel_stage_reset(struct mel_stage *stage);

/*
 * A block of the stage, for reports: the members of a container one by one,
 * but what runs at once, and a nested pipeline, as one.
 */
struct mel_stage_part {
	const char *where;    /* its place in the addon, and its type */
	uint64_t busy_ns;     /* the time that it took itself so far */
	int64_t lookahead;    /* of rows, see mel_streamable_spec; else 0 */
	bool inexact;         /* the same; else false */
	struct mel_runs runs; /* its networks; all false if it has none */
};

/* Part i; false past the last. */
bool mel_stage_part(
    const struct mel_stage *stage, size_t i, struct mel_stage_part *part);

/* The position behind the first Upsampler; 0 if there is none. */
size_t mel_stage_upsampler(const struct mel_addon *addon);

#endif
