/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/axes.h"

#include <math.h>
#include <string.h>

#include "plot/canvas.h"
#include "plot/figure.h"
#include "plot/hertz.h"
#include "plot/layout.h"
#include "plot/ticks.h"

enum {
	TICK = 4,
	TICK_GAP = 3,      /* between tick and number */
	NUMBER_WIDTH = 70, /* of the horizontal axis, with its space */
	NUMBER_HEIGHT = 22,
	LABEL_X = 15,    /* of the vertical label, from the page's left */
	LABEL_DOWN = 33, /* of the horizontal label, from the plot */
	UNIT_X = 62,     /* of the colours' unit, from the bar */
	LABEL_GAP = 3,   /* least space between two symbols */
};

static const struct mel_ink black = {{0, 0, 0}, 1};

void
mel_text_fit(struct mel_canvas *canvas, const struct mel_text *place,
    const char *utf8, double room, char *out, size_t size)
{
	size_t len = strnlen(utf8, size - 4);

	memcpy(out, utf8, len);
	out[len] = 0;
	if (!utf8[len] && mel_canvas_text_width(
			      canvas, place->size, place->bold, out) <= room)
		return;
	while (len) {
		/* Back to the first byte of the last character. */
		do
			len--;
		while (len && ((unsigned char)out[len] & 0xc0) == 0x80);
		strcpy(out + len, "\u2026");
		if (mel_canvas_text_width(
			canvas, place->size, place->bold, out) <= room)
			return;
	}
	out[0] = 0;
}

static void
number(struct mel_canvas *canvas, double x, double y, enum mel_anchor anchor,
    const char *label)
{
	struct mel_text place = {x, y, MEL_TEXT_SIZE, anchor, false, false};

	mel_canvas_text(canvas, &place, label);
}

static void
upright(
    struct mel_canvas *canvas, double x, struct mel_box plot, const char *label)
{
	struct mel_text place = {x, plot.y + plot.h / 2, MEL_TEXT_SIZE,
	    MEL_ANCHOR_MIDDLE, true, false};
	char text[128];

	mel_text_fit(canvas, &place, label, plot.h + 16, text, sizeof(text));
	mel_canvas_text(canvas, &place, text);
}

static void
draw_horizontal(struct mel_canvas *canvas, const struct mel_panel *panel,
    const struct mel_panel_box *box)
{
	static const char *const label[] = {"Time [s]", "Frame", "Token"};
	double bottom = box->plot.y + box->plot.h;
	struct mel_tick tick[MEL_TICKS_MAX];
	size_t n = mel_ticks_linear(
	    0, panel->x_end, (size_t)fmax(2, box->plot.w / NUMBER_WIDTH), tick);

	for (size_t i = 0; i < n; i++) {
		double x = floor(box->plot.x +
				 box->plot.w * tick[i].value / panel->x_end) +
			   0.5;
		const double line[2][2] = {{x, bottom}, {x, bottom + TICK}};

		mel_canvas_stroke(canvas, line, 2, 1, black);
		if (box->numbers)
			number(canvas, x, bottom + TICK + MEL_TEXT_SIZE,
			    MEL_ANCHOR_MIDDLE, tick[i].label);
	}
	if (box->numbers)
		number(canvas, box->plot.x + box->plot.w / 2,
		    bottom + LABEL_DOWN, MEL_ANCHOR_MIDDLE, label[panel->x]);
}

/* A tick left (side -1) or right (+1) of x, with its number. */
static void
vertical_tick(
    struct mel_canvas *canvas, double x, double y, int side, const char *label)
{
	const double line[2][2] = {{x, y}, {x + side * TICK, y}};

	mel_canvas_stroke(canvas, line, 2, 1, black);
	number(canvas, x + side * (TICK + TICK_GAP), y + MEL_TEXT_SIZE * 0.36,
	    side < 0 ? MEL_ANCHOR_RIGHT : MEL_ANCHOR_LEFT, label);
}

static void
draw_bands(struct mel_canvas *canvas, const struct mel_panel *panel,
    struct mel_box plot)
{
	int bands = (int)panel->value.dim[1];
	struct mel_tick tick[MEL_TICKS_MAX];
	size_t n = mel_hertz_ticks(
	    &panel->axis, bands, NUMBER_HEIGHT * bands / plot.h, tick);

