/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SPEAK_H
#define SPEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/option.h"
#include "voice.h"

/*
 * Text in, a record stream out: what tts-encode and tts-pipe do, as far as
 * positions [0, last) of the stack.
 */
struct speak_options {
	struct voice_options voice;
	struct mel_strings set; /* NAME=VALUE of controls */
	char *input, *output;
	bool keys, phonemes, tokens;
	int times;     /* enum tool_times */
	int print;     /* enum speak_print */
	int64_t block; /* rows a record */
};

enum speak_print {
	SPEAK_STREAM,
	SPEAK_PHONEMES,
	SPEAK_TOKENS,
	SPEAK_DURATIONS,
};

extern const char *const speak_prints[];

/* The options both tools have; threads: the default. */
#define SPEAK_AT(member) offsetof(struct speak_options, member)
#define SPEAK_OPTIONS(count)                                                   \
	VOICE_OPTION_ADDON(speak_options),                                     \
	    {"input", 'f', MEL_OPT_STRING, SPEAK_AT(input), .arg = "FILE",     \
		.help = "lines of text, one utterance each"},                  \
	    TOOL_OPTION_OUTPUT(speak_options, output),                         \
	    TOOL_OPTION_QUIET(speak_options, voice.quiet),                     \
	    {"set", 's', MEL_OPT_MAP, SPEAK_AT(set), .arg = "NAME=VALUE",      \
		.help = "set a control of the voice"},                         \
	    VOICE_OPTION_VERBOSE(speak_options),                               \
	    {"keys", 0, MEL_OPT_FLAG, SPEAK_AT(keys),                          \
		.help = "lines are key|text"},                                 \
	    {"phonemes", 0, MEL_OPT_FLAG, SPEAK_AT(phonemes),                  \
		.help = "the text is phonemes"},                               \
	    {"tokens", 0, MEL_OPT_FLAG, SPEAK_AT(tokens),                      \
		.help = "the text is token ids"},                              \
	    {"unknown", 0, MEL_OPT_STRING, VOICE_AT(speak_options, unknown),   \
		.arg = "skip|fail",                                            \
		.help = "symbols unknown to the voice (default as it says)"},  \
	    {"print", 0, MEL_OPT_CHOICE, SPEAK_AT(print), .preset = "stream",  \
		.choice = speak_prints,                                        \
		.help = "write the stream, or one of these as lines of text"}, \
	    TOOL_OPTION_THREADS(speak_options, voice.threads, count),          \
	    VOICE_OPTION_PLUGIN(speak_options),                                \
	    VOICE_OPTION_ALLOW_EXEC(speak_options),                            \
	    VOICE_OPTION_ISA(speak_options),                                   \
	    VOICE_OPTION_CONTEXT(speak_options),                               \
	    TOOL_OPTION_TIMES(speak_options, times)

/* main of both. Returns the exit status. */
int speak_main(const struct tool *tool, size_t last, int argc, char **argv);

#endif
