/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "speak.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "addon/addon.h"
#include "addon/controls.h"
#include "addon/stage.h"
#include "addon/utter.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "block/clock.h"
#include "progress.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"
#include "tensor/writer.h"
#include "text/lines.h"
#include "tool.h"

const char *const speak_prints[] = {
    [SPEAK_STREAM] = "stream",
    [SPEAK_PHONEMES] = "phonemes",
    [SPEAK_TOKENS] = "tokens",
    [SPEAK_DURATIONS] = "durations",
    NULL,
};

struct speak {
	const struct speak_options *options;
	const struct tool *tool;
	struct voice voice;
	struct mel_outfile out;
	json_t *controls; /* {NAME: VALUE} as set by the user */
};

/* Checks -s against the addon's controls; all get a value. */
static void
set_controls(struct speak *s)
{
	const struct mel_addon *addon = s->voice.addon;
	const struct mel_strings *set = &s->options->set;
	struct mel_err err;

	s->controls = json_object();
	for (size_t i = 0; i < addon->n_controls; i++)
		json_object_set_new(s->controls, addon->control[i].name,
		    json_real(addon->control[i].preset));
	for (size_t i = 0; i < set->n; i += 2) {
		const char *name = set->item[i];
		const struct mel_control *c =
		    mel_addon_control(addon, name, &err);
		double value;

		if (!c || mel_parse_double(set->item[i + 1], &value, &err))
			tool_usage("-s %s: %s", name, err.msg);
		if (value < c->min || value > c->max)
			tool_usage("-s %s=%g is outside %g to %g %s", name,
			    value, c->min, c->max, c->unit);
		json_object_set_new(s->controls, name, json_real(value));
	}
}

/* Ids with white space or commas between them. */
static int
parse_ids(const char *text, struct mel_tensor *t, struct mel_err *err)
{
	static const char between[] = " \t,";
	int64_t *id = NULL;
	size_t n = 0, cap = 0;

	for (const char *p = text + strspn(text, between); *p;
	     p += strspn(p, between)) {
		char word[32];
		size_t len = strcspn(p, between);

		if (len >= sizeof(word) ||
		    mel_reserve(&id, &cap, n + 1, sizeof(*id), err)) {
			free(id);
			return mel_fail(err, "token %zu is no id", n + 1);
		}
		memcpy(word, p, len);
		word[len] = '\0';
		if (mel_parse_int(word, &id[n], err)) {
			free(id);
			return mel_fail_in(err, "token %zu", n + 1);
		}
		n++;
		p += len;
	}
	*t = mel_tensor_view(MEL_I64, 1, (const int64_t[]){(int64_t)n}, id);
	t->owned = true;
	return 0;
}

/* The text in its form, and the controls. */
static int
fill_data(struct speak *s, struct mel_buf *text, struct mel_bundle *data,
    struct mel_err *err)
{
	const struct speak_options *o = s->options;
	struct mel_tensor t = mel_tensor_view(
	    MEL_U8, 1, (const int64_t[]){(int64_t)text->len}, text->data);

	if (o->tokens && parse_ids(text->data, &t, err))
		return -1;
	if (mel_bundle_put(data,
		o->tokens     ? "input_tokens"
		: o->phonemes ? "input_phonemes"
			      : "text",
		&t, err)) {
		mel_tensor_free(&t);
		return -1;
	}
	return mel_controls_put(data, s->controls, err);
}

static json_t *
make_begin(const struct speak *s, const char *key, const struct mel_buf *text)
{
	return json_pack("{s:s, s:s%, s:O, s:I}", "key", key, "text",
	    text->data, (int)text->len, "controls", s->controls, "t0",
	    (json_int_t)mel_now_us());
}

/* A line of what was asked for by --print. */
static int
print_line(const struct speak *s, const char *key, struct mel_err *err)
{
	static const char *const names[] = {
	    [SPEAK_PHONEMES] = "phonemes",
	    [SPEAK_TOKENS] = "tokens",
	    [SPEAK_DURATIONS] = "counts",
	};
	const char *name = names[s->options->print];
	const struct mel_tensor *t =
	    mel_bundle_get(mel_stage_tensors(s->voice.utter.stage), name);
	struct mel_buf line = {0};
	size_t n = t ? mel_tensor_count(t) : 0;
	int rc = 0;

	if (!t)
		return mel_fail(err, "the voice makes no %s", name);
	if (t->dtype != MEL_U8 && t->dtype != MEL_I32 && t->dtype != MEL_I64)
		return mel_fail(err, "the voice's %s are %s, no whole numbers",
		    name, mel_dtype_name(t->dtype));
	if (s->options->keys)
		rc = mel_buf_printf(&line, err, "%s|", key);
	for (size_t i = 0; !rc && t->dtype != MEL_U8 && i < n; i++)
		rc = mel_buf_printf(&line, err, "%s%" PRId64, i ? " " : "",
		    t->dtype == MEL_I64 ? ((const int64_t *)t->data)[i]
					: ((const int32_t *)t->data)[i]);
	if (!rc && t->dtype == MEL_U8)
		rc = mel_buf_add(&line, t->data, n, err);
	if (!rc)
		rc = mel_buf_puts(&line, "\n", err);
	if (!rc && mel_write_full(s->out.fd, line.data, line.len, err))
		tool_die(
		    "%s: %s", tool_output_name(s->options->output), err->msg);
	mel_buf_free(&line);
	return rc;
}

