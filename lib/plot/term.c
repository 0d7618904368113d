/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/term.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "plot/color.h"
#include "plot/figure.h"
#include "plot/raster.h"
#include "plot/ticks.h"
#include "tensor/convert.h"
#include "tensor/tensor.h"

enum {
	MARGIN = 7,      /* number and space left of a strip */
	TICK_SPACE = 10, /* columns a number of the time axis may take */
	TICK_LINES = 3,  /* least distance of two frequencies */
};

struct mel_term {
	struct mel_term_options options;
	struct mel_buf *out;
	struct mel_colormap map;
	int columns;   /* of a strip without margin */
	int cells;     /* 2 x lines */
	double *sum;   /* [columns][cells]: of the rows in that column */
	int *count;    /* [columns]: rows in that column */
	int used;      /* columns with rows, all left of them too */
	double per;    /* rows per column, >= 1 */
	int64_t first; /* row at the strip's left end */
	int64_t row;   /* rows of the utterance so far */
	int width;     /* bands; 0: no row yet */
	int drawn;     /* lines on the screen that the strip replaces */
	int shown;     /* columns on the screen */
	double lo, hi; /* range of what came */
	bool open;     /* within an utterance */
};

void
mel_term_fit(struct mel_term_options *options, int fd)
{
	struct winsize size;
	bool known =
	    !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col && size.ws_row;
	/* Title, axis and the prompt are to be seen, too. */
	int columns = known ? size.ws_col : 80;
	int lines = known ? size.ws_row - 4 : MEL_TERM_LINES;

	if (!options->columns)
		options->columns = columns < MEL_TERM_LEAST  ? MEL_TERM_LEAST
				   : columns > MEL_TERM_MOST ? MEL_TERM_MOST
							     : columns;
	if (!options->lines)
		options->lines = lines < 2                ? 2
				 : lines > MEL_TERM_LINES ? MEL_TERM_LINES
							  : lines;
}

int
mel_term_open(struct mel_term **term, const struct mel_term_options *options,
    struct mel_buf *out, struct mel_err *err)
{
	struct mel_term *t;
	size_t columns = (size_t)(options->columns - MARGIN);

	if (options->columns < MEL_TERM_LEAST ||
	    options->columns > MEL_TERM_MOST || options->lines < 2 ||
	    options->lines > MEL_TERM_MOST)
		return mel_fail(err,
		    "%d columns and %d lines: a terminal has %d to %d and 2 "
		    "to %d",
		    options->columns, options->lines, MEL_TERM_LEAST,
		    MEL_TERM_MOST, MEL_TERM_MOST);
	t = mel_alloc(1, sizeof(*t), err);
	if (!t)
		return -1;
	t->options = *options;
	t->out = out;
	t->columns = options->columns - MARGIN;
	t->cells = 2 * options->lines;
	mel_colormap_make(&t->map, MEL_MAP_LEVEL);
	t->sum = mel_alloc(columns * (size_t)t->cells, sizeof(*t->sum), err);
	t->count = t->sum ? mel_alloc(columns, sizeof(*t->count), err) : NULL;
	if (!t->count) {
		mel_term_close(t);
		return -1;
	}
	*term = t;
	return 0;
}

void
mel_term_close(struct mel_term *term)
{
	if (!term)
		return;
	free(term->sum);
	free(term->count);
	free(term);
}

static double
seconds_per_row(const struct mel_term *t)
{
	const struct mel_plot_contract *c = &t->options.contract;

	return c->rate > 0 && c->hop > 0 ? c->hop / c->rate : 0;
}

static void
clear_strip(struct mel_term *t)
{
	memset(
	    t->sum, 0, (size_t)t->columns * (size_t)t->cells * sizeof(*t->sum));
	memset(t->count, 0, (size_t)t->columns * sizeof(*t->count));
	t->used = 0;
	t->drawn = 0;
	t->shown = 0;
	t->first = t->row;
}

