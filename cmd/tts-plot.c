/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dsp/contract.h"
#include "plot/album.h"
#include "plot/term.h"
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
	char *output, *dir, *title, *range;
	int64_t width, height, max_record;
	struct mel_strings ports;
	bool diff, quiet;
};

#define ROW(kind, field, n, l, a, h, ...)                                      \
	{                                                                      \
		.name = n, .letter = l, .type = MEL_OPT_##kind,                \
		.offset = offsetof(struct values, field), .arg = a, .help = h, \
		__VA_ARGS__                                                    \
	}

static const struct mel_option options[] = {
    ROW(CHOICE, type, "type", 't', "TYPE", "kind of picture", .choice = types,
	.preset = "auto"),
    ROW(STRING, output, "output", 'o', "FILE", "write there"),
    ROW(STRING, dir, "dir", 'd', "DIR", "one file per utterance, DIR/KEY.TYPE"),
    ROW(INT, width, "width", 0, "N", "pixels, points or columns", .min = 1,
	.max = MEL_CANVAS_SIDE),
    ROW(INT, height, "height", 0, "N", "pixels, points or lines", .min = 1,
	.max = MEL_CANVAS_SIDE),
    ROW(LIST, ports, "ports", 0, "NAME", "draw this tensor; may be repeated"),
    ROW(STRING, title, "title", 0, "TEXT", "instead of key and text"),
    ROW(STRING, range, "range", 0, "LO,HI",
	"values at the ends of the colours"),
    ROW(FLAG, diff, "diff", 0, NULL, "two streams and their difference"),
    ROW(INT, max_record, "max-record", 0, "BYTES", "largest record accepted",
	.preset = "67108864", .min = 64, .max = 1e15),
    ROW(FLAG, quiet, "quiet", 'q', NULL, "no remarks"),
    {0},
};

static const struct tool tool = {"tts-plot", "[options] [FILE ...]",
    "Draws mel-spectrograms and other tensors of record streams", options};

/* -t, or the suffix of -o, or what suits standard output. */
static int
type_of(const struct values *v)
{
	const char *dot = v->output ? strrchr(v->output, '.') : NULL;

	if (v->type != AUTO)
		return v->type;
	if (!dot || v->dir)
		return !v->dir && !v->output && isatty(1) ? TERM : PNG;
	for (int i = PNG; i < TERM; i++) {
		if (!strcasecmp(dot + 1, types[i]))
			return i;
	}
	tool_usage("%s: the name does not tell the type: use -t", v->output);
}

static struct mel_plot_contract
contract_of(const struct mel_feed_input *in, bool quiet)
{
	static const char *const unit[][2] = {{"magnitude", "power"},
	    {"ln magnitude", "ln power"}, {"log10 magnitude", "log10 power"},
	    {"dB", "dB"}};
	json_t *json = mel_reader_head(in->reader)->contract;
	struct mel_contract c;
	struct mel_err err;

	if (!json && !quiet)
		tool_warn("%s: no mel contract in the head: axes are frames "
			  "and bands",
		    in->name);
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
tell(void *quiet, bool failure, const char *line)
{
	if (failure || !*(bool *)quiet)
		tool_warn("%s", line);
}

static int
follow(const struct values *v, const struct mel_scene *scene,
    const struct mel_feed_input *in, struct mel_err *err)
{
	struct mel_term_options o = {80, 20, isatty(1) && !v->output,
	    scene->ranged, scene->lo, scene->hi, in->contract};
	struct mel_outfile out;
	struct winsize size;
	int rc;

	if (!ioctl(1, TIOCGWINSZ, &size) && size.ws_col && size.ws_row > 5) {
		o.columns = size.ws_col;
		o.lines = size.ws_row - 4 < 20 ? size.ws_row - 4 : 20;
	}
	o.columns = v->width ? (int)v->width : o.columns;
	o.lines = v->height ? (int)v->height : o.lines;
	tool_open_output(&out, v->output, false);
	rc = mel_term_follow(
	    &o, in->reader, v->ports.n ? v->ports.item[0] : NULL, out.fd, err);
	if (rc < 0)
		mel_outfile_abort(&out);
	else
		tool_commit_output(&out);
	return rc;
}

static void
open_all(struct mel_feed *feed, const struct values *v, char **path, int n)
{
	struct mel_err err;

	for (int i = 0; i < n || !i; i++) {
		const char *name = i < n ? path[i] : NULL;

		if (mel_feed_add(feed, tool_open_input(name),
			tool_input_name(name), (uint64_t)v->max_record, &err))
			tool_die("%s", err.msg);
		feed->input[i].contract =
		    contract_of(&feed->input[i], v->quiet);
	}
}

int
main(int argc, char **argv)
{
	struct values v = {0};
	struct mel_feed feed = {0};
	struct mel_album album = {.tell = tell, .ctx = &v.quiet};
	struct mel_err err;
	int first = tool_parse(&tool, argc, argv, &v), n = argc - first, rc;
	int type = type_of(&v);

	if (v.diff && n != 2)
		tool_usage("--diff needs two streams");
	if (type == TERM && (n > 1 || v.dir || v.ports.n > 1))
		tool_usage("-t term draws one tensor of one stream");
	if (type != TERM && !v.output && !v.dir && isatty(1))
		tool_usage("binary data is not written to a terminal");
	if (v.range && mel_scene_range(&album.scene, v.range, &err))
		tool_usage("--range: %s", err.msg);
	open_all(&feed, &v, argv + first, n);
	album.scene.ports = v.ports;
	album.format = (enum mel_canvas_format)(type - PNG);
	album.width = (double)v.width;
	album.height = (double)v.height;
	album.diff = v.diff;
	album.title = v.title;
	album.output = v.output;
	album.dir = v.dir;
	rc = type == TERM ? follow(&v, &album.scene, feed.input, &err)
			  : mel_album_make(&album, &feed, &err);
	if (rc < 0)
		tool_die("%s", err.msg);
	mel_feed_free(&feed);
	mel_options_free(options, &v);
	return rc;
}
