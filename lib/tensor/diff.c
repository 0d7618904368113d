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
#include "tensor/reader.h"
#include "tensor/tensor.h"
#include "tensor/utterance.h"

/* An utterance whose like has not come yet. */
struct waiting {
	struct mel_utterance u;
	struct waiting *next;
};

struct side {
	struct mel_reader *reader;
	const char *name;
	struct mel_utterance u;
	struct waiting *first; /* in the order in which they came */
	bool done;
	uint64_t seen; /* 1 + highest index among those compared */
};

struct diff {
	const struct mel_diff_options *options;
	struct mel_utterance_options read;
	struct side side[2];
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
	struct mel_difference where;
	char text[MEL_ERR_SIZE];

	if (!mel_tensor_compare(&a->tensor, b, &d->options->tolerance, &where))
		report(d, "%s: %s: %s", key, a->name,
		    mel_difference_text(
			&where, &a->tensor, b, text, sizeof(text)));
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
	d->held += w->u.bytes;
	while (*last)
		last = &(*last)->next;
	*last = w;
	return 0;
}

/* Reads one utterance from a side, compares it or keeps it. */
static int
step(struct diff *d, int s, struct mel_err *err)
{
	struct side *side = &d->side[s];
	struct waiting *like;
	int rc = mel_utterance_next(&side->u, side->reader, &d->read, err);

	if (rc <= 0) {
		side->done = true;
		return rc;
	}
	if (side->u.state == MEL_UTT_REFUSED)
		return mel_fail(err, "%s: utterance %s: %s", side->name,
		    side->u.key, side->u.error);
	like = find(d, &d->side[!s], side->u.key);
	if (!like)
		return wait_for(d, side, err);
	rc = compare_utterances(
	    d, s ? &like->u : &side->u, s ? &side->u : &like->u, err);
	mel_utterance_free(&like->u);
	free(like);
	return rc;
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
		for (int s = 0; s < 2; s++) {
			if (!d->side[s].done && step(d, s, err))
				return -1;
		}
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
