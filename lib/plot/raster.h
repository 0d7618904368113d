/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_RASTER_H
#define MEL_PLOT_RASTER_H

#include <stdint.h>

struct mel_colormap;
struct mel_panel;

/*
 * Colours a MEL_PANEL_MATRIX: pixel [h][w] from the top, 0xAARRGGBB, the
 * whole horizontal axis wide. A pixel shows the mean of the cells that it
 * covers, at least one, so enlarged cells have sharp edges, and a NaN among
 * them shows as missing. Where there are no rows pixels are 0 (transparent).
 * w, h >= 1.
 */
void mel_raster_panel(const struct mel_panel *panel,
    const struct mel_colormap *map, uint32_t *pixel, int w, int h);

/* The colour bar: h pixels from the top, one wide. */
void mel_raster_bar(const struct mel_colormap *map, uint32_t *pixel, int h);

/*
 * The mean of value[r0..r1-1][c0..c1-1] of an f32 matrix of `width` columns;
 * NaN if the rectangle is empty.
 */
double mel_cells_mean(const float *value, int64_t width, const int64_t row[2],
    const int64_t column[2]);

/*
 * Which of n cells pixel i of `pixels` covers, if n cells fill all pixels:
 * at least one, cell[0] <= .. < cell[1].
 */
void mel_cells_of(int64_t i, int64_t pixels, int64_t n, int64_t cell[2]);

#endif
