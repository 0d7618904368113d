/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_COMPARE_H
#define MEL_TENSOR_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

struct mel_tensor;

/*
 * When two tensors are the same.
 *
 * exact: same type, same dims, same bytes: 0 is not -0, and a NaN is the same
 * as one with the same bits only. Else: same dims, and for each pair of
 * elements, as numbers, whatever their types: both equal, or both NaN, or
 * |a - b| <= abs + rel * (largest finite |b| of that tensor). So a and b are
 * not alike: b is the one to be met.
 */
struct mel_tolerance {
	bool exact;
	double abs; /* >= 0 */
	double rel; /* >= 0 */
};

struct mel_difference {
	bool shape;   /* dims (exact: or types) differ: the rest is 0 */
	size_t count; /* elements that differ */
	size_t first; /* the first of them, counted row by row */
	size_t worst; /* the one farthest apart, the first such */
	/*
	 * |a - b| there: infinite with one NaN or one infinity, 0 if only
	 * the bits differ.
	 */
	double most;
	char number[2][32]; /* the first: a's and b's, all digits */
};

/* Returns true if they are the same; else *d, if not NULL, says where not. */
bool mel_tensor_compare(const struct mel_tensor *a, const struct mel_tensor *b,
    const struct mel_tolerance *tolerance, struct mel_difference *d);

/*
 * The same of tensors that come piece by piece: a and b are the next rows of
 * both, as many of each; what differs is added to *d, which starts as {0}. at:
 * elements before them. Without rel, which needs all of b.
 */
void mel_tensor_compare_more(const struct mel_tensor *a,
    const struct mel_tensor *b, const struct mel_tolerance *tolerance,
    size_t at, struct mel_difference *d);

/*
 * "row 3, column 7: 1.25 and 1.5; 12 of 960 differ, by 0.5 at row 5, column
 * 2" or "f32 [12, 80] and f32 [11, 80]" into buf, cut to fit. Returns buf. A
 * column counts through all axes but the first. Of a and b no data is read.
 */
char *mel_difference_text(const struct mel_difference *d,
    const struct mel_tensor *a, const struct mel_tensor *b, char *buf,
    size_t size);

#endif
