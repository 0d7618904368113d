/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "base/io.h"
#include "base/option.h"
#include "base/outdir.h"
#include "base/pool.h"
#include "dsp/contract.h"
#include "dsp/rtisi.h"
#include "dsp/sound_in.h"
#include "dsp/sound_out.h"
#include "isa.h"
#include "stream.h"
#include "tool.h"
#include "wave.h"

struct values {
	char *contract, *output, *dir;
	int type, format, isa;
	int64_t look_ahead, iterations, seed, threads, max_record;
	double momentum, gap, level, max_seconds;
	bool stream, quiet, verbose;
};

#define AT(field) .offset = offsetof(struct values, field)

static const struct mel_option options[] = {
    {"type", 't', MEL_OPT_CHOICE, AT(type), .preset = "auto",
	.choice = wave_types, .help = "kind of file"},
    {"format", 0, MEL_OPT_CHOICE, AT(format), .preset = "s16",
	.choice = mel_sample_formats, .help = "samples of the sound"},
    TOOL_OPTION_OUTPUT(values, output),
    TOOL_OPTION_DIR(values, dir),
    {"gap", 0, MEL_OPT_FLOAT, AT(gap), .arg = "S", .preset = "0.2", .min = 0,
	.max = 60, .help = "seconds of silence between utterances in one file"},
    {"level", 0, MEL_OPT_FLOAT, AT(level), .arg = "PEAK", .preset = "0",
	.min = 0, .max = 1,
	.help = "scale each utterance to this peak, 0: leave it"},
    {"stream", 0, MEL_OPT_FLAG, AT(stream),
	.help = "sound goes out while its mel comes in"},
    {"look-ahead", 0, MEL_OPT_INT, AT(look_ahead), .arg = "N", .min = 1,
	.max = 64, .help = "frames that --stream waits for (7 if not given)"},
    {"contract", 0, MEL_OPT_STRING, AT(contract), .arg = "NAME|FILE",
	.help = "what the mel is, whatever the stream says"},
    {"iterations", 0, MEL_OPT_INT, AT(iterations), .arg = "N", .preset = "32",
	.min = 0, .max = 10000, .help = "iterations of Griffin-Lim"},
    {"momentum", 0, MEL_OPT_FLOAT, AT(momentum), .arg = "X", .preset = "0.99",
	.min = 0, .max = 0.9999,
	.help = "momentum of Griffin-Lim, 0: the plain algorithm"},
    {"seed", 0, MEL_OPT_INT, AT(seed), .arg = "N", .preset = "0", .min = 0,
	.max = 9e15, .help = "seed of the first phases"},
    TOOL_OPTION_THREADS(values, threads, "1"),
    TOOL_OPTION_ISA(values, isa),
    {"max-seconds", 0, MEL_OPT_FLOAT, AT(max_seconds), .arg = "S", .min = 0.001,
	.max = 1e6,
	.help = "longest utterance (1200 if not given; any with --stream)"},
    TOOL_OPTION_MAX_RECORD(values, max_record),
    TOOL_OPTION_QUIET(values, quiet),
    {"verbose", 'v', MEL_OPT_FLAG, AT(verbose),
	.help = "report convergence and speed"},
    {0},
};

static const struct tool tool = {"tts-wave", "[options] [FILE ...]",
    "Makes sound of mel streams by Griffin-Lim", options};

static void
check(struct values *v)
{
	if (v->dir && v->output)
		tool_usage("-d and -o exclude each other");
	v->type = wave_type(v->type, v->output);
	if (v->type == MEL_SOUND_FLAC && v->format > MEL_S24)
		tool_usage(
		    "flac has no %s samples", mel_sample_formats[v->format]);
	if (v->look_ahead && !v->stream)
		tool_usage("--look-ahead is for --stream");
	if (v->level > 0 && v->stream)
		tool_usage("--level needs whole utterances, not --stream");
}

static void
configure(struct wave_job *job, const struct values *v)
{
	struct mel_err err;

	job->sink = (struct wave_sink){.type = v->type,
	    .format = v->format,
	    .gap = v->gap,
	    .quiet = v->quiet};
	job->level = v->level;
	job->max_seconds =
	    v->max_seconds > 0 || v->stream ? v->max_seconds : 1200;
	job->verbose = v->verbose;
	job->look_ahead = (int)v->look_ahead;
	if (v->stream && !v->look_ahead)
		job->look_ahead = MEL_RTISI_LOOK_AHEAD;
	job->options.iterations = (int)v->iterations;
	job->options.momentum = v->momentum;
	job->options.seed = (uint64_t)v->seed;
	job->options.measure = v->verbose;
	if (v->contract) {
		if (mel_contract_load(&job->contract, v->contract, &err))
			tool_usage("--contract: %s", err.msg);
		job->known = job->chosen = true;
	}
	job->isa = (enum mel_isa)tool_isa(v->isa);
	job->pool = tool_open_pool(v->threads);
}

int
main(int argc, char **argv)
{
	struct wave_job job = {.start = wave_now()};
	struct mel_outdir dir = {0};
	struct mel_outfile out;
	struct values v = {0};
	struct mel_err err;
	bool worth;
	int at = tool_parse(&tool, argc, argv, &v);

	check(&v);
	configure(&job, &v);
	if (v.dir) {
		if (mel_outdir_open(&dir, v.dir, &err))
			tool_die("%s", err.msg);
		job.sink.dir = &dir;
	} else {
		tool_open_output(&out, v.output, true);
		job.sink.out = &out;
		if (v.stream)
			wave_sink_check(&job.sink);
	}
	do /* argv ends with NULL: standard input */
		wave_job_run(&job, argv[at++], v.max_record);
	while (at < argc);
	worth = wave_job_close(&job);
	if (v.dir)
		mel_outdir_close(&dir);
	else if (worth)
		tool_commit_output(&out);
	else
		mel_outfile_abort(&out);
	mel_options_free(options, &v);
	return job.failed;
}
