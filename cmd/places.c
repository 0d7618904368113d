/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "places.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "addon/addon.h"
#include "addon/find.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "block/registry.h"
#include "dsp/contract.h"
#include "base/isa.h"
#include "tool.h"

/* The folder that holds the tool's folder: PREFIX, or build. */
static int
find_prefix(struct mel_buf *out)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	for (int up = 0; n > 0 && up < 2; up++) {
		while (n > 0 && exe[--n] != '/')
			continue;
	}
	return n > 0 ? mel_buf_add(out, exe, (size_t)n, NULL) : -1;
}

char *
tool_addon_path(void)
{
	const char *path = getenv("MELPIPE_ADDON_PATH");
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	struct mel_buf out = {0}, prefix = {0};

	if (path)
		return mel_strdup(path, NULL);
	if (data && data[0])
		mel_buf_printf(&out, NULL, "%s/melpipe/addons:", data);
	else if (home)
		mel_buf_printf(
		    &out, NULL, "%s/.local/share/melpipe/addons:", home);
	/* Installed beside the tool, or in the tree that it was built in. */
	if (!find_prefix(&prefix))
		mel_buf_printf(&out, NULL,
		    "%s/share/melpipe/addons:%s/../addons", prefix.data,
		    prefix.data);
	mel_buf_free(&prefix);
	return out.data ? out.data : mel_strdup("", NULL);
}

char *
tool_find_addon(const char *name)
{
	struct mel_err err;
	char *path = tool_addon_path(), *dir;

	if (!path)
		tool_die("out of memory");
	dir = mel_addon_find(path, name, &err);
	if (!dir)
		tool_die("%s", err.msg);
	free(path);
	return dir;
}

void
tool_addon_contract(const char *name, struct mel_contract *contract)
{
	/* Only the YAML is read; no block is made. */
	static const struct mel_registry none = {0};
	char *dir = tool_find_addon(name);
	struct mel_addon *addon;
	struct mel_err err;

	if (mel_addon_open(&addon, dir, &none, MEL_ISA_PORTABLE, &err))
		tool_die("%s", err.msg);
	if (!addon->contract)
		tool_die("%s: the addon has no mel contract", dir);
	if (mel_contract_from_json(contract, addon->contract, &err))
		tool_die("%s: %s", dir, err.msg);
	mel_addon_close(addon);
	free(dir);
}
