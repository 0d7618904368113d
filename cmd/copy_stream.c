/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "copy.h"

#include "stream.h"
#include "tensor/head.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/writer.h"
#include "tool.h"

/*
 * The head without the ports that are not selected. map, if not NULL, becomes
 * the new number of each port or -1.
 */
static int
filter_head(struct copy *c, const struct mel_head *in, struct mel_head *out,
    int *map, struct mel_err *err)
{
	*out = (struct mel_head){.contract = json_incref(in->contract),
	    .addon = json_incref(in->addon),
	    .done = in->done,
	    .extra = json_incref(in->extra)};
	for (size_t i = 0; i < in->n_ports; i++) {
		map[i] = -1;
		if (!tool_selects(&c->ports, in->port[i].name))
			continue;
		map[i] = (int)out->n_ports;
		if (mel_head_add(out, &in->port[i], err))
			return -1;
	}
	return 0;
}

/* Several streams become one, so they must be of one kind. */
static int
take_head(
    struct copy *c, struct mel_reader *reader, int *map, struct mel_err *err)
{
	struct mel_head head;
	const char *key;

	if (filter_head(c, mel_reader_head(reader), &head, map, err)) {
		mel_head_free(&head);
		return -1;
	}
	if (!c->started) {
		c->head = head;
		c->started = true;
		return mel_writer_head(c->writer, &c->head, err);
	}
	key = mel_head_differ(&c->head, &head);
	mel_head_free(&head);
	return key ? mel_fail(err,
			 "%s: another head than the first stream's "
			 "(%s)",
			 mel_reader_name(reader), key)
		   : 0;
}

/* One stream being copied. */
struct relay {
	struct copy *copy;
	int map[MEL_PORT_LIMIT];
	bool open;   /* an utterance is */
	bool inside; /* and it is copied */
};

static const char *
text(json_t *meta, const char *name)
{
	return json_string_value(json_object_get(meta, name));
}

static int
take_begin(struct relay *r, json_t *meta, struct mel_err *err)
{
	r->open = true;
	r->inside = copy_wanted(r->copy, text(meta, "key"));
	return r->inside ? mel_writer_begin(r->copy->writer, meta, err) : 0;
}

/* A tensor that does not fit into a record ends its utterance, no more. */
static int
take_data(struct relay *r, const struct mel_record *record, struct mel_err *err)
{
	struct mel_writer *w = r->copy->writer;
	int port = r->map[record->header.port];

	if (!r->inside || port < 0 ||
	    !mel_writer_data(w, port, &record->tensor, err))
		return 0;
	r->inside = false;
	if (mel_writer_error(w, "", NULL, err->msg, NULL))
		return -1;
	r->copy->failed = true;
	tool_warn("%s", err->msg);
	return 0;
}

static int
take_end(struct relay *r, json_t *meta, struct mel_err *err)
{
	bool inside = r->inside;

	r->open = r->inside = false;
	return inside ? mel_writer_end(r->copy->writer,
			    json_object_get(meta, "stages"), err)
		      : 0;
}

static int
take_error(struct relay *r, json_t *meta, struct mel_err *err)
{
	bool inside = r->inside;

	r->open = r->inside = false;
	r->copy->failed = true;
	return inside ? mel_writer_error(r->copy->writer, "",
			    text(meta, "tool"), text(meta, "message"), err)
		      : 0;
}

static int
take(struct relay *r, struct mel_reader *reader,
    const struct mel_record *record, struct mel_err *err)
{
	switch (record->header.kind) {
	case MEL_HEAD:
		return take_head(r->copy, reader, r->map, err);
	case MEL_BEGIN:
		return take_begin(r, record->meta, err);
	case MEL_DATA:
		return take_data(r, record, err);
	case MEL_END:
		return take_end(r, record->meta, err);
	case MEL_ERROR:
		return take_error(r, record->meta, err);
	case MEL_NOTE:
		if (r->open && !r->inside)
			return 0;
		return mel_writer_note(r->copy->writer, record->meta, err);
	default:
		return 0;
	}
}

int
copy_stream(struct copy *c, struct mel_reader *reader, struct mel_err *err)
{
	struct relay r = {.copy = c};
	struct mel_record record;
	int rc;

	while ((rc = mel_reader_next(reader, &record, err)) > 0) {
		if (take(&r, reader, &record, err))
			return -1;
	}
	return rc;
}
