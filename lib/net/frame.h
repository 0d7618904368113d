/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_FRAME_H
#define MEL_NET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/cell.h"
#include "net/plan.h"

struct mel_err;
struct mel_frame;
struct mel_graph;
struct mel_kernels;
struct mel_pool;
struct mel_tensor;

/*
 * A frame runs one graph: the network's or a body inside it. It has the plans
 * for the shapes that were met, an arena, and the frames of the bodies of its
 * nodes. Bodies do not call themselves, so one frame for each will do.
 */

#define MEL_FRAME_WIDTH 4 /* plans kept for one place, see mel_plan.child */
#define MEL_FRAME_PLANS                                                        \
	512 /* kept in all; more than that in one run may be                   \
	     */

/*
 * Told about every node that runs, for those who measure. Bodies run between
 * the two calls of the node they belong to. While `after` is called,
 * frame->in and frame->out are the node's, unless the node has op->call.
 */
struct mel_watch {
	void (*before)(
	    struct mel_watch *watch, const struct mel_frame *frame, int node);
	void (*after)(
	    struct mel_watch *watch, const struct mel_frame *frame, int node);
};

/* What all frames of a session share. */
struct mel_exec {
	const struct mel_kernels *kernels;
	struct mel_pool *pool; /* may be NULL */
	struct mel_store store;
	/*
	 * For tests: before a run the whole arena, and before each node what
	 * it is to write and its scratch, are filled with bytes of 255, which
	 * is NaN as f32.
	 */
	bool poison;
	struct mel_watch *watch; /* may be NULL */
	int64_t turns; /* of all loops, left in this run: no run is endless */
};

struct mel_frame {
	const struct mel_graph *graph;
	struct mel_exec *exec;
	uint64_t seed; /* of noise; another one in each turn of a loop */
	struct mel_planner planner;
	struct mel_plan *plans; /* first ones, by shapes of inputs */
	int n_plan;             /* with all behind them */
	uint64_t clock;
	struct mel_slot *slot;  /* [n_value] */
	struct mel_cell **cell; /* [n_value] of those that have one */
	int *held;              /* [n_held] values that have a cell */
	int n_held;
	unsigned char *arena; /* owned, 64-byte aligned */
	size_t arena_bytes;
	struct mel_frame *body; /* [n_body] owned, by graph->number */

	/* The node at hand. */
	const struct mel_tensor **in; /* [most_in] */
	struct mel_ref *ref;          /* [most_in] */
	struct mel_tensor *out;       /* [most_out] */
	struct mel_cell **got;        /* [most_out] */

	/* For whoever runs the frame. */
	struct mel_ref *arg;    /* [n_input] what it is run with */
	struct mel_tensor *key; /* [n_input] shapes of arg */
	struct mel_ref *result; /* [n_output] what came out */
	struct mel_cell **hold; /* [n_output] all NULL between uses */
	struct mel_cell **next; /* [n_output] free for use */
	struct mel_tensor *row; /* [n_output] free for use */
};

/* The graph is measured and outlives the frame. */
int mel_frame_open(struct mel_frame *frame, const struct mel_graph *graph,
    struct mel_exec *exec, struct mel_err *err);

/* Accepts a frame that is {0} or whose opening failed. */
void mel_frame_close(struct mel_frame *frame);

/*
 * Runs the graph with frame->arg; frame->result is valid until the next run
 * or mel_frame_release.
 */
int mel_frame_run(struct mel_frame *frame, struct mel_err *err);

/* Gives up the cells of the last run. */
void mel_frame_release(struct mel_frame *frame);

/*
 * The shape of output i as planned for frame->arg, without running. dtype is
 * MEL_NONE if that depends on data.
 */
int mel_frame_shape(struct mel_frame *frame, int i, struct mel_tensor *shape,
    struct mel_err *err);

#endif
