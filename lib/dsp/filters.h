/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_FILTERS_H
#define MEL_DSP_FILTERS_H

#include "base/isa.h"

struct mel_contract;
struct mel_err;
struct mel_loops;

/*
 * The triangular filters of a contract, made in double precision and stored
 * sparse: band b covers bins first[b] .. first[b] + count[b] - 1.
 */
struct mel_filters {
	int bands;
	int bins;      /* n_fft / 2 + 1 */
	int *first;    /* [bands] bin, 0 if empty */
	int *count;    /* [bands] bins, 0: empty */
	int *at;       /* [bands] index of its first weight */
	float *weight; /* [sum of count] */
	double *exact; /* the same before rounding */
	const struct mel_loops *loops;
};

int mel_filters_open(struct mel_filters *filters, const struct mel_contract *c,
    enum mel_isa isa, struct mel_err *err);
void mel_filters_close(struct mel_filters *filters);

/*
 * Bands without a bin: their output is always 0 (no error, but tell). The
 * first `max` of them, from 0, into bands; returns how many there are.
 */
int mel_filters_empty(const struct mel_filters *filters, int *bands, int max);

/* The mel of f [Hz], and back. */
double mel_from_hertz(int scale, double f);
double mel_to_hertz(int scale, double mel);

/*
 * Frames are worked on MEL_LANES at a time, side by side: element i of frame l
 * is at [i * MEL_LANES + l]. Each sum is one chain in ascending order of bins,
 * whatever the other lanes hold.
 */
#define MEL_LANES 8

/* mel [bands x lanes] = filters * spectrum [bins x lanes] */
void mel_filters_apply(
    const struct mel_filters *filters, const float *spectrum, float *mel);

/* spectrum [bins x lanes] = transposed filters * mel [bands x lanes] */
void mel_filters_spread(
    const struct mel_filters *filters, const float *mel, float *spectrum);

#endif
