/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_COLOR_H
#define MEL_PLOT_COLOR_H

#include <stdint.h>

/*
 * Colour maps, made from formulas in Oklab (Ottosson: "A perceptual color
 * space for image processing", 2020), so equal steps of value look equally
 * large, in print without colour, too.
 */

/* sRGB, each [0..255]. */
struct mel_rgb {
	uint8_t r, g, b;
};

enum mel_colormap_kind {
	/* One end dark violet, over red, the other light yellow. */
	MEL_MAP_LEVEL,
	/* Blue below the middle, white in it, red above. */
	MEL_MAP_DIFFERENCE,
};

#define MEL_MAP_STEPS 256

/* Made once, then only read: threads can share it. */
struct mel_colormap {
	struct mel_rgb entry[MEL_MAP_STEPS]; /* from the low end up */
	struct mel_rgb missing;              /* for NaN: grey */
};

/* Fills the whole struct; costs about a hundred microseconds. */
void mel_colormap_make(struct mel_colormap *map, enum mel_colormap_kind kind);

/*
 * The colour of value in [lo, hi]; beyond that the end's (infinities, too),
 * NaN the grey. lo = hi gives the low end.
 */
struct mel_rgb mel_colormap_at(
    const struct mel_colormap *map, double value, double lo, double hi);

/* CIE 1976 lightness of a colour [0..100]. */
double mel_rgb_lightness(struct mel_rgb c);

#endif
