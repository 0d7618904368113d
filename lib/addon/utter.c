/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/utter.h"

#include <stdlib.h>
#include <string.h>

#include "addon/stage.h"
#include "base/err.h"
#include "base/mem.h"
#include "block/clock.h"
#include "block/streamable.h"
#include "tensor/bundle.h"
#include "tensor/head.h"
#include "tensor/tensor.h"
#include "tensor/writer.h"

void
mel_utter_tap(void *ctx, const char *name, const struct mel_tensor *rows)
{
	struct mel_utter *u = ctx;
	int port = mel_head_find(mel_stage_head(u->stage), name);

	/* A tap cannot fail; the next record of the rows will. */
	if (port >= 0 && mel_writer_data(u->writer, port, rows, NULL))
		u->broken = true;
}

void
mel_utter_free(struct mel_utter *u)
{
	free(u->buffer);
	u->buffer = NULL;
	u->cap = 0;
}

/* Symbols of the tokens, one a line, as a list. */
static int
add_symbols(
    json_t *begin, const struct mel_tensor *symbols, struct mel_err *err)
{
	json_t *list = json_array();
	const char *p = symbols->data, *end = p + mel_tensor_count(symbols);

	while (list && p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((stop ? stop : end) - p);

		if (json_array_append_new(list, json_stringn(p, len))) {
			json_decref(list);
			list = NULL;
		}
		p += len + 1;
	}
	if (json_object_set_new(begin, "symbols", list))
		return mel_fail(err, "symbols are not text");
	return 0;
}

static int
complete_begin(const struct mel_utter *u, json_t *begin, struct mel_err *err)
{
	const struct mel_bundle *all = mel_stage_tensors(u->stage);
	const struct mel_tensor *symbols = mel_bundle_get(all, "symbols");
	const struct mel_tensor *counts = mel_bundle_get(all, "counts");
	json_int_t frames = 0;

	if (symbols && symbols->dtype == MEL_U8 && symbols->ndim == 1 &&
	    add_symbols(begin, symbols, err))
		return -1;
	if (!counts || counts->dtype != MEL_I32 || counts->ndim != 1)
		return 0;
	for (int64_t i = 0; i < counts->dim[0]; i++)
		frames += ((const int32_t *)counts->data)[i];
	if (json_object_set_new(begin, "frames", json_integer(frames)))
		return mel_fail(err, "out of memory");
	return 0;
}

static int
write_sequence_ports(struct mel_utter *u, struct mel_err *err)
{
	const struct mel_head *head = mel_stage_head(u->stage);

	for (size_t i = 0; i < head->n_ports; i++) {
		const struct mel_tensor *t;

		if (head->port[i].sort != MEL_SEQUENCE)
			continue;
		t = mel_bundle_get(
		    mel_stage_tensors(u->stage), head->port[i].name);
		if (!t)
			return mel_fail(err, "tensor \"%s\" is missing",
			    head->port[i].name);
		if (mel_writer_data(u->writer, (int)i, t, err)) {
			u->broken = true;
			return -1;
		}
	}
	return 0;
}

/* Rows of the first record, unless the utterance has fewer. */
static int64_t
first_rows(const struct mel_utter *u)
{
	return u->first_block && u->first_block < u->block ? u->first_block
							   : u->block;
}

/* The same of the record behind one of `rows`. */
static int64_t
next_rows(const struct mel_utter *u, int64_t rows)
{
	return rows > u->block / 2 ? u->block : 2 * rows;
}

static int
write_rows(struct mel_utter *u, struct mel_err *err)
{
	int port = mel_head_rows(mel_stage_head(u->stage));
	struct mel_streamable *block = mel_stage_rows(u->stage);
	int64_t dim[2] = {0, mel_streamable_width(block)};
	struct mel_tensor view;
	int64_t wanted = first_rows(u);
	size_t floats;

	if (!mel_size_mul(&floats, (size_t)u->block, (size_t)dim[1]))
		return mel_fail(err, "rows are too wide");
	if (mel_reserve(&u->buffer, &u->cap, floats, sizeof(*u->buffer), err))
		return -1;
	for (bool more = true; more; wanted = next_rows(u, wanted)) {
		dim[0] =
		    mel_streamable_pull_full(block, wanted, u->buffer, err);
		if (dim[0] < 0)
			return -1;
		more = dim[0] == wanted;
		if (u->broken)
			return mel_fail(err, "side rows cannot be written");
		view = mel_tensor_view(MEL_F32, 2, dim, u->buffer);
		if (dim[0] && mel_writer_data(u->writer, port, &view, err)) {
			u->broken = true;
			return -1;
		}
		u->rows += (uint64_t)dim[0];
		if (!u->first_row_ns)
			u->first_row_ns = mel_clock_ns();
	}
	return 0;
}

int
mel_utter_run(struct mel_utter *u, json_t *begin, const struct mel_bundle *data,
    struct mel_streamable *source, struct mel_err *err)
{
	u->begun = false;
	u->rows = 0;
	u->first_row_ns = 0;
	if (mel_stage_begin(u->stage, data, source, err) ||
	    complete_begin(u, begin, err))
		return -1;
	if (mel_writer_begin(u->writer, begin, err)) {
		u->broken = true;
		return -1;
	}
	u->begun = true;
	if (write_sequence_ports(u, err))
		return -1;
	return mel_stage_rows(u->stage) ? write_rows(u, err) : 0;
}
