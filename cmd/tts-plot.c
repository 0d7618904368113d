/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/option.h"
#include "dsp/contract.h"
#include "plot/album.h"
#include "plot/feed.h"
#include "stream.h"
#include "tensor/head.h"
#include "tensor/reader.h"
#include "tool.h"

/* AUTO, then enum mel_canvas_format + 1, then TERM. */
enum {
	AUTO,
	PNG = MEL_CANVAS_PNG + 1,
	TERM = MEL_CANVAS_PDF + 2
};
static const char *const types[] = {"auto", "png", "svg", "pdf", "term", NULL};

struct values {
	int type;
	char *range;
	int64_t max_record;
	struct mel_album a;
};

#define AT(field) .offset = offsetof(struct values, field)
#define SIDE      .arg = "N", .min = 1, .max = MEL_CANVAS_SIDE

static const struct mel_option options[] = {
    {"type", 't', MEL_OPT_CHOICE, AT(type), .preset = "auto", .choice = types,
	.help = "kind of picture"},
    TOOL_OPTION_OUTPUT(values, a.output),
    TOOL_OPTION_DIR(values, a.dir),
    {"width", 0, MEL_OPT_FLOAT, AT(a.width), SIDE,
	.help = "width in pixels, points or columns"},
    {"height", 0, MEL_OPT_FLOAT, AT(a.height), SIDE,
	.help = "height in pixels, points or lines"},
    TOOL_OPTION_PORTS(values, a.scene.ports),
    {"title", 0, MEL_OPT_STRING, AT(a.title), .arg = "TEXT",
	.help = "title instead of key and text"},
    {"range", 0, MEL_OPT_STRING, AT(range), .arg = "LO,HI",
	.help = "values of the darkest and the lightest colour"},
    {"diff", 0, MEL_OPT_FLAG, AT(a.diff),
	.help = "draw two streams and their difference"},
    TOOL_OPTION_MAX_RECORD(values, max_record),
    TOOL_OPTION_QUIET(values, a.quiet),
    {0},
};

static const struct tool tool = {"tts-plot", "[options] [FILE ...]",
    "Draws mel-spectrograms and other tensors of record streams", options};

static bool
on_terminal(const struct mel_album *a)
{
	return !a->dir && (!a->output || !strcmp(a->output, "-")) &&
	       isatty(STDOUT_FILENO);
}

/* -t, or the suffix of -o, or what suits standard output. */
static int
type_of(int type, const struct mel_album *a)
{
	if (type != AUTO)
		return type;
	type = tool_type_of(a->output, types);
	if (!type)
		return on_terminal(a) ? TERM : PNG;
	if (type >= PNG && type < TERM)
		return type;
	tool_usage("%s: the name does not tell the type: use -t", a->output);
}

/* Zero, so that rows and bands are counted, for a stream without one. */
static struct mel_plot_contract
contract_of(const struct mel_plot_feed_input *in)
{
	static const char *const unit[][2] = {{"magnitude", "power"},
	    {"ln magnitude", "ln power"}, {"log10 magnitude", "log10 power"},
	    {"dB", "dB"}};
	json_t *json = mel_reader_head(in->reader)->contract;
	struct mel_contract c;
	struct mel_err err;

	if (!json)
		return (struct mel_plot_contract){.rate = 0};
	if (mel_contract_from_json(&c, json, &err))
		tool_die("%s: mel contract: %s", in->name, err.msg);
	return (struct mel_plot_contract){(double)c.rate, (double)c.hop, c.fmin,
	    c.fmax,
	    c.scale == MEL_SCALE_SLANEY ? MEL_PLOT_SLANEY : MEL_PLOT_HTK,
	    (int)c.bands, c.normalised ? "normalised" : unit[c.log][c.spectrum],
	    c.log || c.normalised              ? 0
	    : c.spectrum == MEL_SPECTRUM_POWER ? 10
					       : 20};
}

static void
tell(const char *line)
{
	tool_warn("%s", line);
}

int
main(int argc, char **argv)
{
	struct values v = {0};
	struct mel_plot_feed feed = {0};
	struct mel_album *album = &v.a;
	struct mel_err err;
	int first = tool_parse(&tool, argc, argv, &v), n = argc - first, rc;
	int type = type_of(v.type, album);

	if (album->diff && n != 2)
		tool_usage("--diff needs two streams");
	if (type == TERM && (n > 1 || album->dir || album->scene.ports.n > 1))
		tool_usage("-t term draws one tensor of one stream");
	if (album->dir && album->output)
		tool_usage("-o and -d exclude each other");
	if (type != TERM && on_terminal(album))
		tool_usage("binary data is not written to a terminal");
	if (v.range && mel_scene_range(&album->scene, v.range, &err))
		tool_usage("--range: %s", err.msg);
	for (int i = 0; i < n || !i; i++) {
		const char *name = n ? argv[first + i] : NULL;

		if (mel_plot_feed_add(&feed, tool_open_input(name),
			tool_input_name(name), (uint64_t)v.max_record, &err))
			tool_die("%s", err.msg);
		feed.input[i].contract = contract_of(&feed.input[i]);
	}
	album->format = (enum mel_canvas_format)(type - PNG);
	album->tell = tell;
	rc = type == TERM
		 ? mel_album_follow(album, &feed, on_terminal(album), &err)
		 : mel_album_make(album, &feed, &err);
	if (rc < 0)
		tool_die("%s", err.msg);
	mel_plot_feed_free(&feed);
	mel_options_free(options, &v);
	return rc;
}
