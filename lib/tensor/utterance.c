/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/utterance.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/option.h"
#include "tensor/head.h"
#include "tensor/meta.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/tensor.h"

void
mel_utterance_clear(struct mel_utterance *u)
{
	json_decref(u->begin);
	json_decref(u->end);
	mel_bundle_free(&u->tensors);
	u->begin = u->end = NULL;
	u->key = NULL;
	u->state = MEL_UTT_WHOLE;
	u->error[0] = '\0';
	u->bytes = 0;
}

void
mel_utterance_move(struct mel_utterance *to, struct mel_utterance *u)
{
	*to = *u;
	to->contract = NULL;
	u->begin = u->end = NULL;
	u->tensors = (struct mel_bundle){0};
	mel_utterance_clear(u);
}

void
mel_utterance_free(struct mel_utterance *u)
{
	mel_utterance_clear(u);
	json_decref(u->contract);
	*u = (struct mel_utterance){0};
}

static bool
wanted(const struct mel_utterance_options *options, const char *port)
{
	const struct mel_strings *ports = options->ports;

	for (size_t i = 0; ports && i < ports->n; i++) {
		if (!strcmp(ports->item[i], port))
			return true;
	}
	return !ports;
}

static const char *
contract_name(const json_t *contract)
{
	const char *name = json_string_value(json_object_get(contract, "name"));

	return name ? name : contract ? "an unnamed one" : "none";
}

/* Files of two contracts joined would be played or drawn as one. */
static int
take_head(
    struct mel_utterance *u, struct mel_reader *reader, struct mel_err *err)
{
	const struct mel_head *head = mel_reader_head(reader);

	if (!u->started) {
		u->started = true;
		u->contract = json_incref(head->contract);
		return 0;
	}
	if (mel_meta_same(u->contract, head->contract))
		return 0;
	return mel_fail(err,
	    "%s: another mel contract (%s) than the first stream's (%s); "
	    "tts-copy --contract converts",
	    mel_reader_name(reader), contract_name(head->contract),
	    contract_name(u->contract));
}

/* Memory for n bytes of rows [bytes]: doubles, so rows are moved seldom. */
static size_t
room(size_t n)
{
	size_t r = 4096;

	while (r < n)
		r *= 2;
	return r;
}

/* Puts rows behind those that are there; the bytes were checked. */
static int
append(struct mel_tensor *t, const struct mel_tensor *rows, struct mel_err *err)
{
	size_t old = mel_tensor_bytes(t), more = mel_tensor_bytes(rows);
	void *data;

	if (room(old + more) > room(old)) {
		data = mel_alloc_aligned(room(old + more), err);
		if (!data)
			return -1;
		memcpy(data, t->data, old);
		free(t->data);
		t->data = data;
	}
	if (more)
		memcpy((char *)t->data + old, rows->data, more);
	t->dim[0] += rows->dim[0];
	return 0;
}

/* 0 rows of the port, with room to grow. */
static int
begin_rows(
    struct mel_bundle *b, const struct mel_port *port, struct mel_err *err)
{
	struct mel_tensor t =
	    mel_tensor_view(port->dtype, port->ndim, port->dim, NULL);

	t.dim[0] = 0;
	t.data = mel_alloc_aligned(room(0), err);
	if (!t.data)
		return -1;
	t.owned = true;
	if (mel_bundle_put(b, port->name, &t, err)) {
		mel_tensor_free(&t);
		return -1;
	}
	return 0;
}

/* Nothing of it is kept; the rest is read over up to its end. */
__attribute__((format(printf, 2, 3))) static int
refuse(struct mel_utterance *u, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(u->error, sizeof(u->error), fmt, ap);
	va_end(ap);
	u->state = MEL_UTT_REFUSED;
	mel_bundle_free(&u->tensors);
	u->bytes = 0;
	return 0;
}

static struct mel_tensor *
find(struct mel_bundle *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++) {
		if (!strcmp(b->item[i].name, name))
			return &b->item[i].tensor;
	}
	return NULL;
}

static int
take_rows(struct mel_utterance *u, const struct mel_port *port,
    const struct mel_tensor *rows, struct mel_err *err)
{
	if (!find(&u->tensors, port->name) &&
	    begin_rows(&u->tensors, port, err))
		return -1;
	return append(find(&u->tensors, port->name), rows, err);
}

