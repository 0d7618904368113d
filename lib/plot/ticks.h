/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_TICKS_H
#define MEL_PLOT_TICKS_H

#include <stddef.h>

/*
 * Where an axis is marked and what is written there. Numbers are written
 * with a point whatever the locale.
 */

#define MEL_TICKS_MAX 32

struct mel_tick {
	double value;   /* in the axis' unit */
	char label[24]; /* NUL-terminated */
};

/*
 * Multiples of 1, 2 or 5 times a power of ten within [lo, hi], rising: as
 * many as fit in `most` [1..MEL_TICKS_MAX]. Returns how many; 0 if an end is
 * not finite or lo > hi. One tick if lo = hi.
 */
size_t mel_ticks_linear(
    double lo, double hi, size_t most, struct mel_tick tick[MEL_TICKS_MAX]);

/*
 * Writes value with `decimals` digits behind the point [0..15]; numbers too
 * large for that in the form 1e+20. -0 is written 0.
 */
void mel_tick_text(char label[24], double value, int decimals);

#endif
