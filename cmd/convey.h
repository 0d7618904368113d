/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONVEY_H
#define CONVEY_H

#include "tool.h"
#include "voice.h"

/*
 * A record stream in, a record stream out: what tts-upsample and tts-decode
 * do, each with positions of its own.
 */
struct convey_options {
	struct voice_options voice;
	char *output;
	bool times;
	int64_t block; /* rows a record */
};

#define CONVEY_OPTIONS(count)                                                  \
	VOICE_OPTION_ADDON(convey_options),                                    \
	    {.name = "output",                                                 \
		.letter = 'o',                                                 \
		.type = MEL_OPT_STRING,                                        \
		.offset = offsetof(struct convey_options, output),             \
		.arg = "FILE",                                                 \
		.help = "write to this file"},                                 \
	    VOICE_OPTION_QUIET(convey_options),                                \
	    VOICE_OPTION_VERBOSE(convey_options),                              \
	    {.name = "block",                                                  \
		.type = MEL_OPT_INT,                                           \
		.offset = offsetof(struct convey_options, block),              \
		.arg = "ROWS",                                                 \
		.preset = "64",                                                \
		.min = 1,                                                      \
		.max = 65536,                                                  \
		.help = "rows a record"},                                      \
	    VOICE_OPTION_THREADS(convey_options, count),                       \
	    VOICE_OPTION_ISA(convey_options),                                  \
	{                                                                      \
		.name = "times", .type = MEL_OPT_FLAG,                         \
		.offset = offsetof(struct convey_options, times),              \
		.help = "time stamps also in a regular file"                   \
	}

/*
 * main of both. last: the position to stop before, given the addon and those
 * that are done; the same as done: the stream passes unchanged.
 */
int convey_main(const struct tool *tool,
    size_t (*last)(const struct mel_addon *addon, size_t done), int argc,
    char **argv);

#endif
