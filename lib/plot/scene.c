/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/scene.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "plot/figure.h"
#include "plot/spans.h"
#include "tensor/bundle.h"
#include "tensor/convert.h"
#include "tensor/head.h"
#include "tensor/tensor.h"
#include "tensor/utterance.h"

/* What adding one utterance needs everywhere. */
struct work {
	struct mel_figure *figure;
	const struct mel_scene *scene;
	const struct mel_head *head;
	const struct mel_utterance *u;
	const char *main; /* name of the main rows port, or NULL */
	double step;      /* of its rows [s], or 1 frame */
	struct mel_strings *notes;
};

static struct work
begin(struct mel_figure *figure, const struct mel_scene *scene,
    const struct mel_head *head, const struct mel_utterance *u)
{
	const struct mel_plot_contract *c = &scene->contract;
	int port = mel_head_rows(head);

	return (struct work){figure, scene, head, u,
	    port < 0 ? NULL : head->port[port].name,
	    c->rate > 0 && c->hop > 0 ? c->hop / c->rate : 1, scene->notes};
}

static bool
is_main(const struct work *w, const char *name)
{
	return w->main && !strcmp(name, w->main);
}

static enum mel_panel_x
time_axis(const struct work *w)
{
	return w->step == 1 && !(w->scene->contract.rate > 0) ? MEL_X_FRAMES
							      : MEL_X_SECONDS;
}

/* Linear values in dB, MEL_PLOT_DECIBEL below the greatest at least. */
static void
to_decibel(struct mel_tensor *t, double factor)
{
	float *v = t->data;
	size_t n = mel_tensor_count(t);
	double lo, hi, least;

	mel_value_range(t, &lo, &hi);
	hi = hi > 0 ? factor * log10(hi) : 0;
	least = hi - MEL_PLOT_DECIBEL;
	for (size_t i = 0; i < n; i++) {
		double db = v[i] > 0 ? factor * log10(v[i]) : least;

		if (!isnan(v[i]))
			v[i] = (float)(db > least ? db : least);
	}
}

/* f32 [rows, width] of any vector or matrix with rows. */
static int
take_value(struct mel_tensor *out, const struct mel_tensor *t, const char *name,
    struct mel_err *err)
{
	char shape[64];

	mel_shape_text(t, shape, sizeof(shape));
	if (t->ndim < 1 || t->ndim > 2)
		return mel_fail(err,
		    "port '%s' is %s: only vectors and matrices can be drawn",
		    name, shape);
	if (!mel_tensor_count(t))
		return mel_fail(
		    err, "port '%s' is %s: nothing to draw", name, shape);
	if (mel_tensor_convert(out, t, MEL_F32, err))
		return -1;
	if (out->ndim == 1)
		out->dim[1] = 1;
	out->ndim = 2;
	return 0;
}

/* A curve must not touch the frame, and needs a height. */
static void
pad_range(struct mel_panel *panel)
{
	double room = panel->hi - panel->lo;

	room = room > 0 ? 0.08 * room : fmax(1, fabs(panel->hi));
	panel->lo -= room;
	panel->hi += room;
}

static int
set_range(struct mel_panel *panel, const char *name, const struct work *w,
    struct mel_err *err)
{
	size_t missing = mel_value_range(&panel->value, &panel->lo, &panel->hi);
	struct mel_buf note = {0};
	int rc = 0;

	if (panel->kind == MEL_PANEL_CURVE)
		pad_range(panel);
	/* In a curve it is a gap: pitch where there is no voice. */
	if (!missing || panel->kind == MEL_PANEL_CURVE)
		return 0;
	rc = mel_buf_printf(&note, err,
	    "utterance '%s': port '%s': %zu of %zu values are NaN, drawn grey",
	    w->u->key, name, missing, mel_tensor_count(&panel->value));
	if (!rc)
		rc = mel_strings_add(w->notes, note.data, err);
	mel_buf_free(&note);
	return rc;
}

/* The main port: frequencies, unit, range. */
static int
dress_main(struct mel_panel *panel, const struct work *w, struct mel_err *err)
{
	const struct mel_plot_contract *c = &w->scene->contract;
	bool fits = c->bands == panel->value.dim[1];
	const char *unit = fits ? c->unit : NULL;

	panel->kind = MEL_PANEL_MATRIX;
	if (fits)
		panel->axis = *c;
	if (fits && c->decibel > 0) {
		to_decibel(&panel->value, c->decibel);
		unit = "dB";
	}
	if (unit && !(panel->unit = mel_strdup(unit, err)))
		return -1;
	panel->label = mel_strdup(
	    panel->axis.scale == MEL_PLOT_BANDS ? "Band" : "Frequency [Hz]",
	    err);
	return panel->label ? 0 : -1;
}

/* Rows of the main port, what counts must add up to; -1 without one. */
static int64_t
main_rows(const struct work *w)
{
	const struct mel_tensor *t =
	    w->main ? mel_bundle_get(&w->u->tensors, w->main) : NULL;

	return t && t->ndim ? t->dim[0] : -1;
}

