/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/compile.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "addon/addon.h"
#include "addon/lock.h"
#include "addon/networks.h"
#include "addon/sums.h"
#include "addon/yaml.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/option.h"
#include "net/compile.h"
#include "net/netdef.h"

struct job {
	const struct mel_addon_compile *c;
	char *dir;                /* owned */
	json_t *networks;         /* of the lock */
	struct mel_outfile *file; /* [n] programs written, not yet in place */
	size_t n, cap;
	struct mel_strings names; /* of the files */
};

/* Opens the next file of the folder. */
static struct mel_outfile *
open_file(struct job *j, const char *name, struct mel_err *err)
{
	struct mel_buf path = {0};
	int rc;

	if (mel_reserve(&j->file, &j->cap, j->n + 1, sizeof(*j->file), err) ||
	    mel_strings_add(&j->names, name, err) ||
	    mel_buf_printf(&path, err, "%s/%s", j->dir, name))
		return NULL;
	rc = mel_outfile_open(&j->file[j->n], path.data, err);
	mel_buf_free(&path);
	return rc ? NULL : &j->file[j->n++];
}

/* One program: its file, and the file's digest. */
static int
write_program(struct job *j, const struct mel_compile *c,
    struct mel_fixed_program *program, char *hex, struct mel_err *err)
{
	struct mel_buf name = {0};
	struct mel_outfile *out;
	int rc = -1;

	if (mel_buf_printf(&name, err, "%s.%lld.onnx", c->def->name,
		(long long)program->size))
		return -1;
	out = open_file(j, name.data, err);
	mel_buf_free(&name);
	if (out)
		rc = mel_compile_write(c, program->size, out->fd, err);
	if (!rc && !out->temp)
		rc = mel_fail(err, "%s is no regular file", out->path);
	if (!rc)
		rc = mel_sum_file(out->temp, hex, err);
	if (!rc) {
		program->path = mel_strdup(out->path, err);
		rc = program->path ? 0 : -1;
	}
	return rc;
}

static int
write_programs(struct job *j, struct mel_compile *c,
    const struct mel_sizes *sizes, struct mel_err *err)
{
	struct mel_fixed *f = c->fixed;
	char hex[MEL_FIXED_SIZES][MEL_SUM_HEX];
	const char *list[MEL_FIXED_SIZES];
	json_t *entry;

	f->program = mel_alloc((size_t)sizes->n, sizeof(*f->program), err);
	if (!f->program)
		return -1;
	for (int i = 0; i < sizes->n; i++) {
		f->program[i].size = sizes->size[i];
		f->n_program++;
		list[i] = hex[i];
		if (mel_compile_check(c, sizes->size[i], err) ||
		    write_program(j, c, &f->program[i], hex[i], err))
			return -1;
	}
	entry = mel_lock_entry(f, list);
	if (json_object_set_new(j->networks, c->def->name, entry))
		return mel_fail(err, "out of memory");
	if (j->c->done)
		j->c->done(j->c->ctx, c->def->name, f);
	return 0;
}

static int
compile_network(
    struct job *j, const yaml_node_t *at, const char *name, struct mel_err *err)
{
	struct mel_sizes sizes = j->c->sizes;
	struct mel_netdef *def =
	    mel_addon_network(j->c->addon, at, name, false, err);
	struct mel_compile c = {0};
	int rc = -1;

	if (!def ||
	    (!sizes.n && mel_addon_sizes(j->c->addon, name, &sizes, err)))
		return -1;
	if (!sizes.n)
		return mel_fail(err,
		    "network %s: in which sizes? Neither they are given nor "
		    "does the addon say",
		    name);
	if (strchr(name, '/') || name[0] == '.')
		return mel_fail(
		    err, "network \"%s\": no name for a file", name);
	if (!mel_compile_open(&c, def, err))
		rc = write_programs(j, &c, &sizes, err);
	mel_compile_close(&c);
	return rc;
}

static int
compile_all(struct job *j, struct mel_err *err)
{
	struct mel_addon *a = j->c->addon;
	yaml_node_t *map =
	    mel_yaml_get(a->yaml, mel_yaml_root(a->yaml), "networks");

	for (size_t i = 0; i < mel_yaml_count(map); i++) {
		const yaml_node_t *key = mel_yaml_key(a->yaml, map, i);

		if (mel_addon_fixes(a, mel_yaml_text(key)) &&
		    compile_network(j, key, mel_yaml_text(key), err))
			return -1;
	}
	return json_object_size(j->networks)
		   ? 0
		   : mel_fail(err, "%s has no network to compile", a->name);
}

static int
write_lock(struct job *j, struct mel_err *err)
{
	json_t *lock = json_pack("{s:i, s:s, s:O}", "version", 1, "addon",
	    j->c->addon->digest, "networks", j->networks);
	char *text =
	    lock ? json_dumps(lock, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	struct mel_outfile *out = NULL;
	int rc = text ? 0 : mel_fail(err, "out of memory");

	if (!rc) {
		out = open_file(j, strrchr(MEL_ADDON_LOCK, '/') + 1, err);
		rc =
		    out ? mel_write_full(out->fd, text, strlen(text), err) : -1;
	}
	free(text);
	json_decref(lock);
	return rc;
}

/* The lock is the last of the files. */
static int
commit(struct job *j, struct mel_err *err)
{
	for (size_t i = 0; i < j->n; i++) {
		if (mel_outfile_commit(&j->file[i], err))
			return -1;
	}
	return 0;
}

/* Programs of former times. */
static void
remove_old(const struct job *j)
{
	DIR *d = opendir(j->dir);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		const char *name = entry->d_name, *end = strrchr(name, '.');
		bool ours = !end || strcmp(end, ".onnx") != 0;

		for (size_t i = 0; !ours && i < j->names.n; i++)
			ours = !strcmp(j->names.item[i], name);
		if (!ours)
			unlinkat(dirfd(d), name, 0);
	}
	if (d)
		closedir(d);
}

static int
run(struct job *j, struct mel_err *err)
{
	if (mkdir(j->dir, 0777) && errno != EEXIST)
		return mel_fail_errno(err, "%s", j->dir);
	if (compile_all(j, err) || write_lock(j, err) || commit(j, err))
		return -1;
	remove_old(j);
	return 0;
}

int
mel_addon_compile(const struct mel_addon_compile *c, struct mel_err *err)
{
	struct job j = {.c = c, .networks = json_object()};
	struct mel_buf dir = {0};
	int rc = -1;

	if (!j.networks)
		mel_fail(err, "out of memory");
	else if (!mel_buf_printf(
		     &dir, err, "%s/%s", c->addon->dir, MEL_ADDON_FIXED)) {
		j.dir = dir.data;
		rc = run(&j, err);
	}
	for (size_t i = 0; i < j.n; i++)
		mel_outfile_abort(&j.file[i]);
	free(j.file);
	mel_strings_free(&j.names);
	json_decref(j.networks);
	mel_buf_free(&dir);
	return rc;
}
