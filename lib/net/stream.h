/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_STREAM_H
#define MEL_NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "net/timeline.h"
#include "tensor/tensor.h"

struct mel_err;
struct mel_kernels;
struct mel_pool;

/*
 * Line-buffered execution: every node computes every row once, as soon as the
 * rows that it needs are there; of each value the rows that are still needed
 * are kept. The rows are those of a run on everything at once, byte by byte.
 */

/* Rows [lo, hi) of a value. */
struct mel_line {
	int64_t lo, hi;
	size_t outer, row;   /* blocks around time; bytes of a row in one */
	unsigned char *data; /* owned, [outer][hi - lo][row] */
	size_t cap;          /* [bytes] */
};

struct mel_stream {
	const struct mel_timeline *timeline;
	const struct mel_kernels *kernels;
	struct mel_pool *pool; /* may be NULL */
	int output;            /* value */
	bool *needed;          /* [n_value] */
	struct mel_line *line; /* [n_value] */
	struct mel_line
	    *beside;   /* [n_value] rows before they join the others */
	int64_t *keep; /* [n_value] the first row still needed */
	int *last;     /* [n_value] the last node that reads it, or -1 */
	struct mel_line *spare; /* [n_spare] memory that no line has */
	int n_spare;
	struct mel_tensor *once; /* [n_value] values without time */
	unsigned char **state;   /* [n_node] owned, NULL: none */
	bool *own;               /* [n_value] once is owned */

	/* The node at hand. */
	struct mel_line *edge;        /* [most_in] rows that had to be copied */
	struct mel_tensor *view;      /* [most_in] */
	const struct mel_tensor **in; /* [most_in] */
	struct mel_tensor *out;       /* [most_out] */
	struct mel_line scratch, result;
	int64_t fed;      /* rows of this step */
	int64_t upto;     /* rows of its outputs when the node is done */
	int64_t rows;     /* of the stream so far */
	int64_t computed; /* rows of all nodes, for tests */
	bool ended;
};

/*
 * For an output of the graph (its value) that mel_timeline_context accepts.
 * timeline and pool outlive the stream.
 */
int mel_stream_open(struct mel_stream *stream,
    const struct mel_timeline *timeline, int output,
    const struct mel_kernels *kernels, struct mel_pool *pool,
    struct mel_err *err);

/* Accepts one that is {0} or whose opening failed. */
void mel_stream_close(struct mel_stream *stream);

/*
 * Begins an utterance. in: [n_input]; of those without time the data, which
 * must live as long as the utterance.
 */
int mel_stream_begin(struct mel_stream *stream, const struct mel_tensor *in,
    struct mel_err *err);

/*
 * The next rows of each input with time, equally many; end: the last ones, of
 * which there may be none. *out: the rows of the output that they complete, a
 * view valid until the next call; none: length 0 along time.
 */
int mel_stream_step(struct mel_stream *stream, const struct mel_tensor *in,
    bool end, struct mel_tensor *out, struct mel_err *err);

#endif
