/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/album.h"

#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/option.h"
#include "base/outdir.h"
#include "plot/feed.h"
#include "plot/figure.h"
#include "plot/picture.h"
#include "plot/term.h"
#include "tensor/utterance.h"

struct work {
	const struct mel_album *album;
	struct mel_plot_feed *feed;
	struct mel_picture picture;
	struct mel_outdir dir;
	bool told_font;
	bool failed;
};

static const char *const suffix[] = {"png", "svg", "pdf"};

static void
tell(const struct work *w, bool failure, const char *line)
{
	if (failure || !w->album->quiet)
		w->album->tell(line);
}

/* Writes the file that `picture` holds and empties it. */
static int
save(struct work *w, struct mel_outfile *out, struct mel_err *err)
{
	struct mel_picture *p = &w->picture;
	int rc;

	if (p->lacks_font && !w->told_font)
		tell(w, false,
		    "no font is installed: only ASCII can be read (Debian: "
		    "fonts-dejavu-core)");
	w->told_font |= p->lacks_font;
	rc = mel_picture_finish(p, err);
	if (!rc)
		rc = mel_write_full(out->fd, p->data.data, p->data.len, err);
	if (rc)
		mel_fail_in(
		    err, "%s", out->path ? out->path : "standard output");
	if (rc)
		mel_outfile_abort(out);
	else
		rc = mel_outfile_commit(out, err);
	return rc;
}

/* The present utterances on a page. */
static int
draw(struct work *w, struct mel_err *err)
{
	const struct mel_album *a = w->album;
	struct mel_figure figure = {0};
	struct mel_strings notes = {0};
	struct mel_scene scene = a->scene;
	int rc;

	scene.notes = &notes;
	rc = mel_plot_feed_figure(
	    w->feed, &scene, a->diff, a->title, &figure, err);
	if (!rc)
		rc = mel_picture_add(&w->picture, &figure, err);
	for (size_t i = 0; i < notes.n; i++)
		tell(w, false, notes.item[i]);
	mel_figure_free(&figure);
	mel_strings_free(&notes);
	return rc;
}

/* A fault here is the utterance's own; the next may be better. */
static int
draw_file(struct work *w, struct mel_err *err)
{
	struct mel_outfile out;
	int rc = draw(w, err);

	if (!rc)
		rc = mel_outdir_file(&w->dir, w->feed->input[0].u.key, NULL,
		    suffix[w->album->format], &out, err);
	if (!rc)
		rc = save(w, &out, err);
	mel_picture_free(&w->picture);
	return rc;
}

static void
check_whole(struct work *w)
{
	for (size_t i = 0; i < w->feed->n; i++) {
		const struct mel_utterance *u = &w->feed->input[i].u;

		if (u->state == MEL_UTT_REFUSED)
			tell(w, true, u->error);
		w->failed |= u->state != MEL_UTT_WHOLE;
	}
}

static int
draw_all(struct work *w, struct mel_err *err)
{
	bool single = !w->album->dir && w->album->format != MEL_CANVAS_PDF;
	struct mel_outfile out;
	struct mel_err why;
	int more;

	while ((more = mel_plot_feed_next(w->feed, err)) > 0) {
		if (w->picture.pages && single)
			return mel_fail(err,
			    "more than one utterance for one picture: use "
			    "-d DIR or -t pdf");
		if (!mel_plot_feed_whole(w->feed)) {
			check_whole(w);
			continue;
		}
		if (w->album->dir ? draw_file(w, &why) : draw(w, &why)) {
			tell(w, true, why.msg);
			w->failed = true;
		}
	}
	if (more < 0)
		return -1;
	if (!w->picture.pages)
		return 0;
	if (mel_outfile_open(
		&out, w->album->output ? w->album->output : "-", err))
		return -1;
	return save(w, &out, err);
}

int
mel_album_make(const struct mel_album *album, struct mel_plot_feed *feed,
    struct mel_err *err)
{
	struct work w = {.album = album,
	    .feed = feed,
	    .picture = {.format = album->format,
		.width = album->width,
		.height = album->height}};
	int rc = 0;

	if (album->dir)
		rc = mel_outdir_open(&w.dir, album->dir, err);
	if (!rc)
		rc = draw_all(&w, err);
	mel_picture_free(&w.picture);
	mel_outdir_close(&w.dir);
	return rc ? -1 : w.failed;
}

int
mel_album_follow(const struct mel_album *album,
    const struct mel_plot_feed *feed, bool live, struct mel_err *err)
{
	const struct mel_plot_feed_input *in = &feed->input[0];
	const struct mel_scene *scene = &album->scene;
	struct mel_term_options o = {.columns = (int)album->width,
	    .lines = (int)album->height,
	    .live = live,
	    .ranged = scene->ranged,
	    .lo = scene->lo,
	    .hi = scene->hi,
	    .contract = in->contract};

	mel_term_fit(&o, STDOUT_FILENO);
	return mel_term_follow(&o, in->reader,
	    scene->ports.n ? scene->ports.item[0] : NULL, album->output, err);
}
