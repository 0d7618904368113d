/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NOISE_H
#define NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/rng.h"
#include "base/isa.h"
#include "net/kernels.h"
#include "net/op.h"
#include "node.h"
#include "tensor/tensor.h"

struct mel_node;

/* Tensors of random numbers, the same in every run, for tests of operators. */

static uint64_t counter;

__attribute__((unused)) static float
noise(void)
{
	return 2.0f * mel_rng_uniform(5, 6, counter++) - 1.0f;
}

__attribute__((unused)) static int64_t
between(int64_t lo, int64_t hi)
{
	return lo + (int64_t)(mel_rng_uniform(7, 8, counter++) *
			      (float)(hi - lo + 1));
}

__attribute__((unused)) static struct mel_tensor
noise_tensor(int ndim, const int64_t *dim)
{
	struct mel_tensor t = {0};

	if (mel_tensor_new(&t, MEL_F32, ndim, dim, NULL))
		abort();
	for (size_t i = 0; i < mel_tensor_count(&t); i++)
		((float *)t.data)[i] = noise();
	return t;
}

__attribute__((unused)) static bool
same(const struct mel_tensor *a, const struct mel_tensor *b)
{
	return mel_tensor_same_shape(a, b) &&
	       !memcmp(a->data, b->data, mel_tensor_bytes(a));
}

__attribute__((unused)) static const struct mel_kernels *
best(void)
{
	return mel_kernels_get(MEL_ISA_AUTO);
}

/* Runs on 2 and 3 threads: the bytes of `want` must come out. */
__attribute__((unused)) static bool
threads_agree(struct mel_node *n, const struct mel_tensor *in,
    const struct mel_tensor *want)
{
	bool good = true;

	for (int threads = 2; threads <= 3; threads++) {
		struct mel_run run = {.kernels = best()};
		struct mel_tensor out[3] = {0};

		if (mel_pool_open(&run.pool, threads, NULL))
			abort();
		good &= !node_run_with(n, 0, in, out, &run, NULL) &&
			same(&out[0], want);
		for (int i = 0; i < n->n_out; i++)
			mel_tensor_free(&out[i]);
		mel_pool_close(run.pool);
	}
	return good;
}

#endif
