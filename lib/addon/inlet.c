/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/inlet.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "block/block.h"
#include "block/env.h"
#include "block/streamable.h"
#include "tensor/head.h"
#include "tensor/reader.h"

void
mel_inlet_begin(struct mel_inlet *s, struct mel_reader *reader)
{
	const struct mel_head *head = mel_reader_head(reader);

	json_decref(s->last);
	s->last = NULL;
	s->reader = reader;
	s->state = MEL_INLET_OPEN;
	s->full = false;
	s->given = 0;
	s->port = mel_head_rows(head);
	s->width = s->port < 0 ? 0 : head->port[s->port].dim[1];
}

void
mel_inlet_free(struct mel_inlet *s)
{
	json_decref(s->last);
	*s = (struct mel_inlet){0};
}

int
mel_inlet_push(
    struct mel_inlet *s, const struct mel_record *record, struct mel_err *err)
{
	switch (record->header.kind) {
	case MEL_END:
	case MEL_ERROR:
		s->state = record->header.kind == MEL_END ? MEL_INLET_END
							  : MEL_INLET_ERROR;
		s->last = json_incref(record->meta);
		return 0;
	case MEL_DATA:
		if ((int)record->header.port == s->port) {
			s->record = *record;
			s->given = 0;
			s->full = true;
			return 0;
		}
		break;
	default:
		break;
	}
	return s->pass ? s->pass(s->ctx, record, err) : 0;
}

int
mel_inlet_read(
    struct mel_inlet *s, struct mel_record *record, struct mel_err *err)
{
	int rc = mel_reader_next(s->reader, record, &s->why);

	s->full = false;
	if (rc > 0)
		return 0;
	if (!rc)
		mel_fail(&s->why, "stream ends inside an utterance");
	s->state = MEL_INLET_CUT;
	return mel_fail(err, "%s", s->why.msg);
}

static int
advance(struct mel_inlet *s, struct mel_err *err)
{
	struct mel_record record;

	if (mel_inlet_read(s, &record, err))
		return -1;
	return mel_inlet_push(s, &record, err);
}

int
mel_inlet_finish(struct mel_inlet *s, struct mel_err *err)
{
	while (s->state == MEL_INLET_OPEN) {
		if (advance(s, err))
			return -1;
	}
	if (s->state == MEL_INLET_CUT)
		return mel_fail(err, "%s", s->why.msg);
	return 0;
}

struct options {
	struct mel_inlet *inlet;
};

static int
open_inlet(void *state, const void *options, const struct mel_env *env,
    struct mel_streamable_spec *spec, struct mel_err *err)
{
	(void)env;
	(void)spec;
	(void)err;
	*(struct mel_inlet **)state = ((const struct options *)options)->inlet;
	return 0;
}

static int
begin_inlet(void *state, const struct mel_bundle *data,
    struct mel_streamable *upstream, int64_t *width, struct mel_err *err)
{
	const struct mel_inlet *s = *(struct mel_inlet **)state;

	(void)data;
	(void)upstream;
	(void)err;
	*width = s->width;
	return 0;
}

static int64_t
pull_inlet(void *state, int64_t wanted, float *rows, struct mel_err *err)
{
	struct mel_inlet *s = *(struct mel_inlet **)state;
	int64_t n;

	while (!s->full || s->given == s->record.tensor.dim[0]) {
		if (s->state == MEL_INLET_END)
			return 0;
		if (s->state != MEL_INLET_OPEN)
			return mel_fail(err, "the utterance failed before");
		if (advance(s, err))
			return -1;
	}
	n = s->record.tensor.dim[0] - s->given;
	if (n > wanted)
		n = wanted;
	memcpy(rows, (float *)s->record.tensor.data + s->given * s->width,
	    (size_t)(n * s->width) * sizeof(*rows));
	s->given += n;
	return n;
}

static const struct mel_streamable_type inlet_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "stream",
    .help = "rows of a record stream",
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct mel_inlet *),
    .open = open_inlet,
    .begin = begin_inlet,
    .pull = pull_inlet,
};

int
mel_inlet_open(
    struct mel_streamable **block, struct mel_inlet *inlet, struct mel_err *err)
{
	static const struct mel_env env = {0};
	struct options *options = mel_alloc(1, sizeof(*options), err);

	if (!options)
		return -1;
	options->inlet = inlet;
	if (!mel_streamable_open(
		block, &inlet_type, options, "stream", &env, err))
		return 0;
	free(options);
	return -1;
}
