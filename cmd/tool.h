/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mel_err;
struct mel_option;
struct mel_outfile;
struct mel_pool;

/*
 * What all tools share: their command line from an option table, messages on
 * standard error, exit status. Unlike the library these functions print and
 * exit. Exit status: 0 done, 1 failed, 2 wrong usage.
 */

struct tool {
	const char *name;     /* "tts-dump" */
	const char *synopsis; /* behind the name: "[options] [FILE ...]" */
	const char *purpose;  /* one line, no full stop */
	const struct mel_option *options;
};

/*
 * Rows of an option table that say the same in all tools: `type` is the
 * struct of the values, without "struct", `member` where this one goes.
 * OUTPUT and DIR are char *, QUIET is bool, THREADS int64_t.
 */
#define TOOL_OPTION_OUTPUT(type, member)                                       \
	{                                                                      \
		"output", 'o', MEL_OPT_STRING, offsetof(struct type, member),  \
		    .arg = "FILE", .help = "write to this file"                \
	}
#define TOOL_OPTION_DIR(type, member)                                          \
	{                                                                      \
		"dir", 'd', MEL_OPT_STRING, offsetof(struct type, member),     \
		    .arg = "DIR",                                              \
		    .help = "write one file per utterance, DIR/KEY.TYPE"       \
	}
#define TOOL_OPTION_QUIET(type, member)                                        \
	{                                                                      \
		"quiet", 'q', MEL_OPT_FLAG, offsetof(struct type, member),     \
		    .help = "no remarks, only errors"                          \
	}
#define TOOL_OPTION_THREADS(type, member, count)                               \
	{                                                                      \
		"threads", 0, MEL_OPT_INT, offsetof(struct type, member),      \
		    .arg = "N", .preset = count, .max = 1024,                  \
		    .help = "threads that compute, 0: one a processor"         \
	}

/*
 * Presets `values` (all zero), reads options into it, handles --help and
 * --version (prints, exits 0), and wrong usage (synopsis, exits 2). Returns
 * the index of the first operand in argv; operands may stand between options
 * unless "--" came. Call it first: it also remembers the tool's name.
 */
int tool_parse(const struct tool *tool, int argc, char **argv, void *values);

/* "tts-x: MESSAGE" on standard error. */
void tool_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, then exit 1. */
_Noreturn void tool_die(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* The same with the synopsis behind it, then exit 2. */
_Noreturn void tool_usage(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* Opens for reading; NULL or "-" is standard input. Dies on failure. */
int tool_open_input(const char *path);

/* The name for messages: path, or "standard input" for NULL and "-". */
const char *tool_input_name(const char *path);

/* The same of an output: path, or "standard output". */
const char *tool_output_name(const char *path);

/*
 * Opens the output (NULL or "-": standard output, which must not be a
 * terminal if `binary`). Dies on failure. A tool that exits without
 * committing, or is stopped by SIGHUP, SIGINT or SIGTERM, leaves no file; only
 * one output is watched so.
 */
void tool_open_output(struct mel_outfile *out, const char *path, bool binary);

/* Commits, and closes standard output checked. Dies on failure. */
void tool_commit_output(struct mel_outfile *out);

/*
 * What -t auto means for this output: the type, from 1 on, that the suffix of
 * its name is; 0 if there is no suffix or no name, -1 if it is another.
 */
int tool_type_of(const char *output, const char *const *types);

/* Workers for --threads; 0 is one a processor. Dies on failure. */
struct mel_pool *tool_open_pool(int64_t threads);

/* Whether all that was printed to stdout went out; the cause may be lost. */
int tool_flush(struct mel_err *err);

/* Prints text to standard output; dies on failure, of what came before, too. */
void tool_print(const char *text);

#endif
