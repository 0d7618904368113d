/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_WRITER_H
#define MEL_TENSOR_WRITER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct mel_err;
struct mel_head;
struct mel_tensor;

/*
 * Writes a record stream, one write(2) per record, nothing held back. Numbers
 * (record, utterance, first row) are kept by the writer; a call out of the
 * grammar's order is a mistake of the program (assert). A tensor that is not
 * what the head declares, or too large, is an error: nothing was written then
 * and the utterance can be ended with mel_writer_error. After a failed write
 * every further call fails with the same message.
 */
struct mel_writer;

struct mel_writer_options {
	const char *tool; /* for end and error records; must outlive */
	bool times;       /* fill t_us; false: 0 everywhere */
	uint64_t limit;   /* largest record [bytes], 0: MEL_RECORD_LIMIT */
};

/* The descriptor stays the caller's. */
int mel_writer_open(struct mel_writer **writer, int fd,
    const struct mel_writer_options *options, struct mel_err *err);

/*
 * A sink of records, each in n parts. Takes all bytes, or fails; may change
 * the parts.
 */
typedef int mel_put_fn(
    void *ctx, struct iovec *part, int n, struct mel_err *err);

/* The same into a sink. */
int mel_writer_open_sink(struct mel_writer **writer, mel_put_fn *put, void *ctx,
    const struct mel_writer_options *options, struct mel_err *err);

/* Frees; writes nothing, so a stream without finish stays a cut one. */
void mel_writer_close(struct mel_writer *writer);

/* The head is copied. */
int mel_writer_head(struct mel_writer *writer, const struct mel_head *head,
    struct mel_err *err);

/*
 * Begins an utterance. meta: object with at least "key"; "t0" [us since the
 * epoch] is what t_us counts from, now if it is 0 or not there. The reference
 * stays the caller's and the object is not changed; with times off the record
 * is written with t0 = 0.
 */
int mel_writer_begin(
    struct mel_writer *writer, json_t *meta, struct mel_err *err);

/*
 * One tensor of a sequence port, or the next rows of a rows port (split into
 * several records where one would pass the limit; no rows: no record).
 */
int mel_writer_data(struct mel_writer *writer, int port,
    const struct mel_tensor *tensor, struct mel_err *err);

/*
 * Ends the utterance. stages: array of {tool, first_us, last_us} from the
 * stages before (not changed) or NULL; this tool's entry is appended: when its
 * first rows (first tensor, if it has no rows) and this record went out. With
 * times off all of them are 0. A sequence port that got no tensor is an error.
 */
int mel_writer_end(
    struct mel_writer *writer, json_t *stages, struct mel_err *err);

/*
 * Ends the utterance with an error: rows sent before are void. Without an
 * open utterance one with the given key is begun first, else the key is the
 * begun one's. tool: where the error arose, NULL for the writer's own. Bytes
 * that are not UTF-8 are written as '?'.
 */
int mel_writer_error(struct mel_writer *writer, const char *key,
    const char *tool, const char *message, struct mel_err *err);

/* Any JSON object, e.g. {"warning": "..."}. */
int mel_writer_note(
    struct mel_writer *writer, json_t *note, struct mel_err *err);

/* The last record of the stream. */
int mel_writer_finish(struct mel_writer *writer, struct mel_err *err);

/* Microseconds since the epoch, as t0 wants them. */
uint64_t mel_now_us(void);

#endif
