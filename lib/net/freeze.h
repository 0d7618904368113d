/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_FREEZE_H
#define MEL_NET_FREEZE_H

#include <stdbool.h>
#include <stdint.h>

struct mel_err;
struct mel_graph;
struct mel_kernels;
struct mel_netdef;
struct mel_timeline;

/* How a graph gets one length along time. */
struct mel_freeze {
	const struct mel_timeline *timeline; /* of the same graph */
	const struct mel_netdef *def;        /* its inputs */
	int64_t size;                        /* steps along time, > 0 */
	bool select; /* what stands behind the valid steps is replaced before
			nodes that mix time; adds the input for it */
};

/*
 * Rows of a value for n steps of the stream: floor((n num + more) / den) at
 * all lengths that the timeline tried. -1: they do not follow such a rule.
 */
int mel_freeze_rows(const struct mel_timeline *timeline, int value,
    int64_t *num, int64_t *den, int64_t *more);

/*
 * Rewrites a graph that is as mel_graph_simplify leaves it, and stays so. Its
 * values and nodes have the numbers of the timeline's graph.
 */
int mel_graph_freeze(struct mel_graph *graph, const struct mel_freeze *freeze,
    const struct mel_kernels *kernels, struct mel_err *err);

#endif
