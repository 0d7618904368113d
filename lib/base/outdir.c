/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/outdir.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

int
mel_outdir_open(struct mel_outdir *dir, const char *path, struct mel_err *err)
{
	struct stat st;

	if (mkdir(path, 0777) && errno != EEXIST)
		return mel_fail_errno(err, "%s", path);
	if (stat(path, &st))
		return mel_fail_errno(err, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return mel_fail(err, "%s: not a folder", path);
	dir->path = mel_strdup(path, err);
	return dir->path ? 0 : -1;
}

static bool
safe(const char *name)
{
	if (!*name || *name == '.')
		return false;
	for (; *name; name++) {
		if (*name == '/' || (unsigned char)*name < ' ' || *name == 0x7f)
			return false;
	}
	return true;
}

/* Enters the name, which becomes the tree's; fails if it is there. */
static int
enter(struct mel_outdir *dir, char *name, struct mel_err *err)
{
	char **node = tsearch(name, &dir->names, compare);

	if (node && *node == name)
		return 0;
	if (node)
		mel_fail(err, "\"%s\" was written before", name);
	else
		mel_fail(err, "out of memory");
	free(name);
	return -1;
}

int
mel_outdir_file(struct mel_outdir *dir, const char *name, const char *port,
    const char *suffix, struct mel_outfile *out, struct mel_err *err)
{
	struct mel_buf file = {0}, path = {0};
	int rc;

	*out = (struct mel_outfile){.fd = -1};
	if (!safe(name) || (port && !safe(port)))
		return mel_fail(err, "\"%s%s%s\" cannot be a file name", name,
		    port ? "." : "", port ? port : "");
	if (mel_buf_printf(&file, err, "%s%s%s.%s", name, port ? "." : "",
		port ? port : "", suffix))
		return -1;
	rc = mel_buf_printf(&path, err, "%s/%s", dir->path, file.data);
	if (rc)
		mel_buf_free(&file);
	else if (!(rc = enter(dir, file.data, err)))
		rc = mel_outfile_open(out, path.data, err);
	mel_buf_free(&path);
	return rc;
}

void
mel_outdir_close(struct mel_outdir *dir)
{
	if (dir->names)
		tdestroy(dir->names, free);
	free(dir->path);
	*dir = (struct mel_outdir){0};
}
