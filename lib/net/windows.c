/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/windows.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "block/env.h"
#include "net/fixed.h"
#include "net/netdef.h"

/* ---- programs ---- */

static int
check_port(const struct mel_net_port *port, int64_t size, size_t most,
    const char *device, struct mel_err *err)
{
	size_t bytes = mel_dtype_size(port->dtype);

	for (int d = 0; d < port->ndim; d++) {
		int64_t n = port->axis[d] == MEL_AXIS_TIME ? size
			    : port->axis[d] < 0            ? 1
							   : port->axis[d];

		if (!mel_size_mul(&bytes, bytes, (size_t)n))
			return mel_fail(err, "\"%s\" is too large", port->name);
	}
	if (most && bytes > most)
		return mel_fail(err,
		    "\"%s\" has %zu bytes, of which %s takes %zu at most",
		    port->name, bytes, device, most);
	return 0;
}

static int
check_limits(const struct mel_windows *w,
    const struct mel_backend_limits *limits, struct mel_err *err)
{
	const struct mel_fixed *f = w->fixed;
	const char *device = w->env->backend->name;
	int64_t size = mel_fixed_largest(w->fixed);

	if (limits->programs && f->n_program > limits->programs)
		return mel_fail(err, "%d programs, of which %s holds %d",
		    f->n_program, device, limits->programs);
	for (int i = 0; i < w->def->n_input; i++) {
		if (check_port(
			&w->def->input[i], size, limits->bytes, device, err))
			return -1;
	}
	return 0;
}

static int
load(struct mel_windows *w, struct mel_err *err)
{
	const struct mel_backend *b = w->env->backend;
	struct mel_backend_limits limits = {0};

	if (b->abi != MEL_BACKEND_ABI)
		return mel_fail(err, "back end %s has ABI %u, not %u", b->name,
		    b->abi, MEL_BACKEND_ABI);
	w->state = mel_alloc(1, b->state_size, err);
	if (!w->state || b->open(w->state, w->env, &limits, err) ||
	    check_limits(w, &limits, err))
		return -1;
	for (int i = 0; i < w->fixed->n_program; i++) {
		const struct mel_backend_file file = {
		    .path = w->fixed->program[i].path,
		    .n_in = w->def->n_input + w->fixed->valid,
		    .n_out = w->def->n_output,
		};

		if (b->load(w->state, &file, &w->program[i], err))
			return -1;
	}
	return 0;
}

int
mel_windows_open(struct mel_windows *w, const struct mel_netdef *def,
    const struct mel_env *env, struct mel_err *err)
{
	size_t n_out = (size_t)def->n_output;

	w->def = def;
	w->env = env;
	w->fixed = def->fixed;
	w->program =
	    mel_alloc((size_t)w->fixed->n_program, sizeof(*w->program), err);
	w->in = mel_alloc((size_t)def->n_input + 1, sizeof(*w->in), err);
	w->out = mel_alloc(n_out, sizeof(*w->out), err);
	w->next = mel_alloc(n_out, sizeof(*w->next), err);
	w->end = mel_alloc(n_out, sizeof(*w->end), err);
	if (!w->program || !w->in || !w->out || !w->next || !w->end)
		return -1;
	if (load(w, err))
		return mel_fail_in(err, "%s", def->name);
	return 0;
}

void
mel_windows_close(struct mel_windows *w)
{
	const struct mel_backend *b = w->env ? w->env->backend : NULL;

	for (int i = 0; w->program && i < w->fixed->n_program; i++) {
		if (w->program[i])
			b->drop(w->state, w->program[i]);
	}
	if (w->state && b->close)
		b->close(w->state);
	free(w->state);
	free(w->program);
	free(w->in);
	free(w->out);
	free(w->next);
	free(w->end);
}

/* ---- where windows are ---- */

void
mel_windows_begin(struct mel_windows *w)
{
	for (int i = 0; i < w->def->n_output; i++)
		w->next[i] = w->end[i] = 0;
	w->seen = 0;
	w->done = false;
}

/* Where a window must begin for the next row of each output. */
static int64_t
first_step(const struct mel_windows *w)
{
	int64_t first = INT64_MAX, stride = mel_fixed_stride(w->fixed);

	for (int i = 0; i < w->fixed->n_output; i++) {
		const struct mel_fixed_output *o = &w->fixed->output[i];
		int64_t at;

		if (!o->timed)
			continue;
		at = w->end[i] * o->den / o->num - o->left;
		first = at < first ? at : first;
	}
	return first == INT64_MAX || first < 0 ? 0 : first / stride * stride;
}

int64_t
mel_windows_keep(const struct mel_windows *w)
{
	int64_t first = first_step(w);

	/* The last window may begin earlier. */
	return first > mel_fixed_largest(w->fixed)
		   ? first - mel_fixed_largest(w->fixed)
		   : 0;
}

/* Rows of an output that are complete when the steps before `steps` are
 * there, and more may come. */
static int64_t
complete_rows(const struct mel_fixed_output *o, int64_t steps)
{
	int64_t n = steps - o->right;

	return n > 0 ? n * o->num / o->den : 0;
}

/* The smallest program of at least n steps, -1: none is so large. */
static int
find_program(const struct mel_fixed *f, int64_t n)
{
	for (int i = 0; i < f->n_program; i++) {
		if (f->program[i].size >= n)
			return i;
	}
	return -1;
}

