/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_TERM_H
#define MEL_PLOT_TERM_H

#include <stdbool.h>
#include <stdint.h>

#include "plot/hertz.h"

struct mel_buf;
struct mel_err;
struct mel_reader;
struct mel_tensor;

/*
 * A spectrogram as text for a terminal with 24-bit colours: each character
 * is an upper half block, two cells above one another. The picture is made of
 * strips as wide as the terminal; frequencies stand left, seconds below. An
 * utterance whose frames are known beforehand fits in one strip; else a strip
 * holds MEL_TERM_SECONDS, and further ones follow below.
 */
#define MEL_TERM_SECONDS 4    /* of a strip of unknown end */
#define MEL_TERM_LEAST   16   /* columns */
#define MEL_TERM_MOST    1024 /* columns, lines */

struct mel_term_options {
	int columns; /* [MEL_TERM_LEAST..MEL_TERM_MOST], margin included */
	int lines;   /* of a strip [2..MEL_TERM_MOST], axis not counted */
	bool live;   /* a strip is drawn anew while it grows */
	bool ranged; /* lo, hi are the range of colours, else what came */
	double lo, hi;
	struct mel_plot_contract contract; /* of the stream; zero: unknown */
	bool tokens; /* without one: rows are tokens, not frames */
};

/*
 * Columns and lines that are 0 become those of the terminal behind fd, at
 * most MEL_TERM_LINES, or 80 x MEL_TERM_LINES if there is none.
 */
#define MEL_TERM_LINES 20
void mel_term_fit(struct mel_term_options *options, int fd);

struct mel_term;

/* What is to be shown is appended to out, which must live until close. */
int mel_term_open(struct mel_term **term,
    const struct mel_term_options *options, struct mel_buf *out,
    struct mel_err *err);

/* Begins an utterance; frames: how many rows will come, or -1. */
int mel_term_begin(struct mel_term *term, const char *title, int64_t frames,
    struct mel_err *err);

/* The next rows: a vector or matrix of any type. */
int mel_term_rows(
    struct mel_term *term, const struct mel_tensor *rows, struct mel_err *err);

/* Ends the utterance; harmless without one. */
int mel_term_end(struct mel_term *term, struct mel_err *err);

void mel_term_close(struct mel_term *term);

/*
 * Shows all utterances of a stream whose head was just read, as they come: the
 * main rows port, or `port` if not NULL. output: as in mel_outfile_open, NULL
 * for standard output. Returns 0, or 1 if an utterance ended with an error
 * record (its rows stay where they were shown); -1 on any other trouble.
 */
int mel_term_follow(const struct mel_term_options *options,
    struct mel_reader *reader, const char *port, const char *output,
    struct mel_err *err);

#endif
