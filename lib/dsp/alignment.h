/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_ALIGNMENT_H
#define MEL_DSP_ALIGNMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mel_err;

/*
 * How attention moves over the tokens of an utterance, frame by frame. The
 * position of a frame is the token of the largest weight (the first of equal
 * ones). Speech reads on: positions rise by 0 or 1, and all are seen.
 */
struct mel_alignment {
	int64_t tokens;   /* of this utterance */
	int64_t frames;   /* so far */
	int64_t position; /* of the last frame */
	int64_t farthest; /* greatest position so far */
	int64_t covered;  /* tokens that were a position so far */
	int64_t jumps;   /* steps ahead by more than `reach`, or back by more */
	int64_t repeats; /* frames at a token behind the farthest by more
			    than `reach` */
	int64_t stuck;   /* longest run of frames at one position */
	double entropy;  /* sum over frames, each in [0, 1] */

	int64_t reach; /* tokens that a step may differ without being said */
	int64_t run;   /* private: frames at the present position */
	bool *seen;    /* [cap], owned: was a position */
	size_t cap;
};

/* Columns of a frame's measures. */
enum mel_alignment_column {
	MEL_ALIGNMENT_POSITION, /* of the tokens, [0, 1) */
	MEL_ALIGNMENT_PEAK,     /* the largest weight */
	MEL_ALIGNMENT_ENTROPY,  /* of the weights: 0 one token, 1 all alike */
	MEL_ALIGNMENT_COVERAGE, /* share of the tokens seen so far, [0, 1] */
	MEL_ALIGNMENT_COLUMNS
};

/* Begins an utterance; memory of the one before is used again. */
int mel_alignment_begin(struct mel_alignment *alignment, int64_t tokens,
    int64_t reach, struct mel_err *err);

/* The next frame: weights [tokens], at least one; its measures. */
void mel_alignment_add(struct mel_alignment *alignment, const float *weights,
    float measures[MEL_ALIGNMENT_COLUMNS]);

void mel_alignment_free(struct mel_alignment *alignment);

#endif
