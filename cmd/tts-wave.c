/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/option.h"
#include "base/outdir.h"
#include "base/pool.h"
#include "dsp/contract.h"
#include "dsp/griffin.h"
#include "dsp/sound_in.h"
#include "dsp/sound_out.h"
#include "stream.h"
#include "tensor/reader.h"
#include "tool.h"
#include "wave.h"

struct values {
	char *contract, *output, *dir;
	int type, format;
	int64_t iterations, seed, threads, max_record;
	double momentum, gap, level, max_seconds;
	bool quiet, verbose;
};

#define AT(field) .offset = offsetof(struct values, field)

static const struct mel_option options[] = {
    {"type", 't', MEL_OPT_CHOICE, AT(type), .preset = "wav",
	.choice = mel_sound_types, .help = "kind of file"},
    {"format", 0, MEL_OPT_CHOICE, AT(format), .preset = "s16",
	.choice = mel_sample_formats, .help = "samples"},
    {"output", 'o', MEL_OPT_STRING, AT(output), .arg = "FILE",
	.help = "write all utterances there"},
    {"dir", 'd', MEL_OPT_STRING, AT(dir), .arg = "DIR",
	.help = "write one file per utterance there, KEY.wav"},
    {"gap", 0, MEL_OPT_FLOAT, AT(gap), .arg = "S", .preset = "0.2", .min = 0,
	.max = 60, .help = "silence between utterances in one file"},
    {"level", 0, MEL_OPT_FLOAT, AT(level), .arg = "PEAK", .preset = "0",
	.min = 0, .max = 1, .help = "peak of each utterance, 0: as it is"},
    {"contract", 0, MEL_OPT_STRING, AT(contract), .arg = "NAME|FILE",
	.help = "what the mel is, instead of what the stream says"},
    {"iterations", 0, MEL_OPT_INT, AT(iterations), .arg = "N", .preset = "32",
	.min = 0, .max = 10000, .help = "of Griffin-Lim"},
    {"momentum", 0, MEL_OPT_FLOAT, AT(momentum), .arg = "X", .preset = "0.99",
	.min = 0, .max = 0.9999, .help = "of fast Griffin-Lim, 0: plain"},
    {"seed", 0, MEL_OPT_INT, AT(seed), .arg = "N", .preset = "0", .min = 0,
	.max = 9e15, .help = "of the first phases"},
    {"threads", 0, MEL_OPT_INT, AT(threads), .arg = "N", .preset = "1",
	.min = 1, .max = 1024, .help = "that work at once"},
    {"max-seconds", 0, MEL_OPT_FLOAT, AT(max_seconds), .arg = "S",
	.preset = "1200", .min = 0.001, .max = 1e6,
	.help = "longest utterance accepted"},
    {"max-record", 0, MEL_OPT_INT, AT(max_record), .arg = "BYTES",
	.preset = "67108864", .min = 64, .max = 1e15,
	.help = "largest record accepted"},
    {"quiet", 'q', MEL_OPT_FLAG, AT(quiet), .help = "no warnings"},
    {"verbose", 'v', MEL_OPT_FLAG, AT(verbose),
	.help = "report convergence and speed"},
    {0},
};

static const struct tool tool = {
    .name = "tts-wave",
    .synopsis = "[options] [FILE ...]",
    .purpose = "Makes sound of mel streams by Griffin-Lim",
    .options = options,
};

static void
configure(struct wave_job *job, const struct values *v)
{
	struct mel_err err;

	if (v->dir && v->output)
		tool_usage("-d and -o exclude each other");
	if (v->type == MEL_SOUND_FLAC && v->format > MEL_S24)
		tool_usage(
		    "flac has no %s samples", mel_sample_formats[v->format]);
	job->type = v->type;
	job->format = v->format;
	job->gap = v->gap;
	job->level = v->level;
	job->max_seconds = v->max_seconds;
	job->quiet = v->quiet;
	job->verbose = v->verbose;
	job->options =
	    (struct mel_griffin_options){.iterations = (int)v->iterations,
		.momentum = v->momentum,
		.seed = (uint64_t)v->seed,
		.measure = v->verbose};
	if (v->contract) {
		if (mel_contract_load(&job->contract, v->contract, &err))
			tool_usage("--contract: %s", err.msg);
		job->known = job->chosen = true;
	}
	if (mel_pool_open(&job->pool, (int)v->threads, &err))
		tool_die("%s", err.msg);
}

static void
run(struct wave_job *job, const struct values *v, const char *path)
{
	int fd;
	struct mel_reader *reader = tool_open_reader(path, v->max_record, &fd);

	wave_job_run(job, reader, tool_input_name(path));
	mel_reader_close(reader);
	if (fd != STDIN_FILENO)
		close(fd);
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

	configure(&job, &v);
	if (v.dir) {
		if (mel_outdir_open(&dir, v.dir, &err))
			tool_die("%s", err.msg);
		job.dir = &dir;
	} else {
		tool_open_output(&out, v.output, true);
		job.out = &out;
	}
	if (at == argc)
		run(&job, &v, NULL);
	for (; at < argc; at++)
		run(&job, &v, argv[at]);
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