/* One utterance; what fails in it is reported, the rest goes on. */
static void
speak_one(struct speak *s, const char *key, struct mel_buf *text,
    const struct mel_err *fault)
{
	struct voice *v = &s->voice;
	bool stream = s->options->print == SPEAK_STREAM;
	uint64_t began = mel_clock_ns();
	struct mel_bundle data = {0};
	json_t *begin = NULL;
	struct mel_err err = *fault;
	int rc = fault->msg[0] ? -1 : fill_data(s, text, &data, &err);

	voice_set_key(v, key);
	if (!rc && stream) {
		begin = make_begin(s, key, text);
		rc = begin ? mel_utter_run(&v->utter, begin, &data, NULL, &err)
			   : mel_fail(&err, "out of memory");
	} else if (!rc) {
		rc = mel_stage_begin(v->utter.stage, &data, NULL, &err);
		if (!rc)
			rc = print_line(s, key, &err);
	}
	if (v->utter.broken)
		tool_die("%s", err.msg);
	if (rc)
		voice_utterance_failed(v, err.msg);
	if (stream &&
	    (rc ? mel_writer_error(v->utter.writer, key, NULL, err.msg, &err)
		: mel_writer_end(v->utter.writer, NULL, &err)))
		tool_die("%s", err.msg);
	if (!rc)
		voice_utterance_done(v, began);
	mel_stage_reset(v->utter.stage);
	mel_bundle_free(&data);
	json_decref(begin);
	v->spent_ns += mel_clock_ns() - began;
}

/* Operands are one utterance, as echo would print them. */
static void
speak_operands(struct speak *s, int n, char **word)
{
	struct mel_buf text = {0};
	struct mel_err err, fault = {0};

	for (int i = 0; i < n; i++) {
		if (mel_buf_printf(&text, &err, "%s%s", i ? " " : "", word[i]))
			tool_die("%s", err.msg);
	}
	mel_lines_check(text.data, text.len, &fault);
	speak_one(s, "000001", &text, &fault);
	mel_buf_free(&text);
}

static void
speak_lines(struct speak *s)
{
	static struct mel_lines lines;
	int fd = tool_open_input(s->options->input);
	struct progress bar;
	struct mel_err fault, err;
	int rc;

	progress_open(&bar, fd, s->voice.options->quiet);
	mel_lines_open(&lines, fd, s->options->keys);
	while ((rc = mel_lines_next(&lines, &fault, &err)) > 0) {
		speak_one(s, lines.key.data, &lines.text, &fault);
		progress_show(&bar, lines.number);
	}
	progress_close(&bar);
	if (rc)
		tool_die("%s: %s", tool_input_name(s->options->input), err.msg);
	mel_lines_close(&lines);
}

static void
open_output(struct speak *s)
{
	const struct speak_options *o = s->options;

	tool_open_output(&s->out, o->output, o->print == SPEAK_STREAM);
	if (o->print == SPEAK_STREAM)
		voice_open_writer(
		    &s->voice, s->tool->name, &s->out, o->times, o->block);
}

static void
write_head(struct speak *s)
{
	struct mel_err err;

	if (mel_writer_head(s->voice.utter.writer,
		mel_stage_head(s->voice.utter.stage), &err))
		tool_die("%s", err.msg);
}

/* Opens positions [0, last), or as many as are printed. */
static void
open_stage(struct speak *s, size_t last)
{
	enum speak_print print = (enum speak_print)s->options->print;
	bool stream = print == SPEAK_STREAM;
	bool early = stream && last < s->voice.addon->n_positions;

	if (print == SPEAK_PHONEMES || print == SPEAK_TOKENS) {
		voice_open_text(&s->voice);
		return;
	}
	/* At once: later stages open their networks meanwhile. */
	if (early) {
		voice_declare_stage(&s->voice, last);
		write_head(s);
	}
	voice_open_stage(&s->voice, 0, stream ? last : 1, NULL);
	if (stream && !early)
		write_head(s);
}

int
speak_main(const struct tool *tool, size_t last, int argc, char **argv)
{
	struct speak_options o = {0};
	struct speak s = {.options = &o, .tool = tool};
	struct mel_err err;
	int first = tool_parse(tool, argc, argv, &o);

	if (o.phonemes && o.tokens)
		tool_usage("--phonemes and --tokens exclude each other");
	if (first < argc && o.input)
		tool_usage("text is given twice: -f and operands");
	if (first < argc && o.keys)
		tool_usage("--keys is for lines: operands have no key");
	voice_open(&s.voice, &o.voice, NULL);
	set_controls(&s);
	open_output(&s);
	open_stage(&s, last);
	if (first < argc)
		speak_operands(&s, argc - first, argv + first);
	else
		speak_lines(&s);
	if (o.print == SPEAK_STREAM &&
	    mel_writer_finish(s.voice.utter.writer, &err))
		tool_die("%s", err.msg);
	tool_commit_output(&s.out);
	voice_report(&s.voice);
	first = s.voice.failed;
	json_decref(s.controls);
	voice_close(&s.voice);
	mel_options_free(tool->options, &o);
	return first;
}
