/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/raster.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "plot/color.h"
#include "plot/figure.h"

static uint32_t
opaque(struct mel_rgb c)
{
	return 0xff000000u | (uint32_t)c.r << 16 | (uint32_t)c.g << 8 | c.b;
}

double
mel_cells_mean(const float *value, int64_t width, const int64_t row[2],
    const int64_t column[2])
{
	double sum = 0;

	for (int64_t r = row[0]; r < row[1]; r++) {
		for (int64_t c = column[0]; c < column[1]; c++)
			sum += value[r * width + c];
	}
	return sum / (double)((row[1] - row[0]) * (column[1] - column[0]));
}

/* A cell belongs to the pixel in which its middle lies, if it is smaller. */
void
mel_cells_of(int64_t i, int64_t pixels, int64_t n, int64_t cell[2])
{
	double step = (double)n / (double)pixels;

	if (step <= 1) {
		cell[0] = (int64_t)(((double)i + 0.5) * step);
		cell[1] = cell[0] + 1;
		return;
	}
	cell[0] = (int64_t)ceil((double)i * step - 0.5);
	cell[1] = (int64_t)ceil((double)(i + 1) * step - 0.5);
}

/* Rows between two places on the axis; false if there are none. */
static bool
rows_between(
    const struct mel_panel *panel, double from, double to, int64_t row[2])
{
	int64_t n = panel->value.dim[0];
	double middle = (from + to) / 2;

	if (panel->x_step > 0 && to - from > panel->x_step) {
		row[0] = (int64_t)ceil(from / panel->x_step - 0.5);
		row[1] = (int64_t)ceil(to / panel->x_step - 0.5);
		row[1] = row[1] < n ? row[1] : n;
		return row[0] < row[1];
	}
	if (panel->x_step > 0) {
		row[0] = (int64_t)(middle / panel->x_step);
	} else {
		row[0] = 0;
		while (row[0] < n && panel->span[row[0]].end <= middle)
			row[0]++;
	}
	row[1] = row[0] + 1;
	return row[0] < n;
}

void
mel_raster_panel(const struct mel_panel *panel, const struct mel_colormap *map,
    uint32_t *pixel, int w, int h)
{
	const float *value = panel->value.data;
	int64_t width = panel->value.dim[1], row[2], column[2];

	for (int x = 0; x < w; x++) {
		bool there = rows_between(panel, panel->x_end * x / w,
		    panel->x_end * (x + 1) / w, row);

		for (int y = 0; y < h; y++) {
			uint32_t *p = &pixel[(size_t)(h - 1 - y) * w + x];

			*p = 0;
			if (!there)
				continue;
			mel_cells_of(y, h, width, column);
			*p = opaque(mel_colormap_at(map,
			    mel_cells_mean(value, width, row, column),
			    panel->lo, panel->hi));
		}
	}
}

void
mel_raster_bar(const struct mel_colormap *map, uint32_t *pixel, int h)
{
	for (int y = 0; y < h; y++)
		pixel[h - 1 - y] = opaque(mel_colormap_at(map, y, 0, h - 1));
}