int
mel_term_begin(struct mel_term *term, const char *title, int64_t frames,
    struct mel_err *err)
{
	double step = seconds_per_row(term), rows = (double)frames;
	char *text = mel_figure_text(title, err);
	size_t n = 0;
	int rc;

	if (!text)
		return -1;
	/* Count characters, not bytes. */
	for (int c = 0; text[n]; n++) {
		c += ((unsigned char)text[n] & 0xc0) != 0x80;
		if (c > term->options.columns - 1)
			break;
	}
	rc = mel_buf_add(term->out, text, n, err) ||
		     mel_buf_puts(term->out, "\n", err)
		 ? -1
		 : 0;
	free(text);
	if (frames < 0)
		rows = step > 0 ? MEL_TERM_SECONDS / step : 0;
	term->per = fmax(1, rows / term->columns);
	term->row = 0;
	term->width = 0;
	term->lo = INFINITY;
	term->hi = -INFINITY;
	term->open = true;
	clear_strip(term);
	return rc;
}

/* Adds up the row's bands that fall into each cell of the column. */
static void
add_row(struct mel_term *t, const float *value, int column)
{
	double *sum = &t->sum[(size_t)column * (size_t)t->cells];
	const int64_t row[2] = {0, 1};
	int64_t band[2];

	for (int i = 0; i < t->cells; i++) {
		double v;

		mel_cells_of(i, t->cells, t->width, band);
		v = mel_cells_mean(value, t->width, row, band);
		if (t->options.contract.decibel > 0 && !isnan(v))
			v = v > 0 ? t->options.contract.decibel * log10(v)
				  : -INFINITY;
		sum[i] += v;
		if (isfinite(v)) {
			t->lo = fmin(t->lo, v);
			t->hi = fmax(t->hi, v);
		}
	}
	t->count[column]++;
	if (column >= t->used)
		t->used = column + 1;
}

static void
range_of(const struct mel_term *t, double *lo, double *hi)
{
	*lo = t->options.ranged ? t->options.lo : t->lo;
	*hi = t->options.ranged ? t->options.hi : t->hi;
	if (!t->options.ranged && t->options.contract.decibel > 0)
		*lo = fmax(*lo, *hi - MEL_PLOT_DECIBEL);
}

static struct mel_rgb
color_of(const struct mel_term *t, int column, int cell)
{
	double lo, hi;

	range_of(t, &lo, &hi);
	return mel_colormap_at(&t->map,
	    t->sum[(size_t)column * (size_t)t->cells + (size_t)cell] /
		t->count[column],
	    lo, hi);
}

static bool
same(struct mel_rgb a, struct mel_rgb b)
{
	return a.r == b.r && a.g == b.g && a.b == b.b;
}

/* One line of half blocks; colours are sent only when they change. */
static int
draw_line(struct mel_term *t, int line, struct mel_err *err)
{
	struct mel_rgb up = {0}, down = {0};

	for (int x = 0; x < t->used; x++) {
		struct mel_rgb u = color_of(t, x, t->cells - 1 - 2 * line);
		struct mel_rgb d = color_of(t, x, t->cells - 2 - 2 * line);

		if ((!x || !same(u, up)) &&
		    mel_buf_printf(
			t->out, err, "\033[38;2;%d;%d;%dm", u.r, u.g, u.b))
			return -1;
		if ((!x || !same(d, down)) &&
		    mel_buf_printf(
			t->out, err, "\033[48;2;%d;%d;%dm", d.r, d.g, d.b))
			return -1;
		if (mel_buf_puts(t->out, "\u2580", err))
			return -1;
		up = u;
		down = d;
	}
	return mel_buf_puts(t->out, "\033[0m\033[K\n", err);
}

/* The frequency that belongs at this line, or "". */
static const char *
line_label(
    const struct mel_term *t, int line, const struct mel_tick *tick, size_t n)
{
	const struct mel_plot_contract *c = &t->options.contract;

	for (size_t i = 0; i < n; i++) {
		double at = c->scale == MEL_PLOT_BANDS
				? tick[i].value
				: mel_plot_band(c, t->width, tick[i].value);
		double from_top = t->options.lines * (1 - at / t->width);
		int where = (int)floor(fmax(0, from_top));

		if (where >= t->options.lines)
			where = t->options.lines - 1;
		if (where == line)
			return tick[i].label;
	}
	return "";
}

