/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/buf.h"
#include "plot/backend.h"
#include "plot/canvas.h"
#include "plot/color.h"
#include "plot/layout.h"
#include "plot/ticks.h"

/*
 * SVG 1.1. Numbers are written in hundredths by mel_tick_text, because printf
 * asks the locale for the point.
 */

static void
put(struct mel_canvas *canvas, const char *s)
{
	if (!canvas->failed && mel_buf_puts(canvas->out, s, &canvas->err))
		canvas->failed = true;
}

/* ' NAME="VALUE"' */
static void
number(struct mel_canvas *canvas, const char *name, double value)
{
	char label[24];

	mel_tick_text(label, value, 2);
	put(canvas, " ");
	put(canvas, name);
	put(canvas, "=\"");
	put(canvas, label);
	put(canvas, "\"");
}

static void
color(struct mel_canvas *canvas, const char *name, struct mel_ink ink)
{
	struct mel_rgb c = ink.rgb;

	if (!canvas->failed &&
	    mel_buf_printf(canvas->out, &canvas->err, " %s=\"#%02x%02x%02x\"",
		name, c.r, c.g, c.b))
		canvas->failed = true;
	if (ink.alpha < 1)
		number(canvas, "opacity", ink.alpha);
}

static void
box_of(struct mel_canvas *canvas, struct mel_box box)
{
	number(canvas, "x", box.x);
	number(canvas, "y", box.y);
	number(canvas, "width", box.w);
	number(canvas, "height", box.h);
}

static void
page(struct mel_canvas *canvas, double width, double height)
{
	cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
	struct mel_box whole = {0, 0, width, height};

	canvas->cairo = cairo_create(s);
	cairo_surface_destroy(s);
	if (mel_cairo_failed(canvas, cairo_status(canvas->cairo)))
		return;
	put(canvas, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<svg xmlns=\"http://www.w3.org/2000/svg\" "
		    "xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
		    "version=\"1.1\" "
		    "font-family=\"DejaVu Sans, Verdana, sans-serif\"");
	number(canvas, "width", width);
	number(canvas, "height", height);
	put(canvas, ">\n");
	mel_canvas_fill(canvas, whole, (struct mel_ink){{255, 255, 255}, 1});
}

static void
fill(struct mel_canvas *canvas, struct mel_box box, struct mel_ink ink)
{
	put(canvas, "<rect");
	box_of(canvas, box);
	color(canvas, "fill", ink);
	put(canvas, "/>\n");
}

static void
stroke(struct mel_canvas *canvas, const double (*point)[2], size_t n,
    double width, struct mel_ink ink)
{
	char x[24], y[24];

	put(canvas, "<polyline fill=\"none\"");
	color(canvas, "stroke", ink);
	number(canvas, "stroke-width", width);
	put(canvas, " points=\"");
	for (size_t i = 0; i < n; i++) {
		mel_tick_text(x, point[i][0], 2);
		mel_tick_text(y, point[i][1], 2);
		put(canvas, i ? " " : "");
		put(canvas, x);
		put(canvas, ",");
		put(canvas, y);
	}
	put(canvas, "\"/>\n");
}

static void
escaped(struct mel_canvas *canvas, const char *utf8)
{
	for (const char *s = utf8; *s; s++) {
		char one[2] = {*s, 0};

		put(canvas, *s == '<'   ? "&lt;"
			    : *s == '>' ? "&gt;"
			    : *s == '&' ? "&amp;"
					: one);
	}
}

static void
text(struct mel_canvas *canvas, const struct mel_text *place, const char *utf8)
{
	static const char *const anchor[] = {"start", "middle", "end"};
	char x[24], y[24];

	put(canvas, "<text xml:space=\"preserve\"");
	if (place->upright) {
		mel_tick_text(x, place->x, 2);
		mel_tick_text(y, place->y, 2);
		put(canvas, " transform=\"translate(");
		put(canvas, x);
		put(canvas, " ");
		put(canvas, y);
		put(canvas, ") rotate(-90)\"");
	} else {
		number(canvas, "x", place->x);
		number(canvas, "y", place->y);
	}
	number(canvas, "font-size", place->size);
	put(canvas, place->bold ? " font-weight=\"bold\"" : "");
	put(canvas, " text-anchor=\"");
	put(canvas, anchor[place->anchor]);
	put(canvas, "\">");
	escaped(canvas, utf8);
	put(canvas, "</text>\n");
}

static void
base64(struct mel_canvas *canvas, const unsigned char *data, size_t n)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		unsigned long v = (unsigned long)data[i] << 16;
		char four[5] = "====";

		v |= i + 1 < n ? (unsigned long)data[i + 1] << 8 : 0;
		v |= i + 2 < n ? data[i + 2] : 0;
		four[0] = digit[v >> 18];
		four[1] = digit[v >> 12 & 63];
		if (i + 1 < n)
			four[2] = digit[v >> 6 & 63];
		if (i + 2 < n)
			four[3] = digit[v & 63];
		put(canvas, four);
	}
}

static void
image(struct mel_canvas *canvas, struct mel_box box, const uint32_t *pixel,
    int w, int h)
{
	cairo_surface_t *s = mel_cairo_pixels(pixel, w, h);
	struct mel_buf png = {0};

	if (!mel_cairo_failed(canvas, mel_cairo_png(s, &png, &canvas->err))) {
		put(canvas, "<image preserveAspectRatio=\"none\" "
			    "style=\"image-rendering:pixelated\"");
		box_of(canvas, box);
		put(canvas, " xlink:href=\"data:image/png;base64,");
		base64(canvas, (unsigned char *)png.data, png.len);
		put(canvas, "\"/>\n");
	}
	mel_buf_free(&png);
	cairo_surface_destroy(s);
}

static void
finish(struct mel_canvas *canvas)
{
	if (!canvas->cairo)
		return;
	put(canvas, "</svg>\n");
	cairo_destroy(canvas->cairo);
}

const struct mel_canvas_backend mel_canvas_svg = {
    .page = page,
    .fill = fill,
    .stroke = stroke,
    .text = text,
    .image = image,
    .close = finish,
};