/* Gives the panel its place on a horizontal axis. */
static int
set_axis(struct mel_panel *panel, const char *name, const struct work *w,
    struct mel_err *err)
{
	int port = mel_head_find(w->head, name);
	int64_t rows = panel->value.dim[0];

	if (port >= 0 && w->head->port[port].sort == MEL_ROWS) {
		panel->x = time_axis(w);
		panel->x_step = w->step;
		panel->x_end = (double)rows * w->step;
		return mel_spans_make(
		    panel, w->u, w->step, rows, w->notes, err);
	}
	if (mel_spans_make(panel, w->u, w->step, main_rows(w), w->notes, err))
		return -1;
	if (panel->n_spans == (size_t)rows && panel->span[rows - 1].end > 0) {
		panel->x = time_axis(w);
		panel->x_end = panel->span[rows - 1].end;
		return 0;
	}
	mel_panel_drop_spans(panel);
	panel->x = MEL_X_ROWS;
	panel->x_step = 1;
	panel->x_end = (double)rows;
	return 0;
}

static int
add_port(const struct work *w, const char *name, struct mel_err *err)
{
	const struct mel_tensor *t = mel_bundle_get(&w->u->tensors, name);
	struct mel_panel *panel;

	if (!t)
		return mel_fail(err, "the stream has no port '%s'", name);
	panel = mel_figure_add(w->figure, err);
	if (!panel || take_value(&panel->value, t, name, err))
		return -1;
	if (is_main(w, name)) {
		if (dress_main(panel, w, err))
			return -1;
	} else {
		panel->kind = panel->value.dim[1] > MEL_SCENE_CURVES
				  ? MEL_PANEL_MATRIX
				  : MEL_PANEL_CURVE;
		panel->label = mel_figure_text(name, err);
		if (!panel->label)
			return -1;
	}
	if (set_axis(panel, name, w, err) || set_range(panel, name, w, err))
		return -1;
	if (is_main(w, name) && w->scene->ranged) {
		panel->lo = w->scene->lo;
		panel->hi = w->scene->hi;
	}
	return 0;
}

