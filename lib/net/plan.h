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
 * A plan says, for one set of shapes, which nodes run and where in one arena
 * each value lies. What depends on shapes alone (most nodes of an exported
 * graph) is evaluated while planning and never again.
 *
 * A plan ends before a node whose outputs have shapes that depend on data
 * (NonZero, Range up to a computed limit) or that runs other graphs or deals
 * with sequences (op->call). The plan is run, the shapes are found out with
 * the data that is there now, and the plan for these shapes goes on behind.
 * So plans form a tree: one branch for each set of shapes met, and as every
 * plan depends on shapes alone, all may be kept.
 */

enum mel_place {
	MEL_PLACE_NONE,  /* nobody reads more than its shape */
	MEL_PLACE_FIXED, /* a constant, or evaluated while planning */
	MEL_PLACE_INPUT, /* at: which input */
	MEL_PLACE_ARENA, /* block: which block */
	MEL_PLACE_CELL,  /* at: the value whose cell it is; see net/cell.h */
};

/* Where one value lies. */
struct mel_slot {
	struct mel_tensor t; /* a view; dtype MEL_NONE: a sequence. Data is
				set when the plan is run, FIXED at once */
	enum mel_place place;
	int at;    /* input or value number */
	int block; /* block number */
};

/* A value that a plan places. */
struct mel_def {
	int value;
	struct mel_slot slot;
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
	struct mel_tensor *key; /* [n_key] owned; the shapes it is for: of the
				   inputs, or of the outputs of node `first` */
	int n_key;
	struct mel_def *def; /* [n_def] */
	int n_def;
	size_t def_cap;
	struct mel_step *step; /* [n_step] */
	int n_step;
	size_t step_cap;
	struct mel_block *block; /* [n_block] */
	int n_block;
	size_t block_cap;
	struct mel_tensor *known; /* [n_known] owned, evaluated here */
	size_t n_known;
	size_t known_cap;
	int first, next;          /* nodes [first, next); n_node: the end */
	size_t arena;             /* bytes that it needs, may be 0 */
	struct mel_plan *child;   /* those that go on at `next` */
	struct mel_plan *sibling; /* the next child of the same plan */
	uint64_t used;            /* time of the last use */
};

/* What planning needs to know. All pointers are the caller's. */
struct mel_planner {
	const struct mel_graph *graph; /* measured */
	const struct mel_kernels *kernels;
	int threads;
	/*
	 * [n_value] the slots as the plan before left them, or as
	 * mel_slots_begin. A new plan's are put there, too.
	 */
	struct mel_slot *slot;
};

/* The slots of a graph's values [n_value, zero] before its first plan. */
void mel_slots_begin(struct mel_slot *slot, const struct mel_graph *graph);

/*
 * The first plan: before = NULL, key = [n_input] shapes of the inputs. A later
 * one: key = [n_out] shapes of the outputs of node before->next. A sequence
 * has dtype MEL_NONE.
 */
int mel_plan_new(struct mel_plan **plan, const struct mel_planner *planner,
    const struct mel_plan *before, const struct mel_tensor *key,
    struct mel_err *err);

/* Frees the plan, its siblings and all behind them; returns how many. */
int mel_plans_free(struct mel_plan *plan);

/* The plan for this key in a list of siblings, or NULL. */
struct mel_plan *mel_plans_find(
    struct mel_plan *list, const struct mel_tensor *key);

/*
 * Gives every block that has none an offset, so that blocks in use at the
 * same time do not overlap: the largest first, each as low as possible.
 */
int mel_blocks_place(
    struct mel_block *block, int n, size_t *arena, struct mel_err *err);

#endif
