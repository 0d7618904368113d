/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/export.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/outdir.h"
#include "tensor/ark.h"
#include "tensor/convert.h"
#include "tensor/htk.h"
#include "tensor/npy.h"
#include "tensor/tensor.h"

const char *const mel_export_names[] = {
    [MEL_EXPORT_NPY] = "npy",
    [MEL_EXPORT_ARK] = "ark",
    [MEL_EXPORT_ARK_TEXT] = "ark-text",
    [MEL_EXPORT_HTK] = "htk",
    [MEL_EXPORT_F32] = "f32",
    [MEL_EXPORT_F64] = "f64",
    NULL,
};

/* What files in a folder end in. */
static const char *const suffixes[] = {
    [MEL_EXPORT_NPY] = "npy",
    [MEL_EXPORT_ARK] = "ark",
    [MEL_EXPORT_ARK_TEXT] = "ark",
    [MEL_EXPORT_HTK] = "htk",
    [MEL_EXPORT_F32] = "f32",
    [MEL_EXPORT_F64] = "f64",
};

struct mel_export {
	const struct mel_export_options *o;
	struct mel_outdir dir;
	struct mel_ark_out ark;
	struct mel_outfile scp; /* fd -1: none */
	size_t count;           /* tensors in the one output */
};

int
mel_export_open(struct mel_export **export,
    const struct mel_export_options *options, struct mel_err *err)
{
	struct mel_export *s = mel_alloc(1, sizeof(*s), err);

	if (!s)
		return -1;
	s->o = options;
	s->scp.fd = -1;
	if (options->out)
		s->ark.fd = options->out->fd;
	s->ark.text = options->format == MEL_EXPORT_ARK_TEXT;
	if ((options->dir && mel_outdir_open(&s->dir, options->dir, err)) ||
	    (options->scp && mel_outfile_open(&s->scp, options->scp, err))) {
		mel_export_close(s);
		return -1;
	}
	*export = s;
	return 0;
}

int
mel_export_finish(struct mel_export *export, struct mel_err *err)
{
	return export->scp.fd < 0 ? 0 : mel_outfile_commit(&export->scp, err);
}

void
mel_export_close(struct mel_export *export)
{
	if (!export)
		return;
	if (export->scp.fd >= 0)
		mel_outfile_abort(&export->scp);
	mel_outdir_close(&export->dir);
	free(export);
}

/* Whether the format can hold it at all. */
static int
check(const struct mel_export *s, const char *key, const struct mel_tensor *t,
    struct mel_err *err)
{
	switch (s->o->format) {
	case MEL_EXPORT_NPY:
		if (t->dtype == MEL_BF16)
			return mel_fail(err, "bf16 has no .npy type");
		return 0;
	case MEL_EXPORT_ARK:
	case MEL_EXPORT_ARK_TEXT:
		return mel_ark_check(key, t, err);
	case MEL_EXPORT_HTK:
		return mel_htk_check(t, err);
	case MEL_EXPORT_F32:
	case MEL_EXPORT_F64:
		break;
	}
	return 0;
}

static int
write_numbers(int fd, const struct mel_tensor *t, enum mel_dtype dtype,
    struct mel_err *err)
{
	struct mel_tensor f = {0};
	int rc;

	if (mel_tensor_convert(&f, t, dtype, err))
		return -1;
	rc = mel_write_full(fd, f.data, mel_tensor_bytes(&f), err);
	mel_tensor_free(&f);
	return rc;
}

static int
write_to(const struct mel_export *s, struct mel_ark_out *out, const char *key,
    const struct mel_tensor *t, struct mel_err *err)
{
	switch (s->o->format) {
	case MEL_EXPORT_NPY:
		return mel_npy_write(out->fd, t, err);
	case MEL_EXPORT_HTK:
		return mel_htk_write(out->fd, t, s->o->period, err);
	case MEL_EXPORT_F32:
		return write_numbers(out->fd, t, MEL_F32, err);
	case MEL_EXPORT_F64:
		return write_numbers(out->fd, t, MEL_F64, err);
	case MEL_EXPORT_ARK:
	case MEL_EXPORT_ARK_TEXT:
		break;
	}
	return mel_ark_write(out, key, t, err);
}

static int
write_scp(struct mel_export *s, const char *key, struct mel_err *err)
{
	struct mel_buf line = {0};
	int rc = mel_buf_printf(&line, err, "%s %s:%llu\n", key,
	    s->o->out->path, (unsigned long long)s->ark.object);

	if (!rc)
		rc = mel_write_full(s->scp.fd, line.data, line.len, err);
	mel_buf_free(&line);
	return rc ? mel_fail_in(err, "%s", s->o->scp) : 0;
}

static bool
holds_one(enum mel_export_format format)
{
	return format == MEL_EXPORT_NPY || format == MEL_EXPORT_HTK;
}

static int
put_into_one(struct mel_export *s, const char *key, const struct mel_tensor *t,
    struct mel_err *err)
{
	const char *name = s->o->out->path;

	if (s->count++ && holds_one(s->o->format))
		return mel_fail(err, "%s holds one tensor only: use -d",
		    mel_export_names[s->o->format]);
	if (write_to(s, &s->ark, key, t, err))
		return mel_fail_in(err, "%s", name ? name : "standard output");
	return s->scp.fd < 0 ? 0 : write_scp(s, key, err);
}

static int
put_into_dir(struct mel_export *s, const char *key, const char *port,
    const struct mel_tensor *t, struct mel_err *err)
{
	struct mel_ark_out ark = {.text = s->ark.text};
	struct mel_outfile out;

	if (mel_outdir_file(
		&s->dir, key, port, suffixes[s->o->format], &out, err))
		return 1;
	ark.fd = out.fd;
	if (write_to(s, &ark, key, t, err)) {
		mel_fail_in(err, "%s", out.path);
		mel_outfile_abort(&out);
		return -1;
	}
	return mel_outfile_commit(&out, err);
}

int
mel_export_put(struct mel_export *export, const char *key, const char *port,
    const struct mel_tensor *t, struct mel_err *err)
{
	if (check(export, key, t, err))
		return 1;
	return export->o->dir ? put_into_dir(export, key, port, t, err)
			      : put_into_one(export, key, t, err);
}
