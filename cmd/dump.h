/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DUMP_H
#define DUMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "stream.h"

struct mel_head;
struct mel_record;

/*
 * What tts-dump prints: follows the records of a stream, selects, and gives
 * each selected one to a printer, which appends to `out`.
 */
struct dump {
	struct tool_select keys, ports; /* the caller's to open and close */
	struct mel_buf out;             /* the caller writes and clears it */
	struct mel_err err;             /* why it failed */

	/* For the printers, valid while a record is printed: */
	const struct mel_head *head; /* of the stream that is read */
	const char *key;   /* of the utterance (in `begin`), NULL outside */
	json_t *begin;     /* owned; of this utterance or the last one */
	const char *port;  /* DATA: the port's name (the head's), else NULL */
	int64_t tokens;    /* length of the port "tokens", -1: none so far */
	uint32_t first_us; /* of its first rows (tensor if no rows), 0: none */
	const char *shown; /* dump_text: port whose rows are being printed */
	bool selected;     /* the utterance is */
};

/* Prints one record; 0, or -1 and d->err. The page says what each prints. */
typedef int dump_printer(struct dump *d, const struct mel_record *record);

dump_printer dump_line, dump_json, dump_text, dump_lengths, dump_latency;

/* Begins a stream, in the middle of whatever came before. */
void dump_stream(struct dump *d, const struct mel_head *head);

/* The next record of that stream; printed if it is selected. 0 or -1. */
int dump_record(
    struct dump *d, const struct mel_record *record, dump_printer *print);

/* All but the selections. */
void dump_free(struct dump *d);

#endif
