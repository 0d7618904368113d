/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "voice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addon/addon.h"
#include "addon/builtin.h"
#include "addon/find.h"
#include "addon/stage.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "block/clock.h"
#include "isa.h"
#include "net/backend.h"
#include "places.h"
#include "tensor/head.h"
#include "tensor/writer.h"

const char *const voice_contexts[] = {
    [VOICE_CPU] = "cpu", [VOICE_FIXED] = "fixed", NULL};

/* The folder of the addon to use, to be freed. */
static char *
choose_addon(struct voice *v, const struct mel_head *head)
{
	const json_t *addon = head ? head->addon : NULL;
	const char *name = v->options->addon;

	if (!name && addon) {
		name = json_string_value(json_object_get(addon, "dir"));
		if (name)
			return mel_strdup(name, NULL);
		name = json_string_value(json_object_get(addon, "name"));
	}
	if (!name && !head)
		name = getenv("MELPIPE_ADDON");
	if (!name && head)
		tool_die("the stream names no addon: -a is needed");
	if (!name)
		tool_usage("no voice: -a ADDON or MELPIPE_ADDON is needed");
	v->by_folder = mel_addon_is_folder(name);
	return tool_find_addon(name);
}

static void
check_digest(const struct voice *v, const struct mel_head *head)
{
	const char *digest =
	    json_string_value(json_object_get(head->addon, "digest"));
	const char *name =
	    json_string_value(json_object_get(head->addon, "name"));

	if (digest && strcmp(digest, v->addon->digest) != 0)
		tool_die("the stream was made by addon %s, digest %.12s; "
			 "%s here has %.12s",
		    name ? name : "?", digest, v->addon->dir, v->addon->digest);
}

static void
note(void *ctx, const char *block, const char *text)
{
	const struct voice *v = ctx;

	(void)block;
	if (v->options->quiet)
		return;
	if (v->key)
		tool_warn("%s: %s", v->key, text);
	else
		tool_warn("%s", text);
}

static void
tap(void *ctx, const char *name, const struct mel_tensor *rows)
{
	struct voice *v = ctx;

	mel_utter_tap(&v->utter, name, rows);
}

static void
ran(void *ctx, const char *network, int64_t size, int64_t fresh, int64_t padded)
{
	waste_add(&((struct voice *)ctx)->waste, network, size, fresh, padded);
}

void
voice_open_blocks(struct mel_registry *registry, struct mel_plugins *plugins,
    const struct mel_strings *files)
{
	const char *list = getenv("MELPIPE_PLUGINS");
	char *names = list ? mel_strdup(list, NULL) : NULL, *rest = names;
	struct mel_err err;
	char *name;

	if (mel_builtin_blocks(registry, &err))
		tool_die("%s", err.msg);
	if (list && !names)
		tool_die("out of memory");
	while (rest && (name = strsep(&rest, ":"))) {
		if (*name && mel_plugins_load(plugins, registry, name, &err))
			tool_die("%s", err.msg);
	}
	free(names);
	for (size_t i = 0; i < files->n; i++) {
		if (mel_plugins_load(plugins, registry, files->item[i], &err))
			tool_die("%s", err.msg);
	}
}

void
voice_open(
    struct voice *v, const struct voice_options *o, const struct mel_head *head)
{
	struct mel_err err;
	char *dir;
	int isa;

	memset(v, 0, sizeof(*v));
	v->options = o;
	v->start_ns = mel_clock_ns();
	v->env =
	    (struct mel_env){.note = note, .tap = tap, .ran = ran, .ctx = v};
	if (o->context == VOICE_FIXED)
		v->env.backend = &mel_backend_processor;
	waste_init(&v->waste);
	dir = choose_addon(v, head);
	isa = v->env.isa = tool_isa(o->isa);
	v->pool = tool_open_pool(o->threads);
	voice_open_blocks(&v->registry, &v->plugins, &o->plugins);
	if (mel_addon_open(
		&v->addon, dir, &v->registry, (enum mel_isa)isa, &err))
		tool_die("%s", err.msg);
	v->env.pool = v->pool;
	v->env.whole = o->whole;
	v->env.allow_exec = o->allow_exec;
	/* Later stages look for the name, which must lead to this folder. */
	if (strcmp(v->addon->name, mel_addon_base(dir)) != 0)
		v->by_folder = true;
	free(dir);
	if (head)
		check_digest(v, head);
}

