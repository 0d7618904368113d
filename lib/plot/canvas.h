/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_CANVAS_H
#define MEL_PLOT_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plot/color.h"
#include "plot/layout.h"

struct mel_buf;
struct mel_err;

/*
 * Something to draw on, in the units and directions of plot/layout.h. The
 * file is made in memory: PNG and PDF by cairo, SVG by ourselves, because
 * cairo turns letters into outlines there. The same drawing gives the same
 * bytes. Errors are kept and come out of mel_canvas_close.
 */
struct mel_canvas;

enum mel_canvas_format {
	MEL_CANVAS_PNG, /* pixels, one page */
	MEL_CANVAS_SVG, /* one page */
	MEL_CANVAS_PDF, /* points, any number of pages */
};

#define MEL_CANVAS_SIDE 16384 /* longest side [pixels or points] */

struct mel_ink {
	struct mel_rgb rgb;
	double alpha; /* [0..1], 1 is opaque */
};

enum mel_anchor {
	MEL_ANCHOR_LEFT,
	MEL_ANCHOR_MIDDLE,
	MEL_ANCHOR_RIGHT,
};

struct mel_text {
	double x, y; /* of the anchor, on the baseline */
	double size; /* of the font */
	enum mel_anchor anchor;
	bool upright; /* turned to be read from below to above */
	bool bold;
};

/* out is appended to and must live until close. */
int mel_canvas_open(struct mel_canvas **canvas, enum mel_canvas_format format,
    struct mel_buf *out, struct mel_err *err);

/* Begins a page of this size [1..MEL_CANVAS_SIDE], white. */
void mel_canvas_page(struct mel_canvas *canvas, double width, double height);

/* Fills a rectangle; its edges are sharp where they lie on whole units. */
void mel_canvas_fill(
    struct mel_canvas *canvas, struct mel_box box, struct mel_ink ink);

/* A line through n >= 2 points [n][2]: x, y. */
void mel_canvas_stroke(struct mel_canvas *canvas, const double (*point)[2],
    size_t n, double width, struct mel_ink ink);

/*
 * Black text: valid UTF-8 without control characters (see mel_figure_text).
 * The empty string draws nothing.
 */
void mel_canvas_text(
    struct mel_canvas *canvas, const struct mel_text *text, const char *utf8);

/*
 * How far the text would reach, in units of the page; 0 after an error. Wants
 * a page.
 */
double mel_canvas_text_width(
    struct mel_canvas *canvas, double size, bool bold, const char *utf8);

/* pixel [h][w], 0xAARRGGBB, alpha 0 or 255; cells are drawn with sharp edges.
 */
void mel_canvas_image(struct mel_canvas *canvas, struct mel_box box,
    const uint32_t *pixel, int w, int h);

/* Whether the page has pixels of its own, one per unit (PNG). */
bool mel_canvas_has_pixels(const struct mel_canvas *canvas);

/*
 * Whether no font is installed: then PNG and PDF use cairo's built-in one,
 * which has ASCII only, and everything else is an empty box. False for
 * SVG, which names the font and leaves it to the viewer.
 */
bool mel_canvas_lacks_font(struct mel_canvas *canvas);

/* Completes the file and frees; accepts NULL. */
int mel_canvas_close(struct mel_canvas *canvas, struct mel_err *err);

#endif
