/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/rng.h"

#include <math.h>

static const uint32_t mul0 = 0xD2511F53, mul1 = 0xCD9E8D57;
static const uint32_t weyl0 = 0x9E3779B9, weyl1 = 0xBB67AE85;

void
mel_rng_block(uint64_t seed, uint64_t stream, uint64_t counter, uint32_t out[4])
{
	uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
	uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32);
	uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);

	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)mul0 * c0, p1 = (uint64_t)mul1 * c2;

		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)p1;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p0;
		k0 += weyl0;
		k1 += weyl1;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

float
mel_rng_uniform(uint64_t seed, uint64_t stream, uint64_t counter)
{
	uint32_t r[4];

	mel_rng_block(seed, stream, counter, r);
	return (float)(r[0] >> 8) * 0x1p-24f;
}

float
mel_rng_normal(uint64_t seed, uint64_t stream, uint64_t counter)
{
	uint32_t r[4];
	double u, v;

	mel_rng_block(seed, stream, counter, r);
	u = ((double)r[0] + 1.0) *
	    0x1p-32; /* (0, 1]: its logarithm is finite */
	v = (double)r[1] * 0x1p-32;
	return (float)(sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v));
}
