/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/option.h"
#include "dump.h"
#include "stream.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tool.h"

struct values {
	bool text, lengths, latency, json;
	struct mel_strings keys, ports;
	char *output;
	int64_t max_record;
};

#define AT(field) offsetof(struct values, field)

static const struct mel_option options[] = {
    {"text", 0, MEL_OPT_FLAG, AT(text),
	.help = "print tensors, a line per row"},
    {"lengths", 0, MEL_OPT_FLAG, AT(lengths),
	.help = "print key, frames, tokens of each utterance"},
    {"latency", 0, MEL_OPT_FLAG, AT(latency),
	.help = "print key, stage, first and last ms"},
    {"json", 0, MEL_OPT_FLAG, AT(json),
	.help = "print one JSON object per record"},
    {"keys", 0, MEL_OPT_LIST, AT(keys), .arg = "KEY",
	.help = "this utterance only; may be repeated"},
    {"ports", 0, MEL_OPT_LIST, AT(ports), .arg = "NAME",
	.help = "tensors of this name only; may be repeated"},
    {"output", 'o', MEL_OPT_STRING, AT(output), .arg = "FILE",
	.help = "write there"},
    {"max-record", 0, MEL_OPT_INT, AT(max_record), .arg = "BYTES",
	.preset = "67108864", .min = 64, .max = 1e15,
	.help = "largest record accepted"},
    {0},
};

static const struct tool tool = {
    .name = "tts-dump",
    .synopsis = "[options] [FILE ...]",
    .purpose = "Prints what is in record streams",
    .options = options,
};

struct job {
	struct values values;
	struct mel_outfile out;
	dump_printer *print;
	struct dump dump;
	bool failed; /* an error record or a fault of a stream */
};

static dump_printer *
choose(const struct values *v)
{
	if (v->text + v->lengths + v->latency + v->json > 1)
		tool_usage("--text, --lengths, --latency and --json exclude "
			   "each other");
	if (v->text)
		return dump_text;
	if (v->lengths)
		return dump_lengths;
	if (v->latency)
		return dump_latency;
	return v->json ? dump_json : dump_line;
}

static void
flush(struct job *job, size_t at_least)
{
	struct mel_buf *out = &job->dump.out;
	struct mel_err err;

	if (out->len < at_least)
		return;
	if (out->len && mel_write_full(job->out.fd, out->data, out->len, &err))
		tool_die("%s: %s",
		    job->values.output ? job->values.output : "standard output",
		    err.msg);
	out->len = 0;
}

static void
read_one(struct job *job, const char *path)
{
	struct dump *d = &job->dump;
	struct mel_record record;
	struct mel_err err;
	struct stat st;
	int fd, rc;
	struct mel_reader *reader =
	    tool_open_reader(path, job->values.max_record, &fd);
	/* Who looks at a stream that is being made wants each line at once. */
	bool live = fstat(fd, &st) || !S_ISREG(st.st_mode);

	dump_stream(d, mel_reader_head(reader));
	while ((rc = mel_reader_next(reader, &record, &err)) > 0) {
		if (dump_record(d, &record, job->print))
			tool_die("%s", d->err.msg);
		job->failed |= record.header.kind == MEL_ERROR;
		flush(job, live ? 0 : 1 << 16);
	}
	flush(job, 0);
	if (rc < 0) {
		tool_warn("%s", err.msg);
		job->failed = true;
	}
	mel_reader_close(reader);
	if (fd != STDIN_FILENO)
		close(fd);
}

int
main(int argc, char **argv)
{
	struct job job = {.failed = false};
	int at = tool_parse(&tool, argc, argv, &job.values);

	job.print = choose(&job.values);
	job.dump.keys = tool_select_open(&job.values.keys);
	job.dump.ports = tool_select_open(&job.values.ports);
	tool_open_output(&job.out, job.values.output, false);
	if (at == argc)
		read_one(&job, NULL);
	for (; at < argc; at++)
		read_one(&job, argv[at]);
	tool_commit_output(&job.out);
	job.failed |= tool_select_close(&job.dump.keys, "keys") > 0;
	job.failed |= tool_select_close(&job.dump.ports, "ports") > 0;
	dump_free(&job.dump);
	mel_options_free(options, &job.values);
	return job.failed;
}
