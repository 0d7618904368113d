/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_STEP_H
#define MEL_NET_STEP_H

#include <stddef.h>
#include <stdint.h>

#include "base/option.h"
#include "net/feed.h"
#include "net/windows.h"

struct mel_bundle;
struct mel_decls;
struct mel_env;
struct mel_err;
struct mel_netdef;
struct mel_session;
struct mel_tensor;

/*
 * A network that is run again and again, each time with what it gave before:
 * state, and the frame made last. Its other inputs are the utterance's and
 * stay as they are from the first step to the last.
 */

/* What goes round. Maps are pairs: the network's input, then ... */
struct mel_step_options {
	struct mel_strings inputs; /* ... the tensor of the utterance */
	struct mel_strings state;  /* ... the output that it takes next */
	struct mel_strings first;  /* ... its value in the first step: a number
				      or the name of a tensor; 0 if not said */
	char *feedback; /* input that takes the frame before; NULL: none */
};

/* An input that goes round. */
struct mel_step_loop {
	int input, output;  /* numbers; of a frame: output is -1 */
	double number;      /* in the first step, unless ... */
	const char *tensor; /* ... this tensor is; options'; or NULL */
	void *data; /* owned; what the next step takes: an output of the step
		       before would be written over while it is read */
	size_t cap; /* bytes */
};

struct mel_step {
	const struct mel_netdef *def;
	struct mel_feed feed;
	struct mel_step_loop *loop; /* [n_loop], owned */
	size_t n_loop;
	struct mel_session *session; /* NULL if opened for its spec only, or
					with programs of fixed length */
	bool fixed;
	struct mel_windows windows;
	struct mel_feed_part part; /* the one window of the utterance */
	struct mel_tensor *out; /* [n_output]; after a run, until the next; of
				   fixed length along time */
	uint64_t turn;          /* steps of this utterance so far */
};

/* Options and def must outlive it. On failure close is due, too. */
int mel_step_open(struct mel_step *step, const struct mel_netdef *def,
    const struct mel_step_options *options, const struct mel_env *env,
    struct mel_err *err);
void mel_step_close(struct mel_step *step);

/* Declares what is needed of the utterance. */
int mel_step_declare(
    const struct mel_step *step, struct mel_decls *needs, struct mel_err *err);

/* Floats of the input that takes the frame before, 0 if there is none. */
int64_t mel_step_feedback(const struct mel_step *step);

/* Begins an utterance; data must live until its last run. */
int mel_step_begin(
    struct mel_step *step, const struct mel_bundle *data, struct mel_err *err);

/*
 * One step. Random operators draw anew in each, the same in each utterance.
 */
int mel_step_run(struct mel_step *step, struct mel_err *err);

/* What the next step takes for the frame before: [mel_step_feedback]. */
void mel_step_feed_back(struct mel_step *step, const float *frame);

#endif
