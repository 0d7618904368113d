/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/color.h"

#include <math.h>

/* Lightness, chroma and hue [turns] of Oklab. */
struct lch {
	double l, c, h;
};

static uint8_t
encode(double linear)
{
	double v = linear < 0 ? 0 : linear > 1 ? 1 : linear;

	v = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
	return (uint8_t)lrint(255 * v);
}

static double
decode(uint8_t code)
{
	double v = code / 255.0;

	return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static struct mel_rgb
from_oklab(struct lch x)
{
	double a = x.c * cos(2 * M_PI * x.h), b = x.c * sin(2 * M_PI * x.h);
	double l = pow(x.l + 0.3963377774 * a + 0.2158037573 * b, 3);
	double m = pow(x.l - 0.1055613458 * a - 0.0638541728 * b, 3);
	double s = pow(x.l - 0.0894841775 * a - 1.2914855480 * b, 3);

	return (struct mel_rgb){
	    encode(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
	    encode(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
	    encode(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

/* Lightness rises evenly; hue turns from violet over red to yellow. */
static struct lch
level(double t)
{
	double bulge = sin(M_PI * pow(t, 0.9));

	return (struct lch){
	    0.13 + 0.85 * t, 0.04 + 0.15 * bulge, -0.205 + 0.5 * pow(t, 1.1)};
}

/* Both arms lose the same lightness, so neither sign looks larger. */
static struct lch
difference(double t)
{
	double away = fabs(2 * t - 1);

	return (struct lch){
	    0.97 - 0.55 * away, 0.16 * pow(away, 0.8), t < 0.5 ? 0.71 : 0.07};
}

void
mel_colormap_make(struct mel_colormap *map, enum mel_colormap_kind kind)
{
	for (int i = 0; i < MEL_MAP_STEPS; i++) {
		double t = (double)i / (MEL_MAP_STEPS - 1);

		map->entry[i] = from_oklab(
		    kind == MEL_MAP_LEVEL ? level(t) : difference(t));
	}
	map->missing = (struct mel_rgb){128, 128, 128};
}

struct mel_rgb
mel_colormap_at(
    const struct mel_colormap *map, double value, double lo, double hi)
{
	double t;

	if (isnan(value))
		return map->missing;
	if (value <= lo || hi <= lo)
		return map->entry[0];
	if (value >= hi)
		return map->entry[MEL_MAP_STEPS - 1];
	t = (value - lo) / (hi - lo);
	return map->entry[(int)lrint(t * (MEL_MAP_STEPS - 1))];
}

double
mel_rgb_lightness(struct mel_rgb c)
{
	double y =
	    0.2126 * decode(c.r) + 0.7152 * decode(c.g) + 0.0722 * decode(c.b);

	return y > 216.0 / 24389 ? 116 * cbrt(y) - 16 : y * 24389 / 27;
}
