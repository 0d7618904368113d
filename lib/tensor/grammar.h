/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_GRAMMAR_H
#define MEL_TENSOR_GRAMMAR_H

#include <stdint.h>

#include "tensor/head.h"

struct mel_err;
struct mel_record_header;

/*
 * The order of records, for the reader and the writer alike:
 *
 *	stream: head { note | utterance } finish
 *	utterance: begin { sequence-data | note } { rows-data | note }
 *	    ( end | error )
 *
 * Record numbers rise by one from 0, and so do utterance numbers. Behind a
 * finish another stream may follow; it counts from 0 again. Starts as {0}.
 */
enum mel_grammar_state {
	MEL_BETWEEN_STREAMS, /* only a head may come */
	MEL_BETWEEN_UTTERANCES,
	MEL_IN_SEQUENCES, /* utterance, no rows yet */
	MEL_IN_ROWS,      /* utterance, some rows were there */
};

struct mel_grammar {
	enum mel_grammar_state state;
	struct mel_head head; /* owned; of this stream */
	uint64_t *count;      /* owned, [head.n_ports]; in this utterance: */
	/* rows so far, or 1 for a tensor that was there */
	uint32_t utt; /* number of this utterance or the next one */
	uint64_t seq; /* number of the next record */
};

/* 0 if this record may come next, and has the shape that the head says. */
int mel_grammar_check(const struct mel_grammar *g,
    const struct mel_record_header *header, struct mel_err *err);

/*
 * Moves on behind a record that was checked. For a HEAD *head is the head; it
 * is moved into g, else it may be NULL. Fails only on a HEAD, without memory.
 */
int mel_grammar_advance(struct mel_grammar *g,
    const struct mel_record_header *header, struct mel_head *head,
    struct mel_err *err);

/* Rows of the main port in this utterance so far; 0 if there is no such. */
uint64_t mel_grammar_rows(const struct mel_grammar *g);

void mel_grammar_free(struct mel_grammar *g);

#endif
