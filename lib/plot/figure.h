/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_FIGURE_H
#define MEL_PLOT_FIGURE_H

#include <stdbool.h>
#include <stddef.h>

#include "plot/hertz.h"
#include "tensor/tensor.h"

struct mel_err;

/*
 * A figure is a title and panels below one another: what is to be seen, not
 * yet where. Strings and arrays are owned by the figure, tensors too.
 */

enum mel_panel_kind {
	MEL_PANEL_MATRIX, /* colours; columns of the tensor upwards */
	MEL_PANEL_CURVE,  /* one line for each column of the tensor */
};

/* The horizontal axis. */
enum mel_panel_x {
	MEL_X_SECONDS,
	MEL_X_FRAMES, /* rows of a mel whose rate or hop is unknown */
	MEL_X_ROWS,   /* rows of a sequence port: tokens */
};

/* A symbol's place on the horizontal axis, in its unit. */
struct mel_span {
	double begin, end;
	char *label; /* owned; UTF-8, may be empty */
};

struct mel_panel {
	enum mel_panel_kind kind;
	char *heading;           /* owned; above the panel; NULL: none */
	char *label;             /* owned; of the vertical axis */
	char *unit;              /* owned; of the colours; NULL: none */
	struct mel_tensor value; /* f32 [rows, width], width >= 1 */
	enum mel_panel_x x;
	double x_end;  /* the axis runs from 0 to here, > 0 */
	double x_step; /* width of a row in its unit; 0: rows lie on spans */
	struct mel_plot_contract axis; /* MATRIX: vertical; unit unused */
	double lo, hi;                 /* range of colours or of the curve */
	bool difference;               /* MATRIX: colours around zero */
	struct mel_span *span;         /* [n_spans], rising, or NULL */
	size_t n_spans;
	bool labels; /* write the spans' labels above */
};

struct mel_figure {
	char *title;             /* owned; NULL: none */
	struct mel_panel *panel; /* [n] */
	size_t n;
	size_t cap;
};

/* A new panel, all zero, valid until the next one is added; or NULL. */
struct mel_panel *mel_figure_add(
    struct mel_figure *figure, struct mel_err *err);

void mel_figure_free(struct mel_figure *figure);

/* Takes the panel's spans away. */
void mel_panel_drop_spans(struct mel_panel *panel);

/*
 * A copy of s fit for a figure: control characters, which have no shape,
 * which XML forbids and terminals obey, become spaces.
 */
char *mel_figure_text(const char *s, struct mel_err *err);

/* Row i of a panel lies on the axis from *begin to *end. */
void mel_panel_row(
    const struct mel_panel *panel, size_t i, double *begin, double *end);

/*
 * Least and greatest finite value of an f32 tensor. Returns how many values
 * are NaN; without any finite value *lo = 0, *hi = 1.
 */
size_t mel_value_range(const struct mel_tensor *t, double *lo, double *hi);

#endif