/* What has a value per token and is worth a curve below the main port. */
static bool
is_curve(const char *name)
{
	static const char *const names[] = {"durations", "pitch", "energy"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return false;
}

/* Whether a port is drawn when the user named none. */
static bool
by_default(const struct work *w, const char *name)
{
	const struct mel_tensor *t = mel_bundle_get(&w->u->tensors, name);
	const struct mel_tensor *counts =
	    mel_bundle_get(&w->u->tensors, "counts");
	bool is_float = t && mel_dtype_float(t->dtype) == t->dtype;

	if (!w->main)
		return is_float && t->ndim >= 1 && t->ndim <= 2 &&
		       mel_tensor_count(t);
	if (is_main(w, name))
		return true;
	return is_curve(name) && is_float && t->ndim == 1 && t->dim[0] &&
	       counts && counts->ndim == 1 && counts->dim[0] == t->dim[0];
}

/* The main port goes on top, wherever it stands in the head. */
static int
add_defaults(const struct work *w, struct mel_err *err)
{
	size_t before = w->figure->n;

	if (w->main && add_port(w, w->main, err))
		return -1;
	for (size_t i = 0; i < w->head->n_ports && !w->scene->main_only; i++) {
		const char *name = w->head->port[i].name;

		if (!is_main(w, name) && by_default(w, name) &&
		    add_port(w, name, err))
			return -1;
	}
	if (w->figure->n == before)
		return mel_fail(err,
		    "the stream has neither rows nor vectors or matrices of "
		    "floats to draw");
	return 0;
}

int
mel_scene_add(struct mel_figure *figure, const struct mel_scene *scene,
    const struct mel_head *head, const struct mel_utterance *u,
    struct mel_err *err)
{
	struct work w = begin(figure, scene, head, u);
	size_t first = figure->n;
	int rc = 0;

	if (w.main && !(scene->contract.rate > 0))
		rc = mel_strings_add(w.notes,
		    "no mel contract in the head: axes are frames and bands",
		    err);
	for (size_t i = 0; i < scene->ports.n && !rc; i++)
		rc = add_port(&w, scene->ports.item[i], err);
	if (!scene->ports.n && !rc)
		rc = add_defaults(&w, err);
	if (rc)
		return mel_fail_in(err, "utterance '%s'", u->key);
	if (scene->heading) {
		figure->panel[first].heading =
		    mel_figure_text(scene->heading, err);
		rc = figure->panel[first].heading ? 0 : -1;
	}
	/* The symbols once, above the first panel that has them. */
	for (size_t i = first; i < figure->n; i++) {
		figure->panel[i].labels = mel_spans_labelled(&figure->panel[i]);
		if (figure->panel[i].labels)
			break;
	}
	return rc;
}

static int
subtract(struct mel_tensor *a, const struct mel_tensor *b, struct mel_err *err)
{
	float *x = a->data;
	const float *y = b->data;
	size_t n;

	if (a->dim[1] != b->dim[1])
		return mel_fail(err, "%lld bands and %lld: no difference",
		    (long long)a->dim[1], (long long)b->dim[1]);
	if (b->dim[0] < a->dim[0])
		a->dim[0] = b->dim[0];
	n = mel_tensor_count(a);
	for (size_t i = 0; i < n; i++) {
		/* Twice the same infinity is no difference. */
		if (x[i] == y[i])
			x[i] = 0;
		else
			x[i] -= y[i];
	}
	return 0;
}

static int
note_lengths(const struct work *w, int64_t a, int64_t b, struct mel_err *err)
{
	struct mel_buf note = {0};
	int rc;

	if (a == b)
		return 0;
	rc = mel_buf_printf(&note, err,
	    "utterance '%s': %lld rows and %lld: the difference ends with the "
	    "shorter",
	    w->u->key, (long long)a, (long long)b);
	if (!rc)
		rc = mel_strings_add(w->notes, note.data, err);
	mel_buf_free(&note);
	return rc;
}

int
mel_scene_difference(struct mel_figure *figure, const struct mel_scene *scene,
    const struct mel_head *head, const struct mel_utterance *a,
    const struct mel_utterance *b, struct mel_err *err)
{
	struct work w = begin(figure, scene, head, a);
	const struct mel_tensor *t;
	struct mel_tensor other = {0};
	struct mel_panel *panel;
	int64_t rows;
	double most;
	int rc;

	if (!w.main || add_port(&w, w.main, err))
		return w.main ? -1 : mel_fail(err, "the stream has no rows");
	panel = &figure->panel[figure->n - 1];
	t = mel_bundle_get(&b->tensors, w.main);
	if (!t)
		return mel_fail(
		    err, "the second stream has no port '%s'", w.main);
	if (take_value(&other, t, w.main, err))
		return mel_fail_in(err, "utterance '%s'", b->key);
	if (panel->unit && !strcmp(panel->unit, "dB") &&
	    scene->contract.decibel)
		to_decibel(&other, scene->contract.decibel);
	rows = panel->value.dim[0];
	rc = subtract(&panel->value, &other, err);
	if (!rc)
		rc = note_lengths(&w, rows, other.dim[0], err);
	mel_tensor_free(&other);
	if (rc)
		return mel_fail_in(err, "utterance '%s'", a->key);
	mel_value_range(&panel->value, &panel->lo, &panel->hi);
	most = fmax(fabs(panel->lo), fabs(panel->hi));
	panel->hi = most > 0 ? most : 1;
	panel->lo = -panel->hi;
	panel->difference = true;
	panel->heading = mel_strdup("Difference", err);
	return panel->heading ? 0 : -1;
}

int
mel_scene_range(struct mel_scene *scene, const char *text, struct mel_err *err)
{
	const char *comma = strchr(text, ',');
	double lo, hi;
	char *low;
	int rc;

	if (!comma)
		return mel_fail(err, "%s: two numbers LO,HI are needed", text);
	low = mel_strndup(text, (size_t)(comma - text), err);
	if (!low)
		return -1;
	rc = mel_parse_double(low, &lo, err);
	free(low);
	if (rc || mel_parse_double(comma + 1, &hi, err))
		return -1;
	if (lo >= hi)
		return mel_fail(err, "%s: LO must be below HI", text);
	scene->lo = lo;
	scene->hi = hi;
	scene->ranged = true;
	return 0;
}

/* Matrices of one unit; curves of one port in several streams. */
static bool
comparable(const struct mel_panel *a, const struct mel_panel *b)
{
	if (a->kind == MEL_PANEL_CURVE && b->kind == MEL_PANEL_CURVE)
		return a->label && b->label && !strcmp(a->label, b->label);
	return a->kind == MEL_PANEL_MATRIX && b->kind == MEL_PANEL_MATRIX &&
	       !a->difference && !b->difference && a->unit && b->unit &&
	       !strcmp(a->unit, b->unit);
}

/* Brings b to a's axis and range and a to b's, where they are alike. */
static void
share(struct mel_panel *a, struct mel_panel *b)
{
	if (a->x == b->x)
		a->x_end = b->x_end = fmax(a->x_end, b->x_end);
	if (comparable(a, b)) {
		a->lo = b->lo = fmin(a->lo, b->lo);
		a->hi = b->hi = fmax(a->hi, b->hi);
	}
}

int
mel_scene_finish(struct mel_figure *figure, const char *title,
    const struct mel_utterance *u, struct mel_err *err)
{
	json_t *text = json_object_get(u->begin, "text");
	struct mel_buf buf = {0};
	int rc = 0;

	/* Twice, so that what the last one has comes back to the second. */
	for (size_t i = 0; i < 2 * figure->n; i++) {
		for (size_t k = 0; k < figure->n; k++)
			share(&figure->panel[i % figure->n], &figure->panel[k]);
	}
	if (!title) {
		rc = mel_buf_printf(&buf, err, "%s%s%s", u->key,
		    json_is_string(text) ? ": " : "",
		    json_is_string(text) ? json_string_value(text) : "");
		title = buf.data;
	}
	if (!rc && *title) {
		figure->title = mel_figure_text(title, err);
		rc = figure->title ? 0 : -1;
	}
	mel_buf_free(&buf);
	return rc;
}
