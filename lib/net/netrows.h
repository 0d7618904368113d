/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_NETROWS_H
#define MEL_NET_NETROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/option.h"
#include "net/feed.h"
#include "net/inflow.h"
#include "net/stream.h"
#include "net/timeline.h"
#include "net/windows.h"
#include "tensor/tensor.h"

struct mel_bundle;
struct mel_env;
struct mel_err;
struct mel_netdef;
struct mel_net_port;
struct mel_netrows;
struct mel_session;
struct mel_streamable;

/*
 * A network that takes rows and gives rows: the block types Network and
 * Decoder of netrows.c, and the ways in which it may be run, a file each.
 */

struct mel_netrows_options {
	struct mel_netdef *network; /* borrowed */
	struct mel_strings inputs;
	char *rows, *output, *name;
	int64_t window, margin; /* rows; 0, -1: not said */
};

struct mel_netrows_way {
	/* Rows of upstream read ahead at most, MEL_WHOLE: all. */
	int64_t (*lookahead)(const struct mel_netrows *b);

	/* What running needs; not of a block that is opened for its spec. */
	int (*open)(struct mel_netrows *b, const struct mel_env *env,
	    struct mel_err *err);

	/* An utterance begins; may be NULL. */
	int (*begin)(struct mel_netrows *b, struct mel_err *err);

	/*
	 * Sets result and next to more rows, maybe none, and ran when there
	 * will be no others. wanted: rows that are asked for.
	 */
	int (*make)(struct mel_netrows *b, int64_t wanted, struct mel_err *err);
};

/* Once, on all rows, when the first of its own is asked for. */
extern const struct mel_netrows_way mel_netrows_whole;

/* On excerpts, though it needs all rows: options.window at a time. */
extern const struct mel_netrows_way mel_netrows_excerpts;

/* On as many rows as it needs for those that are asked for. */
extern const struct mel_netrows_way mel_netrows_stream;

/* In programs of fixed length, those of a window at a time. */
extern const struct mel_netrows_way mel_netrows_fixed;

struct mel_netrows {
	const struct mel_netrows_options *options;
	const struct mel_netrows_way *way;
	struct mel_feed feed;
	const struct mel_net_port *port; /* the output whose rows are given */
	int output;                      /* its number */

	/* The utterance. */
	const struct mel_bundle *data;
	struct mel_streamable *upstream;
	struct mel_inflow flow;
	struct mel_tensor result; /* [rows, width] made last */
	int64_t next;             /* row of it to be given */
	int64_t given;            /* rows of the utterance before result */
	bool ran;                 /* there are no rows behind result */

	/* Of the ways, each its own. */
	struct mel_session *session;  /* whole, excerpts */
	struct mel_tensor *out;       /* [n_output], the session's */
	int64_t at;                   /* the first row of the next excerpt */
	struct mel_timeline timeline; /* stream */
	struct mel_context context;
	struct mel_stream stream;
	struct mel_tensor *step;    /* [n_input] rows of one step, owned */
	struct mel_windows windows; /* fixed */
	struct mel_tensor window;   /* what result is a view of */
};

/*
 * Follows time through the network: 1 if it streams, 0 if not; then the node
 * that is the reason is noted once. Sets timeline and context.
 */
int mel_netrows_follow(
    struct mel_netrows *b, const struct mel_env *env, struct mel_err *err);

/* n rows of upstream from `first` on, as the network's port has them. */
struct mel_tensor mel_netrows_view(
    const struct mel_netrows *b, int64_t first, int64_t n);

/* Fails if result has a number that is not finite. */
int mel_netrows_check(const struct mel_netrows *b, struct mel_err *err);

/* Frees the rows of the last step. */
void mel_netrows_drop_step(struct mel_netrows *b);

#endif
