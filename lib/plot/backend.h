/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_BACKEND_H
#define MEL_PLOT_BACKEND_H

#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plot/canvas.h"
#include "plot/layout.h"

struct mel_buf;

/*
 * Inside of a canvas, for the files that implement one. Functions are those
 * of plot/canvas.h; a backend that failed says so in canvas->failed and is
 * not called again but for `close`.
 */
struct mel_canvas_backend {
	/*
	 * Begins a page. SVG has one; PNG has one; PDF completes the page
	 * before, if there is one.
	 */
	void (*page)(struct mel_canvas *canvas, double width, double height);
	void (*fill)(
	    struct mel_canvas *canvas, struct mel_box box, struct mel_ink ink);
	void (*stroke)(struct mel_canvas *canvas, const double (*point)[2],
	    size_t n, double width, struct mel_ink ink);
	/* utf8 is not empty, valid and without control characters. */
	void (*text)(struct mel_canvas *canvas, const struct mel_text *text,
	    const char *utf8);
	/* box is filled whole, whatever w and h are. */
	void (*image)(struct mel_canvas *canvas, struct mel_box box,
	    const uint32_t *pixel, int w, int h);
	/* Completes the file, if there is a page, and releases cairo. */
	void (*close)(struct mel_canvas *canvas);
};

struct mel_canvas {
	const struct mel_canvas_backend *backend;
	enum mel_canvas_format format;
	struct mel_buf *out; /* not owned */
	cairo_t *cairo;      /* owned; NULL before the first page of PNG, PDF;
				SVG: measures text only */
	bool failed;         /* err holds why */
	struct mel_err err;
};

/* PNG and PDF; SVG. */
extern const struct mel_canvas_backend mel_canvas_cairo;
extern const struct mel_canvas_backend mel_canvas_svg;

/* Font of the given size for drawing and measuring. */
void mel_cairo_font(cairo_t *cairo, double size, bool bold);

/* Notes the failure of cairo, if there is one; returns whether. */
bool mel_cairo_failed(struct mel_canvas *canvas, cairo_status_t status);

/* Appends a PNG of the surface to buf. */
cairo_status_t mel_cairo_png(
    cairo_surface_t *surface, struct mel_buf *buf, struct mel_err *err);

/* A surface that holds pixels 0xAARRGGBB [h][w], to be destroyed. */
cairo_surface_t *mel_cairo_pixels(const uint32_t *pixel, int w, int h);

#endif
