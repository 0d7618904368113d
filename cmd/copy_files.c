/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "copy.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/option.h"
#include "stream.h"
#include "tensor/bundle.h"
#include "tensor/export.h"
#include "tensor/head.h"
#include "tensor/import.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/tensor.h"
#include "tensor/utterance.h"
#include "tensor/writer.h"
#include "tool.h"

/* A refusal is the utterance's, all else is the end. */
static int
put(struct copy *c, const char *key, const char *port,
    const struct mel_tensor *t, struct mel_err *err)
{
	int rc = mel_export_put(c->export, key, port, t, err);

	if (rc <= 0)
		return rc;
	tool_warn("utterance %s: %s", key, err->msg);
	c->failed = true;
	return 0;
}

/* HTK wants to know how far apart rows are. */
static int
find_period(struct copy *c, const json_t *contract, struct mel_err *err)
{
	double rate = json_number_value(json_object_get(contract, "rate"));
	double hop = json_number_value(json_object_get(contract, "hop"));

	if (c->how.format != MEL_EXPORT_HTK || c->how.period > 0)
		return 0;
	if (c->mel.wanted || c->mel.said) {
		const struct mel_contract *m =
		    c->mel.wanted ? &c->mel.to : &c->mel.from;

		rate = (double)m->rate;
		hop = (double)m->hop;
	}
	if (!(rate > 0 && hop > 0))
		return mel_fail(err, "no mel contract: --period is needed");
	c->how.period = hop / rate;
	return 0;
}

/*
 * A whole mel, converted if that is wanted; rows as of copy_mel_rows. A
 * refusal (1) is the utterance's.
 */
static int
convert(struct copy *c, const char *name, const struct mel_tensor *in,
    struct mel_tensor *out, struct mel_err *err)
{
	struct mel_port port = {.name = (char *)(uintptr_t)name,
	    .dtype = in->dtype,
	    .ndim = in->ndim < MEL_RECORD_DIMS ? in->ndim : MEL_RECORD_DIMS,
	    .sort = MEL_ROWS};

	for (int i = 0; i < port.ndim; i++)
		port.dim[i] = in->dim[i];
	if (!copy_mel_port(&c->mel, &port, true, err) &&
	    !copy_mel_rows(&c->mel, in, true, out, err))
		return 0;
	copy_mel_reset(&c->mel);
	return 1;
}

static void
refuse(struct copy *c, const char *key, const struct mel_err *err)
{
	tool_warn("utterance %s: %s", key, err->msg);
	c->failed = true;
}

static int
put_utterance(struct copy *c, const struct mel_utterance *u,
    const struct mel_head *head, struct mel_err *err)
{
	int main_port = mel_head_rows(head);

	if (!c->ports.names->n && main_port < 0)
		return mel_fail(err, "no port of rows: --ports chooses");
	for (size_t i = 0; i < u->tensors.n; i++) {
		const struct mel_named *n = &u->tensors.item[i];
		const char *rows =
		    main_port < 0 ? "" : head->port[main_port].name;
		bool is_main = !strcmp(n->name, rows);
		struct mel_tensor t = n->tensor;

		if (!tool_selects(&c->ports, n->name) ||
		    (!c->ports.names->n && !is_main))
			continue;
		if (is_main && convert(c, n->name, &n->tensor, &t, err)) {
			refuse(c, u->key, err);
			continue;
		}
		if (put(c, u->key, c->ports.names->n > 1 ? n->name : NULL, &t,
			err))
			return -1;
	}
	return 0;
}

/* Refused ones arose here, failed ones were printed by their stage. */
static int
take_utterance(struct copy *c, const struct mel_head *head, struct mel_err *err)
{
	const struct mel_utterance *u = &c->utterance;
	bool whole = u->state == MEL_UTT_WHOLE;

	if (u->state == MEL_UTT_REFUSED)
		tool_warn("utterance %s: %s", u->key, u->error);
	c->failed |= !whole;
	if (!copy_wanted(c, u->key) || !whole)
		return 0;
	return find_period(c, head->contract, err) ||
		       copy_mel_input(&c->mel, head->contract, err) ||
		       put_utterance(c, u, head, err)
		   ? -1
		   : 0;
}

int
copy_to_files(struct copy *c, struct mel_reader *reader, struct mel_err *err)
{
	struct mel_utterance_options options = {0};
	int rc;

	if (c->ports.names->n)
		options.ports = c->ports.names;
	while ((rc = mel_utterance_next(&c->utterance, reader, &options, err)) >
	       0) {
		if (take_utterance(c, mel_reader_head(reader), err))
			return -1;
	}
	return rc;
}

/* A head for tensors like this one. */
static int
make_head(struct copy *c, const struct mel_tensor *t, struct mel_err *err)
{
	char name[256];
	struct mel_port port = {
	    .name = name, .dtype = t->dtype, .ndim = t->ndim, .sort = MEL_ROWS};

	snprintf(name, sizeof(name), "%s", c->port);
	for (int i = 0; i < t->ndim && i < MEL_RECORD_DIMS; i++)
		port.dim[i] = i ? t->dim[i] : MEL_OPEN;
	if (copy_mel_contract(&c->mel, NULL, &c->head.contract, err) ||
	    mel_head_add(&c->head, &port, err))
		return -1;
	c->started = true;
	return mel_writer_head(c->writer, &c->head, err);
}

/* All of one utterance; a tensor of another kind than the first fails it. */
static int
send(struct copy *c, const char *key, struct mel_tensor *t, struct mel_err *err)
{
	struct mel_writer *w = c->writer;
	json_t *meta;
	int rc;

	/* Rows are what a stream is made of: a number is one row. */
	if (!t->ndim)
		t->dim[t->ndim++] = 1;
	if (!c->started && make_head(c, t, err))
		return -1;
	meta = json_pack(
	    "{s:s, s:I}", "key", key, "frames", (json_int_t)t->dim[0]);
	rc = meta ? mel_writer_begin(w, meta, err)
		  : mel_fail(err, "out of memory");
	json_decref(meta);
	if (rc)
		return -1;
	if (!mel_writer_data(w, 0, t, err))
		return mel_writer_end(w, NULL, err);
	c->failed = true;
	tool_warn("utterance %s: %s", key, err->msg);
	return mel_writer_error(w, key, NULL, err->msg, err);
}

int
copy_files(struct copy *c, struct mel_import *import, struct mel_err *err)
{
	struct mel_tensor t = {0};
	const char *key;
	int rc;

	if ((c->export && find_period(c, NULL, err)) ||
	    copy_mel_input(&c->mel, NULL, err))
		return -1;
	while ((rc = mel_import_next(import, &key, &t, err)) > 0) {
		struct mel_tensor out = t;
		int bad = 0;

		if (!copy_wanted(c, key))
			;
		else if (convert(c, c->port, &t, &out, err))
			refuse(c, key, err);
		else
			bad = c->export ? put(c, key, NULL, &out, err)
					: send(c, key, &out, err);
		mel_tensor_free(&t);
		if (bad)
			return -1;
	}
	return rc;
}
