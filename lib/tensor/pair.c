/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/pair.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tensor/bundle.h"
#include "tensor/head.h"
#include "tensor/tensor.h"
#include "tensor/utterance.h"

const struct mel_pair_port *
mel_pair_find(const struct mel_pair *pair, const char *port)
{
	for (size_t i = 0; i < pair->n; i++) {
		if (!strcmp(pair->port[i].name, port))
			return &pair->port[i];
	}
	return NULL;
}

void
mel_pair_free(struct mel_pair *pair)
{
	for (size_t i = 0; i < pair->n; i++)
		free(pair->port[i].name);
	free(pair->port);
	*pair = (struct mel_pair){0};
}

/* The entry of a port, made if need be. */
static struct mel_pair_port *
entry(struct mel_pair *pair, const char *name, struct mel_err *err)
{
	const struct mel_pair_port *found = mel_pair_find(pair, name);
	struct mel_pair_port *p;

	if (found)
		return &pair->port[found - pair->port];
	if (mel_reserve(&pair->port, &pair->cap, pair->n + 1, sizeof(*p), err))
		return NULL;
	p = &pair->port[pair->n];
	*p = (struct mel_pair_port){.name = mel_strdup(name, err)};
	if (!p->name)
		return NULL;
	pair->n++;
	return p;
}

static bool
same_form(const struct mel_tensor *a, const struct mel_tensor *b, bool exact)
{
	if (a->ndim != b->ndim || (exact && a->dtype != b->dtype))
		return false;
	for (int i = 1; i < a->ndim; i++) {
		if (a->dim[i] != b->dim[i])
			return false;
	}
	return true;
}

static void
drop(const struct mel_pair_side *side, int s, struct mel_pair_port *p,
    int64_t rows)
{
	mel_utterance_drop(side[s].utterance, p->name, rows);
	p->rows[s] += rows;
}

/* The next n rows of both. */
static void
compare(struct mel_pair_port *p, const struct mel_pair_side side[2], int64_t n,
    const struct mel_tolerance *tolerance)
{
	struct mel_tensor part[2];
	size_t width = 1;

	for (int s = 0; s < 2; s++) {
		part[s] = *mel_bundle_get(&side[s].utterance->tensors, p->name);
		part[s].dim[0] = n;
	}
	for (int i = 1; i < part[0].ndim; i++)
		width *= (size_t)part[0].dim[i];
	mel_tensor_compare_more(&part[0], &part[1], tolerance,
	    (size_t)p->rows[0] * width, &p->difference);
	drop(side, 0, p, n);
	drop(side, 1, p, n);
}

static const struct mel_port *
rows_port(const struct mel_head *head, const char *name)
{
	int i = mel_head_find(head, name);

	return i >= 0 && head->port[i].sort == MEL_ROWS ? &head->port[i] : NULL;
}

/* true if no row of the port will ever come. */
static bool
is_over(const struct mel_pair_side *side, const char *name)
{
	return side->ended || !rows_port(side->head, name);
}

static int
match_port(struct mel_pair *pair, const struct mel_pair_side side[2],
    const char *name, const struct mel_tolerance *tolerance,
    struct mel_err *err)
{
	const struct mel_tensor *t[2];
	struct mel_pair_port *p;
	int64_t have[2], n;

	for (int s = 0; s < 2; s++) {
		t[s] = mel_bundle_get(&side[s].utterance->tensors, name);
		have[s] =
		    t[s] && rows_port(side[s].head, name) ? t[s]->dim[0] : 0;
	}
	if (!have[0] && !have[1])
		return 0;
	p = entry(pair, name, err);
	if (!p)
		return -1;
	n = have[0] < have[1] ? have[0] : have[1];
	if (n && !same_form(t[0], t[1], tolerance->exact))
		p->apart = true;
	if (n && !p->apart)
		compare(p, side, n, tolerance);
	/* What has no like is counted. */
	for (int s = 0; s < 2; s++) {
		int64_t rest = have[s] - (p->apart ? 0 : n);

		if (rest && (p->apart || is_over(&side[!s], name)))
			drop(side, s, p, rest);
	}
	return 0;
}

int
mel_pair_match(struct mel_pair *pair, const struct mel_pair_side side[2],
    const struct mel_tolerance *tolerance, struct mel_err *err)
{
	for (int s = 0; s < 2; s++) {
		const struct mel_head *head = side[s].head;

		for (size_t i = 0; i < head->n_ports; i++) {
			const char *name = head->port[i].name;

			if (head->port[i].sort == MEL_ROWS &&
			    !(s && rows_port(side[0].head, name)) &&
			    match_port(pair, side, name, tolerance, err))
				return -1;
		}
	}
	return 0;
}
