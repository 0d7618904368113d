/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_INLET_H
#define MEL_ADDON_INLET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "tensor/record.h"

struct mel_reader;
struct mel_streamable;

/*
 * The rows of a record stream as a streamable block: a pull reads as many
 * records as it needs and no more. One inlet serves a whole stream, one
 * utterance after another.
 */

/* How the utterance ended. */
enum mel_inlet_state {
	MEL_INLET_OPEN,  /* it did not yet */
	MEL_INLET_END,   /* with an end record */
	MEL_INLET_ERROR, /* with an error record: the rows are void */
	MEL_INLET_CUT,   /* the stream is wrong or ends here */
};

struct mel_inlet {
	struct mel_reader *reader; /* borrowed */

	/* Called for side rows and notes on the way; may be NULL. Fails by
	 * returning -1, which fails the pull. */
	int (*pass)(
	    void *ctx, const struct mel_record *record, struct mel_err *err);
	void *ctx;

	enum mel_inlet_state state;
	struct mel_err why; /* of CUT */
	json_t *last; /* owned; JSON of the end or error record, or NULL */

	/* Private: the record being given out. */
	struct mel_record record;
	int64_t given; /* rows of it */
	bool full;     /* there is one */
	int port;      /* the main rows port, -1: none */
	int64_t width;
};

/* At the begin record: nothing of the utterance was read behind it but its
 * sequence data. */
void mel_inlet_begin(struct mel_inlet *inlet, struct mel_reader *reader);

/* The next record of the utterance, for the caller to look at. -1: CUT. */
int mel_inlet_read(
    struct mel_inlet *inlet, struct mel_record *record, struct mel_err *err);

/* `record` is the next one of the utterance, already read: DATA, NOTE, END
 * or ERROR. Valid until the next read. */
int mel_inlet_push(struct mel_inlet *inlet, const struct mel_record *record,
    struct mel_err *err);

/* Reads to the end of the utterance; rows are dropped. -1 if that is CUT, or
 * what passes cannot be written. */
int mel_inlet_finish(struct mel_inlet *inlet, struct mel_err *err);

void mel_inlet_free(struct mel_inlet *inlet);

/* The block over an inlet, which must outlive it. */
int mel_inlet_open(struct mel_streamable **block, struct mel_inlet *inlet,
    struct mel_err *err);

#endif
