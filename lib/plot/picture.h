/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_PLOT_PICTURE_H
#define MEL_PLOT_PICTURE_H

#include <stdbool.h>

#include "base/buf.h"
#include "plot/canvas.h"

struct mel_canvas;
struct mel_err;
struct mel_figure;

/*
 * A picture file in memory: figures become pages. Starts as {0} with format,
 * width and height set.
 */
struct mel_picture {
	enum mel_canvas_format format;
	double width;  /* [pixels or points], 0: MEL_PICTURE_WIDTH */
	double height; /* the same, 0: what suits each figure */

	struct mel_buf data;       /* the file, whole after finish */
	int pages;                 /* so far */
	bool lacks_font;           /* as mel_canvas_lacks_font */
	struct mel_canvas *canvas; /* private */
};

#define MEL_PICTURE_WIDTH 1000

/* A second page is for MEL_CANVAS_PDF only. */
int mel_picture_add(struct mel_picture *picture,
    const struct mel_figure *figure, struct mel_err *err);

/* Completes `data`; without a page it stays empty. */
int mel_picture_finish(struct mel_picture *picture, struct mel_err *err);

/* Gives up the memory; format, width and height stay for the next one. */
void mel_picture_free(struct mel_picture *picture);

#endif