static void
open_stage(struct voice *v, struct mel_stage_options *options)
{
	struct mel_err err;

	options->addon = v->addon;
	options->env = &v->env;
	options->unknown = v->options->unknown;
	options->by_folder = v->by_folder;
	mel_stage_close(v->utter.stage);
	if (mel_stage_open(&v->utter.stage, options, &err))
		tool_die("%s", err.msg);
}

void
voice_open_stage(
    struct voice *v, size_t first, size_t last, const struct mel_head *head)
{
	struct mel_stage_options options = {
	    .first = first, .last = last, .head = head};

	if (last > v->addon->n_positions)
		options.last = v->addon->n_positions;
	open_stage(v, &options);
}

void
voice_declare_stage(struct voice *v, size_t last)
{
	struct mel_stage_options options = {.last = last, .declare_only = true};

	open_stage(v, &options);
}

void
voice_open_text(struct voice *v)
{
	struct mel_stage_options options = {.last = 1, .text_only = true};

	open_stage(v, &options);
}

void
voice_open_writer(struct voice *v, const char *tool,
    const struct mel_outfile *out, int times, int64_t block)
{
	v->utter.block = block;
	v->utter.first_block = v->options->first_block;
	v->utter.writer =
	    tool_open_writer(out, tool, (enum tool_times)times, 0);
}

void
voice_set_key(struct voice *v, const char *key)
{
	free(v->key);
	v->key = mel_strdup(key, NULL);
}

void
voice_utterance_failed(struct voice *v, const char *why)
{
	tool_warn("%s: %s", v->key ? v->key : "?", why);
	v->failed = true;
}

void
voice_utterance_done(struct voice *v, uint64_t began_ns)
{
	if (!v->first_ns && v->utter.first_row_ns)
		v->first_ns = v->utter.first_row_ns - began_ns;
	v->rows += v->utter.rows;
}

static uint64_t
report_part(const struct voice *v, const struct mel_stage_part *part)
{
	int n = mel_pool_threads(v->pool);
	const char *context = "cpu";

	if (part->runs.fixed)
		context = part->runs.free ? "cpu and fixed" : "fixed";
	tool_warn("%-52s %s, %d thread%s: %.3f ms", part->where, context, n,
	    n == 1 ? "" : "s", (double)part->busy_ns / 1e6);
	return part->busy_ns;
}

void
voice_report(const struct voice *v)
{
	double total = (double)(mel_clock_ns() - v->start_ns) / 1e6;
	const json_t *contract = v->addon->contract;
	double rate =
	    (double)json_integer_value(json_object_get(contract, "rate"));
	double hop =
	    (double)json_integer_value(json_object_get(contract, "hop"));
	double seconds = rate > 0 ? (double)v->rows * hop / rate : 0;
	struct mel_stage_part part;
	uint64_t inside = 0;

	if (!v->options->verbose)
		return;
	if (v->first_ns)
		tool_warn(
		    "first rows after %.1f ms", (double)v->first_ns / 1e6);
	tool_warn(
	    "%.1f ms in all, %llu rows", total, (unsigned long long)v->rows);
	if (seconds > 0)
		tool_warn("%.2f s of speech, real-time factor %.4f", seconds,
		    total / 1e3 / seconds);
	for (size_t i = 0; mel_stage_part(v->utter.stage, i, &part); i++)
		inside += report_part(v, &part);
	if (v->spent_ns > inside)
		tool_warn("outside blocks: %.3f ms, %.2f %% of %.3f ms",
		    (double)(v->spent_ns - inside) / 1e6,
		    100 * (double)(v->spent_ns - inside) / (double)v->spent_ns,
		    (double)v->spent_ns / 1e6);
	waste_report(&v->waste);
}

void
voice_close(struct voice *v)
{
	mel_writer_close(v->utter.writer);
	mel_stage_close(v->utter.stage);
	mel_utter_free(&v->utter);
	mel_addon_close(v->addon);
	mel_registry_free(&v->registry);
	mel_plugins_free(&v->plugins);
	mel_pool_close(v->pool);
	free(v->key);
}
