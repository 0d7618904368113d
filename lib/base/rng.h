/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_RNG_H
#define MEL_BASE_RNG_H

#include <stdint.h>

/*
 * Counter-based random numbers: a pure function of (seed, stream, counter),
 * so the same numbers come out whatever the order, the thread or the block
 * size. Philox 4x32 with 10 rounds (Salmon, Moraes, Dror, Shaw: "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011).
 */

/* Four independent 32-bit numbers for one counter. */
void mel_rng_block(
    uint64_t seed, uint64_t stream, uint64_t counter, uint32_t out[4]);

/* Uniform in [0, 1), 24 bits. */
float mel_rng_uniform(uint64_t seed, uint64_t stream, uint64_t counter);

/* Normal with mean 0 and variance 1 (Box and Muller). */
float mel_rng_normal(uint64_t seed, uint64_t stream, uint64_t counter);

#endif
