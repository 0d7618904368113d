/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_TIMELINE_H
#define MEL_NET_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/reach.h"
#include "tensor/tensor.h"

struct mel_buf;
struct mel_err;
struct mel_graph;
struct mel_kernels;
struct mel_plan;

/*
 * Time in a graph: which axis of each value grows with the stream, and which
 * rows each node needs. Shapes are found at several lengths of the stream: an
 * axis whose length moves is time. Each operator's rule then says, and the
 * lengths at all trials confirm, what rows go into a row.
 */

/* What is known of a value's axes. */
struct mel_time_value {
	int axis;     /* that grows, or MEL_AXIS_... */
	bool follows; /* no axis does, but its data may hang on the length, or
			 on all rows */
	int cause;    /* the node that made a row depend on all of time; -1 */
	const struct mel_tensor *known; /* it follows from shapes alone: its
					   value, of the first trial; the
					   timeline's. NULL: it does not */
};

struct mel_time_node {
	bool used; /* has rows to compute: one of its outputs has time */
	enum mel_time_kind kind;
	struct mel_reach
	    *reach; /* [n_in] of inputs with time; the timeline's */
	struct mel_reach source; /* rows there are for n rows of the stream, if
				    no input has time: num, den, more */
	float blank;             /* see net/timing.h */
	bool no_blank;
};

struct mel_timeline {
	const struct mel_graph *graph;
	struct mel_time_value *value; /* [n_value] */
	struct mel_time_node *node;   /* [n_node] */
	struct mel_reach *reach;      /* all nodes', owned */
	int trials;
	int64_t length[MEL_TIME_TRIALS];
	struct mel_tensor *shape[MEL_TIME_TRIALS]; /* [n_value] owned; data is
						      a plan's or NULL */
	struct mel_plan *plan[MEL_TIME_TRIALS];    /* owned */
	int planned; /* nodes before this one have shapes */
};

/* One input as the stream feeds it. */
struct mel_time_input {
	struct mel_tensor shape; /* the length along axis does not matter */
	int axis;                /* time, or MEL_AXIS_NONE */
	bool length; /* its data is the number of rows, known at the end only */
};

/* input: [n_input]. The graph must outlive it. */
int mel_timeline_open(struct mel_timeline *timeline,
    const struct mel_graph *graph, const struct mel_kernels *kernels,
    const struct mel_time_input *input, struct mel_err *err);

/* Accepts one that is {0} or whose opening failed. */
void mel_timeline_close(struct mel_timeline *timeline);

/* How the rows of a value depend on those of the stream. */
struct mel_context {
	int64_t num, den;    /* rows of the value for rows of the stream */
	int64_t left, right; /* rows of the stream before and behind the place
				of a row that it depends on, at most */
	bool state;          /* and on all before, through a state */
};

/* false: it has no rows that can be streamed; see value.cause. */
bool mel_timeline_context(
    const struct mel_timeline *timeline, int value, struct mel_context *out);

#endif
