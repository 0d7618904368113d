/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_NETIMPL_H
#define MEL_NET_NETIMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/onnx.h"
#include "net/plan.h"

struct mel_kernels;
struct mel_pool;
struct mel_tensor;

/* What is behind the pointers of net/network.h; for lib/net and its tests. */

struct mel_network {
	char *path; /* owned, for messages */
	struct mel_model model;
	const struct mel_kernels *kernels;
	int *last;    /* [n_value], see mel_graph_last_use */
	int most_in;  /* most inputs of a node, >= 1 */
	int most_out; /* most outputs of a node, >= 1 */
};

#define MEL_SESSION_PLANS 4 /* sets of input shapes that are remembered */

/* A first plan and the shapes it is for. */
struct mel_cached_plan {
	struct mel_plan *plan; /* NULL: free */
	struct mel_tensor *in; /* [n_input], data NULL */
	uint64_t used;         /* time of the last use */
};

struct mel_session {
	const struct mel_network *network;
	struct mel_pool *pool;
	struct mel_planner planner;
	struct mel_cached_plan cache[MEL_SESSION_PLANS];
	uint64_t clock;         /* runs so far */
	uint64_t seed;          /* see mel_session_seed */
	struct mel_plan *later; /* plans of this run behind the first one */
	unsigned char *arena;   /* owned, 64-byte aligned */
	size_t arena_bytes;
	struct mel_tensor *copy;      /* [n_output] owned; see finish() */
	size_t *copy_bytes;           /* [n_output] */
	const struct mel_tensor **in; /* [most_in] of the node at hand */
	struct mel_tensor *out;       /* [most_out] */
	/*
	 * For tests: before a run the whole arena, and before each node what
	 * it is to write and its scratch, are filled with bytes of 255, which
	 * is NaN as f32.
	 */
	bool poison;
};

#endif
