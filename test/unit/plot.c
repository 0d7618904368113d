/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cairo.h>
#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "plot/canvas.h"
#include "plot/color.h"
#include "plot/figure.h"
#include "plot/hertz.h"
#include "plot/layout.h"
#include "plot/picture.h"
#include "plot/raster.h"
#include "plot/scene.h"
#include "plot/term.h"
#include "plot/ticks.h"
#include "tap.h"
#include "tensor/tensor.h"

static void
test_colors(void)
{
	struct mel_colormap map;
	double last = -1, step, least = 100, most = 0;
	bool rises = true, falls = true;

	mel_colormap_make(&map, MEL_MAP_LEVEL);
	for (int i = 0; i < MEL_MAP_STEPS; i++) {
		double l = mel_rgb_lightness(map.entry[i]);

		rises &= l > last;
		last = l;
	}
	ok(rises, "lightness rises with each of 256 steps");
	/* 16 steps at once, so that rounding to 8 bits does not show. */
	for (int i = 16; i < MEL_MAP_STEPS - 16; i += 16) {
		step = mel_rgb_lightness(map.entry[i + 16]) -
		       mel_rgb_lightness(map.entry[i]);
		least = fmin(least, step);
		most = fmax(most, step);
	}
	ok(most < 2 * least, "steps are alike: L* %.1f to %.1f", least, most);
	ok(mel_rgb_lightness(map.entry[0]) < 5 &&
		mel_rgb_lightness(map.entry[255]) > 95,
	    "from dark to light");
	ok(mel_colormap_at(&map, NAN, 0, 1).r == map.missing.r &&
		mel_colormap_at(&map, INFINITY, 0, 1).g == map.entry[255].g &&
		mel_colormap_at(&map, -INFINITY, 0, 1).b == map.entry[0].b,
	    "values without a colour of their own");
	mel_colormap_make(&map, MEL_MAP_DIFFERENCE);
	for (int i = 1; i < 120; i++)
		falls &= mel_rgb_lightness(map.entry[127 - i]) <
			     mel_rgb_lightness(map.entry[128 - i]) + 0.5 &&
			 mel_rgb_lightness(map.entry[128 + i]) <
			     mel_rgb_lightness(map.entry[127 + i]) + 0.5;
	ok(falls, "differences: lightest in the middle");
	ok(map.entry[20].b > map.entry[20].r &&
		map.entry[235].r > map.entry[235].b,
	    "less is blue, more is red");
}

static bool
labels_are(const struct mel_tick *tick, size_t n, const char *const *want)
{
	for (size_t i = 0; i < n; i++) {
		if (!want[i] || strcmp(tick[i].label, want[i])) {
			printf("# %s\n", tick[i].label);
			return false;
		}
	}
	return !want[n];
}

static void
test_ticks(void)
{
	static const char *const tenths[] = {
	    "0.0", "0.2", "0.4", "0.6", "0.8", "1.0", NULL};
	static const char *const minus[] = {"-10", "-5", "0", NULL};
	static const double range[][2] = {{0, 1e-9}, {-3, 1e9}, {1e20, 3e20},
	    {-0.001, 0.0017}, {5, 5.0001}, {-1e308, 1e308}};
	struct mel_tick tick[MEL_TICKS_MAX];
	char label[24];
	size_t n;

	ok(labels_are(tick, mel_ticks_linear(0, 1, 6, tick), tenths),
	    "0 to 1 by fifths");
	ok(labels_are(tick, mel_ticks_linear(-11, 1, 4, tick), minus),
	    "-11 to 1 by fives");
	ok(mel_ticks_linear(2, 2, 5, tick) == 1, "one value, one tick");
	ok(!mel_ticks_linear(NAN, 2, 5, tick) &&
		!mel_ticks_linear(0, INFINITY, 5, tick) &&
		!mel_ticks_linear(3, 2, 5, tick),
	    "no range, no ticks");
	for (size_t i = 0; i < sizeof(range) / sizeof(*range); i++) {
		bool good = true;

		n = mel_ticks_linear(range[i][0], range[i][1], 7, tick);
		for (size_t k = 0; k < n; k++)
			good &= tick[k].value >=
				    range[i][0] - 1e-9 * fabs(range[i][0]) &&
				tick[k].value <= range[i][1] * (1 + 1e-9) &&
				(!k || tick[k].value > tick[k - 1].value);
		ok(good && n <= 7, "%g to %g: %zu ticks, rising, inside",
		    range[i][0], range[i][1], n);
	}
	mel_tick_text(label, -0.0001, 2);
	ok(!strcmp(label, "0.00"), "no minus before zero: %s", label);
	mel_tick_text(label, -3.999, 2);
	ok(!strcmp(label, "-4.00"), "rounding carries: %s", label);
}

