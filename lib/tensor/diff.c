/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/diff.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "tensor/bundle.h"
#include "tensor/head.h"
#include "tensor/npy.h"
#include "tensor/pair.h"
#include "tensor/reader.h"
#include "tensor/tensor.h"
#include "tensor/utterance.h"

/*
 * As a rule both streams have the same utterances in the same order. Such a
 * pair is compared in step. What comes in another order waits, whole, and so
 * does everything if numbers may differ by a share of the largest one.
 */

/* An utterance whose like has not come yet. */
struct waiting {
	struct mel_utterance u;
	struct waiting *next;
};

struct side {
	struct mel_reader *reader;
	const char *name;
	struct mel_utterance u;
	bool open;  /* u is an utterance */
	bool ended; /* and is complete: its like is read, or what comes there */
	struct waiting *first; /* in the order in which they came */
	bool done;             /* the stream is at its end */
	uint64_t seen;         /* 1 + highest index among those compared */
};

struct diff {
	const struct mel_diff_options *options;
	struct mel_utterance_options read;
	struct side side[2];
	struct mel_pair pair;       /* of the open ones, if they are alike */
	uint64_t held;              /* data of all that wait [bytes] */
	struct mel_strings missing; /* ports reported: once is enough */
	size_t count;
};

__attribute__((format(printf, 2, 3))) static void
report(struct diff *d, const char *fmt, ...)
{
	char line[2 * MEL_ERR_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	d->count++;
	d->options->report(d->options->ctx, line);
}

static int
report_missing(struct diff *d, const char *port, const struct side *has,
    struct mel_err *err)
{
	for (size_t i = 0; i < d->missing.n; i++) {
		if (!strcmp(d->missing.item[i], port))
			return 0;
	}
	report(d, "port %s: only in %s", port, has->name);
	return mel_strings_add(&d->missing, port, err);
}

static void
compare_tensors(struct diff *d, const char *key, const struct mel_named *a,
    const struct mel_tensor *b)
{
	const struct mel_pair_port *gone = mel_pair_find(&d->pair, a->name);
	struct mel_tensor t[2] = {a->tensor, *b};
	struct mel_difference where;
	char text[MEL_ERR_SIZE];

	if (gone) {
		where = gone->difference;
		for (int s = 0; s < 2; s++)
			t[s].dim[0] += gone->rows[s];
		where.shape = gone->apart || t[0].dim[0] != t[1].dim[0];
	} else {
		mel_tensor_compare(
		    &t[0], &t[1], &d->options->tolerance, &where);
	}
	if (where.shape || where.count)
		report(d, "%s: %s: %s", key, a->name,
		    mel_difference_text(
			&where, &t[0], &t[1], text, sizeof(text)));
}

static int
compare_bundles(struct diff *d, const struct mel_utterance *a,
    const struct mel_utterance *b, struct mel_err *err)
{
	for (size_t i = 0; i < a->tensors.n; i++) {
		const struct mel_named *n = &a->tensors.item[i];
		const struct mel_tensor *t =
		    mel_bundle_get(&b->tensors, n->name);

		if (t)
			compare_tensors(d, a->key, n, t);
		else if (report_missing(d, n->name, &d->side[0], err))
			return -1;
	}
	for (size_t i = 0; i < b->tensors.n; i++) {
		const char *name = b->tensors.item[i].name;

		if (!mel_bundle_get(&a->tensors, name) &&
		    report_missing(d, name, &d->side[1], err))
			return -1;
	}
	return 0;
}

/*
 * Pairs are completed as soon as both are there, so one that comes too late
 * on one side has seen a higher index there, but not on the other.
 */
static void
compare_order(struct diff *d, const struct mel_utterance *a,
    const struct mel_utterance *b)
{
	uint64_t *seen[] = {&d->side[0].seen, &d->side[1].seen};

	if ((a->index < *seen[0]) != (b->index < *seen[1]))
		report(d, "%s: order: utterance %llu in %s, %llu in %s", a->key,
		    (unsigned long long)a->index, d->side[0].name,
		    (unsigned long long)b->index, d->side[1].name);
	if (a->index >= *seen[0])
		*seen[0] = a->index + 1;
	if (b->index >= *seen[1])
		*seen[1] = b->index + 1;
}

static int
compare_utterances(struct diff *d, const struct mel_utterance *a,
    const struct mel_utterance *b, struct mel_err *err)
{
	bool failed[] = {a->state != MEL_UTT_WHOLE, b->state != MEL_UTT_WHOLE};

	compare_order(d, a, b);
	if (failed[0] != failed[1])
		report(d, "%s: failed only in %s: %s", a->key,
		    d->side[failed[1]].name, failed[1] ? b->error : a->error);
	if (failed[0] || failed[1])
		return 0;
	return compare_bundles(d, a, b, err);
}

/* Takes the first waiting one of this key out of the list, or NULL. */
static struct waiting *
find(struct diff *d, struct side *side, const char *key)
{
	for (struct waiting **w = &side->first; *w; w = &(*w)->next) {
		struct waiting *found = *w;

		if (strcmp(found->u.key, key))
			continue;
		*w = found->next;
		d->held -= found->u.bytes;
		return found;
	}
	return NULL;
}

static int
wait_for(struct diff *d, struct side *side, struct mel_err *err)
{
	uint64_t limit = d->read.limit ? d->read.limit : MEL_UTTERANCE_LIMIT;
	struct waiting **last = &side->first, *w;

	if (side->u.bytes > limit - d->held)
		return mel_fail(err,
		    "%s: utterance %s: too many wait for their like",
		    side->name, side->u.key);
	w = mel_alloc(1, sizeof(*w), err);
	if (!w)
		return -1;
	mel_utterance_move(&w->u, &side->u);
	side->open = side->ended = false;
	d->held += w->u.bytes;
	while (*last)
		last = &(*last)->next;
	*last = w;
	return 0;
}

/* true if the two open utterances are each other's like. */
static bool
is_pair(const struct diff *d)
{
	return d->side[0].open && d->side[1].open &&
	       !strcmp(d->side[0].u.key, d->side[1].u.key);
}

static void
forget(struct side *side)
{
	mel_utterance_clear(&side->u);
	side->open = side->ended = false;
}

/* Compares what is there of a pair, and all of it once both are complete. */
static int
go_on_pair(struct diff *d, struct mel_err *err)
{
	struct side *a = &d->side[0], *b = &d->side[1];
	struct mel_pair_side side[2];
	int rc;

	for (int s = 0; s < 2; s++)
		side[s] = (struct mel_pair_side){&d->side[s].u,
		    mel_reader_head(d->side[s].reader), d->side[s].ended};
	if (!(d->options->tolerance.rel > 0) &&
	    mel_pair_match(&d->pair, side, &d->options->tolerance, err))
		return -1;
	if (!a->ended || !b->ended)
		return 0;
	rc = compare_utterances(d, &a->u, &b->u, err);
	mel_pair_free(&d->pair);
	forget(a);
	forget(b);
	return rc;
}

/* The utterance of side s is complete, and the open one there is no like. */
static int
end_alone(struct diff *d, int s, struct mel_err *err)
{
	struct side *side = &d->side[s], *other = &d->side[!s];
	struct waiting *like = find(d, other, side->u.key);
	int rc;

	side->ended = true;
	if (!like)
		return other->open || other->done ? wait_for(d, side, err) : 0;
	rc = compare_utterances(
	    d, s ? &like->u : &side->u, s ? &side->u : &like->u, err);
	mel_utterance_free(&like->u);
	free(like);
	forget(side);
	return rc;
}

/* A record of side s was read; whole: it was the last of its utterance. */
static int
take(struct diff *d, int s, bool whole, struct mel_err *err)
{
	struct side *side = &d->side[s], *other = &d->side[!s];

	if (whole && side->u.state == MEL_UTT_REFUSED)
		return mel_fail(err, "%s: utterance %s: %s", side->name,
		    side->u.key, side->u.error);
	side->open = side->u.key != NULL;
	if (is_pair(d)) {
		side->ended = whole;
		return go_on_pair(d, err);
	}
	if (side->open && other->ended && wait_for(d, other, err))
		return -1;
	return whole ? end_alone(d, s, err) : 0;
}

/* Reads a record. */
static int
step(struct diff *d, int s, struct mel_err *err)
{
	struct side *side = &d->side[s], *other = &d->side[!s];
	int rc = mel_utterance_feed(&side->u, side->reader, &d->read, err);

	if (rc < 0)
		return -1;
	if (rc)
		return take(d, s, rc == 1, err);
	side->done = true;
	return other->ended ? wait_for(d, other, err) : 0;
}

/*
 * The side to read: the one that is behind, so that who writes both streams
 * by turns is never stopped at one while the other is wanted.
 */
static int
choose(const struct diff *d)
{
	const struct side *a = &d->side[0], *b = &d->side[1];

	if (a->done || a->ended || b->done || b->ended)
		return a->done || a->ended;
	return a->open && (!b->open || a->u.bytes > b->u.bytes);
}

/* What only the heads can tell, when both streams were read. */
static int
compare_heads(struct diff *d, struct mel_err *err)
{
	const struct mel_strings *ports = d->options->ports;
	const struct mel_head *a = mel_reader_head(d->side[0].reader);
	const struct mel_head *b = mel_reader_head(d->side[1].reader);

	for (size_t i = 0; ports && i < ports->n; i++) {
		if (mel_head_find(a, ports->item[i]) < 0 &&
		    mel_head_find(b, ports->item[i]) < 0)
			return mel_fail(
			    err, "port %s: in neither stream", ports->item[i]);
	}
	if (a->contract && b->contract && !json_equal(a->contract, b->contract))
		report(d, "mel contract: not the same");
	return 0;
}

static int
run(struct diff *d, struct mel_err *err)
{
	while (!d->side[0].done || !d->side[1].done) {
		if (step(d, choose(d), err))
			return -1;
	}
	if (compare_heads(d, err))
		return -1;
	for (int s = 0; s < 2; s++) {
		for (struct waiting *w = d->side[s].first; w; w = w->next)
			report(d, "%s: only in %s", w->u.key, d->side[s].name);
	}
	return 0;
}

int
mel_diff(struct mel_reader *const reader[2],
    const struct mel_diff_options *options, size_t *differences,
    struct mel_err *err)
{
	struct diff d = {.options = options,
	    .read = {.limit = options->limit, .ports = options->ports}};
	int rc;

	for (int s = 0; s < 2; s++) {
		d.side[s].reader = reader[s];
		d.side[s].name = options->name[s];
	}
	rc = run(&d, err);
	*differences = d.count;
	for (int s = 0; s < 2; s++) {
		mel_utterance_free(&d.side[s].u);
		while (d.side[s].first) {
			struct waiting *w = d.side[s].first;

			d.side[s].first = w->next;
			mel_utterance_free(&w->u);
			free(w);
		}
	}
	mel_pair_free(&d.pair);
	mel_strings_free(&d.missing);
	return rc;
}

int
mel_diff_npy(const struct mel_diff_options *options, size_t *differences,
    struct mel_err *err)
{
	struct mel_tensor t[2] = {0};
	struct mel_difference where;
	char text[MEL_ERR_SIZE];
	size_t limit = options->limit ? options->limit : MEL_UTTERANCE_LIMIT;
	int rc = 0;

	*differences = 0;
	for (int i = 0; i < 2 && !rc; i++)
		rc = mel_npy_load(&t[i], options->name[i], limit, err);
	if (!rc &&
	    !mel_tensor_compare(&t[0], &t[1], &options->tolerance, &where)) {
		*differences = 1;
		options->report(options->ctx, mel_difference_text(&where, &t[0],
						  &t[1], text, sizeof(text)));
	}
	mel_tensor_free(&t[0]);
	mel_tensor_free(&t[1]);
	return rc;
}
