/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/grammar.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "tensor/record.h"
#include "tensor/tensor.h"

static int
check_order(enum mel_grammar_state state, unsigned kind, struct mel_err *err)
{
	const char *name = mel_kind_name(kind);
	bool inside = kind == MEL_DATA || kind == MEL_END || kind == MEL_ERROR;

	switch (state) {
	case MEL_BETWEEN_STREAMS:
		if (kind != MEL_HEAD)
			return mel_fail(err, "%s record before a head", name);
		return 0;
	case MEL_BETWEEN_UTTERANCES:
		if (kind == MEL_HEAD)
			return mel_fail(err, "head record without a finish");
		if (inside)
			return mel_fail(
			    err, "%s record outside an utterance", name);
		return 0;
	default:
		if (!inside && kind != MEL_NOTE)
			return mel_fail(
			    err, "%s record inside an utterance", name);
		return 0;
	}
}

static int
check_numbers(const struct mel_grammar *g, const struct mel_record_header *h,
    struct mel_err *err)
{
	bool between = g->state < MEL_IN_SEQUENCES;
	uint32_t utt = between && h->kind != MEL_BEGIN ? 0 : g->utt;
	uint64_t seq = g->state == MEL_BETWEEN_STREAMS ? 0 : g->seq;

	/* seq is wider than the field: 2^32 records are the most. */
	if (h->seq != seq)
		return mel_fail(err, "record number %lu, not %llu",
		    (unsigned long)h->seq, (unsigned long long)seq);
	if (h->utt != utt)
		return mel_fail(err,
		    "%s record with utterance number %lu, "
		    "not %lu",
		    mel_kind_name(h->kind), (unsigned long)h->utt,
		    (unsigned long)utt);
	return 0;
}

static int
check_shape(const struct mel_port *port, const struct mel_record_header *h,
    struct mel_err *err)
{
	if (h->dtype != port->dtype)
		return mel_fail(err, "%s, the head says %s",
		    mel_dtype_name(h->dtype), mel_dtype_name(port->dtype));
	if (h->ndim != port->ndim)
		return mel_fail(
		    err, "%u axes, the head says %d", h->ndim, port->ndim);
	for (int i = 0; i < port->ndim; i++) {
		if (port->dim[i] != MEL_OPEN && h->dim[i] != port->dim[i])
			return mel_fail(err,
			    "length %lu of axis %d, the head says %lld",
			    (unsigned long)h->dim[i], i,
			    (long long)port->dim[i]);
	}
	return 0;
}

static int
check_place(const struct mel_grammar *g, const struct mel_record_header *h,
    struct mel_err *err)
{
	if (g->head.port[h->port].sort == MEL_ROWS) {
		if (h->first != g->count[h->port])
			return mel_fail(err, "row %llu, expected row %llu",
			    (unsigned long long)h->first,
			    (unsigned long long)g->count[h->port]);
		return h->dim[0] ? 0 : mel_fail(err, "record without a row");
	}
	if (g->state == MEL_IN_ROWS)
		return mel_fail(err, "whole tensor behind rows");
	if (g->count[h->port])
		return mel_fail(err, "tensor twice in an utterance");
	return h->first ? mel_fail(err, "whole tensor with a row number") : 0;
}

static int
check_data(const struct mel_grammar *g, const struct mel_record_header *h,
    struct mel_err *err)
{
	const struct mel_port *port;

	if (h->port >= g->head.n_ports)
		return mel_fail(err, "data for port %lu of %zu",
		    (unsigned long)h->port, g->head.n_ports);
	port = &g->head.port[h->port];
	if (check_shape(port, h, err) || check_place(g, h, err))
		return mel_fail_in(err, "port \"%s\"", port->name);
	return 0;
}

static int
check_end(const struct mel_grammar *g, const struct mel_record_header *h,
    struct mel_err *err)
{
	uint64_t rows = mel_grammar_rows(g);

	for (size_t i = 0; i < g->head.n_ports; i++) {
		if (g->head.port[i].sort == MEL_SEQUENCE && !g->count[i])
			return mel_fail(err,
			    "end of utterance %lu without "
			    "tensor \"%s\"",
			    (unsigned long)g->utt, g->head.port[i].name);
	}
	if (h->first != rows)
		return mel_fail(err, "end counts %llu rows, %llu were there",
		    (unsigned long long)h->first, (unsigned long long)rows);
	return 0;
}

int
mel_grammar_check(const struct mel_grammar *g,
    const struct mel_record_header *h, struct mel_err *err)
{
	if (check_order(g->state, h->kind, err) || check_numbers(g, h, err))
		return -1;
	if (h->kind == MEL_DATA)
		return check_data(g, h, err);
	if (h->kind == MEL_END)
		return check_end(g, h, err);
	return 0;
}

static int
take_head(struct mel_grammar *g, struct mel_head *head, struct mel_err *err)
{
	uint64_t *count = mel_alloc(head->n_ports, sizeof(*count), err);

	if (!count)
		return -1;
	mel_grammar_free(g);
	g->head = *head;
	g->count = count;
	g->state = MEL_BETWEEN_UTTERANCES;
	*head = (struct mel_head){0};
	return 0;
}

static void
take_data(struct mel_grammar *g, const struct mel_record_header *h)
{
	if (g->head.port[h->port].sort == MEL_ROWS) {
		/* 2^32 records of 2^32 rows at most: cannot overflow. */
		g->count[h->port] += h->dim[0];
		g->state = MEL_IN_ROWS;
	} else {
		g->count[h->port] = 1;
	}
}

int
mel_grammar_advance(struct mel_grammar *g, const struct mel_record_header *h,
    struct mel_head *head, struct mel_err *err)
{
	switch (h->kind) {
	case MEL_HEAD:
		if (take_head(g, head, err))
			return -1;
		break;
	case MEL_BEGIN:
		for (size_t i = 0; i < g->head.n_ports; i++)
			g->count[i] = 0;
		g->state = MEL_IN_SEQUENCES;
		break;
	case MEL_DATA:
		take_data(g, h);
		break;
	case MEL_END:
	case MEL_ERROR:
		g->state = MEL_BETWEEN_UTTERANCES;
		g->utt++;
		break;
	case MEL_FINISH:
		g->state = MEL_BETWEEN_STREAMS;
		break;
	default:
		break;
	}
	g->seq = (uint64_t)h->seq + 1;
	return 0;
}

uint64_t
mel_grammar_rows(const struct mel_grammar *g)
{
	int port = mel_head_rows(&g->head);

	return port < 0 ? 0 : g->count[port];
}

void
mel_grammar_free(struct mel_grammar *g)
{
	mel_head_free(&g->head);
	free(g->count);
	*g = (struct mel_grammar){0};
}
