/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/step.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "block/decl.h"
#include "block/env.h"
#include "net/netdef.h"
#include "net/network.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"

#define FRAME (-1) /* output of the loop that takes the frame before */

/* The ports are not changed, only looked up. */
static struct mel_netdef *
look(const struct mel_step *s)
{
	return (struct mel_netdef *)(uintptr_t)s->def;
}

static const struct mel_net_port *
input_of(const struct mel_step *s, const struct mel_step_loop *loop)
{
	return &s->def->input[loop->input];
}

/* The length of each axis is known when an utterance begins. */
static int
check_shape(const struct mel_net_port *port, struct mel_err *err)
{
	for (int i = 0; i < port->ndim; i++) {
		if (port->axis[i] == MEL_AXIS_ANY)
			return mel_fail(err,
			    "input \"%s\": a length is needed in axes: for its "
			    "first value",
			    port->name);
	}
	return 0;
}

static int
add_loop(struct mel_step *s, const char *name, int output, struct mel_err *err)
{
	const struct mel_net_port *in = mel_netdef_input(look(s), name, err);
	int input = in ? (int)(in - s->def->input) : 0;

	if (!in || check_shape(in, err))
		return -1;
	if (in->role != MEL_ROLE_TENSOR || s->feed.own[input])
		return mel_fail(err, "input \"%s\" has %s already", name,
		    s->feed.own[input] ? "a value" : "a role");
	s->feed.own[input] = true;
	s->loop[s->n_loop++] =
	    (struct mel_step_loop){.input = input, .output = output};
	return 0;
}

static int
add_state(struct mel_step *s, const char *input, const char *output,
    struct mel_err *err)
{
	const struct mel_net_port *out =
	    mel_netdef_output(look(s), output, err);
	const struct mel_net_port *in;

	if (!out || add_loop(s, input, (int)(out - s->def->output), err))
		return -1;
	in = input_of(s, &s->loop[s->n_loop - 1]);
	if (in->dtype != out->dtype || in->ndim != out->ndim)
		return mel_fail(err,
		    "input \"%s\" is %s with %d axes, output \"%s\" %s with %d",
		    input, mel_dtype_name(in->dtype), in->ndim, output,
		    mel_dtype_name(out->dtype), out->ndim);
	return 0;
}

static int
add_feedback(struct mel_step *s, const char *input, struct mel_err *err)
{
	const struct mel_net_port *in;

	if (!input)
		return 0;
	if (add_loop(s, input, FRAME, err))
		return -1;
	in = input_of(s, &s->loop[s->n_loop - 1]);
	if (in->dtype != MEL_F32 || mel_net_port_time(in) >= 0)
		return mel_fail(err,
		    "input \"%s\" cannot take a frame: not f32 without time",
		    input);
	return 0;
}

/* A number, or else the name of a tensor. */
static int
set_first(struct mel_step *s, const char *input, const char *value,
    struct mel_err *err)
{
	for (size_t i = 0; i < s->n_loop; i++) {
		struct mel_step_loop *loop = &s->loop[i];

		if (strcmp(input_of(s, loop)->name, input) != 0)
			continue;
		if (mel_parse_double(value, &loop->number, NULL))
			loop->tensor = value;
		return 0;
	}
	return mel_fail(
	    err, "first: input \"%s\" is neither state nor feedback", input);
}

static int
open_loops(
    struct mel_step *s, const struct mel_step_options *o, struct mel_err *err)
{
	const struct mel_strings *state = &o->state, *first = &o->first;

	s->loop = mel_alloc(state->n / 2 + 1, sizeof(*s->loop), err);
	if (!s->loop)
		return -1;
	for (size_t i = 0; i < state->n; i += 2) {
		if (add_state(s, state->item[i], state->item[i + 1], err))
			return -1;
	}
	if (add_feedback(s, o->feedback, err))
		return -1;
	for (size_t i = 0; i < first->n; i += 2) {
		if (set_first(s, first->item[i], first->item[i + 1], err))
			return -1;
	}
	return 0;
}

int
mel_step_open(struct mel_step *s, const struct mel_netdef *def,
    const struct mel_step_options *o, const struct mel_env *env,
    struct mel_err *err)
{
	s->def = def;
	if (mel_feed_open(&s->feed, def, &o->inputs, err) ||
	    open_loops(s, o, err))
		return -1;
	s->out = mel_alloc((size_t)def->n_output, sizeof(*s->out), err);
	if (!s->out)
		return -1;
	s->fixed = env->backend && def->fixed;
	if (env->spec_only)
		return 0;
	if (s->fixed)
		return mel_windows_open(&s->windows, def, env, err);
	return mel_session_open(&s->session, def->network, env->pool, err);
}

