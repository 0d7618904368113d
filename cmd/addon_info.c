/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addon/addon.h"
#include "addon/find.h"
#include "addon/golden.h"
#include "addon/lock.h"
#include "addon/pack.h"
#include "addon/sums.h"
#include "addon/yaml.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/option.h"
#include "block/block.h"
#include "block/registry.h"
#include "places.h"
#include "tool.h"

static bool
is_shadowed(const struct mel_strings *dirs, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (!strcmp(mel_addon_base(dirs->item[i]),
			mel_addon_base(dirs->item[at])))
			return true;
	}
	return false;
}

int
addon_list(void)
{
	struct mel_strings dirs = {0};
	struct mel_buf out = {0};
	struct mel_err err;
	char *path = tool_addon_path();

	if (!path || mel_addon_list(path, &dirs, &err))
		tool_die("%s", path ? err.msg : "out of memory");
	for (size_t i = 0; i < dirs.n; i++)
		mel_buf_printf(&out, NULL, "%s\t%s%s\n",
		    mel_addon_base(dirs.item[i]), dirs.item[i],
		    is_shadowed(&dirs, i) ? "\tshadowed" : "");
	tool_print(out.data ? out.data : "");
	mel_buf_free(&out);
	mel_strings_free(&dirs);
	free(path);
	return 0;
}

static void
describe(struct mel_buf *out, const char *kind, const char *name,
    const char *help, const struct mel_option *table)
{
	mel_buf_printf(out, NULL, "%s (%s): %s\n", name, kind, help);
	for (const struct mel_option *o = table; o && o->name; o++) {
		mel_buf_printf(out, NULL, "  %s: ", o->name);
		mel_option_values(o, out, NULL);
		mel_buf_printf(out, NULL, ", %s", o->help);
		mel_option_limits(o, out, NULL);
		mel_buf_puts(out, o->required ? " (needed)\n" : "\n", NULL);
	}
}

int
addon_blocks(const struct addon_options *o)
{
	struct mel_registry r = {0};
	struct mel_plugins plugins = {0};
	struct mel_buf out = {0};

	voice_open_blocks(&r, &plugins, &o->voice.plugins);
	for (size_t i = 0; i < r.n_sequence; i++)
		describe(&out, "SequenceBlock", r.sequence[i]->name,
		    r.sequence[i]->help, r.sequence[i]->options);
	for (size_t i = 0; i < r.n_streamable; i++)
		describe(&out, "StreamableBlock", r.streamable[i]->name,
		    r.streamable[i]->help, r.streamable[i]->options);
	tool_print(out.data);
	mel_buf_free(&out);
	mel_registry_free(&r);
	mel_plugins_free(&plugins);
	return 0;
}

static json_t *
info_json(const struct mel_addon *a)
{
	json_t *controls = json_object(), *stack = json_array();

	for (size_t i = 0; i < a->n_controls; i++) {
		const struct mel_control *c = &a->control[i];

		json_object_set_new(controls, c->name,
		    json_pack("{s:s, s:s, s:f, s:f, s:f}", "unit", c->unit,
			"help", c->help, "default", c->preset, "min", c->min,
			"max", c->max));
	}
	for (size_t i = 0; i < a->n_positions; i++)
		json_array_append_new(stack, json_string(a->position[i].where));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:O?}",
	    "name", a->name, "description", a->description, "language",
	    a->language, "licence", a->licence, "dir", a->dir, "digest",
	    a->digest, "controls", controls, "positions", stack, "contract",
	    a->contract);
}

