/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/canvas.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "plot/backend.h"

int
mel_canvas_open(struct mel_canvas **canvas, enum mel_canvas_format format,
    struct mel_buf *out, struct mel_err *err)
{
	struct mel_canvas *c = mel_alloc(1, sizeof(*c), err);

	if (!c)
		return -1;
	c->format = format;
	c->out = out;
	c->backend =
	    format == MEL_CANVAS_SVG ? &mel_canvas_svg : &mel_canvas_cairo;
	*canvas = c;
	return 0;
}

void
mel_canvas_page(struct mel_canvas *canvas, double width, double height)
{
	if (!canvas->failed)
		canvas->backend->page(canvas, width, height);
}

void
mel_canvas_fill(
    struct mel_canvas *canvas, struct mel_box box, struct mel_ink ink)
{
	if (!canvas->failed)
		canvas->backend->fill(canvas, box, ink);
}

void
mel_canvas_stroke(struct mel_canvas *canvas, const double (*point)[2], size_t n,
    double width, struct mel_ink ink)
{
	if (!canvas->failed)
		canvas->backend->stroke(canvas, point, n, width, ink);
}

void
mel_canvas_text(
    struct mel_canvas *canvas, const struct mel_text *text, const char *utf8)
{
	if (!canvas->failed && *utf8)
		canvas->backend->text(canvas, text, utf8);
}

double
mel_canvas_text_width(
    struct mel_canvas *canvas, double size, bool bold, const char *utf8)
{
	cairo_text_extents_t extents;

	if (canvas->failed)
		return 0;
	mel_cairo_font(canvas->cairo, size, bold);
	cairo_text_extents(canvas->cairo, utf8, &extents);
	mel_cairo_failed(canvas, cairo_status(canvas->cairo));
	return extents.x_advance;
}

void
mel_canvas_image(struct mel_canvas *canvas, struct mel_box box,
    const uint32_t *pixel, int w, int h)
{
	if (!canvas->failed)
		canvas->backend->image(canvas, box, pixel, w, h);
}

bool
mel_canvas_has_pixels(const struct mel_canvas *canvas)
{
	return canvas->format == MEL_CANVAS_PNG;
}

bool
mel_canvas_lacks_font(struct mel_canvas *canvas)
{
	if (canvas->failed || !canvas->cairo ||
	    canvas->format == MEL_CANVAS_SVG)
		return false;
	mel_cairo_font(canvas->cairo, MEL_TEXT_SIZE, false);
	return cairo_scaled_font_get_type(cairo_get_scaled_font(
		   canvas->cairo)) == CAIRO_FONT_TYPE_USER;
}

int
mel_canvas_close(struct mel_canvas *canvas, struct mel_err *err)
{
	int rc = 0;

	if (!canvas)
		return 0;
	canvas->backend->close(canvas);
	if (canvas->failed)
		rc = mel_fail(err, "%s", canvas->err.msg);
	free(canvas);
	return rc;
}
