/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>

struct mel_option;
struct mel_outfile;

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

/*
 * Opens the output (NULL or "-": standard output, which must not be a
 * terminal if `binary`). Dies on failure. A tool that exits without
 * committing leaves no file; only one output is watched so.
 */
void tool_open_output(struct mel_outfile *out, const char *path, bool binary);

/* Commits, and closes standard output checked. Dies on failure. */
void tool_commit_output(struct mel_outfile *out);

/* Prints text to standard output; dies on failure. */
void tool_print(const char *text);

#endif
