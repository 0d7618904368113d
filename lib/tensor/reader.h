/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_READER_H
#define MEL_TENSOR_READER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/io.h"

struct mel_err;
struct mel_head;
struct mel_record;

/*
 * Reads a record stream and checks the whole grammar of melpipe-frame(5), see
 * grammar.h: the order of records, their numbers, that every sequence port
 * comes exactly once unless the utterance ends with an error, that dtype, rank
 * and dims are the head's, that the rows of each port follow on without gap
 * and the end counts those of the main port. A second stream may follow the
 * first (cat a b) and starts again with a head.
 */
struct mel_reader;

/*
 * name: of the source, for messages ("standard input"), copied.
 * limit: largest record [bytes], 0 for MEL_RECORD_LIMIT.
 */
int mel_reader_open(struct mel_reader **reader, mel_read_fn *read, void *ctx,
    const char *name, uint64_t limit, struct mel_err *err);

/* The same on a file descriptor, which stays the caller's. */
int mel_reader_open_fd(struct mel_reader **reader, int fd, const char *name,
    uint64_t limit, struct mel_err *err);

void mel_reader_close(struct mel_reader *reader);

/*
 * The next record, checked. Returns 1; 0 at the end, which is right only
 * behind a finish record; -1 on anything else: then the message says what is
 * wrong and names the last whole record ("NAME: cut after record 12 (data,
 * utterance 1)"), and the reader stays at the error. The record is valid until
 * the next call; its tensor's data is aligned to 64 bytes.
 */
int mel_reader_next(
    struct mel_reader *reader, struct mel_record *record, struct mel_err *err);

/* Its name for messages, valid until it is closed. */
const char *mel_reader_name(const struct mel_reader *reader);

/* The head of the stream being read; empty before the first record. */
const struct mel_head *mel_reader_head(const struct mel_reader *reader);

/* Bytes consumed so far: the offset of the record that comes next. */
uint64_t mel_reader_offset(const struct mel_reader *reader);

/*
 * Skips to the record that ends the present utterance (there must be one), and
 * returns that (1), or -1. For consumers that gave up on an utterance but not
 * on the stream.
 */
int mel_reader_skip(
    struct mel_reader *reader, struct mel_record *record, struct mel_err *err);

#endif
