/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_GRIFFIN_H
#define MEL_DSP_GRIFFIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/isa.h"

struct mel_contract;
struct mel_err;
struct mel_pool;

/*
 * Griffin-Lim: samples whose STFT has given magnitudes (Griffin and Lim 1984),
 * the fast form with momentum (Perraudin, Balazs, Sondergaard 2013), step by
 * step that of torchaudio.functional.griffinlim:
 *
 *	repeat: x = istft(S p); c = stft(x)
 *	        p = c - m / (1 + m) c_previous; p = p / (|p| + 1e-16)
 *	x = istft(S p)
 *
 * over the contract's geometry: its window, hop, align and padding.
 */
struct mel_griffin;

struct mel_griffin_options {
	int iterations;  /* [0..10000]; 32 is good, 60 a little better */
	double momentum; /* m, [0..1); 0.99 halves the error of 0 */
	uint64_t seed;   /* of the first phases */
	bool zero_phase; /* start from phase 0 instead */
	bool measure;    /* compute the convergence */
};

/*
 * pool: may be NULL; stays the caller's and must outlive. The frames of one
 * run are spread over it; the bytes do not depend on the number of threads.
 * A contract whose hop is longer than its window is an error.
 */
int mel_griffin_open(struct mel_griffin **griffin,
    const struct mel_contract *contract, enum mel_isa isa,
    struct mel_pool *pool, struct mel_err *err);
void mel_griffin_close(struct mel_griffin *griffin);

/*
 * magnitude: [frames, n_fft / 2 + 1], at least 0. samples:
 * [mel_contract_samples(contract, frames)], written; pre-emphasis and gain of
 * the contract are undone. Memory is kept for the next run; none is taken
 * while iterating.
 */
int mel_griffin_run(struct mel_griffin *griffin, const float *magnitude,
    int64_t frames, const struct mel_griffin_options *options, float *samples,
    struct mel_err *err);

/*
 * || S - |stft(x)| || / || S || of the last run if it was measured; 0 for
 * silence.
 */
double mel_griffin_convergence(const struct mel_griffin *griffin);

#endif
