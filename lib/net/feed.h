/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_FEED_H
#define MEL_NET_FEED_H

#include <stdbool.h>
#include <stdint.h>

struct mel_bundle;
struct mel_decls;
struct mel_err;
struct mel_feed;
struct mel_net_port;
struct mel_netdef;
struct mel_strings;
struct mel_tensor;

/*
 * Gathers the inputs of a network for one run from an utterance's tensors.
 */
struct mel_feed {
	const struct mel_netdef *def;
	const struct mel_strings *names; /* pairs: input name, tensor name */
	int rows;      /* the input that takes pulled rows instead, or -1 */
	bool *own;     /* [n_input], owned; inputs that the block fills itself:
			  neither declared nor filled here. Starts false */
	int64_t steps; /* along time, of the tensors of the last fill, not
			  counting padding; 1 if none has time */
	struct mel_tensor *in; /* [n_input], owned */
};

/* def and names must outlive the feed. Checks that names are inputs
 * that take a tensor. */
int mel_feed_open(struct mel_feed *feed, const struct mel_netdef *def,
    const struct mel_strings *names, struct mel_err *err);
void mel_feed_close(struct mel_feed *feed);

/* Declares what the network needs from the bundle. */
int mel_feed_declare(
    const struct mel_feed *feed, struct mel_decls *needs, struct mel_err *err);

/*
 * Fills feed->in; rows: [steps, width], for the input that takes them. Valid
 * while data and rows are, until the next call.
 */
int mel_feed_fill(struct mel_feed *feed, const struct mel_bundle *data,
    const struct mel_tensor *rows, struct mel_err *err);

/* A stretch of an utterance in tensors of fixed length. */
struct mel_feed_part {
	int64_t first, steps; /* along time */
	int64_t size; /* of the tensors, >= steps; zeros (or what the role
			 says) stand behind the steps */
};

/* The same for a part: of all tensors of the bundle that have time; rows are
 * those of the part. */
int mel_feed_fill_part(struct mel_feed *feed, const struct mel_bundle *data,
    const struct mel_tensor *rows, const struct mel_feed_part *part,
    struct mel_err *err);

/* Steps along time of the bundle's tensors and the rows (NULL: not there
 * yet); an error if they differ. 1 if none has time. */
int mel_feed_steps(const struct mel_feed *feed, const struct mel_bundle *data,
    const struct mel_tensor *rows, int64_t *steps, struct mel_err *err);

/* The tensor name that a port goes by: renamed, or its own. */
const char *mel_feed_name(
    const struct mel_strings *names, const struct mel_net_port *port);

#endif
