/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_DRAW_H
#define MEL_PLOT_DRAW_H

struct mel_canvas;
struct mel_err;
struct mel_figure;

/*
 * Draws the figure (at least one panel) on a new page of the canvas. width
 * and height as in mel_canvas_page. Fails if the page is too small or memory
 * is short; what cannot be drawn otherwise comes out of mel_canvas_close.
 */
int mel_figure_draw(const struct mel_figure *figure, struct mel_canvas *canvas,
    double width, double height, struct mel_err *err);

#endif
