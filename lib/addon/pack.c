/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "addon/addon.h"
#include "addon/networks.h"
#include "addon/packed.h"
#include "addon/yaml.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "net/netdef.h"
#include "net/network.h"

/* ---- writing ---- */

struct pack {
	struct mel_addon *addon;
	void (*done)(
	    void *ctx, const char *network, const char *file, size_t bytes);
	void *ctx;
};

static int
write_file(const struct mel_netdef *def, const char *path, size_t *bytes,
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
	*bytes = (size_t)st.st_size;
	return mel_outfile_commit(&out, err);
}

static int
pack_network(const struct pack *p, const yaml_node_t *at, const char *name,
    struct mel_err *err)
{
	struct mel_netdef *def =
	    mel_addon_network(p->addon, at, name, false, err);
	struct mel_buf file = {0}, path = {0};
	size_t bytes;
	int rc = -1;

	if (def && !mel_packed_name(p->addon, name, &file, err) &&
	    !mel_buf_printf(&path, err, "%s/%s", p->addon->dir, file.data) &&
	    !mel_network_ready(def->network, NULL, err))
		rc = write_file(def, path.data, &bytes, err);
	if (!rc && p->done)
		p->done(p->ctx, name, file.data, bytes);
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
    void (*done)(
	void *ctx, const char *network, const char *file, size_t bytes),
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

	if (mel_packed_find(a, name, &path, err))
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
