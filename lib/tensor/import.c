/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/import.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "tensor/ark.h"
#include "tensor/htk.h"
#include "tensor/npy.h"
#include "tensor/scp.h"
#include "tensor/tensor.h"

struct mel_import {
	struct mel_import_options o;
	char *path; /* owned; NULL: standard input */
	int fd;
	struct mel_ark *ark;
	struct mel_scp scp;
	size_t count; /* tensors so far */
	struct mel_buf key;
};

static const char *
name(const struct mel_import *s)
{
	return s->path ? s->path : "standard input";
}

static int
open_format(struct mel_import *s, struct mel_err *err)
{
	int fd;

	if (s->o.format == MEL_IMPORT_ARK)
		return mel_ark_open_fd(&s->ark, s->fd, s->o.limit, err);
	if (s->o.format != MEL_IMPORT_SCP)
		return 0;
	/* It closes what it gets. */
	fd = dup(s->fd);
	if (fd < 0)
		return mel_fail_errno(err, "read");
	return mel_scp_open(&s->scp, fd, s->o.limit, err);
}

int
mel_import_open(struct mel_import **import, const char *path,
    const struct mel_import_options *options, struct mel_err *err)
{
	struct mel_import *s = mel_alloc(1, sizeof(*s), err);
	bool file = path && strcmp(path, "-");

	if (!s)
		return -1;
	s->o = *options;
	s->fd = STDIN_FILENO;
	if (file) {
		s->path = mel_strdup(path, err);
		s->fd = s->path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		if (s->path && s->fd < 0)
			mel_fail_errno(err, "%s", path);
	}
	if (s->fd < 0 || open_format(s, err)) {
		mel_import_close(s);
		return -1;
	}
	*import = s;
	return 0;
}

void
mel_import_close(struct mel_import *s)
{
	if (!s)
		return;
	mel_ark_close(s->ark);
	mel_scp_close(&s->scp);
	if (s->path && s->fd >= 0)
		close(s->fd);
	mel_buf_free(&s->key);
	free(s->path);
	free(s);
}

/* A key for what has none. */
static int
make_key(struct mel_import *s, const char **key, struct mel_err *err)
{
	const char *base, *dot;

	s->key.len = 0;
	if (!s->path) {
		if (mel_buf_printf(&s->key, err, "%06zu", s->count))
			return -1;
	} else {
		base = strrchr(s->path, '/');
		base = base ? base + 1 : s->path;
		dot = strrchr(base, '.');
		if (mel_buf_add(&s->key, base,
			dot > base ? (size_t)(dot - base) : strlen(base), err))
			return -1;
	}
	*key = s->key.data;
	return 0;
}

/* All there is, which may be no row: 1, or -1. */
static int
read_raw(struct mel_import *s, struct mel_tensor *t, struct mel_err *err)
{
	enum mel_dtype dtype =
	    s->o.format == MEL_IMPORT_F32 ? MEL_F32 : MEL_F64;
	size_t row = (size_t)s->o.width * mel_dtype_size(dtype);
	struct mel_buf bytes = {0};
	char block[16384];
	int64_t dim[2] = {0, s->o.width};
	ssize_t got;
	int rc = 0;

	do {
		got = mel_read_full(s->fd, block, sizeof(block), err);
		if (got > 0 && bytes.len + (size_t)got > s->o.limit)
			got = mel_fail(err, "more than %zu bytes", s->o.limit);
		if (got > 0 && mel_buf_add(&bytes, block, (size_t)got, err))
			got = -1;
	} while (got == sizeof(block));
	if (got < 0)
		rc = -1;
	else if (bytes.len % row)
		rc = mel_fail(
		    err, "%zu bytes are not whole rows of %zu", bytes.len, row);
	dim[0] = (int64_t)(bytes.len / row);
	if (!rc)
		rc = mel_tensor_new(t, dtype, 2, dim, err);
	if (!rc && bytes.len)
		memcpy(t->data, bytes.data, bytes.len);
	mel_buf_free(&bytes);
	return rc ? -1 : 1;
}

/* A file is one tensor and no more, standard input may hold more .npy. */
static int
read_plain(struct mel_import *s, struct mel_tensor *t, struct mel_err *err)
{
	double period;

	if (s->o.format == MEL_IMPORT_NPY && !s->path)
		return mel_npy_read(t, s->fd, s->o.limit, err);
	if (s->count)
		return 0;
	if (s->o.format == MEL_IMPORT_NPY)
		return mel_npy_read_only(t, s->fd, s->o.limit, err) ? -1 : 1;
	if (s->o.format == MEL_IMPORT_HTK)
		return mel_htk_read(t, &period, s->fd, s->o.limit, err) ? -1
									: 1;
	return read_raw(s, t, err);
}

int
mel_import_next(struct mel_import *s, const char **key, struct mel_tensor *t,
    struct mel_err *err)
{
	int rc;

	if (s->o.format == MEL_IMPORT_ARK)
		rc = mel_ark_next(s->ark, key, t, err);
	else if (s->o.format == MEL_IMPORT_SCP)
		rc = mel_scp_next(&s->scp, key, t, err);
	else
		rc = read_plain(s, t, err);
	if (rc < 0)
		return mel_fail_in(err, "%s", name(s));
	if (!rc)
		return 0;
	s->count++;
	if (s->o.format == MEL_IMPORT_ARK || s->o.format == MEL_IMPORT_SCP)
		return 1;
	if (!make_key(s, key, err))
		return 1;
	mel_tensor_free(t);
	return -1;
}
