/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_PLAN_H
#define MEL_NET_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "tensor/tensor.h"

struct mel_err;
struct mel_graph;
struct mel_kernels;

/*
 * A plan says, for one set of input shapes, which nodes run and where in one
 * arena each value lies. What depends on shapes alone (most nodes of an
 * exported graph) is evaluated while planning and never again.
 *
 * Where the shape of a node depends on data that is not there yet (NonZero,
 * Range up to a computed limit), the plan ends: it is run, and the next plan
 * begins at that node, with the values that were computed. The first plan
 * depends on shapes alone and may be kept; the others serve one run.
 */

enum mel_place {
	MEL_PLACE_NONE,  /* not planned yet */
	MEL_PLACE_FIXED, /* a constant, or evaluated while planning */
	MEL_PLACE_INPUT, /* at: which input */
	MEL_PLACE_ARENA, /* block: which block */
};

/* Where one value lies. */
struct mel_slot {
	struct mel_tensor t; /* a view; data NULL until it is known */
	enum mel_place place;
	int at;    /* input number */
	int block; /* block number */
};

/* A stretch of the arena in use from node `first` to node `last`. */
struct mel_block {
	size_t size;   /* [bytes], a multiple of 64, > 0 */
	size_t offset; /* [bytes] in the arena */
	int first, last;
	bool placed; /* offset is settled */
};

/* One node to be run. */
struct mel_step {
	int node;
	int scratch;   /* block, -1: none */
	size_t stride; /* scratch of one worker [bytes] */
};

struct mel_plan {
	struct mel_slot *slot; /* [n_value], one for each of the graph's */
	int n_value;
	struct mel_step *step; /* [n_step] */
	int n_step;
	size_t step_cap;
	struct mel_block *block; /* [n_block] */
	int n_block;
	size_t block_cap;
	struct mel_tensor *known; /* [n_known] owned, evaluated here */
	size_t n_known;
	size_t known_cap;
	int first, next;       /* nodes [first, next); next = n_node: the end */
	size_t arena;          /* bytes that it needs, may be 0 */
	struct mel_plan *link; /* the owner's */
};

/* What planning needs to know. All pointers are the caller's. */
struct mel_planner {
	const struct mel_graph *graph;
	const int *last; /* [n_value], see mel_graph_last_use */
	const struct mel_kernels *kernels;
	int threads;
};

/*
 * The first plan: before = NULL, in = [n_input] tensors of which dtype and
 * dims are used. A later one: `before` is the plan that was run, its slots
 * resolved; in is not used.
 */
int mel_plan_new(struct mel_plan **plan, const struct mel_planner *planner,
    const struct mel_plan *before, const struct mel_tensor *in,
    struct mel_err *err);
void mel_plan_free(struct mel_plan *plan);

/* Sets the data of every slot: arena [plan->arena bytes], inputs. */
void mel_plan_resolve(
    struct mel_plan *plan, unsigned char *arena, const struct mel_tensor *in);

/*
 * Gives every block that has none an offset, so that blocks in use at the
 * same time do not overlap: the largest first, each as low as possible.
 */
int mel_blocks_place(
    struct mel_block *block, int n, size_t *arena, struct mel_err *err);

#endif
