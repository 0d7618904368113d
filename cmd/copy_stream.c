/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "copy.h"

#include <string.h>

#include "base/err.h"
#include "stream.h"
#include "tensor/head.h"
#include "tensor/meta.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/writer.h"
#include "tool.h"

/*
 * The head without the ports that are not selected, of the contract that is
 * wanted. map becomes the new number of each port or -1.
 */
static int
filter_head(struct copy *c, const struct mel_head *in, struct mel_head *out,
    int *map, struct mel_err *err)
{
	*out = (struct mel_head){.addon = json_incref(in->addon),
	    .done = in->done,
	    .extra = json_incref(in->extra)};
	if (copy_mel_input(&c->mel, in->contract, err) ||
	    copy_mel_contract(&c->mel, in->contract, &out->contract, err))
		return -1;
	for (size_t i = 0; i < in->n_ports; i++) {
		struct mel_port port = in->port[i];
		int gone = copy_mel_port(
		    &c->mel, &port, (int)i == mel_head_rows(in), err);

		map[i] = -1;
		if (gone < 0)
			return -1;
		if (!tool_selects(&c->ports, port.name) || gone)
			continue;
		map[i] = (int)out->n_ports;
		if (mel_head_add(out, &port, err))
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
	const char *key, *hint;

	if (filter_head(c, mel_reader_head(reader), &head, map, err)) {
		mel_head_free(&head);
		return mel_fail_in(err, "%s", mel_reader_name(reader));
	}
	if (!c->started) {
		c->head = head;
		c->started = true;
		return mel_writer_head(c->writer, &c->head, err);
	}
	key = mel_head_differ(&c->head, &head);
	hint = mel_meta_same(c->head.contract, head.contract)
		   ? ""
		   : "; --contract makes mels one";
	mel_head_free(&head);
	return key ? mel_fail(err,
			 "%s: another head than the first stream's "
			 "(%s)%s",
			 mel_reader_name(reader), key, hint)
		   : 0;
}

/* One stream being copied. */
struct relay {
	struct copy *copy;
	int map[MEL_PORT_LIMIT];
	int main;    /* port of the mel's rows, or -1 */
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
	json_t *frames = json_object_get(meta, "frames"), *changed;
	struct copy *c = r->copy;
	int rc;

	r->open = true;
	r->inside = copy_wanted(c, text(meta, "key"));
	if (!r->inside)
		return 0;
	changed = json_copy(meta);
	if (!changed || (frames && json_object_set_new(changed, "frames",
				       json_integer(copy_mel_frames(&c->mel,
					   json_integer_value(frames))))))
		rc = mel_fail(err, "out of memory");
	else
		rc = mel_writer_begin(c->writer, changed, err);
	json_decref(changed);
	return rc;
}

/* What cannot be converted or written ends its utterance, no more. */
static int
fail_utterance(struct relay *r, const struct mel_err *err)
{
	r->inside = false;
	copy_mel_reset(&r->copy->mel);
	if (mel_writer_error(r->copy->writer, "", NULL, err->msg, NULL))
		return -1;
	r->copy->failed = true;
	tool_warn("%s", err->msg);
	return 0;
}

/* The next rows of the mel; NULL: its end. */
static int
take_rows(struct relay *r, const struct mel_tensor *rows, struct mel_err *err)
{
	struct mel_tensor out;
	struct copy *c = r->copy;

	if (copy_mel_rows(&c->mel, rows, !rows, &out, err))
		return -1;
	return out.dtype && r->map[r->main] >= 0
		   ? mel_writer_data(c->writer, r->map[r->main], &out, err)
		   : 0;
}

static int
take_data(struct relay *r, const struct mel_record *record, struct mel_err *err)
{
	int from = (int)record->header.port, to = r->map[from];
	int rc;

	if (!r->inside || to < 0)
		return 0;
	rc = from == r->main
		 ? take_rows(r, &record->tensor, err)
		 : mel_writer_data(r->copy->writer, to, &record->tensor, err);
	return rc ? fail_utterance(r, err) : 0;
}

static int
take_end(struct relay *r, json_t *meta, struct mel_err *err)
{
	r->open = false;
	if (r->inside && r->main >= 0 && take_rows(r, NULL, err))
		return fail_utterance(r, err);
	if (!r->inside)
		return 0;
	r->inside = false;
	return mel_writer_end(
	    r->copy->writer, json_object_get(meta, "stages"), err);
}

static int
take_error(struct relay *r, json_t *meta, struct mel_err *err)
{
	bool inside = r->inside;

	r->open = r->inside = false;
	copy_mel_reset(&r->copy->mel);
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
		r->main = mel_head_rows(mel_reader_head(reader));
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