void
mel_step_close(struct mel_step *s)
{
	mel_session_close(s->session);
	mel_windows_close(&s->windows);
	for (size_t i = 0; i < s->n_loop; i++)
		free(s->loop[i].data);
	free(s->loop);
	if (s->def)
		mel_feed_close(&s->feed);
	free(s->out);
}

int
mel_step_declare(
    const struct mel_step *s, struct mel_decls *needs, struct mel_err *err)
{
	if (mel_feed_declare(&s->feed, needs, err))
		return -1;
	for (size_t i = 0; i < s->n_loop; i++) {
		const struct mel_net_port *in = input_of(s, &s->loop[i]);
		struct mel_decl decl = {.name = s->loop[i].tensor,
		    .dtype = in->dtype,
		    .ndim = mel_net_port_rank(in)};

		if (decl.name && !mel_decls_find(needs, decl.name) &&
		    mel_decls_add(needs, &decl, err))
			return -1;
	}
	return 0;
}

int64_t
mel_step_feedback(const struct mel_step *s)
{
	const struct mel_step_loop *last = s->loop + s->n_loop - 1;
	int64_t floats = 1;

	if (!s->n_loop || last->output != FRAME)
		return 0;
	for (int i = 0; i < input_of(s, last)->ndim; i++) {
		if (input_of(s, last)->axis[i] > 0)
			floats *= input_of(s, last)->axis[i];
	}
	return floats;
}

/* The value becomes the next step's. */
static int
take(struct mel_step *s, struct mel_step_loop *loop,
    const struct mel_tensor *value, struct mel_err *err)
{
	size_t bytes = mel_tensor_bytes(value);

	if (mel_reserve(&loop->data, &loop->cap, bytes, 1, err))
		return -1;
	if (bytes)
		memcpy(loop->data, value->data, bytes);
	s->feed.in[loop->input] =
	    mel_tensor_view(value->dtype, value->ndim, value->dim, loop->data);
	return 0;
}

static int
begin_loop(struct mel_step *s, struct mel_step_loop *loop,
    const struct mel_bundle *data, struct mel_err *err)
{
	struct mel_net_port port = *input_of(s, loop);
	struct mel_tensor value = {0};
	int64_t steps = s->part.steps, size = s->part.size;
	int rc;

	port.role = MEL_ROLE_CONSTANT;
	port.value = loop->number;
	if (loop->tensor)
		rc = mel_net_port_pack(
		    &port, mel_bundle_get(data, loop->tensor), &value, err);
	else
		rc = mel_net_port_make(&port, steps, size, 0, &value, err);
	if (!rc)
		rc = mel_net_port_pad(&port, &value, size, err);
	if (!rc)
		rc = take(s, loop, &value, err);
	mel_tensor_free(&value);
	return rc;
}

int
mel_step_begin(
    struct mel_step *s, const struct mel_bundle *data, struct mel_err *err)
{
	int64_t steps;

	s->turn = 0;
	if (mel_feed_steps(&s->feed, data, NULL, &steps, err))
		return -1;
	s->part = (struct mel_feed_part){0, steps, steps};
	if (s->fixed && mel_windows_whole(&s->windows, steps, &s->part, err))
		return -1;
	if (mel_feed_fill_part(&s->feed, data, NULL, &s->part, err))
		return -1;
	for (size_t i = 0; i < s->n_loop; i++) {
		if (begin_loop(s, &s->loop[i], data, err))
			return -1;
	}
	return 0;
}

/* One turn of the network. */
static int
turn(struct mel_step *s, struct mel_err *err)
{
	const struct mel_windows_have all = {s->part.steps, true};
	size_t n = (size_t)s->def->n_output;

	if (!s->fixed) {
		mel_session_seed(s->session, s->turn++);
		return mel_session_run(s->session, s->feed.in, s->out, err);
	}
	mel_windows_begin(&s->windows);
	if (mel_windows_run(&s->windows, &all, &s->feed, &s->part, err))
		return -1;
	memcpy(s->out, s->windows.out, n * sizeof(*s->out));
	return 0;
}

int
mel_step_run(struct mel_step *s, struct mel_err *err)
{
	if (turn(s, err))
		return -1;
	for (size_t i = 0; i < s->n_loop; i++) {
		struct mel_step_loop *loop = &s->loop[i];

		if (loop->output != FRAME &&
		    take(s, loop, &s->out[loop->output], err))
			return -1;
	}
	return 0;
}

void
mel_step_feed_back(struct mel_step *s, const float *frame)
{
	int64_t floats = mel_step_feedback(s);

	if (floats)
		memcpy(s->loop[s->n_loop - 1].data, frame,
		    (size_t)floats * sizeof(*frame));
}
