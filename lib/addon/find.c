/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/find.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addon/addon.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"

/* true if the folder has an addon.yaml. */
static bool
is_addon(const char *dir)
{
	struct mel_buf file = {0};
	bool found =
	    !mel_buf_printf(&file, NULL, "%s/%s", dir, MEL_ADDON_FILE) &&
	    !access(file.data, R_OK);

	mel_buf_free(&file);
	return found;
}

/* The next folder of the path into dir; false at its end. */
static bool
next_folder(const char **path, struct mel_buf *dir, struct mel_err *err)
{
	size_t len = strcspn(*path, ":");

	mel_buf_free(dir);
	if (!**path)
		return false;
	if (mel_buf_add(dir, *path, len, err))
		return false;
	*path += len + ((*path)[len] == ':');
	return true;
}

bool
mel_addon_is_folder(const char *name)
{
	return strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..");
}

char *
mel_addon_find(const char *path, const char *name, struct mel_err *err)
{
	struct mel_buf dir = {0};
	const char *rest = path;
	bool found = false;

	if (mel_addon_is_folder(name))
		return mel_strdup(name, err);
	while (!found && next_folder(&rest, &dir, err)) {
		if (mel_buf_printf(&dir, err, "/%s", name))
			break;
		found = is_addon(dir.data);
	}
	if (found)
		return dir.data;
	mel_buf_free(&dir);
	if (is_addon(name)) /* in the current folder, and meant */
		mel_fail(err, "no addon \"%s\" in %s; ./%s is one", name, path,
		    name);
	else
		mel_fail(err, "no addon \"%s\" in %s", name, path);
	return NULL;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
list_folder(const char *folder, struct mel_strings *dirs, struct mel_err *err)
{
	DIR *d = opendir(folder);
	size_t before = dirs->n;
	struct dirent *entry;
	int rc = 0;

	while (d && !rc && (entry = readdir(d))) {
		struct mel_buf dir = {0};

		if (entry->d_name[0] == '.')
			continue;
		rc = mel_buf_printf(&dir, err, "%s/%s", folder, entry->d_name);
		if (!rc && is_addon(dir.data))
			rc = mel_strings_add(dirs, dir.data, err);
		mel_buf_free(&dir);
	}
	if (d)
		closedir(d);
	if (dirs->n > before)
		qsort(dirs->item + before, dirs->n - before,
		    sizeof(*dirs->item), by_name);
	return rc;
}

int
mel_addon_list(const char *path, struct mel_strings *dirs, struct mel_err *err)
{
	struct mel_buf dir = {0};
	int rc = 0;

	while (!rc && next_folder(&path, &dir, err))
		rc = list_folder(dir.data, dirs, err);
	mel_buf_free(&dir);
	return rc;
}

const char *
mel_addon_base(const char *dir)
{
	const char *slash = strrchr(dir, '/');

	return slash && slash[1] ? slash + 1 : dir;
}
