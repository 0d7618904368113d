/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_ALBUM_H
#define MEL_PLOT_ALBUM_H

#include <stdbool.h>

#include "plot/canvas.h"
#include "plot/scene.h"

struct mel_err;
struct mel_plot_feed;

/*
 * All utterances of a feed as files: one picture, a PDF of a page each, or a
 * folder with a file each, which is there as soon as its utterance ended.
 */
struct mel_album {
	enum mel_canvas_format format;
	double width, height;   /* as in struct mel_picture */
	struct mel_scene scene; /* ports and range are used */
	bool diff;
	char *title;  /* not owned; NULL: key and text */
	char *output; /* not owned; path, NULL or "-": standard output */
	char *dir;    /* not owned; path of the folder, or NULL */

	/*
	 * Gets each utterance's failure and, unless quiet, each remark, one
	 * line fit to show.
	 */
	void (*tell)(const char *line);
	bool quiet;
};

/*
 * Returns 0; 1 if some utterances failed (told, or an error record, which its
 * own stage told) and the others were drawn; -1 if the rest could not be, then
 * no file is left but those finished in the folder. Without utterances no file
 * is made.
 */
int mel_album_make(const struct mel_album *album, struct mel_plot_feed *feed,
    struct mel_err *err);

/*
 * Shows the feed's first stream as text for a terminal, see plot/term.h: of
 * the album width and height [columns, lines], range, the first of the ports
 * and output are used. live: the output is a terminal. Returns as
 * mel_album_make.
 */
int mel_album_follow(const struct mel_album *album,
    const struct mel_plot_feed *feed, bool live, struct mel_err *err);

#endif
