/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_ADAPTER_H
#define MEL_DSP_ADAPTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/isa.h"

struct mel_contract;
struct mel_err;

/*
 * A mel of one contract as a mel of another, streaming: push rows, pull what
 * they make, finish, pull the rest. The rows do not depend on the sizes of
 * pushes and pulls. Bands are converted row by row (dsp/rebin.h); where frames
 * lie at other times, a row is the linear interpolation, in the logarithm, of
 * the two rows around its centre, the first and the last standing for what is
 * beyond them. So it looks at most one row of the source ahead, and as far
 * as its own frame reaches. A target with a range (whisper16k) has no row
 * before the end.
 */
struct mel_adapter;

#define MEL_ADAPTER_LIMIT 4194304 /* rows held for a range */

/*
 * Contracts are copied. What cannot be converted is an error that names both
 * contracts and the key. Opened once for any number of utterances.
 */
int mel_adapter_open(struct mel_adapter **adapter,
    const struct mel_contract *from, const struct mel_contract *to,
    enum mel_isa isa, struct mel_err *err);
void mel_adapter_close(struct mel_adapter *adapter);

/* true: frames stay where they are, one for one. */
bool mel_adapter_same_times(const struct mel_adapter *adapter);

/* true: nothing is lost but what the floor of the target takes. */
bool mel_adapter_exact(const struct mel_adapter *adapter);

/* Rows that n rows (>= 0) of a whole utterance become. */
int64_t mel_adapter_rows(const struct mel_adapter *adapter, int64_t n);

/*
 * rows: [n, bands of from]. Errors as of mel_rebin_run, with the number of the
 * row in the utterance.
 */
int mel_adapter_push(struct mel_adapter *adapter, const float *rows, int64_t n,
    struct mel_err *err);

/* No more rows. */
void mel_adapter_finish(struct mel_adapter *adapter);

/*
 * Up to max (> 0) rows into rows [max, bands of to]; returns their number, 0
 * if more must be pushed or all were given.
 */
int64_t mel_adapter_pull(struct mel_adapter *adapter, float *rows, int64_t max);

/* Forgets the utterance: ready for the next one. */
void mel_adapter_reset(struct mel_adapter *adapter);

/* Of all rows so far [dB], see mel_rebin_loss. */
double mel_adapter_loss(const struct mel_adapter *adapter);

#endif
