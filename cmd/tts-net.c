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
#include "tool.h"

struct values {
	struct mel_strings inputs;
	char *dir;
	int isa;
	int64_t threads;
	bool strict;
};

#define AT(field) .offset = offsetof(struct values, field)

/* In the order of enum mel_isa. */
static const char *const isas[] = {"auto", "portable", "avx2", "avx512", NULL};

static const struct mel_option options[] = {
    {"input", 'i', MEL_OPT_LIST, AT(inputs), .arg = "NAME=FILE",
	.help = "run: .npy for this input; one for each"},
    {"directory", 'd', MEL_OPT_STRING, AT(dir), .arg = "DIR",
	.help = "run: write the outputs there as NAME.npy"},
    {"isa", 0, MEL_OPT_CHOICE, AT(isa), .arg = "NAME", .preset = "auto",
	.choice = isas,
	.help = "instruction set: auto, portable, avx2 or avx512"},
    {"threads", 0, MEL_OPT_INT, AT(threads), .arg = "N", .preset = "1",
	.min = 1, .max = 1024, .help = "threads that compute"},
    {"strict", 0, MEL_OPT_FLAG, AT(strict),
	.help = "test: within 1e-5 of the largest element"},
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
		tool_usage(is_run ? "run: needs --directory"
				  : "--input and --directory are for run");
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
	mel_blas_prepare();
	if (mel_pool_open(&pool, (int)v.threads, &err))
		tool_die("%s", err.msg);
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
