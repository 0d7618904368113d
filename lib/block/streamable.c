/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/streamable.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/clock.h"
#include "block/decl.h"
#include "tensor/bundle.h"

enum phase {
	IDLE,    /* no utterance */
	RUNNING, /* rows may come */
	ENDED,   /* no more rows */
	FAILED,  /* broken until reset */
};

struct mel_streamable {
	const struct mel_streamable_type *type;
	void *options; /* owned */
	void *state;   /* owned */
	char *where;   /* owned */
	struct mel_streamable_spec spec;
	enum phase phase;
	int64_t width;      /* of the present utterance */
	struct mel_err why; /* of FAILED */
	uint64_t busy_ns;
};

int
mel_streamable_open(struct mel_streamable **block,
    const struct mel_streamable_type *type, void *options, const char *where,
    const struct mel_env *env, struct mel_err *err)
{
	struct mel_streamable *b = mel_alloc(1, sizeof(*b), err);

	if (!b)
		return -1;
	b->type = type;
	b->where = mel_strdup(where, err);
	b->state = mel_alloc(1, type->state_size, err);
	if (!b->where || !b->state ||
	    type->open(b->state, options, env, &b->spec, err)) {
		mel_streamable_close(b); /* has no options yet */
		return -1;
	}
	b->options = options;
	*block = b;
	return 0;
}

void
mel_streamable_close(struct mel_streamable *b)
{
	if (!b)
		return;
	mel_streamable_reset(b);
	if (b->state && b->type->close)
		b->type->close(b->state);
	if (b->options)
		mel_options_free(b->type->options, b->options);
	free(b->options);
	free(b->state);
	free(b->where);
	free(b->spec.width_of);
	free(b->spec.rows);
	mel_decls_free(&b->spec.needs);
	mel_decls_free(&b->spec.side);
	free(b);
}

const struct mel_streamable_type *
mel_streamable_type_of(const struct mel_streamable *b)
{
	return b->type;
}

const struct mel_streamable_spec *
mel_streamable_spec_of(const struct mel_streamable *b)
{
	return &b->spec;
}

const void *
mel_streamable_options_of(const struct mel_streamable *b)
{
	return b->options;
}

const char *
mel_streamable_where_of(const struct mel_streamable *b)
{
	return b->where;
}

/* What open declared against what will be there. */
static int
check_spec(const struct mel_streamable *b, const struct mel_decls *have,
    int64_t in_width, int64_t *width, struct mel_err *err)
{
	const struct mel_streamable_spec *spec = &b->spec;
	const struct mel_decl *like;

	if (mel_decls_check(&spec->needs, have, err))
		return -1;
	like = spec->width_of ? mel_decls_find(have, spec->width_of) : NULL;
	*width = like ? like->width : 0;
	if (spec->in_width && in_width && spec->in_width != in_width)
		return mel_fail(err,
		    "rows of %lld floats come in, rows of %lld are wanted",
		    (long long)in_width, (long long)spec->in_width);
	if (!spec->width_of)
		*width = spec->width ? spec->width : in_width;
	return 0;
}

int
mel_streamable_connect(struct mel_streamable *b, const struct mel_decls *have,
    int64_t in_width, int64_t *width, struct mel_err *err)
{
	int rc;

	*width = 0;
	if (in_width && !b->spec.upstream)
		rc = mel_fail(err, "takes no rows: those before it are lost");
	else if (b->type->connect)
		rc = b->type->connect(b->state, have, in_width, width, err);
	else
		rc = check_spec(b, have, in_width, width, err);
	return rc ? mel_fail_in(err, "%s", b->where) : 0;
}

static int
check_data(const struct mel_streamable *b, const struct mel_bundle *data,
    struct mel_streamable *upstream, struct mel_err *err)
{
	if (b->spec.upstream && !upstream)
		return mel_fail(err, "has no block to pull rows from");
	if (mel_decls_check_bundle(&b->spec.needs, data, err))
		return -1;
	if (b->spec.in_width && upstream &&
	    b->spec.in_width != mel_streamable_width(upstream))
		return mel_fail(err,
		    "rows of %lld floats come in, rows of %lld are wanted",
		    (long long)mel_streamable_width(upstream),
		    (long long)b->spec.in_width);
	return 0;
}

int
mel_streamable_begin(struct mel_streamable *b, const struct mel_bundle *data,
    struct mel_streamable *upstream, struct mel_err *err)
{
	uint64_t start = mel_clock_ns();
	int rc;

	mel_streamable_reset(b);
	b->width = 0;
	rc = check_data(b, data, upstream, err);
	if (!rc) {
		/* From here on reset must reach the block, fail or not. */
		b->phase = FAILED;
		rc = b->type->begin(b->state, data, upstream, &b->width, err);
	}
	if (!rc && b->width <= 0)
		rc = mel_fail(err, "gives rows of no width");
	b->busy_ns += mel_clock_ns() - start;
	if (rc) {
		mel_fail_in(err, "%s", b->where);
		mel_streamable_reset(b);
		return -1;
	}
	b->phase = RUNNING;
	return 0;
}

int64_t
mel_streamable_width(const struct mel_streamable *b)
{
	return b->width;
}

static int64_t
fail(struct mel_streamable *b)
{
	mel_fail_in(&b->why, "%s", b->where);
	b->phase = FAILED;
	return -1;
}

int64_t
mel_streamable_pull(
    struct mel_streamable *b, int64_t wanted, float *rows, struct mel_err *err)
{
	uint64_t start;
	int64_t n = 0;

	assert(b->phase != IDLE && wanted > 0);
	if (b->phase == RUNNING) {
		start = mel_clock_ns();
		n = b->type->pull(b->state, wanted, rows, &b->why);
		b->busy_ns += mel_clock_ns() - start;
		if (n > wanted)
			n = mel_fail(&b->why, "gave more rows than wanted");
		if (n < 0)
			fail(b);
		else if (!n)
			b->phase = ENDED;
	}
	if (b->phase == FAILED)
		return mel_fail(err, "%s", b->why.msg);
	return n;
}

int64_t
mel_streamable_pull_full(
    struct mel_streamable *b, int64_t wanted, float *rows, struct mel_err *err)
{
	int64_t have = 0, n;

	while (have < wanted) {
		n = mel_streamable_pull(
		    b, wanted - have, rows + have * b->width, err);
		if (n < 0)
			return -1;
		if (!n)
			break;
		have += n;
	}
	return have;
}

#define STEP 256 /* rows pulled at a time when all are wanted */

int
mel_streamable_pull_all(struct mel_streamable *b, float **rows, size_t *cap,
    int64_t *n, struct mel_err *err)
{
	int64_t got;
	size_t floats;

	*n = 0;
	do {
		if (!mel_size_mul(
			&floats, (size_t)(*n + STEP), (size_t)b->width))
			return mel_fail(err, "utterance is too long");
		if (mel_reserve(rows, cap, floats, sizeof(**rows), err))
			return -1;
		got = mel_streamable_pull(b, STEP, *rows + *n * b->width, err);
		if (got < 0)
			return -1;
		*n += got;
	} while (got);
	return 0;
}

void
mel_streamable_reset(struct mel_streamable *b)
{
	if (b->phase != IDLE && b->type->reset)
		b->type->reset(b->state);
	b->phase = IDLE;
}

uint64_t
mel_streamable_busy_ns(const struct mel_streamable *b)
{
	return b->busy_ns;
}
