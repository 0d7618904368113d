/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_SCENE_H
#define MEL_PLOT_SCENE_H

#include <stdbool.h>

#include "base/option.h"
#include "plot/hertz.h"

struct mel_err;
struct mel_figure;
struct mel_head;
struct mel_utterance;

/*
 * Makes the panels of a figure from utterances of a stream:
 *
 *	the main rows port    matrix, frequencies upwards, seconds
 *	other rows ports      curves up to MEL_SCENE_CURVES wide, else matrix
 *	sequence ports        the same, on the time of their tokens if
 *	                      "counts" [tokens] is there, else over tokens
 *
 * With "counts" (rows of the main port for each token) the tokens' places are
 * marked, and labelled if the begin record has "symbols", one string each.
 */

#define MEL_SCENE_CURVES 4 /* columns drawn as curves */

struct mel_scene {
	struct mel_plot_contract contract;

	/*
	 * The ports to draw, in this order. None: the main rows port, and
	 * durations, pitch and energy if they have one value a token; without a
	 * main port every float vector and matrix.
	 */
	struct mel_strings ports;

	bool main_only; /* no ports: the main rows port alone */

	const char *heading; /* of the utterance's first panel; NULL: none */
	bool ranged;         /* lo, hi: the range of the main port's colours */
	double lo, hi;

	/*
	 * Gets remarks about what is not as a user would expect (NaN, counts
	 * that do not fit), each fit to show. Not owned; must not be NULL.
	 */
	struct mel_strings *notes;
};

/* Sets the range from "LO,HI", LO below HI. */
int mel_scene_range(
    struct mel_scene *scene, const char *text, struct mel_err *err);

/*
 * Adds the panels of an utterance whose state is MEL_UTT_WHOLE. Fails if a port
 * does not exist or cannot be drawn, or nothing is there to draw.
 */
int mel_scene_add(struct mel_figure *figure, const struct mel_scene *scene,
    const struct mel_head *head, const struct mel_utterance *u,
    struct mel_err *err);

/*
 * Adds a panel of the main port's difference a - b over the rows that both
 * have. Fails if their widths differ or one has no rows.
 */
int mel_scene_difference(struct mel_figure *figure,
    const struct mel_scene *scene, const struct mel_head *head,
    const struct mel_utterance *a, const struct mel_utterance *b,
    struct mel_err *err);

/*
 * Sets the title: `title`, or if NULL the utterance's key and text. Gives
 * panels of the same horizontal unit the same axis, and matrices of the same
 * unit the same range, so that they can be compared.
 */
int mel_scene_finish(struct mel_figure *figure, const char *title,
    const struct mel_utterance *u, struct mel_err *err);

#endif