/* The formulas of the contract, band by band. */
static double
centre(const struct mel_plot_contract *c, int bands, int b)
{
	bool htk = c->scale == MEL_PLOT_HTK;
	double k = 27 / log(6.4), lo, hi, m;

	lo = htk              ? 2595 * log10(1 + c->fmin / 700)
	     : c->fmin < 1000 ? c->fmin * 3 / 200
			      : 15 + k * log(c->fmin / 1000);
	hi = htk ? 2595 * log10(1 + c->fmax / 700)
		 : 15 + k * log(c->fmax / 1000);
	m = lo + (hi - lo) * (b + 1) / (bands + 1);
	if (htk)
		return 700 * (pow(10, m / 2595) - 1);
	return m < 15 ? m * 200 / 3 : 1000 * exp((m - 15) / k);
}

static void
test_hertz(void)
{
	static const char *const octaves[] = {
	    "0", "500", "1000", "2000", "4000", "8000", NULL};
	struct mel_plot_contract c = {.rate = 22050,
	    .hop = 256,
	    .fmin = 80,
	    .fmax = 7600,
	    .bands = 80,
	    .scale = MEL_PLOT_SLANEY};
	struct mel_tick tick[MEL_TICKS_MAX];
	double worst = 0;
	bool spaced = true;
	size_t n;

	for (int scale = MEL_PLOT_HTK; scale <= MEL_PLOT_SLANEY; scale++) {
		c.scale = (enum mel_plot_scale)scale;
		for (int b = 0; b < 80; b++)
			worst = fmax(worst,
			    fabs(mel_plot_band(&c, 80, centre(&c, 80, b)) - b -
				 0.5));
	}
	ok(worst < 1e-9, "each band's centre is in the middle of its row");
	c.fmin = 0;
	c.fmax = 8000;
	ok(labels_are(tick, mel_hertz_ticks(&c, 80, 12, tick), octaves),
	    "octaves from 1 kHz, and both ends");
	n = mel_hertz_ticks(&c, 80, 5, tick);
	for (size_t i = 1; i < n; i++)
		spaced &= mel_plot_band(&c, 80, tick[i].value) -
			      mel_plot_band(&c, 80, tick[i - 1].value) >=
			  5;
	ok(n > 6 && spaced, "%zu ticks keep their distance", n);
	c.fmax = 90;
	c.fmin = 20;
	ok(mel_hertz_ticks(&c, 10, 1, tick) > 2, "a narrow range has ticks");
	c.fmax = 500000;
	ok(mel_hertz_ticks(&c, 80, 5, tick) > 2, "so has a wide one");
	c.scale = MEL_PLOT_BANDS;
	n = mel_hertz_ticks(&c, 80, 10, tick);
	ok(n > 2 && !strcmp(tick[0].label, "0"), "bands are counted");
}

/* A figure of a matrix with symbols and a curve below. */
static void
make_figure(struct mel_figure *figure)
{
	int64_t dim[2] = {40, 16}, tokens[2] = {2, 1};
	struct mel_panel *p = mel_figure_add(figure, NULL);
	float *v;

	mel_tensor_new(&p->value, MEL_F32, 2, dim, NULL);
	v = p->value.data;
	for (int i = 0; i < 40 * 16; i++)
		v[i] = i / 16 < 20 ? -8 : 0;
	p->kind = MEL_PANEL_MATRIX;
	p->x_step = 0.01;
	p->x_end = 0.4;
	p->lo = -8;
	p->label = mel_figure_text("Band", NULL);
	p->unit = mel_figure_text("ln", NULL);
	p->n_spans = 2;
	p->span = calloc(2, sizeof(*p->span));
	p->span[0] = (struct mel_span){0, 0.2, mel_figure_text("a", NULL)};
	p->span[1] = (struct mel_span){0.2, 0.4, mel_figure_text("b", NULL)};
	p->labels = true;
	p = mel_figure_add(figure, NULL);
	mel_tensor_new(&p->value, MEL_F32, 2, tokens, NULL);
	p->kind = MEL_PANEL_CURVE;
	p->x_step = 0.2;
	p->x_end = 0.4;
	p->hi = 1;
	p->label = mel_figure_text("pitch", NULL);
	figure->title = mel_figure_text("title\n\x1b[1m\xc2\x9b", NULL);
}

