/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_REBIN_H
#define MEL_DSP_REBIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/isa.h"

struct mel_contract;
struct mel_err;

/*
 * Frames of one mel contract as the filters' sums of another, frame by frame;
 * what a contract says about time plays no part. Where both have the same
 * spectrum and triangles only factors differ, and the numbers are exact.
 * Elsewhere a spectrum that has this mel is found (dsp/inverse.h), carried
 * over to the other bins and added up by the other filters; melpipe-mel(5) has
 * the formulas.
 */
struct mel_rebin;

/*
 * Both contracts are copied. An error, which names both and the key, is a
 * band of `to` outside of what `from` covers.
 */
int mel_rebin_open(struct mel_rebin **rebin, const struct mel_contract *from,
    const struct mel_contract *to, enum mel_isa isa, struct mel_err *err);
void mel_rebin_close(struct mel_rebin *rebin);

/* true: factors are all there is to it. */
bool mel_rebin_exact(const struct mel_rebin *rebin);

/*
 * mel: [n, bands of from]. sums: [n, bands of to], >= 0, written. Each row
 * depends on its own row alone. What is not finite, or no mel of `from`, is
 * an error that names row and band; `first` is the number of the first row
 * there.
 */
int mel_rebin_run(struct mel_rebin *rebin, const float *mel, int64_t n,
    int64_t first, double *sums, struct mel_err *err);

/*
 * How far the mel of the spectra found so far is from the mel given: root
 * mean square over bands above the floor [dB]; 0 if exact, or for no rows.
 */
double mel_rebin_loss(const struct mel_rebin *rebin);

#endif
