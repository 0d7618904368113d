/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/spans.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/option.h"
#include "base/utf8.h"
#include "plot/figure.h"
#include "tensor/bundle.h"
#include "tensor/convert.h"
#include "tensor/tensor.h"
#include "tensor/utterance.h"

#define COUNT_LIMIT 1e9 /* most rows of a token, or of all */

/* The sum of the counts, or -1 if they are no counts. */
static double
total(const struct mel_tensor *counts)
{
	size_t n = mel_tensor_count(counts);
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		double v = mel_tensor_value(counts, i);

		if (!(v >= 0 && v < COUNT_LIMIT))
			return -1;
		sum += v;
	}
	return sum < COUNT_LIMIT ? sum : -1;
}

/* Rows on other panels than the first are remarked once. */
static int
remark(const struct mel_utterance *u, double sum, int64_t rows,
    struct mel_strings *notes, struct mel_err *err)
{
	struct mel_buf note = {0};
	int rc;

	if (sum < 0)
		rc = mel_buf_printf(&note, err,
		    "utterance '%s': port 'counts' holds no counts: symbols "
		    "are not drawn",
		    u->key);
	else
		rc = mel_buf_printf(&note, err,
		    "utterance '%s': counts add up to %.0f of %lld rows: "
		    "symbols are not drawn",
		    u->key, sum, (long long)rows);
	for (size_t i = 0; i < notes->n && !rc; i++) {
		if (!strcmp(notes->item[i], note.data)) {
			mel_buf_free(&note);
			return 0;
		}
	}
	if (!rc)
		rc = mel_strings_add(notes, note.data, err);
	mel_buf_free(&note);
	return rc;
}

/* The name of token i; the empty string if there is none. */
static const char *
name_of(json_t *symbols, size_t i, size_t n)
{
	const char *name = NULL;

	if (json_is_array(symbols) && json_array_size(symbols) == n)
		name = json_string_value(json_array_get(symbols, i));
	return name ? name : "";
}

/*
 * What a label is on its own: +1 a stress mark, which belongs to what comes
 * next (U+02C8, U+02CC), -1 another modifier or combining mark, which belongs
 * to what was before (U+02B0 .. U+036F), 0 a letter.
 */
static int
leaning(const char *label)
{
	size_t used, len = strlen(label);
	uint32_t code = len ? mel_utf8_next(label, len, &used) : 0;

	if (!len || used != len || code < 0x2b0 || code > 0x36f)
		return 0;
	return code == 0x2c8 || code == 0x2cc ? 1 : -1;
}

/* to becomes before + after, whose own labels become empty but for `to`. */
static int
join(struct mel_span *before, struct mel_span *after, struct mel_span *to,
    struct mel_err *err)
{
	struct mel_buf both = {0};

	if (mel_buf_puts(&both, before->label, err) ||
	    mel_buf_puts(&both, after->label, err)) {
		mel_buf_free(&both);
		return -1;
	}
	before->label[0] = 0;
	after->label[0] = 0;
	free(to->label);
	to->label = both.data;
	return 0;
}

/* Marks are tokens of some voices; alone they could not be read. */
static int
join_marks(struct mel_panel *panel, struct mel_err *err)
{
	for (size_t i = panel->n_spans; i-- > 1;) {
		struct mel_span *s = &panel->span[i];

		if (leaning(s[-1].label) > 0 && *s->label &&
		    join(&s[-1], s, s, err))
			return -1;
	}
	for (size_t i = 1; i < panel->n_spans; i++) {
		struct mel_span *s = &panel->span[i];

		if (leaning(s->label) < 0 && *s[-1].label &&
		    join(&s[-1], s, &s[-1], err))
			return -1;
	}
	return 0;
}

int
mel_spans_make(struct mel_panel *panel, const struct mel_utterance *u,
    double step, int64_t rows, struct mel_strings *notes, struct mel_err *err)
{
	const struct mel_tensor *counts = mel_bundle_get(&u->tensors, "counts");
	json_t *symbols = json_object_get(u->begin, "symbols");
	double sum, at = 0;
	size_t n;

	if (!counts || counts->ndim != 1 || !counts->dim[0])
		return 0;
	sum = total(counts);
	if (sum < 0 || (rows >= 0 && sum != (double)rows))
		return remark(u, sum, rows, notes, err);
	n = (size_t)counts->dim[0];
	panel->span = mel_alloc(n, sizeof(*panel->span), err);
	if (!panel->span)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct mel_span *s = &panel->span[i];

		s->begin = at * step;
		at += mel_tensor_value(counts, i);
		s->end = at * step;
		s->label = mel_figure_text(name_of(symbols, i, n), err);
		if (!s->label)
			return -1;
		panel->n_spans++;
	}
	return join_marks(panel, err);
}

bool
mel_spans_labelled(const struct mel_panel *panel)
{
	for (size_t i = 0; i < panel->n_spans; i++) {
		if (panel->span[i].label[strspn(panel->span[i].label, " ")])
			return true;
	}
	return false;
}
