/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COPY_H
#define COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "copy_mel.h"
#include "stream.h"
#include "tensor/export.h"
#include "tensor/head.h"
#include "tensor/utterance.h"

struct mel_err;
struct mel_export;
struct mel_import;
struct mel_reader;
struct mel_writer;

/*
 * The work of tts-copy: utterances from streams or files of other programs to
 * a stream or such files. What fails with one utterance is printed and sets
 * `failed`; the functions return -1 only if input or output is lost.
 */
enum copy_input {
	COPY_AUTO,   /* a .npy file if it looks so, else a stream */
	COPY_STREAM, /* a record stream */
	COPY_FROM,   /* + enum mel_import_format */
};

enum copy_output {
	COPY_TO_AUTO,
	COPY_TO_STREAM,
	COPY_TO, /* + enum mel_export_format */
};

extern const char *const copy_outputs[]; /* names of these, ends with NULL */

/* What -t and -o ask for: COPY_TO_STREAM or more. */
int copy_output_type(int type, const char *output);

struct copy {
	int input_type; /* enum copy_input */
	int64_t width, max_record;
	struct tool_select keys, ports;
	uint64_t from, to; /* utterances [from, to) of all inputs, to 0: all */
	const char *port;  /* what tensors of files are called in a stream */
	struct copy_mel mel;

	struct mel_writer *writer; /* output: this one, */
	struct mel_export *export; /* or this one, else NULL */
	struct mel_export_options how;

	struct mel_head head;           /* owned; written to the stream */
	bool started;                   /* that is done */
	struct mel_utterance utterance; /* owned; read for files */
	uint64_t index; /* of the next utterance of all inputs */
	bool failed;
};

/*
 * Copies all inputs [up to NULL; none: standard input] and completes the
 * stream, if it is one.
 */
int copy_all(struct copy *copy, char **path, struct mel_err *err);

/* Whether the next utterance is selected; counts it. */
bool copy_wanted(struct copy *copy, const char *key);

/* A record stream, record by record. */
int copy_stream(
    struct copy *copy, struct mel_reader *reader, struct mel_err *err);

/* A record stream to files: its selected ports, or its main one. */
int copy_to_files(
    struct copy *copy, struct mel_reader *reader, struct mel_err *err);

/* Files to a stream or to files. */
int copy_files(
    struct copy *copy, struct mel_import *import, struct mel_err *err);

#endif
