/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/option.h"
#include "base/pool.h"
#include "net/describe.h"
#include "net/isa.h"
#include "net/network.h"
#include "net/runfiles.h"
#include "net/suite.h"
#include "voice.h"

struct values {
	struct mel_strings inputs;
	char *dir;
	int isa;
	int64_t threads;
	bool strict;
};

#define AT(field) .offset = offsetof(struct values, field)

static const struct mel_option options[] = {
    {"input", 'i', MEL_OPT_LIST, AT(inputs), .arg = "NAME=FILE",
	.help = "run: take this input from a .npy file; once for each"},
    {"dir", 'd', MEL_OPT_STRING, AT(dir), .arg = "DIR",
	.help = "run: write the outputs there as NAME.npy"},
    {"isa", 0, MEL_OPT_CHOICE, AT(isa), .preset = "auto", .choice = voice_isas,
	.help = "instruction set of the networks"},
    TOOL_OPTION_THREADS(values, threads, "1"),
    {"strict", 0, MEL_OPT_FLAG, AT(strict),
	.help = "test: all within 1e-5 of the largest number expected"},
    {0},
};

static const struct tool tool = {
    .name = "tts-net",
    .synopsis = "run [-i NAME=FILE ...] -d DIR MODEL | info MODEL | "
		"test [options] DIR ...",
    .purpose = "Runs, describes and tests networks in ONNX files",
    .options = options,
};

static void
info(const char *path)
{
	struct mel_buf text = {0};
	struct mel_err err;

	if (mel_describe(path, &text, &err))
		tool_die("%s", err.msg);
	tool_print(text.data);
	mel_buf_free(&text);
}

/* One line a folder, then the counts; false if one failed. */
static bool
test(const struct values *v, struct mel_pool *pool, char **dir, int n)
{
	static const char *const verb[] = {"ok", "FAIL", "skip"};
	const struct mel_suite suite = {
	    .isa = (enum mel_isa)v->isa, .pool = pool, .strict = v->strict};
	int count[3] = {0};

	for (int i = 0; i < n; i++) {
		struct mel_err why = {""};
		enum mel_verdict verdict = mel_suite_case(&suite, dir[i], &why);
		const char *colon = verdict == MEL_PASSED ? "" : ": ";

		count[verdict]++;
		printf("%s %s%s%s\n", verb[verdict], dir[i], colon, why.msg);
	}
	printf("%d passed, %d failed, %d skipped\n", count[MEL_PASSED],
	    count[MEL_FAILED], count[MEL_SKIPPED]);
	tool_print("");
	return !count[MEL_FAILED];
}

static void
check_usage(const struct values *v, const char *what, int n)
{
	bool is_run = !strcmp(what, "run"), is_test = !strcmp(what, "test");

	if (!is_run && !is_test && strcmp(what, "info"))
		tool_usage("%s: not run, info or test", what);
	if (!n || (!is_test && n > 1))
		tool_usage(
		    "%s: needs %s", what, is_test ? "folders" : "a file");
	if (is_run ? !v->dir : v->inputs.n || v->dir)
		tool_usage(is_run ? "run: needs --dir"
				  : "--input and --dir are for run");
	if (!is_test && v->strict)
		tool_usage("--strict is for test");
}

int
main(int argc, char **argv)
{
	struct values v = {0};
	int first = tool_parse(&tool, argc, argv, &v);
	const char *what = argv[first];
	struct mel_run_files job;
	struct mel_pool *pool;
	struct mel_err err;
	bool good = true;

	if (!what)
		tool_usage("run, info or test?");
	check_usage(&v, what, argc - first - 1);
	pool = tool_open_pool(v.threads);
	job = (struct mel_run_files){
	    argv[first + 1], &v.inputs, v.dir, (enum mel_isa)v.isa, pool};
	if (!strcmp(what, "info"))
		info(argv[first + 1]);
	else if (!strcmp(what, "test"))
		good = test(&v, pool, argv + first + 1, argc - first - 1);
	else if (mel_network_run_files(&job, &err))
		tool_die("%s", err.msg);
	mel_pool_close(pool);
	mel_options_free(options, &v);
	return good ? 0 : 1;
}
