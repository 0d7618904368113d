/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_AXES_H
#define MEL_PLOT_AXES_H

#include <stddef.h>

struct mel_canvas;
struct mel_panel;
struct mel_panel_box;
struct mel_text;

/*
 * What stands around a panel's plot: numbers, labels, the symbols' places.
 */

/* Ticks, numbers and labels of all axes of the panel, and its heading. */
void mel_axes_draw(struct mel_canvas *canvas, const struct mel_panel *panel,
    const struct mel_panel_box *box);

/*
 * A thin line where each span begins, and the labels above if the panel has
 * them. A label that fits in none of the rows is left out.
 */
void mel_axes_spans(struct mel_canvas *canvas, const struct mel_panel *panel,
    const struct mel_panel_box *box);

/*
 * Cuts utf8 so that it is at most `room` wide at this place's size; then it
 * ends with an ellipsis. out [size], size >= 8, NUL-terminated.
 */
void mel_text_fit(struct mel_canvas *canvas, const struct mel_text *place,
    const char *utf8, double room, char *out, size_t size);

#endif