	for (size_t i = 0; i < n; i++) {
		double at =
		    panel->axis.scale == MEL_PLOT_BANDS
			? tick[i].value
			: mel_plot_band(&panel->axis, bands, tick[i].value);

		/* The outer edges lie half a band outside. */
		at = fmin(fmax(at, 0), bands);
		vertical_tick(canvas, plot.x,
		    round(plot.y + plot.h * (1 - at / bands)) - 0.5, -1,
		    tick[i].label);
	}
}

static void
draw_values(struct mel_canvas *canvas, const struct mel_panel *panel,
    struct mel_box box, double x, int side)
{
	struct mel_tick tick[MEL_TICKS_MAX];
	size_t n = mel_ticks_linear(
	    panel->lo, panel->hi, (size_t)fmax(2, box.h / NUMBER_HEIGHT), tick);

	for (size_t i = 0; i < n; i++) {
		double t =
		    (tick[i].value - panel->lo) / (panel->hi - panel->lo);

		if (!(t >= 0))
			t = 0;
		vertical_tick(canvas, x,
		    round(box.y + box.h * (1 - fmin(t, 1))) - 0.5, side,
		    tick[i].label);
	}
}

void
mel_axes_draw(struct mel_canvas *canvas, const struct mel_panel *panel,
    const struct mel_panel_box *box)
{
	struct mel_text heading = {box->plot.x, box->heading_y, MEL_TEXT_SIZE,
	    MEL_ANCHOR_LEFT, false, true};
	char text[256];

	draw_horizontal(canvas, panel, box);
	if (panel->label)
		upright(canvas, LABEL_X, box->plot, panel->label);
	if (panel->kind == MEL_PANEL_MATRIX) {
		draw_bands(canvas, panel, box->plot);
		draw_values(
		    canvas, panel, box->bar, box->bar.x + box->bar.w, 1);
	} else {
		draw_values(canvas, panel, box->plot, box->plot.x, -1);
	}
	if (panel->unit)
		upright(canvas, box->bar.x + UNIT_X, box->plot, panel->unit);
	if (panel->heading) {
		mel_text_fit(canvas, &heading, panel->heading, box->plot.w,
		    text, sizeof(text));
		mel_canvas_text(canvas, &heading, text);
	}
}

static void
draw_labels(struct mel_canvas *canvas, const struct mel_panel *panel,
    const struct mel_panel_box *box)
{
	double used[MEL_LABEL_ROWS],
	    row_height = box->labels.h / MEL_LABEL_ROWS;

	for (int r = 0; r < MEL_LABEL_ROWS; r++)
		used[r] = box->labels.x - 20;
	for (size_t i = 0; i < panel->n_spans; i++) {
		const struct mel_span *s = &panel->span[i];
		double middle = box->labels.x + box->labels.w *
						    (s->begin + s->end) / 2 /
						    panel->x_end;
		double w = mel_canvas_text_width(
		    canvas, MEL_TEXT_SIZE, false, s->label);
		int r = 0;

		while (
		    r < MEL_LABEL_ROWS && middle - w / 2 < used[r] + LABEL_GAP)
			r++;
		if (r == MEL_LABEL_ROWS || w <= 0)
			continue;
		used[r] = middle + w / 2;
		number(canvas, middle,
		    box->labels.y + box->labels.h - r * row_height - 4,
		    MEL_ANCHOR_MIDDLE, s->label);
	}
}

void
mel_axes_spans(struct mel_canvas *canvas, const struct mel_panel *panel,
    const struct mel_panel_box *box)
{
	struct mel_ink light = {{255, 255, 255}, 0.4}, dark = {{0, 0, 0}, 0.15};
	struct mel_box plot = box->plot;
	double last = plot.x;

	for (size_t i = 0; i < panel->n_spans; i++) {
		double x = floor(plot.x +
				 plot.w * panel->span[i].begin / panel->x_end) +
			   0.5;
		const double line[2][2] = {{x, plot.y}, {x, plot.y + plot.h}};

		/* Spans of no length and those nearer than a line fall on it.
		 */
		if (x < last + 2)
			continue;
		last = x;
		mel_canvas_stroke(canvas, line, 2, 1,
		    panel->kind == MEL_PANEL_MATRIX ? light : dark);
	}
	if (panel->labels)
		draw_labels(canvas, panel, box);
}
