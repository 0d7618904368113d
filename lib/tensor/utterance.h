/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_UTTERANCE_H
#define MEL_TENSOR_UTTERANCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tensor/bundle.h"

struct mel_reader;
struct mel_strings;

/*
 * Whole utterances of a record stream, one after the other, for those that
 * cannot begin before the last row is there (files, plots, comparisons):
 *
 *	struct mel_utterance u = {0};
 *
 *	while ((rc = mel_utterance_next(&u, reader, NULL, &err)) > 0)
 *		...
 *	mel_utterance_free(&u);
 */

/* Data of one utterance that memory is taken for [bytes], by default. */
#define MEL_UTTERANCE_LIMIT (1ull << 30)

enum mel_utterance_state {
	MEL_UTT_WHOLE,   /* ended well: tensors holds all of it */
	MEL_UTT_ERROR,   /* ended by an error record; its stage printed that */
	MEL_UTT_REFUSED, /* more than the limit: yours to print */
};

struct mel_utterance {
	uint64_t index;  /* counts from 0 over all streams of the input */
	const char *key; /* in begin */
	json_t *begin;   /* owned; JSON of the begin record, an object */
	json_t *end;     /* owned; JSON of the end or error record, or NULL */
	enum mel_utterance_state state;
	char error[MEL_ERR_SIZE]; /* why it is not whole, "" if it is */

	/*
	 * By port name: a sequence port's tensor as it came, a rows port's
	 * rows put together [rows, ...]. Every port of the head is there,
	 * with 0 rows if none came. Empty unless the state is MEL_UTT_WHOLE.
	 */
	struct mel_bundle tensors;

	size_t bytes;     /* data in tensors */
	uint64_t next;    /* private: index of the next one */
	bool started;     /* private: a head was seen */
	json_t *contract; /* private: owned; of the first head, or NULL */
};

struct mel_utterance_options {
	/*
	 * Most data of one utterance [bytes], 0: MEL_UTTERANCE_LIMIT. An
	 * utterance with more is read over and has state MEL_UTT_REFUSED.
	 * Memory may be three times that while rows are put together.
	 */
	uint64_t limit;

	/* The ports wanted, the others are dropped; NULL: all. */
	const struct mel_strings *ports;
};

/*
 * Reads the next utterance, over notes and heads; u is {0} or what the last
 * call left, whose content is released. Returns 1; 0 at the end of the input;
 * -1 if the stream is wrong or cut, or if a later head (cat a b) has another
 * mel contract than the first. The stream's head is mel_reader_head(). The
 * same u may go on with another reader: the contract must be the same. A
 * caller that read the head record itself must not have read further.
 * options may be NULL.
 */
int mel_utterance_next(struct mel_utterance *u, struct mel_reader *reader,
    const struct mel_utterance_options *options, struct mel_err *err);

/*
 * The same by records, for those that need not wait for the end: reads one
 * record. Returns 1 if it completed the utterance, 2 if it did not, 0 and -1 as
 * above. Before the first record of an utterance u->key is NULL, if what was
 * there before has been released by mel_utterance_clear.
 */
int mel_utterance_feed(struct mel_utterance *u, struct mel_reader *reader,
    const struct mel_utterance_options *options, struct mel_err *err);

/* Forgets the first n rows of a rows port's tensor, of those that it has. */
void mel_utterance_drop(struct mel_utterance *u, const char *port, int64_t n);

/*
 * Moves what was read to `to`, which must be {0}; u goes on with the next
 * one. `to` is for mel_utterance_free only.
 */
void mel_utterance_move(struct mel_utterance *to, struct mel_utterance *u);

/* Releases what was read; u goes on with the next one. */
void mel_utterance_clear(struct mel_utterance *u);

void mel_utterance_free(struct mel_utterance *u);

#endif
