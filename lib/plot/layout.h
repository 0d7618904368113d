/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_LAYOUT_H
#define MEL_PLOT_LAYOUT_H

#include <stdbool.h>

struct mel_err;
struct mel_figure;

/*
 * Where the parts of a figure lie on the page. Units are those of the page
 * (pixels, or points in a PDF), y points down, (0, 0) is the upper left.
 */

#define MEL_TEXT_SIZE  12.0 /* of numbers, labels and headings */
#define MEL_TITLE_SIZE 15.0
#define MEL_LABEL_ROWS 2 /* symbols' labels are staggered */

/* A rectangle; x, y is its upper left corner. */
struct mel_box {
	double x, y, w, h;
};

struct mel_panel_box {
	double heading_y; /* baseline of the heading */
	struct mel_box
	    labels; /* of the spans, MEL_LABEL_ROWS rows; h = 0: none */
	struct mel_box plot;
	struct mel_box
	    bar;      /* of colours, with numbers right of it; w = 0: none */
	bool numbers; /* horizontal axis has numbers and label below */
};

struct mel_layout {
	double title_y;              /* baseline; of no use without a title */
	struct mel_panel_box *panel; /* [figure->n], owned */
};

/* The height that suits a figure at any width. */
double mel_layout_height(const struct mel_figure *figure);

/*
 * Lays a figure of at least one panel out; boxes lie on whole units. Fails,
 * naming the least size, if a plot would be less than a thumbnail.
 */
int mel_layout_make(struct mel_layout *layout, const struct mel_figure *figure,
    double width, double height, struct mel_err *err);

/* Accepts the zero struct. */
void mel_layout_free(struct mel_layout *layout);

#endif
