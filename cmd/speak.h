/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SPEAK_H
#define SPEAK_H

#include "tool.h"
#include "voice.h"

/*
 * Text in, a record stream out: what tts-encode and tts-pipe do, as far as
 * positions [0, last) of the stack.
 */
struct speak_options {
	struct voice_options voice;
	struct mel_strings set; /* NAME=VALUE of controls */
	char *input, *output;
	bool keys, phonemes, tokens, times;
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
#define SPEAK_OPTIONS(count)                                                   \
	VOICE_OPTION_ADDON(speak_options),                                     \
	    {.name = "input",                                                  \
		.letter = 'f',                                                 \
		.type = MEL_OPT_STRING,                                        \
		.offset = offsetof(struct speak_options, input),               \
		.arg = "FILE",                                                 \
		.help = "lines of text, one utterance each"},                  \
	    {.name = "output",                                                 \
		.letter = 'o',                                                 \
		.type = MEL_OPT_STRING,                                        \
		.offset = offsetof(struct speak_options, output),              \
		.arg = "FILE",                                                 \
		.help = "write to this file"},                                 \
	    VOICE_OPTION_QUIET(speak_options),                                 \
	    {.name = "set",                                                    \
		.letter = 's',                                                 \
		.type = MEL_OPT_MAP,                                           \
		.offset = offsetof(struct speak_options, set),                 \
		.arg = "NAME=VALUE",                                           \
		.help = "set a control of the voice"},                         \
	    VOICE_OPTION_VERBOSE(speak_options),                               \
	    {.name = "keys",                                                   \
		.type = MEL_OPT_FLAG,                                          \
		.offset = offsetof(struct speak_options, keys),                \
		.help = "lines are key|text"},                                 \
	    {.name = "phonemes",                                               \
		.type = MEL_OPT_FLAG,                                          \
		.offset = offsetof(struct speak_options, phonemes),            \
		.help = "the text is phonemes of the voice"},                  \
	    {.name = "tokens",                                                 \
		.type = MEL_OPT_FLAG,                                          \
		.offset = offsetof(struct speak_options, tokens),              \
		.help = "the text is token ids"},                              \
	    {.name = "print",                                                  \
		.type = MEL_OPT_CHOICE,                                        \
		.offset = offsetof(struct speak_options, print),               \
		.choice = speak_prints,                                        \
		.preset = "stream",                                            \
		.help = "what to write: the stream, or lines of text"},        \
	    VOICE_OPTION_THREADS(speak_options, count),                        \
	    VOICE_OPTION_ISA(speak_options),                                   \
	{                                                                      \
		.name = "times", .type = MEL_OPT_FLAG,                         \
		.offset = offsetof(struct speak_options, times),               \
		.help = "time stamps also in a regular file"                   \
	}

/* main of both. Returns the exit status. */
int speak_main(const struct tool *tool, size_t last, int argc, char **argv);

#endif
