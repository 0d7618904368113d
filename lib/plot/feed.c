/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "plot/scene.h"
#include "tensor/reader.h"
#include "tensor/record.h"

int
mel_plot_feed_add(struct mel_plot_feed *feed, int fd, const char *name,
    uint64_t max_record, struct mel_err *err)
{
	struct mel_plot_feed_input *in;
	struct mel_record head;

	if (mel_reserve(
		&feed->input, &feed->cap, feed->n + 1, sizeof(*in), err))
		return -1;
	in = &feed->input[feed->n];
	memset(in, 0, sizeof(*in));
	in->name = name;
	if (mel_reader_open_fd(&in->reader, fd, name, max_record, err))
		return -1;
	feed->n++;
	return mel_reader_next(in->reader, &head, err) > 0 ? 0 : -1;
}

int
mel_plot_feed_next(struct mel_plot_feed *feed, struct mel_err *err)
{
	size_t ended = 0, going = 0;

	for (size_t i = 0; i < feed->n; i++) {
		struct mel_plot_feed_input *in = &feed->input[i];
		int rc = mel_utterance_next(&in->u, in->reader, NULL, err);

		if (rc < 0)
			return -1;
		if (rc == 0)
			ended = i + 1;
		else
			going = i + 1;
	}
	if (ended && going)
		return mel_fail(err, "%s: ends before utterance '%s' of %s",
		    feed->input[ended - 1].name, feed->input[going - 1].u.key,
		    feed->input[going - 1].name);
	return going > 0;
}

static bool
same_contract(
    const struct mel_plot_contract *a, const struct mel_plot_contract *b)
{
	return a->rate == b->rate && a->hop == b->hop && a->fmin == b->fmin &&
	       a->fmax == b->fmax && a->scale == b->scale &&
	       a->bands == b->bands && a->decibel == b->decibel &&
	       !strcmp(a->unit ? a->unit : "", b->unit ? b->unit : "");
}

int
mel_plot_feed_figure(const struct mel_plot_feed *feed,
    const struct mel_scene *scene, bool diff, const char *title,
    struct mel_figure *figure, struct mel_err *err)
{
	const struct mel_plot_feed_input *a = &feed->input[0], *in;
	struct mel_scene own = *scene;
	const struct mel_head *head;

	if (diff && !same_contract(&a->contract, &a[1].contract))
		return mel_fail(err,
		    "%s and %s have different mel contracts: no difference",
		    a->name, a[1].name);
	own.main_only = diff;
	for (size_t i = 0; i < feed->n; i++) {
		in = &feed->input[i];
		head = mel_reader_head(in->reader);
		own.contract = in->contract;
		own.heading = feed->n > 1 ? in->name : NULL;
		if (mel_scene_add(figure, &own, head, &in->u, err))
			return -1;
	}
	own.contract = a->contract;
	head = mel_reader_head(a->reader);
	if (diff &&
	    mel_scene_difference(figure, &own, head, &a->u, &a[1].u, err))
		return -1;
	return mel_scene_finish(figure, title, &a->u, err);
}

bool
mel_plot_feed_whole(const struct mel_plot_feed *feed)
{
	for (size_t i = 0; i < feed->n; i++) {
		if (feed->input[i].u.state != MEL_UTT_WHOLE)
			return false;
	}
	return true;
}

void
mel_plot_feed_free(struct mel_plot_feed *feed)
{
	for (size_t i = 0; i < feed->n; i++) {
		mel_utterance_free(&feed->input[i].u);
		mel_reader_close(feed->input[i].reader);
	}
	free(feed->input);
	*feed = (struct mel_plot_feed){0};
}
