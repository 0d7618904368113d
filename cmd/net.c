/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/describe.h"
#include "net/measure.h"
#include "net/runfiles.h"
#include "net/suite.h"
#include "tool.h"

bool
net_run(const struct net_values *v, struct mel_pool *pool, char **path, int n)
{
	struct mel_strings notes = {0};
	const struct mel_run_files job = {
	    *path, &v->inputs, v->dir, (enum mel_isa)v->isa, pool, &notes};
	struct mel_err err;

	(void)n;
	if (mel_network_run_files(&job, &err))
		tool_die("%s", err.msg);
	for (size_t i = 0; i < notes.n; i++)
		tool_warn("%s", notes.item[i]);
	mel_strings_free(&notes);
	return true;
}

bool
net_info(const struct net_values *v, struct mel_pool *pool, char **path, int n)
{
	struct mel_buf text = {0};
	struct mel_err err;

	(void)v, (void)pool, (void)n;
	if (mel_describe(*path, &text, &err))
		tool_die("%s", err.msg);
	tool_print(text.data);
	mel_buf_free(&text);
	return true;
}

/* One line a folder, then the counts. */
bool
net_test(const struct net_values *v, struct mel_pool *pool, char **dir, int n)
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

static bool
report(const struct net_values *v, struct mel_pool *pool, const char *path,
    int (*make)(const struct mel_measure *, struct mel_buf *, struct mel_err *))
{
	const struct mel_measure what = {.model = path,
	    .files = &v->inputs,
	    .dims = &v->dims,
	    .isa = (enum mel_isa)v->isa,
	    .pool = pool,
	    .runs = (int)v->runs};
	struct mel_buf text = {0};
	struct mel_err err;

	if (make(&what, &text, &err))
		tool_die("%s", err.msg);
	tool_print(text.data);
	mel_buf_free(&text);
	return true;
}

bool
net_plan(const struct net_values *v, struct mel_pool *pool, char **path, int n)
{
	(void)n;
	return report(v, pool, *path, mel_measure_plan);
}

bool
net_bench(const struct net_values *v, struct mel_pool *pool, char **path, int n)
{
	(void)n;
	return report(v, pool, *path, mel_measure_time);
}