static bool
inside(struct mel_box b, double w, double h)
{
	return b.x >= 0 && b.y >= 0 && b.w > 0 && b.h > 0 && b.x + b.w <= w &&
	       b.y + b.h <= h;
}

static void
test_layout(void)
{
	struct mel_figure figure = {0};
	struct mel_layout l;
	struct mel_err err;
	const struct mel_panel_box *a, *b;

	make_figure(&figure);
	ok(!strcmp(figure.title, "title  [1m  "),
	    "control characters become spaces");
	if (!ok(!mel_layout_make(&l, &figure, 800, 400, &err), "laid out"))
		return;
	a = &l.panel[0];
	b = &l.panel[1];
	ok(inside(a->plot, 800, 400) && inside(b->plot, 800, 400) &&
		inside(a->bar, 800, 400) && inside(a->labels, 800, 400),
	    "all on the page");
	ok(a->labels.y >= l.title_y && a->labels.y + a->labels.h <= a->plot.y &&
		a->plot.y + a->plot.h < b->plot.y &&
		a->plot.x + a->plot.w < a->bar.x,
	    "nothing on top of another");
	ok(a->plot.x == b->plot.x && a->plot.w == b->plot.w,
	    "times stand below one another");
	ok(!a->numbers && b->numbers, "numbers once, at the bottom");
	mel_layout_free(&l);
	ok(mel_layout_make(&l, &figure, 100, 400, &err) &&
		strstr(err.msg, "too small"),
	    "too narrow: %s", err.msg);
	ok(mel_layout_make(&l, &figure, 800, 60, &err) != 0, "too low");
	ok(!mel_layout_make(&l, &figure, 800, mel_layout_height(&figure), &err),
	    "the height it asks for suits");
	mel_layout_free(&l);
	mel_figure_free(&figure);
}

static void
test_raster(void)
{
	struct mel_figure figure = {0};
	struct mel_colormap map;
	uint32_t pixel[8 * 4];
	int64_t cell[2], last = 0;
	bool cover = true;

	make_figure(&figure);
	mel_colormap_make(&map, MEL_MAP_LEVEL);
	figure.panel[0].x_end = 0.8;
	((float *)figure.panel[0].value.data)[15] = NAN;
	mel_raster_panel(&figure.panel[0], &map, pixel, 8, 4);
	ok(pixel[1] == 0xff070516 && pixel[2] == pixel[3] &&
		pixel[2] > pixel[1],
	    "columns: dark, then light");
	ok(pixel[4] == 0 && pixel[31] == 0, "behind the last row: nothing");
	ok(pixel[0] == 0xff808080 && pixel[8] == pixel[1],
	    "a NaN shows in the mean, in its pixel only");
	mel_figure_free(&figure);
	for (int64_t n = 1; n < 40; n++) {
		last = 0;
		for (int i = 0; i < 10; i++) {
			mel_cells_of(i, 10, n, cell);
			cover &= cell[0] < cell[1] && cell[1] <= n &&
				 (n < 10 || cell[0] == last);
			last = cell[1];
		}
		cover &= last == n;
	}
	ok(cover, "pixels cover all cells, each once when they shrink");
}

struct bytes {
	const char *at;
	size_t left;
};

static cairo_status_t
read_bytes(void *closure, unsigned char *data, unsigned int n)
{
	struct bytes *b = closure;

	if (n > b->left)
		return CAIRO_STATUS_READ_ERROR;
	memcpy(data, b->at, n);
	b->at += n;
	b->left -= n;
	return CAIRO_STATUS_SUCCESS;
}

