/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mel_outfile;
struct mel_reader;
struct mel_strings;
struct mel_writer;

/*
 * Record streams as all tools open them. Like tool.h these functions print and
 * exit: where they say "dies", one line and status 1.
 */

/*
 * A reader on an input (NULL or "-": standard input). max_record: --max-record
 * [bytes], 0 for the default. *fd is the caller's to close, 0 stays open.
 * Dies on failure.
 */
struct mel_reader *tool_open_reader(
    const char *path, int64_t max_record, int *fd);

/* What --times says; names for an option of type MEL_OPT_CHOICE. */
enum tool_times {
	TOOL_TIMES_AUTO,
	TOOL_TIMES_ON,
	TOOL_TIMES_OFF
};
extern const char *const tool_times_names[];

/*
 * A writer on an output that is open. Times are written unless the output is a
 * regular file or will be one, so that files are reproducible; --times
 * overrides. tool: see mel_writer_options. Dies on failure.
 */
struct mel_writer *tool_open_writer(const struct mel_outfile *out,
    const char *tool, enum tool_times times, int64_t max_record);

/* A list of names on the command line; no list selects everything. */
struct tool_select {
	const struct mel_strings *names; /* the option's, must outlive */
	bool *seen;                      /* owned, [names->n] */
};

/* Dies on failure. */
struct tool_select tool_select_open(const struct mel_strings *names);

/* Whether the name is selected; remembers that it was seen. */
bool tool_selects(struct tool_select *select, const char *name);

/*
 * One line for each name that was never seen: "--ports: no \"f0\" there".
 * Returns how many, and frees.
 */
size_t tool_select_close(struct tool_select *select, const char *option);

#endif
