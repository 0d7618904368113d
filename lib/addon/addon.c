/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/addon.h"

#include <errno.h>
#include <limits.h>
#include <nettle/sha2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addon/config.h"
#include "addon/yaml.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "net/netdef.h"

static int
hash_file(struct mel_addon *a, const char *name, bool optional,
    struct sha256_ctx *hash, struct mel_err *err)
{
	struct mel_buf path = {0}, text = {0};
	int rc = mel_buf_printf(&path, err, "%s/%s", a->dir, name);

	if (!rc && (!optional || !access(path.data, F_OK)))
		rc = mel_read_file(path.data, MEL_YAML_LIMIT, &text, err);
	if (!rc && text.len)
		sha256_update(hash, text.len, (const uint8_t *)text.data);
	mel_buf_free(&path);
	mel_buf_free(&text);
	return rc;
}

/* An addon in the making has no sums yet; its digest is of the YAML alone. */
static int
make_digest(struct mel_addon *a, struct mel_err *err)
{
	struct sha256_ctx hash;
	uint8_t sum[SHA256_DIGEST_SIZE];

	sha256_init(&hash);
	if (hash_file(a, MEL_ADDON_FILE, false, &hash, err) ||
	    hash_file(a, MEL_ADDON_SUMS, true, &hash, err))
		return -1;
	sha256_digest(&hash, sizeof(sum), sum);
	for (size_t i = 0; i < sizeof(sum); i++)
		snprintf(a->digest + 2 * i, 3, "%02x", sum[i]);
	return 0;
}

int
mel_addon_open(struct mel_addon **out, const char *dir,
    const struct mel_registry *registry, enum mel_isa isa, struct mel_err *err)
{
	struct mel_addon *a = mel_alloc(1, sizeof(*a), err);
	struct mel_buf path = {0};
	int rc = -1;

	if (!a)
		return -1;
	pthread_mutex_init(&a->lock, NULL);
	a->registry = registry;
	a->isa = isa;
	a->dir = realpath(dir, NULL);
	if (!a->dir)
		mel_fail_errno(err, "%s", dir);
	else if (!mel_buf_printf(&path, err, "%s/%s", dir, MEL_ADDON_FILE) &&
		 !mel_yaml_open(&a->yaml, path.data, err) &&
		 !mel_addon_read(a, err))
		rc = make_digest(a, err);
	mel_buf_free(&path);
	if (rc)
		mel_addon_close(a);
	else
		*out = a;
	return rc;
}

void
mel_addon_close(struct mel_addon *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n_controls; i++) {
		free(a->control[i].name);
		free(a->control[i].unit);
		free(a->control[i].help);
	}
	for (size_t i = 0; i < a->n_positions; i++)
		free(a->position[i].where);
	for (size_t i = 0; i < a->n_networks; i++)
		mel_netdef_close(a->network[i]);
	free(a->control);
	free(a->position);
	free(a->network);
	mel_strings_free(&a->keep);
	mel_strings_free(&a->fixed_networks);
	json_decref(a->contract);
	mel_yaml_close(a->yaml);
	free(a->name);
	free(a->description);
	free(a->language);
	free(a->licence);
	free(a->dir);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

const struct mel_control *
mel_addon_control(
    const struct mel_addon *a, const char *name, struct mel_err *err)
{
	struct mel_buf all = {0};

	for (size_t i = 0; i < a->n_controls; i++) {
		if (!strcmp(a->control[i].name, name))
			return &a->control[i];
	}
	for (size_t i = 0; i < a->n_controls; i++)
		mel_buf_printf(
		    &all, NULL, "%s%s", i ? ", " : "", a->control[i].name);
	mel_fail(err, "%s has no control \"%s\", only: %s", a->name, name,
	    all.data ? all.data : "none");
	mel_buf_free(&all);
	return NULL;
}

static bool
has_dotdot(const char *name)
{
	for (const char *p = name; (p = strstr(p, "..")); p += 2) {
		if ((p == name || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return true;
	}
	return false;
}

char *
mel_addon_path(const struct mel_addon *a, const char *name, struct mel_err *err)
{
	struct mel_buf path = {0};
	size_t len = strlen(a->dir);
	char *real;

	if (!name[0] || name[0] == '/' || has_dotdot(name)) {
		mel_fail(
		    err, "\"%s\" is not a file of the addon's folder", name);
		return NULL;
	}
	if (mel_buf_printf(&path, err, "%s/%s", a->dir, name))
		return NULL;
	real = realpath(path.data, NULL);
	if (!real)
		mel_fail_errno(err, "%s", path.data);
	mel_buf_free(&path);
	if (real && (strncmp(real, a->dir, len) != 0 || real[len] != '/')) {
		mel_fail(err, "\"%s\" leads out of the addon's folder", name);
		free(real);
		return NULL;
	}
	return real;
}
