/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VOICE_H
#define VOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addon/utter.h"
#include "base/option.h"
#include "block/env.h"
#include "block/plugin.h"
#include "block/registry.h"
#include "base/isa.h"
#include "stream.h"
#include "tool.h"
#include "waste.h"

struct mel_addon;
struct mel_head;
struct mel_outfile;
struct mel_pool;

/*
 * What the tools that run an addon share: finding it, the threads, the world
 * of its blocks, the report. Functions print and die as in tool.h.
 */

struct voice_options {
	char *addon;     /* owned; name or folder; NULL: MELPIPE_ADDON */
	int64_t threads; /* 0: all processors */
	int isa;         /* enum mel_isa */
	int context;     /* enum voice_context */
	bool quiet, verbose;
	bool whole;          /* no network streams */
	bool allow_exec;     /* blocks may start programs */
	int64_t first_block; /* most rows of the first record; 0: as of any */
	char *unknown;       /* owned; see mel_stage_options; NULL: not given */
	struct mel_strings plugins; /* files, besides MELPIPE_PLUGINS */
};

/* Rows of an option table; `type` is the tool's struct, with `voice` in it. */
#define VOICE_AT(type, member) offsetof(struct type, voice.member)
#define VOICE_OPTION_ADDON(type)                                               \
	{                                                                      \
		"addon", 'a', MEL_OPT_STRING, VOICE_AT(type, addon),           \
		    .arg = "ADDON", .help = "name of the voice, or its folder" \
	}
#define VOICE_OPTION_VERBOSE(type)                                             \
	{                                                                      \
		"verbose", 'v', MEL_OPT_FLAG, VOICE_AT(type, verbose),         \
		    .help = "report times and where blocks ran"                \
	}
#define VOICE_OPTION_ISA(type)                                                 \
	{                                                                      \
		"isa", 0, MEL_OPT_CHOICE, VOICE_AT(type, isa),                 \
		    .preset = "auto", .choice = mel_isa_names,                 \
		    .help = "instruction set of the networks"                  \
	}
#define VOICE_OPTION_CONTEXT(type)                                             \
	{                                                                      \
		"context", 0, MEL_OPT_CHOICE, VOICE_AT(type, context),         \
		    .preset = "cpu", .choice = voice_contexts,                 \
		    .help = "run networks at any length, or with fixed ones"   \
	}
#define VOICE_OPTION_PLUGIN(type)                                              \
	{                                                                      \
		"plugin", 0, MEL_OPT_LIST, VOICE_AT(type, plugins),            \
		    .arg = "FILE",                                             \
		    .help = "load blocks from a plug-in; may be repeated"      \
	}
#define VOICE_OPTION_ALLOW_EXEC(type)                                          \
	{                                                                      \
		"allow-exec", 0, MEL_OPT_FLAG, VOICE_AT(type, allow_exec),     \
		    .help = "run the programs that the voice names"            \
	}
#define VOICE_OPTION_BLOCK(type)                                               \
	{"block", 0, MEL_OPT_INT, offsetof(struct type, block), .arg = "ROWS", \
	    .preset = "64", .min = 1, .max = 65536,                            \
	    .help = "most rows of a record"},                                  \
	    {"first-block", 0, MEL_OPT_INT, VOICE_AT(type, first_block),       \
		.arg = "ROWS", .preset = "16", .min = 0, .max = 65536,         \
		.help = "rows of the first record; 0: as --block"},            \
	{                                                                      \
		"whole", 0, MEL_OPT_FLAG, VOICE_AT(type, whole),               \
		    .help = "run each network on all rows at once"             \
	}

enum voice_context {
	VOICE_CPU,
	VOICE_FIXED, /* programs that tts-addon compile has made */
};

extern const char *const voice_contexts[];

struct voice {
	const struct voice_options *options;
	struct mel_registry registry;
	struct mel_plugins plugins;
	struct mel_addon *addon;
	bool by_folder; /* the addon was given as one */
	struct mel_pool *pool;
	struct mel_env env; /* ctx is the voice */
	struct mel_utter utter;
	struct waste waste;
	char *key;   /* owned; of the present utterance, for remarks */
	bool failed; /* an utterance did */

	uint64_t start_ns; /* of the tool */
	uint64_t first_ns; /* from the first utterance to its first rows */
	uint64_t rows;     /* written in all */
	uint64_t spent_ns; /* on utterances from text, that of blocks counted */
};

/*
 * All types of blocks: those of the library, of MELPIPE_PLUGINS (files with
 * colons between them), of --plugin. The plug-ins must outlive the registry.
 */
void voice_open_blocks(struct mel_registry *registry,
    struct mel_plugins *plugins, const struct mel_strings *files);

/*
 * Opens the addon: the one of the options, else the one that the head of the
 * incoming stream names (its digest must agree), else MELPIPE_ADDON.
 */
void voice_open(struct voice *voice, const struct voice_options *options,
    const struct mel_head *head);

/*
 * Opens positions [0, last) as far as their head needs it: later tools can
 * open theirs while voice_open_stage opens these in its place.
 */
void voice_declare_stage(struct voice *voice, size_t last);

/* Opens positions [first, last); last may be past the end. */
void voice_open_stage(struct voice *voice, size_t first, size_t last,
    const struct mel_head *head);

/* Opens the front end alone, which makes phonemes and tokens. */
void voice_open_text(struct voice *voice);

/* Opens the writer of what the voice makes; block: rows a record. */
void voice_open_writer(struct voice *voice, const char *tool,
    const struct mel_outfile *out, int times, int64_t block);

/* The utterance that is worked on now. */
void voice_set_key(struct voice *voice, const char *key);

/* "KEY: why", and the exit status will be 1. */
void voice_utterance_failed(struct voice *voice, const char *why);

/* After an utterance: keeps the figures for the report. */
void voice_utterance_done(struct voice *voice, uint64_t began_ns);

/* With -v: the report. */
void voice_report(const struct voice *voice);

void voice_close(struct voice *voice);

#endif
