/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_FEED_H
#define MEL_PLOT_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plot/hertz.h"
#include "tensor/utterance.h"

struct mel_err;
struct mel_figure;
struct mel_reader;
struct mel_scene;

/*
 * Several streams side by side: the n-th utterance of each belongs to one
 * figure.
 */
struct mel_plot_feed_input {
	const char *name;          /* for messages and headings; not owned */
	struct mel_reader *reader; /* owned; its head was read */
	struct mel_plot_contract contract; /* for the caller to set */
	struct mel_utterance u;            /* the present one */
};

struct mel_plot_feed {
	struct mel_plot_feed_input *input; /* [n], owned */
	size_t n;
	size_t cap;
};

/*
 * Adds a stream on an open descriptor, which stays the caller's, and reads
 * its head. Message names the stream.
 */
int mel_plot_feed_add(struct mel_plot_feed *feed, int fd, const char *name,
    uint64_t max_record, struct mel_err *err);

/*
 * The next utterance of each. Returns 1; 0 if all ended; -1 if a stream is
 * wrong or cut, or ended before another did.
 */
int mel_plot_feed_next(struct mel_plot_feed *feed, struct mel_err *err);

/*
 * The figure of the present utterances, which must be whole: the panels of
 * each stream, and with two streams and `diff` those of their main ports'
 * difference. Of the scene ports, range and notes are used; the title
 * is that of mel_scene_finish.
 */
int mel_plot_feed_figure(const struct mel_plot_feed *feed,
    const struct mel_scene *scene, bool diff, const char *title,
    struct mel_figure *figure, struct mel_err *err);

/* Whether all present utterances are whole. */
bool mel_plot_feed_whole(const struct mel_plot_feed *feed);

void mel_plot_feed_free(struct mel_plot_feed *feed);

#endif
