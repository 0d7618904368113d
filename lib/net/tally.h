/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_TALLY_H
#define MEL_NET_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "net/frame.h"

/* What one node took, all runs watched together. */
struct mel_tally_node {
	const struct mel_graph *graph; /* that it belongs to */
	int node;
	int parent;    /* place of the node running when this one last began,
			  -1: none */
	uint64_t runs; /* > 0 */
	uint64_t begun;
	uint64_t inner; /* of `time`: in nodes of its bodies [ns] */
	uint64_t time;  /* [ns] */
	double work;    /* multiplications and additions of products */
};

/* Watches a session; starts as {0} but for `watch`, see mel_tally_start. */
struct mel_tally {
	struct mel_watch watch;
	struct mel_tally_node *node; /* [n] owned, in the order first met */
	size_t n, cap;
	int running;  /* place of the node at hand, -1: none */
	size_t guess; /* where the next node is looked for first */
	bool failed;  /* memory ran out: the tally is not whole */
};

/*
 * Makes exec->watch point to the tally, which must stay where it is until
 * exec->watch is something else.
 */
void mel_tally_start(struct mel_tally *tally, struct mel_exec *exec);
void mel_tally_free(struct mel_tally *tally);

#endif
