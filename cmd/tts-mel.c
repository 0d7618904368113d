/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/io.h"
#include "base/option.h"
#include "contract.h"
#include "dsp/sound_out.h"
#include "isa.h"
#include "mel.h"
#include "places.h"
#include "stream.h"
#include "tool.h"

enum {
	TYPE_AUTO,
	TYPE_RAW
};

struct values {
	int type, format, times, isa;
	int64_t rate, channels;
	char *addon, *channel, *output;
	struct mel_strings lists;
	bool no_resample, quiet, verbose;
	double max_seconds;
	struct contract_flags contract;
};

#define AT(field) .offset = offsetof(struct values, field)

static const char *const types[] = {"auto", "raw", NULL};

static const struct mel_option own[] = {
    {"addon", 'a', MEL_OPT_STRING, AT(addon), .arg = "ADDON",
	.help = "make mels of this voice's contract"},
    {"type", 't', MEL_OPT_CHOICE, AT(type), .preset = "auto", .choice = types,
	.help = "input: sound files of any kind, or bare samples"},
    {"rate", 0, MEL_OPT_INT, AT(rate), .arg = "HZ", .min = 1, .max = 4e6,
	.help = "sample rate of raw input (default the contract's)"},
    {"format", 0, MEL_OPT_CHOICE, AT(format), .preset = "s16",
	.choice = mel_sample_formats, .help = "samples of raw input"},
    {"channels", 0, MEL_OPT_INT, AT(channels), .arg = "N", .preset = "1",
	.min = 1, .max = 64, .help = "channels of raw input"},
    {"channel", 0, MEL_OPT_STRING, AT(channel), .arg = "N|mix",
	.help = "channel to take of several, from 1, or their mean"},
    {"no-resample", 0, MEL_OPT_FLAG, AT(no_resample),
	.help = "refuse sounds of another rate than the contract's"},
    {"files-from", 'f', MEL_OPT_LIST, AT(lists), .arg = "FILE",
	.help = "read names of inputs from there, one a line"},
    TOOL_OPTION_OUTPUT(values, output),
    {"max-seconds", 0, MEL_OPT_FLOAT, AT(max_seconds), .arg = "S",
	.preset = "3600", .min = 0.001, .max = 1e6,
	.help = "longest sound, if the contract has a range"},
    TOOL_OPTION_ISA(values, isa),
    TOOL_OPTION_TIMES(values, times),
    TOOL_OPTION_QUIET(values, quiet),
    {"verbose", 'v', MEL_OPT_FLAG, AT(verbose),
	.help = "say what was read and done"},
    {0},
};

/* "mix", a number from 1, or nothing. */
static int
parse_channel(const char *text)
{
	struct mel_err err;
	int64_t n;

	if (!text)
		return MEL_CHANNEL_ONLY;
	if (!strcmp(text, "mix"))
		return MEL_CHANNEL_MIX;
	if (mel_parse_int(text, &n, &err) || n < 1 || n > 64)
		tool_usage(
		    "--channel: \"%s\" is neither 1 to 64 nor mix", text);
	return (int)n - 1;
}

static struct mel_sound_options
sound_options(const struct values *v, const struct mel_contract *c)
{
	return (struct mel_sound_options){.raw = v->type == TYPE_RAW,
	    .format = v->format,
	    .raw_rate = v->rate ? v->rate : c->rate,
	    .raw_channels = v->channels,
	    .channel = parse_channel(v->channel),
	    .rate = c->rate,
	    .no_resample = v->no_resample};
}

static void
run_all(struct mel_job *job, const struct values *v, int n, char **inputs)
{
	for (size_t i = 0; i < v->lists.n; i++)
		mel_job_run_list(job, v->lists.item[i]);
	for (int i = 0; i < n; i++)
		mel_job_run(job, inputs[i]);
	if (!n && !v->lists.n)
		mel_job_run(job, "-");
}

static void
choose_contract(const struct values *v, struct mel_contract *c)
{
	struct mel_err err;

	if (v->addon && v->contract.base)
		tool_usage("-a and --contract exclude each other");
	if (v->addon)
		tool_addon_contract(v->addon, c);
	else if (mel_contract_named(c, "hifigan22k", &err))
		tool_die("%s", err.msg);
	contract_choose(&v->contract, c);
}

int
main(int argc, char **argv)
{
	struct mel_option *options =
	    contract_options(own, offsetof(struct values, contract));
	struct tool tool = {.name = "tts-mel",
	    .synopsis = "[options] [SOUND ...]",
	    .purpose = "Computes mel-spectrograms of sounds",
	    .options = options};
	struct values v = {0};
	struct mel_job job = {0};
	struct mel_outfile out;
	double frames;
	int at = tool_parse(&tool, argc, argv, &v);

	choose_contract(&v, &job.contract);
	job.sound = sound_options(&v, &job.contract);
	job.isa = (enum mel_isa)tool_isa(v.isa);
	job.quiet = v.quiet;
	job.verbose = v.verbose;
	tool_open_output(&out, v.output, true);
	job.writer = tool_open_writer(&out, tool.name, v.times, 0);
	frames = v.max_seconds * (double)job.contract.rate /
		 (double)job.contract.hop;
	mel_job_open(&job, (int64_t)frames + 1);
	run_all(&job, &v, argc - at, argv + at);
	mel_job_close(&job);
	tool_commit_output(&out);
	mel_options_free(options, &v);
	contract_options_free(options);
	return job.failed;
}
