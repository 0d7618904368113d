/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/packed.h"

#include <string.h>
#include <unistd.h>

#include "addon/addon.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/kernels.h"

int
mel_packed_name(const struct mel_addon *a, const char *network,
    struct mel_buf *name, struct mel_err *err)
{
	if (strchr(network, '/') || network[0] == '.')
		return mel_fail(
		    err, "network \"%s\": no name for a file", network);
	return mel_buf_printf(name, err, "%s/%s.%s", MEL_ADDON_PACKED, network,
	    mel_kernels_get(a->isa)->name);
}

int
mel_packed_find(const struct mel_addon *a, const char *network, char **path,
    struct mel_err *err)
{
	struct mel_buf name = {0}, full = {0};
	int rc = 0;

	*path = NULL;
	if (mel_packed_name(a, network, &name, NULL))
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
