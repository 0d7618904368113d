/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/picture.h"

#include <assert.h>
#include <math.h>

#include "plot/draw.h"
#include "plot/layout.h"

int
mel_picture_add(struct mel_picture *picture, const struct mel_figure *figure,
    struct mel_err *err)
{
	double width = floor(picture->width), height = floor(picture->height);

	assert(!picture->pages || picture->format == MEL_CANVAS_PDF);
	if (!width)
		width = MEL_PICTURE_WIDTH;
	if (!height)
		height = fmin(mel_layout_height(figure), MEL_CANVAS_SIDE);
	if (!picture->canvas && mel_canvas_open(&picture->canvas,
				    picture->format, &picture->data, err))
		return -1;
	if (mel_figure_draw(figure, picture->canvas, width, height, err))
		return -1;
	picture->lacks_font = mel_canvas_lacks_font(picture->canvas);
	picture->pages++;
	return 0;
}

int
mel_picture_finish(struct mel_picture *picture, struct mel_err *err)
{
	int rc = mel_canvas_close(picture->canvas, err);

	picture->canvas = NULL;
	return rc;
}

void
mel_picture_free(struct mel_picture *picture)
{
	mel_canvas_close(picture->canvas, NULL);
	picture->canvas = NULL;
	mel_buf_free(&picture->data);
	picture->pages = 0;
}
