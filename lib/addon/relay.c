/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/utter.h"

#include <string.h>

#include "addon/controls.h"
#include "addon/inlet.h"
#include "addon/stage.h"
#include "base/err.h"
#include "block/clock.h"
#include "block/streamable.h"
#include "tensor/bundle.h"
#include "tensor/head.h"
#include "tensor/meta.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/tensor.h"
#include "tensor/writer.h"

/* What a relay holds for the utterance that it is at. */
struct state {
	struct mel_relay *relay;
	struct mel_inlet inlet;
	struct mel_streamable *rows; /* the block over inlet */
	struct mel_head head;        /* of the first stream */
	struct mel_bundle data;
	json_t *begin;
};

/* Side rows and notes go on as they come. */
static int
pass_on(void *ctx, const struct mel_record *record, struct mel_err *err)
{
	struct state *s = ctx;
	struct mel_utter *u = &s->relay->utter;
	const struct mel_head *in = mel_reader_head(s->relay->reader);
	int port, rc = 0;

	if (record->header.kind == MEL_NOTE) {
		rc = mel_writer_note(u->writer, record->meta, err);
	} else if (u->begun) { /* else it failed before, and has no rows */
		port = mel_head_find(mel_stage_head(u->stage),
		    in->port[record->header.port].name);
		if (port >= 0)
			rc = mel_writer_data(
			    u->writer, port, &record->tensor, err);
	}
	u->broken |= rc != 0;
	return rc;
}

static int
put_port(struct state *s, const struct mel_record *record, struct mel_err *err)
{
	const struct mel_head *head = mel_reader_head(s->relay->reader);
	struct mel_tensor copy = {0};
	int rc;

	if (mel_tensor_copy(&copy, &record->tensor, err))
		return -1;
	rc = mel_bundle_put(
	    &s->data, head->port[record->header.port].name, &copy, err);
	mel_tensor_free(&copy);
	return rc;
}

/*
 * Reads until all sequence ports are there; the first record that is none is
 * pushed into the inlet. -1: the stream is cut, or memory is out.
 */
static int
gather(struct state *s, struct mel_err *err)
{
	const struct mel_head *head = mel_reader_head(s->relay->reader);
	size_t missing = 0;
	struct mel_record record;
	int rc;

	for (size_t i = 0; i < head->n_ports; i++)
		missing += head->port[i].sort == MEL_SEQUENCE;
	while (missing && s->inlet.state == MEL_INLET_OPEN) {
		if (mel_inlet_read(&s->inlet, &record, err))
			return -1;
		rc = 0;
		if (record.header.kind == MEL_DATA &&
		    head->port[record.header.port].sort == MEL_SEQUENCE) {
			missing--;
			rc = put_port(s, &record, err);
		} else {
			rc = mel_inlet_push(&s->inlet, &record, err);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

static const char *
text_of(const json_t *json, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? text : otherwise;
}

/* Ends the utterance as failed: before this stage, or in it. */
static int
write_error(struct state *s, const char *why, struct mel_err *err)
{
	struct mel_relay *r = s->relay;
	const char *key = text_of(s->begin, "key", "");
	const char *tool = NULL;

	r->errors = true;
	if (s->inlet.state == MEL_INLET_ERROR) {
		tool = text_of(s->inlet.last, "tool", "");
		why = text_of(s->inlet.last, "message", "");
	} else if (r->failed) {
		r->failed(r->ctx, key, why);
	}
	return mel_writer_error(r->utter.writer, key, tool, why, err);
}

/* Runs what was gathered, and ends the utterance. -1: no use to go on. */
static int
run_one(struct state *s, struct mel_err *err)
{
	struct mel_relay *r = s->relay;
	struct mel_inlet *inlet = &s->inlet;
	bool rows = inlet->port >= 0;
	uint64_t began = mel_clock_ns();
	struct mel_err why;
	int failed =
	    gather(s, &why) || mel_controls_put(&s->data,
				   json_object_get(s->begin, "controls"), &why);

	if (!failed && inlet->state != MEL_INLET_ERROR && rows)
		failed = mel_streamable_begin(s->rows, &s->data, NULL, &why);
	if (!failed && inlet->state != MEL_INLET_ERROR)
		failed = mel_utter_run(
		    &r->utter, s->begin, &s->data, rows ? s->rows : NULL, &why);
	if (r->utter.broken)
		return mel_fail(err, "%s", why.msg);
	if (mel_inlet_finish(inlet, err))
		return -1;
	mel_stage_reset(r->utter.stage);
	mel_streamable_reset(s->rows);
	r->rows += r->utter.rows;
	if (!r->first_ns && r->utter.first_row_ns > began)
		r->first_ns = r->utter.first_row_ns - began;
	if (failed || inlet->state == MEL_INLET_ERROR)
		return write_error(s, failed ? why.msg : "", err);
	return mel_writer_end(
	    r->utter.writer, json_object_get(inlet->last, "stages"), err);
}

static int
begin_one(struct state *s, const struct mel_record *record, struct mel_err *err)
{
	struct mel_relay *r = s->relay;

	json_decref(s->begin);
	s->begin = mel_meta_copy(record->meta, err);
	mel_bundle_free(&s->data);
	mel_inlet_begin(&s->inlet, r->reader);
	r->utter.begun = false;
	if (r->begun && s->begin)
		r->begun(r->ctx, text_of(s->begin, "key", ""));
	return s->begin ? 0 : -1;
}

/* Behind a finish (cat a b): more utterances if they are of the same kind. */
static int
check_head(const struct state *s, struct mel_err *err)
{
	const struct mel_reader *r = s->relay->reader;
	const char *key = mel_head_differ(&s->head, mel_reader_head(r));

	return key ? mel_fail(err,
			 "%s: another head than the first stream's "
			 "(%s)",
			 mel_reader_name(r), key)
		   : 0;
}

static int
run_all(struct state *s, struct mel_err *err)
{
	struct mel_relay *r = s->relay;
	struct mel_record record;
	int rc = mel_writer_head(
	    r->utter.writer, mel_stage_head(r->utter.stage), err);

	while (!rc) {
		rc = mel_reader_next(r->reader, &record, err);
		if (rc <= 0)
			break;
		rc = 0;
		switch (record.header.kind) {
		case MEL_HEAD:
			rc = check_head(s, err);
			break;
		case MEL_NOTE:
			rc = pass_on(s, &record, err);
			break;
		case MEL_BEGIN:
			rc = begin_one(s, &record, err);
			if (!rc)
				rc = run_one(s, err);
			break;
		default:
			break;
		}
	}
	return rc ? -1 : mel_writer_finish(r->utter.writer, err);
}

int
mel_relay_run(struct mel_relay *relay, struct mel_err *err)
{
	struct state s = {.relay = relay};
	int rc;

	s.inlet.pass = pass_on;
	s.inlet.ctx = &s;
	rc = mel_head_copy(&s.head, mel_reader_head(relay->reader), err);
	if (!rc)
		rc = mel_inlet_open(&s.rows, &s.inlet, err);
	if (!rc)
		rc = run_all(&s, err);
	mel_stage_reset(relay->utter.stage);
	mel_streamable_close(s.rows);
	mel_inlet_free(&s.inlet);
	mel_bundle_free(&s.data);
	mel_head_free(&s.head);
	json_decref(s.begin);
	return rc;
}
