/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_SOURCE_H
#define MEL_ADDON_SOURCE_H

#include "block/streamable.h"
#include "tensor/reader.h"

/*
 * The rows of a record stream as a streamable block: a pull reads as many
 * records as it needs and no more. One source serves a whole stream, one
 * utterance after another.
 */

/* How the utterance ended. */
enum mel_source_state {
	MEL_SOURCE_OPEN,  /* it did not yet */
	MEL_SOURCE_END,   /* with an end record */
	MEL_SOURCE_ERROR, /* with an error record: the rows are void */
	MEL_SOURCE_CUT,   /* the stream is wrong or ends here */
};

struct mel_source {
	struct mel_reader *reader; /* borrowed */

	/* Called for side rows and notes on the way; may be NULL. Fails by
	 * returning -1, which fails the pull. */
	int (*pass)(
	    void *ctx, const struct mel_record *record, struct mel_err *err);
	void *ctx;

	enum mel_source_state state;
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
void mel_source_begin(struct mel_source *source, struct mel_reader *reader);

/* `record` is the next one of the utterance, already read: DATA, NOTE, END
 * or ERROR. Valid until the next read. */
int mel_source_push(struct mel_source *source, const struct mel_record *record,
    struct mel_err *err);

/* Reads to the end of the utterance; rows are dropped. -1 only if CUT. */
int mel_source_finish(struct mel_source *source, struct mel_err *err);

void mel_source_free(struct mel_source *source);

/* The block over a source, which must outlive it. */
int mel_source_open(struct mel_streamable **block, struct mel_source *source,
    struct mel_err *err);

#endif
