/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <string.h>

#include "base/option.h"
#include "base/pool.h"
#include "isa.h"
#include "net.h"
#include "base/isa.h"
#include "tool.h"

#define AT(field) .offset = offsetof(struct net_values, field)

static const struct mel_option options[] = {
    {"input", 'i', MEL_OPT_LIST, AT(inputs), .arg = "NAME=FILE",
	.help = "run, plan, bench: take this input from a .npy file"},
    {"dir", 'd', MEL_OPT_STRING, AT(dir), .arg = "DIR",
	.help = "run: write the outputs there as NAME.npy"},
    {"dim", 0, MEL_OPT_LIST, AT(dims), .arg = "AXIS=LENGTH",
	.help = "plan, bench: length of an open axis of made-up inputs"},
    {"runs", 0, MEL_OPT_INT, AT(runs), .arg = "N", .preset = "15", .min = 1,
	.max = 1000000, .help = "bench: how often it is run"},
    {"isa", 0, MEL_OPT_CHOICE, AT(isa), .preset = "auto",
	.choice = mel_isa_names, .help = "instruction set of the networks"},
    TOOL_OPTION_THREADS(net_values, threads, "1"),
    {"strict", 0, MEL_OPT_FLAG, AT(strict),
	.help = "test: all within 1e-5 of the largest number expected"},
    {0},
};

static const struct tool tool = {
    .name = "tts-net",
    .synopsis = "run [-i NAME=FILE ...] -d DIR MODEL | info MODEL | "
		"test [options] DIR ... | plan|bench [options] MODEL",
    .purpose = "Runs, describes, tests and measures networks in ONNX files",
    .options = options,
};

static const struct job {
	const char *name;
	net_job *run;
	bool many;              /* operands: folders, else one file */
	bool inputs, dir, dims; /* which options it takes */
} jobs[] = {
    {"run", net_run, .inputs = true, .dir = true},
    {"info", net_info, .many = false},
    {"test", net_test, .many = true},
    {"plan", net_plan, .inputs = true, .dims = true},
    {"bench", net_bench, .inputs = true, .dims = true},
    {0},
};

static const struct job *
find_job(const char *name)
{
	for (const struct job *j = jobs; name && j->name; j++) {
		if (!strcmp(name, j->name))
			return j;
	}
	tool_usage("%s%srun, info, test, plan or bench?", name ? name : "",
	    name ? ": not " : "");
}

/* What has no '=' names nothing, whatever the model. */
static void
check_pairs(
    const struct mel_strings *list, const char *option, const char *form)
{
	for (size_t i = 0; i < list->n; i++) {
		if (!strchr(list->item[i], '='))
			tool_usage("--%s: \"%s\" is not %s", option,
			    list->item[i], form);
	}
}

static void
check_usage(const struct net_values *v, const struct job *job, int n)
{
	if (!n || (!job->many && n > 1))
		tool_usage("%s: needs %s", job->name,
		    job->many ? "folders" : "one file");
	if (job->dir && !v->dir)
		tool_usage("%s: needs --dir", job->name);
	if ((v->inputs.n && !job->inputs) || (v->dir && !job->dir))
		tool_usage("--input and --dir are not for %s", job->name);
	if (v->dims.n && !job->dims)
		tool_usage("--dim is for plan and bench");
	check_pairs(&v->inputs, "input", "NAME=FILE");
	check_pairs(&v->dims, "dim", "AXIS=LENGTH");
	if (v->strict && !job->many)
		tool_usage("--strict is for test");
}

int
main(int argc, char **argv)
{
	struct net_values v = {0};
	int first = tool_parse(&tool, argc, argv, &v);
	const struct job *job = find_job(argv[first]);
	struct mel_pool *pool;
	bool good;

	first++;
	check_usage(&v, job, argc - first);
	v.isa = tool_isa(v.isa);
	pool = tool_open_pool(v.threads);
	good = job->run(&v, pool, argv + first, argc - first);
	mel_pool_close(pool);
	mel_options_free(options, &v);
	return good ? 0 : 1;
}
