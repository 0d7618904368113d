/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/option.h"
#include "stream.h"
#include "tensor/compare.h"
#include "tensor/diff.h"
#include "tensor/npy.h"
#include "tensor/reader.h"
#include "tool.h"

#define DIFFERENT 1
#define TROUBLE   2

struct values {
	bool exact, quiet;
	double abs, rel;
	struct mel_strings ports;
	int64_t max_record;
};

#define AT(field) .offset = offsetof(struct values, field)

static const struct mel_option options[] = {
    {"exact", 0, MEL_OPT_FLAG, AT(exact),
	.help = "tensors must have the same type, lengths and bytes"},
    {"abs", 0, MEL_OPT_FLOAT, AT(abs), .arg = "X", .preset = "0", .min = 0,
	.max = 1e300, .help = "allow numbers to differ by X"},
    {"rel", 0, MEL_OPT_FLOAT, AT(rel), .arg = "X", .preset = "0", .min = 0,
	.max = 1e300,
	.help = "and by X times the largest number of that tensor in B"},
    TOOL_OPTION_PORTS(values, ports),
    {"quiet", 'q', MEL_OPT_FLAG, AT(quiet),
	.help = "print nothing, only the exit status tells"},
    TOOL_OPTION_MAX_RECORD(values, max_record),
    {0},
};

static const struct tool tool = {
    .name = "tts-cmp",
    .synopsis = "[options] A B",
    .purpose = "Compares two record streams, or two .npy files",
    .options = options,
};

/* Not tool_die, whose 1 would say "different". */
static _Noreturn void
trouble(const char *message)
{
	fflush(stdout);
	tool_warn("%s", message);
	exit(TROUBLE);
}

static void
print(void *quiet, const char *line)
{
	if (!*(bool *)quiet)
		puts(line);
}

static int
open_input(const char *path)
{
	struct mel_err err;
	int fd = STDIN_FILENO;

	if (strcmp(path, "-"))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		mel_fail_errno(&err, "%s", path);
		trouble(err.msg);
	}
	return fd;
}

static size_t
compare_arrays(char **path, struct mel_diff_options how)
{
	struct mel_err err;
	size_t n;

	how.name[0] = path[0];
	how.name[1] = path[1];
	if (mel_diff_npy(&how, &n, &err))
		trouble(err.msg);
	return n;
}

static size_t
compare_streams(
    const int fd[2], const struct mel_diff_options *how, uint64_t limit)
{
	struct mel_reader *reader[2];
	struct mel_err err;
	size_t n;

	for (int i = 0; i < 2; i++) {
		if (mel_reader_open_fd(
			&reader[i], fd[i], how->name[i], limit, &err))
			trouble(err.msg);
	}
	if (mel_diff(reader, how, &n, &err))
		trouble(err.msg);
	mel_reader_close(reader[0]);
	mel_reader_close(reader[1]);
	return n;
}

int
main(int argc, char **argv)
{
	struct values v = {0};
	char **path = argv + tool_parse(&tool, argc, argv, &v);
	struct mel_diff_options how = {.report = print, .ctx = &v.quiet};
	struct mel_err err;
	size_t n;
	int fd[2];

	if (argv + argc - path != 2)
		tool_usage("two files are compared");
	if (!strcmp(path[0], "-") && !strcmp(path[1], "-"))
		tool_usage("standard input can be one of the two only");
	if (v.exact && (v.abs > 0 || v.rel > 0))
		tool_usage("--exact and --abs or --rel exclude each other");
	how.tolerance = (struct mel_tolerance){v.exact, v.abs, v.rel};
	how.ports = v.ports.n ? &v.ports : NULL;
	for (int i = 0; i < 2; i++) {
		fd[i] = open_input(path[i]);
		how.name[i] = tool_input_name(path[i]);
	}
	if (mel_npy_ahead(fd[0]) && mel_npy_ahead(fd[1]))
		n = compare_arrays(path, how);
	else
		n = compare_streams(fd, &how, (uint64_t)v.max_record);
	if (tool_flush(&err))
		trouble(err.msg);
	mel_options_free(options, &v);
	return n ? DIFFERENT : 0;
}
