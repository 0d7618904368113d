/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_RTISI_H
#define MEL_DSP_RTISI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/isa.h"

struct mel_contract;
struct mel_err;
struct mel_pool;

/*
 * Griffin-Lim while the frames are still coming: real-time iterative
 * spectrogram inversion with look-ahead (Zhu, Beauregard, Wyse 2007), with the
 * momentum of griffin.h. For each frame n that comes, L being the look-ahead:
 *
 *	S = its magnitudes; x = the sound of the frames before it
 *	its spectrum = S with the phases of stft(x sqrt(v / V)) + S r / 100
 *	repeat ceil(iterations / (L + 1)) times, on frames n - L .. n:
 *	        c = stft(x); p = c - m / (1 + m) c_previous
 *	        its spectrum = S p / (|p| + 1e-16)
 *	frame n - L is settled
 *
 * So each frame is iterated `iterations` times between coming and settling; r
 * are random phases, which decide where the sound so far says nothing. x is
 * the overlap-add of the windowed inverse transforms of all frames there are,
 * settled or not, divided by v, the sum of their squared windows, as
 * mel_stft_envelope bounds it; V is that sum when all frames have come, for
 * what few frames cover yet is less certain. At the end the last frames are
 *iterated and settled one by one. What the contract pads is found like the
 *rest, and cut off: mirrored sound would have to be known before it is there.
 *
 * One frame is one step: how they are pushed cannot matter.
 */
struct mel_rtisi;

#define MEL_RTISI_LOOK_AHEAD 7 /* frames; what is known to be enough */

struct mel_rtisi_options {
	int look_ahead;  /* L [1..64 frames] */
	int iterations;  /* of each frame [0..10000] */
	double momentum; /* m, [0..1) */
	uint64_t seed;   /* of r */
	bool measure;    /* compute the convergence */
};

/*
 * pool: may be NULL; stays the caller's and must outlive. The frames in work
 * are spread over it; the bytes do not depend on the number of threads. All
 * memory is taken here. A contract whose hop is longer than its window is an
 * error, and so is a pad that outweighs the look-ahead: more than
 * span + (L - 1 + drop) hops, so that sound would go out before it is known
 * whether the utterance has any.
 */
int mel_rtisi_open(struct mel_rtisi **rtisi,
    const struct mel_contract *contract,
    const struct mel_rtisi_options *options, enum mel_isa isa,
    struct mel_pool *pool, struct mel_err *err);
void mel_rtisi_close(struct mel_rtisi *rtisi);

/* Frames to push until the first sample is there: L + pad / hop + 1. */
int64_t mel_rtisi_delay(const struct mel_rtisi *rtisi);

/*
 * The next frame. magnitude: [n_fft / 2 + 1], finite, at least 0. samples:
 * [hop], for the 0 to hop next samples; returns their number. Pre-emphasis and
 * gain of the contract are undone.
 */
int64_t mel_rtisi_push(
    struct mel_rtisi *rtisi, const float *magnitude, float *samples);

/*
 * No more frames: the next samples into samples [hop]; call until it returns
 * 0. Then mel_contract_samples(contract, frames) were given in all, and only a
 * reset may follow.
 */
int64_t mel_rtisi_finish(struct mel_rtisi *rtisi, float *samples);

/*
 * || S - |stft(x)| || / || S || of what was settled, if it was measured: of
 * the utterance when finish has returned 0. Like mel_griffin_convergence, but
 * the pads are those found.
 */
double mel_rtisi_convergence(const struct mel_rtisi *rtisi);

/* Forgets the utterance: ready for the next one. */
void mel_rtisi_reset(struct mel_rtisi *rtisi);

#endif
