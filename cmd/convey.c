/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "convey.h"

#include <string.h>
#include <unistd.h>

#include "addon/addon.h"
#include "addon/utter.h"
#include "base/err.h"
#include "base/io.h"
#include "tensor/head.h"
#include "tensor/reader.h"
#include "tensor/record.h"

struct convey {
	const struct tool *tool;
	struct convey_options options;
	const char *input; /* for messages */
	struct mel_reader *reader;
	struct voice voice;
};

static void
utterance_begun(void *ctx, const char *key)
{
	struct convey *c = ctx;

	voice_set_key(&c->voice, key);
}

static void
utterance_failed(void *ctx, const char *key, const char *why)
{
	struct convey *c = ctx;

	(void)key;
	voice_utterance_failed(&c->voice, why);
}

/* The head, which comes before anything else is done. */
static const struct mel_head *
read_head(struct convey *c)
{
	struct mel_record record;
	struct mel_err err;

	if (mel_reader_next(c->reader, &record, &err) <= 0)
		tool_die("%s", err.msg);
	return mel_reader_head(c->reader);
}

int
convey_main(const struct tool *tool,
    size_t (*last)(const struct mel_addon *addon, size_t done), int argc,
    char **argv)
{
	struct convey c = {.tool = tool};
	struct mel_relay relay = {.begun = utterance_begun,
	    .failed = utterance_failed,
	    .ctx = &c,
	    .errors = false};
	struct mel_outfile out;
	const struct mel_head *head;
	struct mel_err err;
	size_t done;
	int operand = tool_parse(tool, argc, argv, &c.options), rc, fd;
	const char *path = operand < argc ? argv[operand] : NULL;

	if (argc - operand > 1)
		tool_usage("one stream at a time");
	tool_open_output(&out, c.options.output, true);
	c.input = tool_input_name(path);
	c.reader = tool_open_reader(path, c.options.max_record, &fd);
	head = read_head(&c);
	done = (size_t)head->done;
	voice_open(&c.voice, &c.options.voice, head);
	if (!done || done > c.voice.addon->n_positions)
		tool_die(
		    "%s: not a stream of %s", c.input, c.voice.addon->name);
	voice_open_stage(&c.voice, done, last(c.voice.addon, done), head);
	voice_open_writer(
	    &c.voice, tool->name, &out, c.options.times, c.options.block);
	relay.reader = c.reader;
	relay.utter = c.voice.utter;
	rc = mel_relay_run(&relay, &err);
	c.voice.utter = relay.utter;
	c.voice.rows = relay.rows;
	c.voice.first_ns = relay.first_ns;
	if (rc)
		tool_die("%s", err.msg);
	tool_commit_output(&out);
	voice_report(&c.voice);
	voice_close(&c.voice);
	mel_reader_close(c.reader);
	mel_options_free(tool->options, &c.options);
	return relay.errors;
}
