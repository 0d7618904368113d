/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_MEL_H
#define MEL_DSP_MEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/isa.h"

struct mel_contract;
struct mel_err;

/*
 * Samples to mel frames, streaming: push samples, pull what frames they make,
 * finish, pull the rest. The frames are those of the whole signal, byte for
 * byte, whatever the sizes of the pushes; both ends are padded exactly.
 * Memory does not grow with the signal, except for contracts with a range
 * (whisper16k), which cannot give a frame before the end.
 */
struct mel_analysis;

/*
 * max_frames: of one signal, for contracts with a range, whose frames (bands
 * floats each) are all held until the end; others have no limit. The contract
 * is copied. Opened once for any number of signals.
 */
int mel_analysis_open(struct mel_analysis **analysis,
    const struct mel_contract *contract, enum mel_isa isa, int64_t max_frames,
    struct mel_err *err);
void mel_analysis_close(struct mel_analysis *analysis);

/*
 * The next n samples, in [-1, 1) by convention, at the contract's rate. What
 * is not finite is an error that names the sample. Held until pulled: pull
 * after every push to keep memory small.
 */
int mel_analysis_push(struct mel_analysis *analysis, const float *samples,
    size_t n, struct mel_err *err);

/* No more samples. No samples at all give no frames. */
int mel_analysis_finish(struct mel_analysis *analysis, struct mel_err *err);

/*
 * Up to max (at least 2) frames into rows [max, bands]; returns their number,
 * 0 if more samples are needed or all were given; -1 on an error (a frame
 * that is not finite).
 */
int64_t mel_analysis_pull(struct mel_analysis *analysis, float *rows,
    int64_t max, struct mel_err *err);

/* Forgets the signal: ready for the next one. */
void mel_analysis_reset(struct mel_analysis *analysis);

/* Bands that have no bin, as mel_filters_empty gives them. */
int mel_analysis_empty_bands(
    const struct mel_analysis *analysis, int *bands, int max);

/*
 * The output formula forward: m >= 0 [the filters' sum] to the contract's
 * value of band b, without `range`; and back to m, up to the floor.
 */
double mel_output(const struct mel_contract *c, int b, double m);
double mel_output_inverse(const struct mel_contract *c, int b, double v);

#endif