int
mel_windows_whole(const struct mel_windows *w, int64_t steps,
    struct mel_feed_part *part, struct mel_err *err)
{
	int k = find_program(w->fixed, steps);

	if (k < 0)
		return mel_fail(err,
		    "%s: %lld steps along time, and the largest program takes "
		    "%lld",
		    w->def->name, (long long)steps,
		    (long long)mel_fixed_largest(w->fixed));
	*part = (struct mel_feed_part){0, steps, w->fixed->program[k].size};
	return 0;
}

/* The end is known: what is left in one window if there is one for it that is
 * not longer than the utterance. */
static void
place_last(const struct mel_windows *w, struct mel_feed_part *part)
{
	const struct mel_fixed *f = w->fixed;
	int64_t total = part->steps, first = first_step(w);
	int64_t stride = mel_fixed_stride(f);
	int k = find_program(f, total - first);

	if (k < 0)
		k = f->n_program - 1;
	while (k && f->program[k].size > total)
		k--;
	part->size = f->program[k].size;
	if (part->size >= total - first && total > part->size)
		first = (total - part->size + stride - 1) / stride * stride;
	if (part->size >= total)
		first = 0;
	part->first = first;
	part->steps = total - first < part->size ? total - first : part->size;
}

/* The smallest that gives the rows wanted, else the largest. */
static int64_t
choose_size(const struct mel_windows *w, int64_t first, int64_t wanted)
{
	const struct mel_fixed *f = w->fixed;

	for (int k = 0; k < f->n_program; k++) {
		int64_t size = f->program[k].size;

		if (!f->output[0].timed ||
		    complete_rows(&f->output[0], first + size) - w->end[0] >=
			wanted)
			return size;
	}
	return mel_fixed_largest(w->fixed);
}

int
mel_windows_next(const struct mel_windows *w,
    const struct mel_windows_have *have, int64_t wanted,
    struct mel_feed_part *part, int64_t *need, struct mel_err *err)
{
	int64_t first, size;

	*need = 0;
	if (w->done)
		return 0;
	part->steps = have->steps;
	if (have->ended && !w->fixed->split)
		return mel_windows_whole(w, have->steps, part, err) ? -1 : 1;
	if (have->ended) {
		place_last(w, part);
		return 1;
	}
	first = first_step(w);
	size = choose_size(w, first, wanted);
	*need = first + size - have->steps;
	if (*need > 0 || !w->fixed->split) {
		*need = *need > 0 ? *need : 1;
		return -1;
	}
	*need = 0;
	*part = (struct mel_feed_part){first, size, size};
	return 1;
}

/* ---- running ---- */

static void
advance(struct mel_windows *w, const struct mel_feed_part *part, bool last)
{
	for (int i = 0; i < w->fixed->n_output; i++) {
		const struct mel_fixed_output *o = &w->fixed->output[i];
		int64_t steps = part->first + part->steps, end;

		if (!o->timed)
			continue;
		end = last ? mel_fixed_rows(o, steps) : complete_rows(o, steps);
		w->next[i] = w->end[i];
		w->end[i] = end > w->next[i] ? end : w->next[i];
	}
}

int
mel_windows_run(struct mel_windows *w, const struct mel_windows_have *have,
    const struct mel_feed *feed, const struct mel_feed_part *part,
    struct mel_err *err)
{
	int64_t steps = part->first + part->steps, one = 1;
	int k = find_program(w->fixed, part->size);

	for (int i = 0; i < w->def->n_input; i++)
		w->in[i] = feed->in[i];
	w->valid = part->steps;
	w->in[w->def->n_input] = mel_tensor_view(MEL_I64, 1, &one, &w->valid);
	if (w->env->backend->run(w->state, w->program[k], w->in, w->out, err))
		return mel_fail_in(err, "%s", w->def->name);
	w->at = *part;
	w->done = have->ended && steps == have->steps;
	advance(w, part, w->done);
	if (w->env->ran)
		w->env->ran(w->env->ctx, w->def->name, part->size,
		    steps > w->seen ? steps - w->seen : 0,
		    part->size - part->steps);
	w->seen = steps > w->seen ? steps : w->seen;
	return 0;
}

int
mel_windows_take(struct mel_windows *w, int output, struct mel_tensor *whole,
    struct mel_tensor *out, struct mel_err *err)
{
	const struct mel_fixed_output *o = &w->fixed->output[output];
	int64_t before = w->at.first * o->num / o->den;
	size_t row;

	if (mel_net_port_unpack(
		&w->def->output[output], &w->out[output], whole, err))
		return mel_fail_in(err, "%s", w->def->name);
	*out = *whole;
	out->owned = false;
	if (!o->timed)
		return 0;
	if (whole->dim[0] < w->end[output] - before)
		return mel_fail(err,
		    "%s: output \"%s\" has %lld rows, not %lld", w->def->name,
		    w->def->output[output].name, (long long)whole->dim[0],
		    (long long)(w->end[output] - before));
	out->dim[0] = w->end[output] - w->next[output];
	row =
	    whole->dim[0] ? mel_tensor_bytes(whole) / (size_t)whole->dim[0] : 0;
	out->data =
	    (char *)whole->data + row * (size_t)(w->next[output] - before);
	return 0;
}
