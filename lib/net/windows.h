/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_WINDOWS_H
#define MEL_NET_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/backend.h"
#include "net/feed.h"
#include "tensor/tensor.h"

struct mel_bundle;
struct mel_env;
struct mel_err;
struct mel_fixed;
struct mel_netdef;

/*
 * An utterance through programs of fixed length, window by window:
 *
 *	begin { next, run, take each output }
 *
 * Windows overlap by what a row depends on. One that would reach past the end
 * begins earlier instead, so only an utterance shorter than the smallest
 * program is padded. Of every row the first window that has all it depends on
 * gives it; what else programs give is dropped here.
 */
struct mel_windows {
	const struct mel_netdef *def;
	const struct mel_env *env;
	const struct mel_fixed *fixed;
	void *state;    /* the back end's, owned */
	void **program; /* [n_program] the back end's, owned; NULL: none */
	struct mel_tensor *in;  /* [n_input + 1] of a run; views */
	struct mel_tensor *out; /* [n_output] of the last run; views */
	int64_t valid;          /* the input of that name */

	int64_t *next;           /* [n_output] rows given so far */
	int64_t *end;            /* [n_output] the same after the last run */
	int64_t seen;            /* steps that some window had */
	bool done;               /* the end was among them */
	struct mel_feed_part at; /* the window that was run last */
};

/* def->fixed and env->backend are there; both outlive it. On failure close is
 * due, too. */
int mel_windows_open(struct mel_windows *w, const struct mel_netdef *def,
    const struct mel_env *env, struct mel_err *err);
void mel_windows_close(struct mel_windows *w);

void mel_windows_begin(struct mel_windows *w);

/* The first step that a coming window may have. */
int64_t mel_windows_keep(const struct mel_windows *w);

/* What there is of the utterance. */
struct mel_windows_have {
	int64_t steps;
	bool ended; /* there are no more */
};

/*
 * The next window: part->size its length, part->first and part->steps what it
 * takes. wanted: rows of output 0 that it would better give, > 0. Returns 1;
 * 0 if there is none, the utterance is done; -1 if it does not fit, or if
 * more steps must come first: then *need says how many, and is 0 otherwise.
 */
int mel_windows_next(const struct mel_windows *w,
    const struct mel_windows_have *have, int64_t wanted,
    struct mel_feed_part *part, int64_t *need, struct mel_err *err);

/* The one window that takes a whole utterance, -1: none is so large. */
int mel_windows_whole(const struct mel_windows *w, int64_t steps,
    struct mel_feed_part *part, struct mel_err *err);

/* Runs that window: feed was filled with it. */
int mel_windows_run(struct mel_windows *w, const struct mel_windows_have *have,
    const struct mel_feed *feed, const struct mel_feed_part *part,
    struct mel_err *err);

/*
 * The rows of an output that the last run has added, maybe none, as outside:
 * time first, no batch axis. An output without rows comes as it is. *out: a
 * view of *whole, which is the caller's to free.
 */
int mel_windows_take(struct mel_windows *w, int output,
    struct mel_tensor *whole, struct mel_tensor *out, struct mel_err *err);

#endif