static int
take_data(struct mel_utterance *u, const struct mel_port *port,
    const struct mel_record *r, const struct mel_utterance_options *options,
    struct mel_err *err)
{
	size_t limit = options->limit ? options->limit : MEL_UTTERANCE_LIMIT;
	size_t bytes = mel_tensor_bytes(&r->tensor);
	struct mel_tensor copy = {0};

	if (u->state != MEL_UTT_WHOLE || !wanted(options, port->name))
		return 0;
	if (bytes > limit - u->bytes)
		return refuse(u, "more than %zu bytes of data", limit);
	u->bytes += bytes;
	if (port->sort == MEL_ROWS)
		return take_rows(u, port, &r->tensor, err);
	if (mel_tensor_copy(&copy, &r->tensor, err))
		return -1;
	if (mel_bundle_put(&u->tensors, port->name, &copy, err)) {
		mel_tensor_free(&copy);
		return -1;
	}
	return 0;
}

static int
take_begin(struct mel_utterance *u, struct mel_reader *reader,
    const struct mel_record *r, struct mel_err *err)
{
	mel_utterance_clear(u);
	if (!u->started && take_head(u, reader, err))
		return -1;
	u->index = u->next++;
	u->begin = json_incref(r->meta);
	u->key = json_string_value(json_object_get(u->begin, "key"));
	return 0;
}

/* Ports whose rows never came have 0 rows. */
static int
take_end(struct mel_utterance *u, const struct mel_head *head,
    const struct mel_utterance_options *options, struct mel_err *err)
{
	for (size_t i = 0; i < head->n_ports; i++) {
		const struct mel_port *p = &head->port[i];

		if (u->state != MEL_UTT_WHOLE || p->sort != MEL_ROWS ||
		    !wanted(options, p->name) || find(&u->tensors, p->name))
			continue;
		if (begin_rows(&u->tensors, p, err))
			return -1;
	}
	return 1;
}

static int
take_error(struct mel_utterance *u)
{
	const char *message =
	    json_string_value(json_object_get(u->end, "message"));

	refuse(u, "%s", message ? message : "failed");
	u->state = MEL_UTT_ERROR;
	return 1;
}

/* 1 when the utterance is complete, 0 to go on. */
static int
take(struct mel_utterance *u, struct mel_reader *reader,
    const struct mel_record *r, const struct mel_utterance_options *options,
    struct mel_err *err)
{
	const struct mel_head *head = mel_reader_head(reader);

	switch (r->header.kind) {
	case MEL_HEAD:
		return take_head(u, reader, err);
	case MEL_BEGIN:
		return take_begin(u, reader, r, err);
	case MEL_DATA:
		return take_data(
		    u, &head->port[r->header.port], r, options, err);
	case MEL_END:
		u->end = json_incref(r->meta);
		return take_end(u, head, options, err);
	case MEL_ERROR:
		u->end = json_incref(r->meta);
		return take_error(u);
	default:
		return 0;
	}
}

int
mel_utterance_feed(struct mel_utterance *u, struct mel_reader *reader,
    const struct mel_utterance_options *options, struct mel_err *err)
{
	static const struct mel_utterance_options all;
	struct mel_record r;
	int rc = mel_reader_next(reader, &r, err);

	if (rc > 0)
		rc = take(u, reader, &r, options ? options : &all, err);
	else
		return rc;
	return rc ? rc : 2;
}

int
mel_utterance_next(struct mel_utterance *u, struct mel_reader *reader,
    const struct mel_utterance_options *options, struct mel_err *err)
{
	int rc;

	mel_utterance_clear(u);
	do
		rc = mel_utterance_feed(u, reader, options, err);
	while (rc == 2);
	if (rc < 0)
		mel_utterance_clear(u);
	return rc;
}

void
mel_utterance_drop(struct mel_utterance *u, const char *port, int64_t n)
{
	struct mel_tensor *t = find(&u->tensors, port);
	size_t all = mel_tensor_bytes(t), gone;

	gone = n ? all / (size_t)t->dim[0] * (size_t)n : 0;
	memmove(t->data, (char *)t->data + gone, all - gone);
	t->dim[0] -= n;
	u->bytes -= gone;
}