static int
draw_axis(struct mel_term *t, struct mel_err *err)
{
	double step = seconds_per_row(t), unit = step > 0 ? step : 1;
	double from = (double)t->first * unit, per = t->per * unit;
	struct mel_tick tick[MEL_TICKS_MAX];
	size_t n = mel_ticks_linear(from, from + per * t->columns,
	    (size_t)(t->columns / TICK_SPACE) + 1, tick);
	char line[MEL_TERM_MOST + 32];
	int end = MARGIN;

	memset(line, ' ', sizeof(line));
	for (size_t i = 0; i < n; i++) {
		int at = MARGIN + (int)round((tick[i].value - from) / per);
		int len = (int)strlen(tick[i].label);

		if (at < end || at + len > t->options.columns)
			continue;
		memcpy(line + at, tick[i].label, (size_t)len);
		end = at + len + 1;
	}
	memcpy(line,
	    step > 0            ? "     s"
	    : t->options.tokens ? " token"
				: " frame",
	    6);
	return mel_buf_add(t->out, line, (size_t)end, err) ||
		       mel_buf_puts(t->out, "\033[K\n", err)
		   ? -1
		   : 0;
}

static int
draw_strip(struct mel_term *t, struct mel_err *err)
{
	struct mel_tick tick[MEL_TICKS_MAX];
	size_t n = mel_hertz_ticks(&t->options.contract, t->width,
	    (double)TICK_LINES * t->width / t->options.lines, tick);

	if (t->drawn && mel_buf_printf(t->out, err, "\033[%dA\r", t->drawn))
		return -1;
	for (int line = 0; line < t->options.lines; line++) {
		if (mel_buf_printf(
			t->out, err, "%6.6s ", line_label(t, line, tick, n)) ||
		    draw_line(t, line, err))
			return -1;
	}
	t->drawn = t->options.lines + 1;
	t->shown = t->used;
	return draw_axis(t, err);
}

static int
check_rows(
    struct mel_term *t, const struct mel_tensor *rows, struct mel_err *err)
{
	int64_t width = rows->ndim == 2 ? rows->dim[1] : 1;

	if (rows->ndim < 1 || rows->ndim > 2 || width < 1 || width > INT32_MAX)
		return mel_fail(
		    err, "only vectors and matrices with columns can be drawn");
	if (t->width && width != t->width)
		return mel_fail(err, "a row is %lld wide behind rows of %d",
		    (long long)width, t->width);
	t->width = (int)width;
	if (t->options.contract.bands != t->width)
		t->options.contract.scale = MEL_PLOT_BANDS;
	return 0;
}

int
mel_term_rows(
    struct mel_term *term, const struct mel_tensor *rows, struct mel_err *err)
{
	struct mel_tensor value = {0};
	int rc = 0;

	if (check_rows(term, rows, err) ||
	    mel_tensor_convert(&value, rows, MEL_F32, err))
		return -1;
	for (int64_t i = 0; i < value.dim[0] && !rc; i++, term->row++) {
		double at = (double)(term->row - term->first) / term->per;

		if ((int)(at + 1e-9) >= term->columns) {
			rc = draw_strip(term, err);
			clear_strip(term);
			at = 0;
		}
		add_row(term, (float *)value.data + i * term->width,
		    (int)(at + 1e-9));
	}
	mel_tensor_free(&value);
	/* A strip is many bytes: anew for a column, not for each row. */
	if (!rc && term->options.live && term->used > term->shown)
		rc = draw_strip(term, err);
	return rc;
}

int
mel_term_end(struct mel_term *term, struct mel_err *err)
{
	int rc = 0;

	if (term->open && term->used)
		rc = draw_strip(term, err);
	term->open = false;
	return rc;
}
