/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/plugin.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "block/block.h"
#include "block/registry.h"

/* dlerror's words without the path in front, which is said already. */
static int
fail_load(const char *full, struct mel_err *err)
{
	const char *why = dlerror();
	size_t n = strlen(full);

	if (why && !strncmp(why, full, n) && !strncmp(why + n, ": ", 2))
		why += n + 2;
	return mel_fail(err, "%s", why ? why : "cannot be loaded");
}

/* Opens the object and finds its table; the ABI number is read first. */
static int
open_object(struct mel_plugin_file *file, struct mel_err *err)
{
	char *full = realpath(file->path, NULL);
	int rc = 0;

	if (!full)
		return mel_fail_errno(err, "open");
	/* Now, so that a function that is missing is said here. */
	file->handle = dlopen(full, RTLD_NOW | RTLD_LOCAL);
	if (!file->handle)
		rc = fail_load(full, err);
	free(full);
	if (rc)
		return -1;
	file->table = dlsym(file->handle, MEL_PLUGIN_SYMBOL);
	if (!file->table)
		return mel_fail(
		    err, "no plug-in: it exports no " MEL_PLUGIN_SYMBOL);
	if (file->table->abi != MEL_BLOCK_ABI)
		return mel_fail(err, "made for interface %u; here it is %u",
		    file->table->abi, MEL_BLOCK_ABI);
	return 0;
}

/* The file that a type is from; NULL: it is the library's own. */
static const char *
origin(const struct mel_plugins *plugins, const void *type)
{
	for (size_t i = 0; i < plugins->n; i++) {
		const struct mel_plugin *t = plugins->item[i].table;

		for (size_t k = 0; t->sequence && t->sequence[k]; k++) {
			if (t->sequence[k] == type)
				return plugins->item[i].path;
		}
		for (size_t k = 0; t->streamable && t->streamable[k]; k++) {
			if (t->streamable[k] == type)
				return plugins->item[i].path;
		}
	}
	return NULL;
}

static int
fail_taken(const struct mel_plugins *plugins, const char *name,
    const void *type, struct mel_err *err)
{
	const char *from = origin(plugins, type);

	if (from)
		return mel_fail(
		    err, "%s: %s has a block of that name", name, from);
	return mel_fail(
	    err, "%s: melpipe itself has a block of that name", name);
}

static int
add_types(const struct mel_plugins *plugins, const struct mel_plugin *t,
    struct mel_registry *r, struct mel_err *err)
{
	for (size_t i = 0; t->sequence && t->sequence[i]; i++) {
		const struct mel_sequence_type *type = t->sequence[i];
		const void *there = NULL;

		if (type->abi == MEL_BLOCK_ABI && type->name)
			there = mel_registry_sequence(r, type->name, NULL);
		if (there)
			return fail_taken(plugins, type->name, there, err);
		if (mel_registry_add_sequence(r, type, err))
			return -1;
	}
	for (size_t i = 0; t->streamable && t->streamable[i]; i++) {
		const struct mel_streamable_type *type = t->streamable[i];
		const void *there = NULL;

		if (type->abi == MEL_BLOCK_ABI && type->name)
			there = mel_registry_streamable(r, type->name, NULL);
		if (there)
			return fail_taken(plugins, type->name, there, err);
		if (mel_registry_add_streamable(r, type, err))
			return -1;
	}
	return 0;
}

static void
close_file(struct mel_plugin_file *file)
{
	if (file->handle)
		dlclose(file->handle);
	free(file->path);
}

int
mel_plugins_load(struct mel_plugins *plugins, struct mel_registry *registry,
    const char *path, struct mel_err *err)
{
	struct mel_plugin_file file = {.path = mel_strdup(path, err)};

	if (!file.path)
		return -1;
	if (open_object(&file, err) ||
	    mel_reserve(&plugins->item, &plugins->cap, plugins->n + 1,
		sizeof(*plugins->item), err)) {
		close_file(&file);
		return mel_fail_in(err, "%s", path);
	}
	plugins->item[plugins->n++] = file;
	if (add_types(plugins, file.table, registry, err))
		return mel_fail_in(err, "%s", path);
	return 0;
}

void
mel_plugins_free(struct mel_plugins *plugins)
{
	for (size_t i = 0; i < plugins->n; i++)
		close_file(&plugins->item[i]);
	free(plugins->item);
	*plugins = (struct mel_plugins){0};
}
