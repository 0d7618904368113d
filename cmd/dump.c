/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "tensor/head.h"
#include "tensor/record.h"
#include "tensor/tensor.h"
#include "tensor/text.h"

#define PRINT(...) mel_buf_printf(&d->out, &d->err, __VA_ARGS__)

/*
 * Appends what came from outside so that it stays one field of one line, and
 * no terminal obeys it.
 */
static int
print_field(struct dump *d, const char *s)
{
	size_t at = d->out.len;

	if (mel_buf_puts(&d->out, s, &d->err))
		return -1;
	mel_utf8_plain(d->out.data + at, "", '?');
	return 0;
}

static int
print_ports(struct dump *d)
{
	const struct mel_head *head = d->head;

	for (size_t i = 0; i < head->n_ports; i++) {
		const struct mel_port *port = &head->port[i];

		if (PRINT("%s", i ? " " : "") || print_field(d, port->name) ||
		    PRINT(":%s[", mel_dtype_name(port->dtype)))
			return -1;
		for (int k = 0; k < port->ndim; k++) {
			if (PRINT(port->dim[k] == MEL_OPEN ? "%s?" : "%s%lld",
				k ? "," : "", (long long)port->dim[k]))
				return -1;
		}
		if (PRINT("]%s", port->sort == MEL_ROWS ? "*" : ""))
			return -1;
	}
	return 0;
}

/* The last column: what only this kind of record has to say. */
static int
print_detail(struct dump *d, const struct mel_record *record)
{
	json_t *meta = record->meta;
	char *text;
	int rc;

	switch (record->header.kind) {
	case MEL_HEAD:
		return print_ports(d);
	case MEL_ERROR:
		return print_field(d,
			   json_string_value(json_object_get(meta, "tool"))) ||
		       PRINT(": ") ||
		       print_field(d,
			   json_string_value(json_object_get(meta, "message")));
	case MEL_NOTE:
		text = json_dumps(meta, JSON_COMPACT);
		rc = print_field(d, text ? text : "-");
		free(text);
		return rc;
	default:
		return PRINT("-");
	}
}

/* seq kind utt name shape first t_us bytes detail */
int
dump_line(struct dump *d, const struct mel_record *record)
{
	const struct mel_record_header *h = &record->header;
	char shape[128] = "-", first[32] = "-", utt[16] = "-";
	const char *name = d->port;

	if (h->kind == MEL_DATA)
		mel_shape_text(&record->tensor, shape, sizeof(shape));
	if (h->kind == MEL_DATA || h->kind == MEL_END)
		snprintf(
		    first, sizeof(first), "%llu", (unsigned long long)h->first);
	if (d->key)
		snprintf(utt, sizeof(utt), "%lu", (unsigned long)h->utt);
	if (h->kind == MEL_BEGIN || h->kind == MEL_END || h->kind == MEL_ERROR)
		name = d->key;
	if (PRINT("%lu\t%s\t%s\t", (unsigned long)h->seq,
		mel_kind_name(h->kind), utt) ||
	    print_field(d, name ? name : "-") ||
	    PRINT("\t%s\t%s\t%lu\t%llu\t", shape, first, (unsigned long)h->t_us,
		(unsigned long long)mel_record_size(h)) ||
	    print_detail(d, record) || PRINT("\n"))
		return -1;
	return 0;
}

static json_t *
dims_to_json(const struct mel_tensor *t)
{
	json_t *dims = json_array();

	for (int i = 0; i < t->ndim; i++)
		json_array_append_new(dims, json_integer(t->dim[i]));
	return dims;
}

/* Of the control characters jansson escapes those below U+0020 alone. */
static int
print_json(struct dump *d, const char *text)
{
	const char *end = text + strlen(text), *from = text;
	size_t used;

	for (const char *p = text; p < end; p += used) {
		uint32_t code = mel_utf8_next(p, (size_t)(end - p), &used);

		if (code < 0x7f || code > 0x9f)
			continue;
		if (PRINT("%.*s\\u%04X", (int)(p - from), from, (unsigned)code))
			return -1;
		from = p + used;
	}
	return PRINT("%s\n", from);
}

int
dump_json(struct dump *d, const struct mel_record *record)
{
	const struct mel_record_header *h = &record->header;
	json_t *json = json_pack("{s:I, s:s, s:I, s:s*, s:s*}", "seq",
	    (json_int_t)h->seq, "kind", mel_kind_name(h->kind), "utt",
	    (json_int_t)h->utt, "key", d->key, "port", d->port);
	char *text;
	int rc;

	if (h->kind == MEL_DATA) {
		json_object_set_new(json, "dtype",
		    json_string(mel_dtype_name(record->tensor.dtype)));
		json_object_set_new(
		    json, "dims", dims_to_json(&record->tensor));
	}
	if (h->kind == MEL_DATA || h->kind == MEL_END)
		json_object_set_new(
		    json, "first", json_integer((json_int_t)h->first));
	json_object_set_new(json, "t_us", json_integer(h->t_us));
	json_object_set_new(
	    json, "bytes", json_integer((json_int_t)mel_record_size(h)));
	if (record->meta)
		json_object_set(json, "meta", record->meta);
	text = json_dumps(json, JSON_COMPACT);
	rc = text ? print_json(d, text) : mel_fail(&d->err, "out of memory");
	free(text);
	json_decref(json);
	return rc;
}

