/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

struct mel_panel *
mel_figure_add(struct mel_figure *figure, struct mel_err *err)
{
	struct mel_panel *panel;

	if (mel_reserve(&figure->panel, &figure->cap, figure->n + 1,
		sizeof(*panel), err))
		return NULL;
	panel = &figure->panel[figure->n++];
	memset(panel, 0, sizeof(*panel));
	return panel;
}

void
mel_panel_drop_spans(struct mel_panel *panel)
{
	for (size_t i = 0; i < panel->n_spans; i++)
		free(panel->span[i].label);
	free(panel->span);
	panel->span = NULL;
	panel->n_spans = 0;
}

static void
free_panel(struct mel_panel *panel)
{
	free(panel->heading);
	free(panel->label);
	free(panel->unit);
	mel_tensor_free(&panel->value);
	mel_panel_drop_spans(panel);
}

void
mel_figure_free(struct mel_figure *figure)
{
	for (size_t i = 0; i < figure->n; i++)
		free_panel(&figure->panel[i]);
	free(figure->panel);
	free(figure->title);
	*figure = (struct mel_figure){0};
}

char *
mel_figure_text(const char *s, struct mel_err *err)
{
	char *copy = mel_strdup(s, err);

	if (copy)
		mel_utf8_plain(copy, "", ' ');
	return copy;
}

void
mel_panel_row(
    const struct mel_panel *panel, size_t i, double *begin, double *end)
{
	if (panel->x_step > 0) {
		*begin = (double)i * panel->x_step;
		*end = (double)(i + 1) * panel->x_step;
	} else {
		*begin = panel->span[i].begin;
		*end = panel->span[i].end;
	}
}

size_t
mel_value_range(const struct mel_tensor *t, double *lo, double *hi)
{
	const float *v = t->data;
	size_t n = mel_tensor_count(t), missing = 0;
	bool any = false;

	*lo = 0;
	*hi = 1;
	for (size_t i = 0; i < n; i++) {
		missing += isnan(v[i]) ? 1 : 0;
		if (!isfinite(v[i]))
			continue;
		*lo = any ? fmin(*lo, v[i]) : v[i];
		*hi = any ? fmax(*hi, v[i]) : v[i];
		any = true;
	}
	return missing;
}
