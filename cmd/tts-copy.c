/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/err.h"
#include "base/io.h"
#include "base/option.h"
#include "copy.h"
#include "tensor/import.h"
#include "tensor/writer.h"
#include "tool.h"

/* "auto", "stream", then enum mel_import_format: COPY_FROM */
static const char *const inputs[] = {
    "auto", "stream", "npy", "ark", "scp", "htk", "f32", "f64", NULL};

struct values {
	char *output, *dir, *scp, *port, *contract, *from_contract;
	bool quiet;
	int type, input_type, times;
	struct mel_strings keys, ports;
	int64_t from, to, width, max_record;
	double period;
};

#define AT(field) .offset = offsetof(struct values, field)

static const struct mel_option options[] = {
    TOOL_OPTION_OUTPUT(values, output),
    TOOL_OPTION_DIR(values, dir),
    {"type", 't', MEL_OPT_CHOICE, AT(type), .preset = "auto",
	.choice = copy_outputs, .help = "format of the output"},
    {"input-type", 0, MEL_OPT_CHOICE, AT(input_type), .preset = "auto",
	.choice = inputs, .help = "format of the inputs"},
    TOOL_OPTION_KEYS(values, keys),
    TOOL_OPTION_PORTS(values, ports),
    {"from", 0, MEL_OPT_INT, AT(from), .arg = "N", .preset = "0", .min = 0,
	.max = 1e15, .help = "first utterance, counted from 0"},
    {"to", 0, MEL_OPT_INT, AT(to), .arg = "N", .preset = "0", .min = 0,
	.max = 1e15, .help = "end before utterance N, 0: at the end"},
    {"scp", 0, MEL_OPT_STRING, AT(scp), .arg = "FILE",
	.help = "write where in the archive each key is"},
    {"port", 0, MEL_OPT_STRING, AT(port), .arg = "NAME", .preset = "mel",
	.help = "name for tensors from files"},
    {"contract", 0, MEL_OPT_STRING, AT(contract), .arg = "NAME|FILE",
	.help = "convert mels to this contract"},
    {"from-contract", 0, MEL_OPT_STRING, AT(from_contract), .arg = "NAME|FILE",
	.help = "the inputs' contract, if they say none"},
    {"width", 0, MEL_OPT_INT, AT(width), .arg = "N", .min = 1, .max = 1e9,
	.help = "numbers in a row of f32 or f64 input"},
    {"period", 0, MEL_OPT_FLOAT, AT(period), .arg = "SECONDS", .min = 1e-7,
	.max = 200, .help = "from row to row, for htk without a contract"},
    TOOL_OPTION_TIMES(values, times),
    TOOL_OPTION_MAX_RECORD(values, max_record),
    TOOL_OPTION_QUIET(values, quiet),
    {0},
};

static const struct tool tool = {
    .name = "tts-copy",
    .synopsis = "[options] [FILE ...]",
    .purpose = "Copies utterances, to and from other formats",
    .options = options,
};

static void
check_usage(struct values *v)
{
	if (v->dir && v->output)
		tool_usage("-d and -o exclude each other");
	v->type = copy_output_type(v->type, v->output);
	if (v->dir && v->type == COPY_TO_STREAM)
		tool_usage("-d needs a type: -t npy");
	if (!v->dir && v->type != COPY_TO_STREAM && v->ports.n > 1)
		tool_usage("several ports need files of their own: -d");
	if (v->to && v->from >= v->to)
		tool_usage("--from %lld: not before --to %lld",
		    (long long)v->from, (long long)v->to);
	if (v->scp && (v->dir || !v->output || !strcmp(v->output, "-") ||
			  strncmp(copy_outputs[v->type], "ark", 3)))
		tool_usage("--scp needs an archive with a name: -t ark -o");
	if (v->input_type >= COPY_FROM + (int)MEL_IMPORT_F32 && !v->width)
		tool_usage("%s input needs --width", inputs[v->input_type]);
}

static void
open_all(struct copy *c, const struct values *v, struct mel_outfile *out)
{
	struct mel_err err;

	if (!v->dir)
		tool_open_output(
		    out, v->output, v->type != COPY_TO + MEL_EXPORT_ARK_TEXT);
	if (v->type == COPY_TO_STREAM) {
		c->writer = tool_open_writer(
		    out, tool.name, (enum tool_times)v->times, v->max_record);
		return;
	}
	c->how = (struct mel_export_options){
	    .format = (enum mel_export_format)(v->type - COPY_TO),
	    .out = v->dir ? NULL : out,
	    .dir = v->dir,
	    .scp = v->scp,
	    .period = v->period};
	if (mel_export_open(&c->export, &c->how, &err))
		tool_die("%s", err.msg);
}

int
main(int argc, char **argv)
{
	struct values v = {0};
	char **path = argv + tool_parse(&tool, argc, argv, &v);
	struct mel_outfile out = {.fd = -1};
	struct copy c = {.keys = tool_select_open(&v.keys),
	    .ports = tool_select_open(&v.ports),
	    .from = (uint64_t)v.from,
	    .to = (uint64_t)v.to,
	    .port = v.port,
	    .mel.quiet = v.quiet,
	    .input_type = v.input_type,
	    .width = v.width,
	    .max_record = v.max_record};
	struct mel_err err;

	check_usage(&v);
	copy_mel_choose(&c.mel, v.from_contract, v.contract);
	open_all(&c, &v, &out);
	if (copy_all(&c, path, &err)) {
		mel_export_close(c.export);
		tool_die("%s", err.msg);
	}
	if (!v.dir)
		tool_commit_output(&out);
	if (c.export && mel_export_finish(c.export, &err))
		tool_die("%s", err.msg);
	c.failed |= tool_select_close(&c.keys, "keys") > 0;
	c.failed |= tool_select_close(&c.ports, "ports") > 0;
	copy_mel_close(&c.mel);
	mel_export_close(c.export);
	mel_writer_close(c.writer);
	mel_head_free(&c.head);
	mel_utterance_free(&c.utterance);
	mel_options_free(options, &v);
	return c.failed;
}
