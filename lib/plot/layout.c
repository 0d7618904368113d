/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/layout.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "plot/figure.h"

enum {
	LEFT = 66,      /* vertical label and numbers */
	RIGHT = 18,     /* without a colour bar */
	RIGHT_BAR = 96, /* gap, bar, numbers, unit */
	BAR_GAP = 12,
	BAR_WIDTH = 14,
	TITLE = 34,
	TOP = 12,
	HEADING = 18,
	LABEL_ROW = 15,
	NUMBERS = 40, /* numbers and label below a panel */
	BETWEEN = 10,
	BOTTOM = 6,
	LEAST_WIDTH = 40, /* of a plot */
	LEAST_HEIGHT = 24,
	MATRIX_HEIGHT = 260,
	CURVE_HEIGHT = 90,
};

static bool
has_numbers(const struct mel_figure *figure, size_t i)
{
	const struct mel_panel *p = &figure->panel[i];

	return i + 1 == figure->n || p[1].x != p->x || p[1].x_end != p->x_end;
}

static double
above(const struct mel_panel *panel)
{
	return (panel->heading ? HEADING : 0) +
	       (panel->labels ? MEL_LABEL_ROWS * LABEL_ROW : 0);
}

static double
weight(const struct mel_panel *panel)
{
	return panel->kind == MEL_PANEL_MATRIX ? MATRIX_HEIGHT : CURVE_HEIGHT;
}

/* The height that everything but the plots takes. */
static double
fixed_height(const struct mel_figure *figure)
{
	double h = (figure->title ? TITLE : TOP) + BOTTOM;

	for (size_t i = 0; i < figure->n; i++) {
		h += above(&figure->panel[i]) +
		     (has_numbers(figure, i) ? NUMBERS : 0);
		h += i + 1 < figure->n ? BETWEEN : 0;
	}
	return h;
}

static double
plots_height(const struct mel_figure *figure)
{
	double h = 0;

	for (size_t i = 0; i < figure->n; i++)
		h += weight(&figure->panel[i]);
	return h;
}

double
mel_layout_height(const struct mel_figure *figure)
{
	return fixed_height(figure) + plots_height(figure);
}

static double
right_margin(const struct mel_figure *figure)
{
	for (size_t i = 0; i < figure->n; i++) {
		if (figure->panel[i].kind == MEL_PANEL_MATRIX)
			return RIGHT_BAR;
	}
	return RIGHT;
}

/* Returns where the next panel begins. */
static double
place(struct mel_panel_box *box, const struct mel_panel *panel, double y,
    double w, double h)
{
	box->heading_y = y + HEADING - 5;
	box->labels = (struct mel_box){LEFT, y + (panel->heading ? HEADING : 0),
	    w, panel->labels ? MEL_LABEL_ROWS * LABEL_ROW : 0};
	y += above(panel);
	box->plot = (struct mel_box){LEFT, y, w, h};
	if (panel->kind == MEL_PANEL_MATRIX)
		box->bar =
		    (struct mel_box){LEFT + w + BAR_GAP, y, BAR_WIDTH, h};
	return y + h + (box->numbers ? NUMBERS : 0) + BETWEEN;
}

int
mel_layout_make(struct mel_layout *layout, const struct mel_figure *figure,
    double width, double height, struct mel_err *err)
{
	double w = floor(width - LEFT - right_margin(figure));
	double room = height - fixed_height(figure);
	double scale = room / plots_height(figure), y;
	double least = LEAST_HEIGHT / (double)CURVE_HEIGHT;

	if (w < LEAST_WIDTH || scale < least)
		return mel_fail(err,
		    "%.0f x %.0f is too small for this picture: it needs at "
		    "least %.0f x %.0f",
		    width, height, LEFT + right_margin(figure) + LEAST_WIDTH,
		    ceil(fixed_height(figure) + least * plots_height(figure)));
	layout->panel = mel_alloc(figure->n, sizeof(*layout->panel), err);
	if (!layout->panel)
		return -1;
	layout->title_y = TITLE - 12;
	y = figure->title ? TITLE : TOP;
	for (size_t i = 0; i < figure->n; i++) {
		layout->panel[i].numbers = has_numbers(figure, i);
		y = place(&layout->panel[i], &figure->panel[i], y, w,
		    floor(scale * weight(&figure->panel[i])));
	}
	return 0;
}

void
mel_layout_free(struct mel_layout *layout)
{
	free(layout->panel);
	layout->panel = NULL;
}
