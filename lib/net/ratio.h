/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_RATIO_H
#define MEL_NET_RATIO_H

#include <stdint.h>

/* Quotients of whole numbers. */

/* a / b rounded down; b > 0. */
static inline int64_t
mel_floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The greatest; a, b >= 0. */
static inline int64_t
mel_common_divisor(int64_t a, int64_t b)
{
	while (b) {
		int64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

#endif
