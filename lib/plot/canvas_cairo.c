/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cairo-pdf.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "plot/backend.h"
#include "plot/canvas.h"
#include "plot/layout.h"

struct sink {
	struct mel_buf *buf;
	struct mel_err *err;
};

static cairo_status_t
append(void *closure, const unsigned char *data, unsigned int n)
{
	struct sink *sink = closure;

	return mel_buf_add(sink->buf, data, n, sink->err)
		   ? CAIRO_STATUS_NO_MEMORY
		   : CAIRO_STATUS_SUCCESS;
}

static cairo_status_t
append_page(void *closure, const unsigned char *data, unsigned int n)
{
	struct mel_canvas *canvas = closure;
	struct sink sink = {canvas->out, &canvas->err};

	return append(&sink, data, n);
}

void
mel_cairo_font(cairo_t *cairo, double size, bool bold)
{
	cairo_select_font_face(cairo, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
	    bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cairo, size);
}

bool
mel_cairo_failed(struct mel_canvas *canvas, cairo_status_t status)
{
	if (status != CAIRO_STATUS_SUCCESS && !canvas->failed) {
		canvas->failed = true;
		mel_fail(&canvas->err, "cannot draw: %s",
		    cairo_status_to_string(status));
	}
	return canvas->failed;
}

cairo_status_t
mel_cairo_png(
    cairo_surface_t *surface, struct mel_buf *buf, struct mel_err *err)
{
	struct sink sink = {buf, err};

	return cairo_surface_write_to_png_stream(surface, append, &sink);
}

cairo_surface_t *
mel_cairo_pixels(const uint32_t *pixel, int w, int h)
{
	cairo_surface_t *s =
	    cairo_image_surface_create(CAIRO_FORMAT_ARGB32, w, h);
	unsigned char *data = cairo_image_surface_get_data(s);
	int stride = cairo_image_surface_get_stride(s);

	if (cairo_surface_status(s) != CAIRO_STATUS_SUCCESS)
		return s;
	for (int y = 0; y < h; y++)
		memcpy(data + (ptrdiff_t)y * stride, pixel + (ptrdiff_t)y * w,
		    (size_t)w * sizeof(*pixel));
	cairo_surface_mark_dirty(s);
	return s;
}

static void
first_page(struct mel_canvas *canvas, double width, double height)
{
	cairo_surface_t *s;

	if (canvas->format == MEL_CANVAS_PNG) {
		s = cairo_image_surface_create(
		    CAIRO_FORMAT_RGB24, (int)width, (int)height);
	} else {
		s = cairo_pdf_surface_create_for_stream(
		    append_page, canvas, width, height);
		/* Without a date the same figure is the same file. */
		cairo_pdf_surface_set_metadata(
		    s, CAIRO_PDF_METADATA_CREATE_DATE, "");
	}
	if (!mel_cairo_failed(canvas, cairo_surface_status(s)))
		canvas->cairo = cairo_create(s);
	cairo_surface_destroy(s);
}

static void
page(struct mel_canvas *canvas, double width, double height)
{
	if (canvas->cairo) {
		cairo_show_page(canvas->cairo);
		cairo_pdf_surface_set_size(
		    cairo_get_target(canvas->cairo), width, height);
	} else {
		first_page(canvas, width, height);
	}
	if (canvas->failed)
		return;
	cairo_set_source_rgb(canvas->cairo, 1, 1, 1);
	cairo_paint(canvas->cairo);
	mel_cairo_failed(canvas, cairo_status(canvas->cairo));
}

static void
use(cairo_t *cairo, struct mel_ink ink)
{
	cairo_set_source_rgba(cairo, ink.rgb.r / 255.0, ink.rgb.g / 255.0,
	    ink.rgb.b / 255.0, ink.alpha);
}

static void
fill(struct mel_canvas *canvas, struct mel_box box, struct mel_ink ink)
{
	use(canvas->cairo, ink);
	cairo_rectangle(canvas->cairo, box.x, box.y, box.w, box.h);
	cairo_fill(canvas->cairo);
}

static void
stroke(struct mel_canvas *canvas, const double (*point)[2], size_t n,
    double width, struct mel_ink ink)
{
	cairo_t *cairo = canvas->cairo;

	use(cairo, ink);
	cairo_set_line_width(cairo, width);
	cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
	cairo_new_path(cairo); /* text leaves a point behind */
	for (size_t i = 0; i < n; i++)
		cairo_line_to(cairo, point[i][0], point[i][1]);
	cairo_stroke(cairo);
}

static void
text(struct mel_canvas *canvas, const struct mel_text *place, const char *utf8)
{
	static const double shift[] = {0, 0.5, 1};
	double w =
	    mel_canvas_text_width(canvas, place->size, place->bold, utf8);
	cairo_t *cairo = canvas->cairo;

	cairo_save(cairo);
	cairo_translate(cairo, place->x, place->y);
	if (place->upright)
		cairo_rotate(cairo, -3.14159265358979323846 / 2);
	cairo_move_to(cairo, -shift[place->anchor] * w, 0);
	cairo_set_source_rgb(cairo, 0, 0, 0);
	cairo_show_text(cairo, utf8);
	cairo_restore(cairo);
	mel_cairo_failed(canvas, cairo_status(cairo));
}

static void
image(struct mel_canvas *canvas, struct mel_box box, const uint32_t *pixel,
    int w, int h)
{
	cairo_t *cairo = canvas->cairo;
	cairo_surface_t *s = mel_cairo_pixels(pixel, w, h);

	cairo_save(cairo);
	cairo_rectangle(cairo, box.x, box.y, box.w, box.h);
	cairo_clip(cairo);
	cairo_translate(cairo, box.x, box.y);
	cairo_scale(cairo, box.w / w, box.h / h);
	cairo_set_source_surface(cairo, s, 0, 0);
	cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_NEAREST);
	cairo_paint(cairo);
	cairo_restore(cairo);
	mel_cairo_failed(canvas, cairo_surface_status(s));
	mel_cairo_failed(canvas, cairo_status(cairo));
	cairo_surface_destroy(s);
}

static void
finish(struct mel_canvas *canvas)
{
	cairo_surface_t *s;

	if (!canvas->cairo)
		return;
	s = cairo_get_target(canvas->cairo);
	if (!canvas->failed && canvas->format == MEL_CANVAS_PNG)
		mel_cairo_failed(
		    canvas, mel_cairo_png(s, canvas->out, &canvas->err));
	cairo_surface_finish(s);
	mel_cairo_failed(canvas, cairo_surface_status(s));
	cairo_destroy(canvas->cairo);
}

const struct mel_canvas_backend mel_canvas_cairo = {
    .page = page,
    .fill = fill,
    .stroke = stroke,
    .text = text,
    .image = image,
    .close = finish,
};