static void
info_text(const struct mel_addon *a, struct mel_buf *out)
{
	const json_t *contract = a->contract;
	const char *mel = json_string_value(json_object_get(contract, "name"));

	mel_buf_printf(out, NULL,
	    "name         %s\ndescription  %s\nlanguage     %s\n"
	    "licence      %s\nfolder       %s\ndigest       %s\n"
	    "mel          %s\ntokens       at most %lld\n",
	    a->name, a->description, a->language, a->licence, a->dir, a->digest,
	    mel        ? mel
	    : contract ? "its own"
		       : "none",
	    (long long)a->max_tokens);
	for (size_t i = 0; i < a->n_controls; i++) {
		const struct mel_control *c = &a->control[i];

		mel_buf_printf(out, NULL,
		    "control      %s: %s, %g to %g %s (default %g)\n", c->name,
		    c->help, c->min, c->max, c->unit, c->preset);
	}
	for (size_t i = 0; i < a->n_positions; i++) {
		const char *type = mel_yaml_text(
		    mel_yaml_get(a->yaml, a->position[i].node, "type"));

		mel_buf_printf(out, NULL, "position %zu   %s at %s\n", i,
		    type ? type : "(none)", a->position[i].where);
	}
}

int
addon_info(const struct addon_options *o, const char *name)
{
	struct voice_options choice = o->voice;
	struct mel_buf out = {0};
	struct voice v;
	char *text = NULL;
	json_t *json;

	choice.addon = (char *)(uintptr_t)name;
	voice_open(&v, &choice, NULL);
	if (o->json) {
		json = info_json(v.addon);
		text = json_dumps(json, JSON_INDENT(2));
		mel_buf_printf(&out, NULL, "%s\n", text ? text : "");
		free(text);
		json_decref(json);
	} else {
		info_text(v.addon, &out);
	}
	tool_print(out.data);
	mel_buf_free(&out);
	voice_close(&v);
	return 0;
}

static void
bad_file(void *ctx, const char *file, const char *why)
{
	tool_warn(
	    "%s/%s: %s", ((const struct voice *)ctx)->addon->dir, file, why);
}

static void
bad_packed(void *ctx, const char *why)
{
	(void)ctx;
	tool_warn("%s", why);
}

static void
print_result(void *ctx, const struct mel_golden_result *r)
{
	struct mel_buf line = {0};
	int good = r->cases - r->wrong, rc;

	++*(int *)ctx;
	if (!r->tensor[0])
		rc = mel_buf_printf(&line, NULL,
		    "%s text           %d of %d texts give their tokens\n",
		    r->wrong ? "note" : "ok  ", good, r->cases);
	else
		rc = mel_buf_printf(&line, NULL,
		    "%s %-14s %d of %d cases, worst %.2g on equal inputs, "
		    "%.2g through all, tolerance %.2g\n",
		    r->wrong ? "FAIL" : "ok  ", r->tensor, good, r->cases,
		    r->worst, r->through, r->tolerance);
	if (rc)
		tool_die("out of memory");
	tool_print(line.data);
	mel_buf_free(&line);
}

int
addon_check(const struct addon_options *o, const char *name)
{
	struct voice_options choice = o->voice;
	struct voice v;
	struct mel_err err;
	int wrong, programs, packed, golden, results = 0;

	choice.addon = (char *)(uintptr_t)name;
	voice_open(&v, &choice, NULL);
	if (o->write && mel_sums_write(v.addon->dir, &err))
		tool_die("%s", err.msg);
	wrong = mel_sums_verify(v.addon->dir, bad_file, &v, &err);
	if (wrong < 0)
		tool_die("%s", err.msg);
	printf("%s sums           %d file%s wrong\n", wrong ? "FAIL" : "ok  ",
	    wrong, wrong == 1 ? "" : "s");
	programs = mel_lock_check(v.addon, bad_file, &v, &err);
	if (programs < 0)
		tool_die("%s", err.msg);
	if (programs)
		printf("FAIL fixed          %d file%s wrong\n", programs,
		    programs == 1 ? "" : "s");
	packed = mel_addon_check_packed(v.addon, bad_packed, NULL, &err);
	if (packed < 0)
		tool_die("%s", err.msg);
	if (packed)
		printf("FAIL packed         %d file%s wrong\n", packed,
		    packed == 1 ? "" : "s");
	golden =
	    mel_golden_check(v.addon, &v.env, print_result, &results, &err);
	if (golden < 0)
		tool_die("%s", err.msg);
	if (!results)
		printf("note golden         none, nothing was computed\n");
	tool_print("");
	voice_close(&v);
	return wrong || programs || packed || golden;
}
