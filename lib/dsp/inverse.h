/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_INVERSE_H
#define MEL_DSP_INVERSE_H

#include <stdint.h>

#include "base/isa.h"

struct mel_contract;
struct mel_err;
struct mel_pool;

/*
 * Mel back to linear magnitude. The output formula is undone; the start is
 * the pseudo-inverse of the filters, negative values set to 0; then
 * multiplicative least-squares updates (Lee and Seung 2001) bring the mel of
 * the result to the one given and keep the smooth shape of the start. (Exact
 * non-negative least squares fits as well with a few sharp lines per frame
 * and sounds terrible.) For contracts of power the power is recovered, then
 * its root.
 */
struct mel_inverse;

#define MEL_INVERSE_UPDATES 32 /* what is known to be enough */

/*
 * updates: how many, MEL_INVERSE_UPDATES; 0 leaves the pseudo-inverse. pool:
 * may be NULL; stays the caller's and must outlive.
 */
int mel_inverse_open(struct mel_inverse **inverse,
    const struct mel_contract *contract, int updates, enum mel_isa isa,
    struct mel_pool *pool, struct mel_err *err);
void mel_inverse_close(struct mel_inverse *inverse);

/*
 * mel: [frames, bands] as the contract gives them. magnitude: [frames,
 * n_fft / 2 + 1], written. Takes no memory; one caller at a time. The bytes of
 * a row do not depend on the pool or on the rows beside it.
 * A value that is not finite, or no mel of this contract (above 1e20 under
 * the logarithm), is an error that names row and band; `first` is the number
 * of the first row there.
 */
int mel_inverse_run(struct mel_inverse *inverse, const float *mel,
    int64_t frames, int64_t first, float *magnitude, struct mel_err *err);

#endif
