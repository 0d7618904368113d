/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "addon/addon.h"
#include "addon/compile.h"
#include "addon/pack.h"
#include "addon_info.h"
#include "base/buf.h"
#include "base/err.h"

/* "64,128", added to the sizes. */
static void
add_sizes(struct mel_sizes *sizes, const char *text)
{
	char *copy = strdup(text), *rest = copy, *word;
	struct mel_err err;
	int64_t size;

	if (!copy)
		tool_die("out of memory");
	while ((word = strsep(&rest, ","))) {
		if (mel_parse_int(word, &size, &err) ||
		    mel_sizes_add(sizes, size, &err))
			tool_usage("--sizes %s: %s", text, err.msg);
	}
	free(copy);
}

static void
print_network(void *ctx, const char *name, const struct mel_fixed *f)
{
	struct mel_buf *out = ctx;
	int64_t left = 0, right = 0;

	for (int i = 0; i < f->n_output; i++) {
		left = f->output[i].left > left ? f->output[i].left : left;
		right = f->output[i].right > right ? f->output[i].right : right;
	}
	mel_buf_printf(out, NULL, "%-14s sizes", name);
	for (int i = 0; i < f->n_program; i++)
		mel_buf_printf(out, NULL, "%s%lld", i ? "," : " ",
		    (long long)f->program[i].size);
	if (f->split)
		mel_buf_printf(out, NULL,
		    ", cut into windows: %lld steps before, %lld behind",
		    (long long)left, (long long)right);
	else
		mel_buf_printf(out, NULL, ", utterances of %lld steps at most",
		    (long long)mel_fixed_largest(f));
	mel_buf_printf(out, NULL, ", masked by %s\n",
	    f->valid ? "the program" : "the network");
}

static void
print_packed(void *ctx, const char *name, const char *file, size_t bytes)
{
	mel_buf_printf(
	    ctx, NULL, "%-14s %s, %.1f MB\n", name, file, 1e-6 * (double)bytes);
}

int
addon_compile(const struct addon_options *o, const char *name)
{
	struct voice_options choice = o->voice;
	struct mel_buf out = {0};
	struct mel_addon_compile c = {.done = print_network, .ctx = &out};
	struct mel_err err;
	struct voice v;

	for (size_t i = 0; i < o->sizes.n; i++)
		add_sizes(&c.sizes, o->sizes.item[i]);
	choice.addon = (char *)(uintptr_t)name;
	voice_open(&v, &choice, NULL);
	c.addon = v.addon;
	if (((c.sizes.n || mel_addon_has_fixed(v.addon)) &&
		mel_addon_compile(&c, &err)) ||
	    mel_addon_pack(v.addon, print_packed, &out, &err))
		tool_die("%s", err.msg);
	tool_print(out.data);
	mel_buf_free(&out);
	voice_close(&v);
	return 0;
}
