/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/packed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "addon/addon.h"
#include "addon/yaml.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "net/kernels.h"
#include "net/netdef.h"
#include "net/network.h"

static const char *
isa_name(const struct mel_addon *a)
{
	return mel_kernels_get(a->isa)->name;
}

/* The name of a network's file inside the folder. */
static int
file_name(const struct mel_addon *a, const char *network, struct mel_buf *name,
    struct mel_err *err)
{
	if (strchr(network, '/') || network[0] == '.')
		return mel_fail(
		    err, "network \"%s\": no name for a file", network);
	return mel_buf_printf(
	    name, err, "%s/%s.%s", MEL_ADDON_PACKED, network, isa_name(a));
}

/* *path: to be freed; NULL: the network has no such file. */
static int
find_file(const struct mel_addon *a, const char *network, char **path,
    struct mel_err *err)
{
	struct mel_buf name = {0}, full = {0};
	int rc = 0;

	*path = NULL;
	if (file_name(a, network, &name, NULL))
		return 0;
	if (mel_buf_printf(&full, err, "%s/%s", a->dir, name.data)) {
		rc = -1;
	} else if (!access(full.data, F_OK)) {
		*path = mel_addon_path(a, name.data, err);
		rc = *path ? 0 : -1;
	}
	mel_buf_free(&name);
	mel_buf_free(&full);
	return rc;
}

int
mel_addon_ready(
    struct mel_addon *a, struct mel_netdef *def, struct mel_err *err)
{
	char *path;
	int rc;

	if (find_file(a, def->name, &path, err))
		return -1;
	rc = mel_network_ready(def->network, path, err);
	free(path);
	return rc;
}

/* ---- writing ---- */

struct pack {
	struct mel_addon *addon;
	void (*done)(
	    void *ctx, const char *network, const char *isa, size_t bytes);
	void *ctx;
};

static int
write_file(const struct pack *p, const struct mel_netdef *def, const char *path,
    struct mel_err *err)
{
	struct mel_outfile out;
	struct stat st = {0};

	if (mel_outfile_open(&out, path, err))
		return -1;
	if (mel_network_write_packed(def->network, out.fd, err)) {
		mel_fail_in(err, "%s", path);
		mel_outfile_abort(&out);
		return -1;
	}
	fstat(out.fd, &st);
	if (mel_outfile_commit(&out, err))
		return -1;
	if (p->done)
		p->done(
		    p->ctx, def->name, isa_name(p->addon), (size_t)st.st_size);
	return 0;
}

static int
pack_network(const struct pack *p, const yaml_node_t *at, const char *name,
    struct mel_err *err)
{
	struct mel_netdef *def =
	    mel_addon_network(p->addon, at, name, false, err);
	struct mel_buf file = {0}, path = {0};
	int rc = -1;

	if (def && !file_name(p->addon, name, &file, err) &&
	    !mel_buf_printf(&path, err, "%s/%s", p->addon->dir, file.data) &&
	    !mel_network_ready(def->network, NULL, err))
		rc = write_file(p, def, path.data, err);
	mel_buf_free(&file);
	mel_buf_free(&path);
	return rc;
}

static int
make_folder(const struct mel_addon *a, struct mel_err *err)
{
	struct mel_buf dir = {0};
	int rc = mel_buf_printf(&dir, err, "%s/%s", a->dir, MEL_ADDON_PACKED);

	if (!rc && mkdir(dir.data, 0777) && errno != EEXIST)
		rc = mel_fail_errno(err, "%s", dir.data);
	mel_buf_free(&dir);
	return rc;
}

int
mel_addon_pack(struct mel_addon *a,
    void (*done)(void *ctx, const char *network, const char *isa, size_t bytes),
    void *ctx, struct mel_err *err)
{
	const struct pack p = {a, done, ctx};
	yaml_node_t *map =
	    mel_yaml_get(a->yaml, mel_yaml_root(a->yaml), "networks");

	if (make_folder(a, err))
		return -1;
	for (size_t i = 0; i < mel_yaml_count(map); i++) {
		const yaml_node_t *key = mel_yaml_key(a->yaml, map, i);

		if (pack_network(&p, key, mel_yaml_text(key), err))
			return -1;
	}
	return 0;
}

/* ---- checking ---- */

/* 1: it differs, *why says how. */
static int
check_network(struct mel_addon *a, const yaml_node_t *at, const char *name,
    struct mel_err *why, struct mel_err *err)
{
	struct mel_netdef *def;
	char *path;
	int rc = -1;

	if (find_file(a, name, &path, err))
		return -1;
	if (!path)
		return 0;
	def = mel_addon_network(a, at, name, false, err);
	if (def && !mel_network_ready(def->network, NULL, err))
		rc = mel_network_check_packed(def->network, path, why) != 0;
	free(path);
	return rc;
}

int
mel_addon_check_packed(struct mel_addon *a,
    void (*bad)(void *ctx, const char *why), void *ctx, struct mel_err *err)
{
	yaml_node_t *map =
	    mel_yaml_get(a->yaml, mel_yaml_root(a->yaml), "networks");
	int wrong = 0;

	for (size_t i = 0; i < mel_yaml_count(map); i++) {
		const yaml_node_t *key = mel_yaml_key(a->yaml, map, i);
		struct mel_err why;
		int rc = check_network(a, key, mel_yaml_text(key), &why, err);

		if (rc < 0)
			return -1;
		if (rc)
			bad(ctx, why.msg);
		wrong += rc;
	}
	return wrong;
}
