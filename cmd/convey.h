/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONVEY_H
#define CONVEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/option.h"
#include "voice.h"

struct mel_addon;

/*
 * A record stream in, a record stream out: what tts-upsample and tts-decode
 * do, each with positions of its own.
 */
struct convey_options {
	struct voice_options voice;
	char *output;
	int times;          /* enum tool_times */
	int64_t max_record; /* [bytes], 0: the default */
	int64_t block;      /* rows a record */
};

#define CONVEY_OPTIONS(count)                                                  \
	VOICE_OPTION_ADDON(convey_options),                                    \
	    TOOL_OPTION_OUTPUT(convey_options, output),                        \
	    TOOL_OPTION_QUIET(convey_options, voice.quiet),                    \
	    VOICE_OPTION_VERBOSE(convey_options),                              \
	    VOICE_OPTION_BLOCK(convey_options),                                \
	    TOOL_OPTION_THREADS(convey_options, voice.threads, count),         \
	    VOICE_OPTION_PLUGIN(convey_options),                               \
	    VOICE_OPTION_ALLOW_EXEC(convey_options),                           \
	    VOICE_OPTION_ISA(convey_options),                                  \
	    VOICE_OPTION_CONTEXT(convey_options),                              \
	    TOOL_OPTION_TIMES(convey_options, times),                          \
	    TOOL_OPTION_MAX_RECORD(convey_options, max_record)

/*
 * main of both. last: the position to stop before, given the addon and those
 * that are done; the same as done: the stream passes unchanged.
 */
int convey_main(const struct tool *tool,
    size_t (*last)(const struct mel_addon *addon, size_t done), int argc,
    char **argv);

#endif