/* "# KEY PORT f32 [12, 80]" before a tensor, rows have an open length. */
static int
print_title(struct dump *d, const struct mel_record *record)
{
	bool rows = d->head->port[record->header.port].sort == MEL_ROWS;
	const struct mel_tensor *t = &record->tensor;

	if (rows && d->shown == d->port)
		return 0;
	d->shown = rows ? d->port : NULL;
	if (PRINT("# ") || print_field(d, d->key) || PRINT(" ") ||
	    print_field(d, d->port) || PRINT(" %s [", mel_dtype_name(t->dtype)))
		return -1;
	for (int i = 0; i < t->ndim; i++) {
		if (PRINT(rows && !i ? "?"
			  : i        ? ", %lld"
				     : "%lld",
			(long long)t->dim[i]))
			return -1;
	}
	return PRINT("]\n");
}

int
dump_text(struct dump *d, const struct mel_record *record)
{
	if (record->header.kind == MEL_ERROR)
		return PRINT("# ") || print_field(d, d->key) ||
		       PRINT(" error: ") || print_detail(d, record) ||
		       PRINT("\n");
	if (record->header.kind != MEL_DATA)
		return 0;
	if (print_title(d, record))
		return -1;
	return mel_tensor_text(&record->tensor, &d->out, &d->err);
}

static int
print_count(struct dump *d, int64_t n)
{
	return n < 0 ? PRINT("-") : PRINT("%lld", (long long)n);
}

/* key frames tokens; an utterance with an error has no frames. */
int
dump_lengths(struct dump *d, const struct mel_record *record)
{
	const struct mel_record_header *h = &record->header;
	json_t *frames = json_object_get(d->begin, "frames");
	int64_t n = -1;

	if (h->kind != MEL_END && h->kind != MEL_ERROR)
		return 0;
	if (h->kind == MEL_END && mel_head_rows(d->head) >= 0)
		n = (int64_t)h->first;
	else if (h->kind == MEL_END && frames)
		n = json_integer_value(frames);
	return print_field(d, d->key) || PRINT("\t") || print_count(d, n) ||
	       PRINT("\t") || print_count(d, d->tokens) || PRINT("\n");
}

/* key stage first last [ms] */
static int
print_times(
    struct dump *d, const char *stage, json_int_t first_us, json_int_t last_us)
{
	json_int_t us[2] = {first_us, last_us};

	if (print_field(d, d->key) || PRINT("\t") || print_field(d, stage))
		return -1;
	for (int i = 0; i < 2; i++) {
		if (us[i] ? PRINT("\t%.3f", (double)us[i] / 1000)
			  : PRINT("\t-"))
			return -1;
	}
	return PRINT("\n");
}

int
dump_latency(struct dump *d, const struct mel_record *record)
{
	json_t *stage;
	size_t i;

	if (record->header.kind != MEL_END)
		return 0;
	json_array_foreach(json_object_get(record->meta, "stages"), i, stage)
	{
		if (print_times(d,
			json_string_value(json_object_get(stage, "tool")),
			json_integer_value(json_object_get(stage, "first_us")),
			json_integer_value(json_object_get(stage, "last_us"))))
			return -1;
	}
	return print_times(d, "stream", d->first_us, record->header.t_us);
}

static void
begin(struct dump *d, json_t *meta)
{
	json_decref(d->begin);
	d->begin = json_incref(meta);
	d->key = json_string_value(json_object_get(meta, "key"));
	d->tokens = -1;
	d->first_us = 0;
	d->shown = NULL;
	d->selected = tool_selects(&d->keys, d->key);
}

static void
note_data(struct dump *d, const struct mel_record *record)
{
	const struct mel_port *port = &d->head->port[record->header.port];

	d->port = port->name;
	if (!strcmp(port->name, "tokens") && port->ndim)
		d->tokens = record->tensor.dim[0];
	if (!d->first_us &&
	    (port->sort == MEL_ROWS || mel_head_rows(d->head) < 0))
		d->first_us = record->header.t_us;
}

void
dump_stream(struct dump *d, const struct mel_head *head)
{
	d->head = head;
	d->key = NULL;
}

int
dump_record(
    struct dump *d, const struct mel_record *record, dump_printer *print)
{
	unsigned kind = record->header.kind;
	bool wanted = true;
	int rc = 0;

	d->port = NULL;
	if (kind == MEL_HEAD) {
		/* A port may be there without data. */
		for (size_t i = 0; i < d->head->n_ports; i++)
			tool_selects(&d->ports, d->head->port[i].name);
	} else if (kind == MEL_BEGIN) {
		begin(d, record->meta);
	} else if (kind == MEL_DATA) {
		note_data(d, record);
		wanted = tool_selects(&d->ports, d->port);
	}
	if (wanted && (d->selected || !d->key))
		rc = print(d, record);
	if (kind == MEL_END || kind == MEL_ERROR)
		d->key = NULL;
	return rc;
}

void
dump_free(struct dump *d)
{
	json_decref(d->begin);
	mel_buf_free(&d->out);
}
