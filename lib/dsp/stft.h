/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_STFT_H
#define MEL_DSP_STFT_H

#include <stdint.h>

#include "base/isa.h"

struct mel_contract;
struct mel_err;
struct mel_fft;
struct mel_loops;

/*
 * The short-time Fourier transform over a contract's geometry (n_fft, window,
 * align, hop, pad) and its inverse: one tested pair. Frames are transformed
 * two at a time (see fft.h); which two is fixed by their numbers (2k, 2k+1),
 * so results do not depend on blocks or threads. gain, remove_dc and
 * preemphasis are the analysis' business (mel.h), not done here.
 */
struct mel_stft {
	struct mel_fft *fft;
	int n;         /* n_fft [samples] */
	int bins;      /* n_fft / 2 + 1 */
	int stride;    /* bins rounded up to a multiple of 16: rows of arrays */
	int span;      /* samples of a frame; behind it zeros to n */
	float *window; /* [n], zeros outside; owned */
	const struct mel_loops *loops;
};

/* Scratch memory of one thread: the FFT's block, re is its start. */
struct mel_stft_work {
	float *re, *im;         /* [n] time */
	float *out_re, *out_im; /* [n] frequency */
	float peak[2];          /* largest magnitudes in re, im as loaded */
	float undo[2];          /* factors that the two spectra still need */
};

int mel_stft_open(struct mel_stft *stft, const struct mel_contract *c,
    enum mel_isa isa, struct mel_err *err);
void mel_stft_close(struct mel_stft *stft);

int mel_stft_work_open(const struct mel_stft *stft, struct mel_stft_work *work,
    struct mel_err *err);
void mel_stft_work_close(struct mel_stft_work *work);

/*
 * The contract's window in double precision, [n_fft], zeros around it
 * (centre) or behind it (start).
 */
void mel_window(const struct mel_contract *c, double *window);

/* work->re, im = window * a, b [span] each, zeros to n; b NULL: zeros. */
void mel_stft_load(const struct mel_stft *stft, struct mel_stft_work *work,
    const float *a, const float *b);

/*
 * Scales the second frame by a power of two to about the first one's peak, so
 * that rounding of a loud frame does not drown a quiet one. work->undo has the
 * factors to go back: exact, and 0 for a frame of zeros.
 */
void mel_stft_balance(const struct mel_stft *stft, struct mel_stft_work *work);

/* Transforms work->re, im; the pair stays mixed in work->out_re, out_im. */
void mel_stft_forward(const struct mel_stft *stft, struct mel_stft_work *work);

/*
 * Parts the mixed pair: spectra of the first and second frame, [bins] each.
 */
struct mel_spectra {
	float *a_re, *a_im, *b_re, *b_im;
};
void mel_stft_part(const struct mel_stft *stft,
    const struct mel_stft_work *work, const struct mel_spectra *s);

/*
 * The way back: a, b [n] = window * inverse transform of the two spectra (b
 * NULL: of the first one), scaled so that forward and back give window squared
 * times the samples. s is only read.
 */
void mel_stft_backward(const struct mel_stft *stft, struct mel_stft_work *work,
    const struct mel_spectra *s, float *a, float *b);

/* The same of what is mixed in work->out_re, out_im already. */
void mel_stft_frames(const struct mel_stft *stft, struct mel_stft_work *work,
    float *a, float *b);

/*
 * What overlap-added frames must be multiplied by at padded positions
 * [0, (frames - 1) * hop + span): 1 / (sum of squared windows). Where frames
 * cover a position with less than 1/1000 of the largest sum, that bound
 * stands in for it: the ends of contracts without padding fade instead of
 * exploding.
 */
void mel_stft_envelope(
    const struct mel_stft *stft, int64_t hop, int64_t frames, float *factor);

/*
 * The sample that position i (may be negative or >= n) of a signal of n
 * samples repeats by the contract's padding: in [0, n), or -1 for zero.
 */
int64_t mel_pad_index(int pad_mode, int64_t i, int64_t n);

#endif
