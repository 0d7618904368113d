/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_SYNTHESIS_H
#define MEL_DSP_SYNTHESIS_H

#include <stdint.h>

#include "dsp/stft.h"

struct mel_contract;
struct mel_err;

/*
 * What the two ways from magnitudes to samples share: griffin.h, which has the
 * whole utterance, and rtisi.h, which has a few frames of it.
 */

/* Frames that leave samples between them uncovered are an error. */
int mel_synthesis_check(const struct mel_contract *c, struct mel_err *err);

/* Scratch memory of one thread. */
struct mel_synthesis_worker {
	struct mel_stft_work work;
	struct mel_spectra s; /* [stride] each, zeros at first; a_re owned */
};

/* An array of n, freed by close; NULL without memory. */
struct mel_synthesis_worker *mel_synthesis_workers(
    const struct mel_stft *stft, int n, struct mel_err *err);
void mel_synthesis_workers_close(struct mel_synthesis_worker *worker, int n);

/*
 * re, im [bins] = magnitude [bins] with random phases, a pure function of seed
 * and number of the frame. Both parts are uniform in [0, 1) before they are
 * normalised, as torchaudio.functional.griffinlim has it: one quarter of the
 * circle converges faster than all of it.
 */
void mel_random_phases(const float *magnitude, int bins, uint64_t seed,
    int64_t frame, float *re, float *im);

/*
 * Undoes the contract's pre-emphasis and gain: samples[i] of the utterance from
 * x[i], n of them; *last is the state between calls, 0 at first.
 */
void mel_deemphasise(const struct mel_contract *c, double *last, const float *x,
    int64_t n, float *samples);

/*
 * Adds the squared distance of |re, im| from the magnitudes, [bins] each, to
 * sums[0] and the square of these to sums[1].
 */
void mel_spectral_error(const float *magnitude, const float *re,
    const float *im, int bins, double sums[2]);

#endif