static void
test_png(void)
{
	struct mel_figure figure = {0};
	struct mel_layout l;
	struct mel_picture picture = {
	    .format = MEL_CANVAS_PNG, .width = 500, .height = 300};
	struct bytes bytes;
	cairo_surface_t *s;
	const unsigned char *row;
	int y, left, right;

	make_figure(&figure);
	mel_layout_make(&l, &figure, 500, 300, NULL);
	ok(!mel_picture_add(&picture, &figure, NULL) &&
		!mel_picture_finish(&picture, NULL),
	    "a PNG is drawn");
	bytes = (struct bytes){picture.data.data, picture.data.len};
	s = cairo_image_surface_create_from_png_stream(read_bytes, &bytes);
	ok(cairo_image_surface_get_width(s) == 500 &&
		cairo_image_surface_get_height(s) == 300,
	    "it has the size");
	y = (int)(l.panel[0].plot.y + l.panel[0].plot.h / 2);
	left = (int)(l.panel[0].plot.x + l.panel[0].plot.w / 4);
	right = (int)(l.panel[0].plot.x + 3 * l.panel[0].plot.w / 4);
	row = cairo_image_surface_get_data(s) +
	      y * cairo_image_surface_get_stride(s);
	ok(row[4 * right + 1] > row[4 * left + 1] + 150,
	    "loud is brighter than silent");
	cairo_surface_destroy(s);
	mel_layout_free(&l);
	mel_picture_free(&picture);
	mel_figure_free(&figure);
}

static void
test_range(void)
{
	struct mel_scene scene = {.ranged = false};

	ok(!mel_scene_range(&scene, "-3.5,2", NULL) && scene.ranged &&
		scene.lo == -3.5 && scene.hi == 2,
	    "range");
	ok(mel_scene_range(&scene, "2,-3", NULL) &&
		mel_scene_range(&scene, "2", NULL) &&
		mel_scene_range(&scene, "a,2", NULL) &&
		mel_scene_range(&scene, "1,2,3", NULL),
	    "no ranges");
}

static size_t
count_of(const char *s, const char *what)
{
	size_t n = 0;

	for (; (s = strstr(s, what)); s += strlen(what))
		n++;
	return n;
}

static void
test_term(void)
{
	struct mel_term_options o = {.columns = 27, .lines = 4, .live = true};
	struct mel_term *t;
	struct mel_buf out = {0};
	struct mel_err err;
	float value[30 * 8] = {0};
	int64_t dim[2] = {30, 8}, narrow[2] = {1, 3};
	struct mel_tensor rows = mel_tensor_view(MEL_F32, 2, dim, value);
	struct mel_tensor other = mel_tensor_view(MEL_F32, 2, narrow, value);

	if (!ok(!mel_term_open(&t, &o, &out, &err), "terminal"))
		return;
	mel_term_begin(t, "key", -1, NULL);
	ok(!mel_term_rows(t, &rows, &err) && !mel_term_end(t, &err),
	    "30 rows on 20 columns");
	ok(count_of(out.data, "\u2580") == 4 * (20 + 10 + 10),
	    "a full strip, the next one, and that once more");
	ok(count_of(out.data, "\033[5A") == 1, "drawn over, not below");
	ok(mel_term_rows(t, &other, &err) == -1, "rows of another width");
	mel_term_close(t);
	mel_buf_free(&out);
	o.columns = 3;
	ok(mel_term_open(&t, &o, &out, &err) == -1, "too narrow: %s", err.msg);
}

/* 40 rows on 20 columns, one at a time: each column is drawn once, and the end.
 */
static void
test_term_live(void)
{
	struct mel_term_options o = {.columns = 27, .lines = 4, .live = true};
	int64_t dim[2] = {1, 8};
	float value[8] = {0};
	struct mel_tensor row = mel_tensor_view(MEL_F32, 2, dim, value);
	struct mel_buf out = {0};
	struct mel_term *t;
	struct mel_err err;
	int bad = 0;

	if (mel_term_open(&t, &o, &out, &err) ||
	    mel_term_begin(t, "key", 40, &err))
		exit(1);
	for (int i = 0; i < 40; i++)
		bad += mel_term_rows(t, &row, &err);
	ok(!bad && !mel_term_end(t, &err) &&
		count_of(out.data, "\u2580") == 4 * (20 * 21 / 2 + 20),
	    "a live strip is drawn anew for a column, not for each row");
	mel_term_close(t);
	mel_buf_free(&out);
}

int
main(void)
{
	test_colors();
	test_ticks();
	test_hertz();
	test_layout();
	test_raster();
	test_png();
	test_range();
	test_term();
	test_term_live();
	return tap_done();
}
