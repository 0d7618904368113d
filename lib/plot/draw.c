/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plot/axes.h"
#include "plot/canvas.h"
#include "plot/color.h"
#include "plot/figure.h"
#include "plot/layout.h"
#include "plot/raster.h"

#define CELLS_MAX 4096 /* pixels of an image in SVG and PDF, each way */

static const struct mel_ink black = {{0, 0, 0}, 1};

static void
draw_title(struct mel_canvas *canvas, const char *title, double y, double width)
{
	struct mel_text place = {
	    width / 2, y, MEL_TITLE_SIZE, MEL_ANCHOR_MIDDLE, false, true};
	char text[512];

	mel_text_fit(canvas, &place, title, width - 24, text, sizeof(text));
	mel_canvas_text(canvas, &place, text);
}

/* Pixels along one side: the page's own, or a cell each. */
static int
cells(const struct mel_canvas *canvas, double side, double n)
{
	double pixels = mel_canvas_has_pixels(canvas) ? side : ceil(n);

	return pixels < 1 ? 1 : pixels > CELLS_MAX ? CELLS_MAX : (int)pixels;
}

static int
draw_matrix(const struct mel_panel *panel, const struct mel_panel_box *box,
    struct mel_canvas *canvas, struct mel_err *err)
{
	struct mel_colormap map;
	double columns =
	    panel->x_step > 0 ? panel->x_end / panel->x_step : 2 * box->plot.w;
	int w = cells(canvas, box->plot.w, columns);
	int h = cells(canvas, box->plot.h, (double)panel->value.dim[1]);
	uint32_t *pixel = mel_alloc((size_t)w * (size_t)h, sizeof(*pixel), err);
	uint32_t bar[MEL_MAP_STEPS];

	if (!pixel)
		return -1;
	mel_colormap_make(
	    &map, panel->difference ? MEL_MAP_DIFFERENCE : MEL_MAP_LEVEL);
	mel_raster_panel(panel, &map, pixel, w, h);
	mel_canvas_image(canvas, box->plot, pixel, w, h);
	free(pixel);
	mel_raster_bar(&map, bar, MEL_MAP_STEPS);
	mel_canvas_image(canvas, box->bar, bar, 1, MEL_MAP_STEPS);
	return 0;
}

static void
stroke_run(struct mel_canvas *canvas, const double (*point)[2], size_t n,
    int64_t column)
{
	static const struct mel_rgb color[] = {
	    {20, 90, 160}, {200, 80, 30}, {30, 130, 70}, {130, 60, 140}};
	struct mel_ink ink = {color[column % 4], 1};

	if (n > 1)
		mel_canvas_stroke(canvas, point, n, 1.5, ink);
}

/* A step for each row; a value that is not finite leaves a gap. */
static void
draw_column(const struct mel_panel *panel, struct mel_box plot, int64_t column,
    double (*point)[2], struct mel_canvas *canvas)
{
	const float *value = panel->value.data;
	int64_t rows = panel->value.dim[0], width = panel->value.dim[1];
	size_t n = 0;

	for (int64_t i = 0; i < rows; i++) {
		double v = value[i * width + column], from, to;
		double y =
		    plot.y + plot.h * (panel->hi - v) / (panel->hi - panel->lo);

		if (!isfinite(v)) {
			stroke_run(canvas, point, n, column);
			n = 0;
			continue;
		}
		y = fmin(fmax(y, plot.y), plot.y + plot.h);
		mel_panel_row(panel, (size_t)i, &from, &to);
		for (int end = 0; end < 2; end++, n++) {
			point[n][0] =
			    plot.x + plot.w * (end ? to : from) / panel->x_end;
			point[n][1] = y;
		}
	}
	stroke_run(canvas, point, n, column);
}

static int
draw_curve(const struct mel_panel *panel, struct mel_box plot,
    struct mel_canvas *canvas, struct mel_err *err)
{
	double(*point)[2] =
	    mel_alloc((size_t)panel->value.dim[0], 2 * sizeof(*point), err);

	if (!point)
		return -1;
	for (int64_t c = 0; c < panel->value.dim[1]; c++)
		draw_column(panel, plot, c, point, canvas);
	free(point);
	return 0;
}

static void
draw_frame(struct mel_canvas *canvas, struct mel_box b)
{
	double x0 = b.x - 0.5, x1 = b.x + b.w + 0.5;
	double y0 = b.y - 0.5, y1 = b.y + b.h + 0.5;
	const double point[5][2] = {
	    {x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}, {x0, y0}};

	mel_canvas_stroke(canvas, point, 5, 1, black);
}

static int
draw_panel(const struct mel_panel *panel, const struct mel_panel_box *box,
    struct mel_canvas *canvas, struct mel_err *err)
{
	int rc;

	if (panel->kind == MEL_PANEL_MATRIX)
		rc = draw_matrix(panel, box, canvas, err);
	else
		rc = draw_curve(panel, box->plot, canvas, err);
	if (rc)
		return -1;
	mel_axes_spans(canvas, panel, box);
	mel_axes_draw(canvas, panel, box);
	draw_frame(canvas, box->plot);
	if (box->bar.w > 0)
		draw_frame(canvas, box->bar);
	return 0;
}

int
mel_figure_draw(const struct mel_figure *figure, struct mel_canvas *canvas,
    double width, double height, struct mel_err *err)
{
	struct mel_layout layout;
	int rc = 0;

	if (mel_layout_make(&layout, figure, width, height, err))
		return -1;
	mel_canvas_page(canvas, width, height);
	if (figure->title)
		draw_title(canvas, figure->title, layout.title_y, width);
	for (size_t i = 0; i < figure->n && !rc; i++)
		rc = draw_panel(
		    &figure->panel[i], &layout.panel[i], canvas, err);
	mel_layout_free(&layout);
	return rc;
}
