/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_PEER_H
#define MEL_BLOCK_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/process.h"

struct mel_reader;
struct mel_record;
struct mel_writer;

/*
 * A program that is talked to in record streams. What is written waits in
 * memory until the program reads; both of its pipes are served while a record
 * of it is waited for, so it may read ahead and answer late and neither side
 * can block the other for good. Starts as {0}.
 */
struct mel_peer {
	/* Set before start, must outlive the peer. */
	const char *const *argv; /* ends with NULL; argv[0] is found in PATH */
	const char *title;       /* the command, for messages */
	uint64_t timeout;        /* that it may neither read nor answer [ns] */

	/*
	 * It answers nothing and has read all: writes more, if there is more.
	 * Failure is that of mel_peer_next, with this message.
	 */
	int (*more)(void *ctx, struct mel_err *err);
	void *ctx;

	/* What it is told, and what it says; set by start. */
	struct mel_writer *writer;
	struct mel_reader *reader;

	struct mel_process process; /* private from here on */
	struct mel_buf queue;       /* bytes for it */
	size_t sent;                /* of queue */
	bool closing;               /* nothing follows what is queued */
	bool silent;                /* its output has ended */
	uint64_t since_ns;          /* when it last did something */
	struct mel_err why; /* what reading failed of; "": of the stream */
};

int mel_peer_start(struct mel_peer *peer, struct mel_err *err);

/* Whether there is one: it was started and did not fail since. */
bool mel_peer_runs(const struct mel_peer *peer);

/* Whether it can still be told something; one may close its input. */
bool mel_peer_listens(const struct mel_peer *peer);

/*
 * Its next record, valid until the next call. On failure (the stream is
 * wrong, cut, or nothing came in time) the message begins with the title and
 * says how it ended, if it did, and the program is stopped. err not NULL.
 */
int mel_peer_next(
    struct mel_peer *peer, struct mel_record *record, struct mel_err *err);

/* Time runs from now on: it was not waited for before, or has answered. */
void mel_peer_wake(struct mel_peer *peer);

/* Ends it at once. Harmless if there is none. */
void mel_peer_stop(struct mel_peer *peer);

/*
 * Ends its stream, between utterances, and gives it a second to end itself;
 * what it writes is dropped.
 */
void mel_peer_dismiss(struct mel_peer *peer);

/* Stops it and frees. */
void mel_peer_free(struct mel_peer *peer);

#endif
