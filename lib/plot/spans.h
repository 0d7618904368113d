/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_SPANS_H
#define MEL_PLOT_SPANS_H

#include <stdbool.h>
#include <stdint.h>

struct mel_err;
struct mel_panel;
struct mel_strings;
struct mel_utterance;

/*
 * Where the tokens of an utterance lie in time, from its "counts" [tokens],
 * and what they are called, from "symbols" in its begin record.
 */

/*
 * Gives the panel its spans; `step` is the length of one row of the main
 * port. No counts, no spans. Counts that are negative, or that do not add up
 * to `rows` (>= 0), give no spans and a note.
 */
int mel_spans_make(struct mel_panel *panel, const struct mel_utterance *u,
    double step, int64_t rows, struct mel_strings *notes, struct mel_err *err);

/* Whether any span has a label that can be seen. */
bool mel_spans_labelled(const struct mel_panel *panel);

#endif
