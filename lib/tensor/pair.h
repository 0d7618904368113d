/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_PAIR_H
#define MEL_TENSOR_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/compare.h"

struct mel_err;
struct mel_head;
struct mel_utterance;

/*
 * Two utterances that are compared as their rows come: what both have, or one
 * alone will ever have, is compared and forgotten, so that neither is held
 * whole.
 */

/* A rows port, as far as it is gone. */
struct mel_pair_port {
	char *name; /* owned */
	int64_t rows[2];
	bool apart; /* rows of another form: they are counted, no more */
	struct mel_difference difference;
};

/* Starts as {0}. */
struct mel_pair {
	struct mel_pair_port *port; /* [n] owned */
	size_t n, cap;
};

/* One of the two, at the moment. */
struct mel_pair_side {
	struct mel_utterance *utterance;
	const struct mel_head *head; /* of its stream */
	bool ended;                  /* no more rows will come */
};

/* tolerance: without rel. */
int mel_pair_match(struct mel_pair *pair, const struct mel_pair_side side[2],
    const struct mel_tolerance *tolerance, struct mel_err *err);

/* What is gone of a port; NULL: nothing. */
const struct mel_pair_port *mel_pair_find(
    const struct mel_pair *pair, const char *port);

void mel_pair_free(struct mel_pair *pair);

#endif
