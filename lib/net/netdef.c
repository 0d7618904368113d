/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/netdef.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "net/fixed.h"
#include "net/graph.h"
#include "net/network.h"

/* Rank -1 marks what the declared shape does not tell. */
static void
guess_axes(struct mel_net_port *port, const struct mel_io *io)
{
	int open = 0;

	port->ndim = io->ndim;
	for (int i = 0; i < io->ndim; i++) {
		if (io->dim[i] < 0) {
			port->axis[i] = MEL_AXIS_TIME;
			open++;
		} else {
			port->axis[i] = io->dim[i];
		}
	}
	if (io->ndim > 0 && io->dim[0] == 1)
		port->axis[0] = MEL_AXIS_BATCH;
	if (open > 1)
		port->ndim = -1;
}

static struct mel_net_port *
guess_ports(const struct mel_io *io, int n, struct mel_err *err)
{
	struct mel_net_port *port = mel_alloc((size_t)n, sizeof(*port), err);

	for (int i = 0; port && i < n; i++) {
		if (io[i].sequence) {
			mel_fail(err, "%s is a sequence, which no stream has",
			    io[i].name);
			free(port);
			return NULL;
		}
		port[i].name = io[i].name;
		port[i].dtype = io[i].dtype;
		guess_axes(&port[i], &io[i]);
	}
	return port;
}

int
mel_netdef_open(struct mel_netdef **out, const char *name,
    struct mel_network *network, struct mel_err *err)
{
	const struct mel_graph *graph = mel_network_graph(network);
	struct mel_netdef *def = mel_alloc(1, sizeof(*def), err);

	if (!def) {
		mel_network_close(network);
		return -1;
	}
	def->network = network;
	def->name = mel_strdup(name, err);
	def->input = guess_ports(graph->input, graph->n_input, err);
	def->output = guess_ports(graph->output, graph->n_output, err);
	if (!def->name || !def->input || !def->output) {
		mel_netdef_close(def);
		return -1;
	}
	for (int i = 0; i < graph->n_input; i++)
		def->input[i].io = &graph->input[i];
	def->n_input = graph->n_input;
	def->n_output = graph->n_output;
	*out = def;
	return 0;
}

void
mel_netdef_close(struct mel_netdef *def)
{
	if (!def)
		return;
	for (int i = 0; i < def->n_input; i++)
		free(def->input[i].control);
	free(def->input);
	free(def->output);
	mel_network_close(def->network);
	mel_fixed_free((struct mel_fixed *)(uintptr_t)def->fixed);
	free(def->name);
	free(def);
}

static struct mel_net_port *
find(struct mel_net_port *port, int n, const char *what, const char *name,
    struct mel_err *err)
{
	struct mel_buf all = {0};

	for (int i = 0; i < n; i++) {
		if (!strcmp(port[i].name, name))
			return &port[i];
	}
	for (int i = 0; i < n; i++)
		mel_buf_printf(&all, NULL, "%s%s", i ? ", " : "", port[i].name);
	mel_fail(err, "the network has no %s \"%s\", only %s", what, name,
	    all.data ? all.data : "none");
	mel_buf_free(&all);
	return NULL;
}

struct mel_net_port *
mel_netdef_input(struct mel_netdef *def, const char *name, struct mel_err *err)
{
	return find(def->input, def->n_input, "input", name, err);
}

struct mel_net_port *
mel_netdef_output(struct mel_netdef *def, const char *name, struct mel_err *err)
{
	return find(def->output, def->n_output, "output", name, err);
}

static int
parse_axis(const char *word, int place, int64_t *axis, struct mel_err *err)
{
	if (!strcmp(word, "time"))
		*axis = MEL_AXIS_TIME;
	else if (!strcmp(word, "batch"))
		*axis = MEL_AXIS_BATCH;
	else if (!strcmp(word, "any"))
		*axis = MEL_AXIS_ANY;
	else if (mel_parse_int(word, axis, err))
		return mel_fail(err,
		    "axis \"%s\": time, batch, any or a length is wanted",
		    word);
	else if (*axis < 1)
		return mel_fail(err, "axis \"%s\" is not positive", word);
	else if (*axis == 1 && !place)
		*axis = MEL_AXIS_BATCH;
	return 0;
}

/* An axis that the graph gives a length has no other. */
static int
check_axis(
    const struct mel_io *io, int place, int64_t axis, struct mel_err *err)
{
	int64_t length = io->ndim < 0 ? -1 : io->dim[place];

	if (axis == MEL_AXIS_BATCH)
		axis = 1;
	if (length < 0 || axis < 0 || length == axis)
		return 0;
	return mel_fail(err, "axis %d is %lld in the network, not %lld", place,
	    (long long)length, (long long)axis);
}

int
mel_net_port_axes(struct mel_net_port *port, const struct mel_strings *words,
    struct mel_err *err)
{
	int64_t axis[MEL_MAX_DIMS];
	int times = 0, batches = 0;
	int rank = port->io ? port->io->ndim : port->ndim;

	if (words->n > MEL_MAX_DIMS)
		return mel_fail(
		    err, "%zu axes: at most %d", words->n, MEL_MAX_DIMS);
	if (rank >= 0 && (size_t)rank != words->n)
		return mel_fail(
		    err, "%zu axes, but the network has %d", words->n, rank);
	for (size_t i = 0; i < words->n; i++) {
		if (parse_axis(words->item[i], (int)i, &axis[i], err) ||
		    (port->io && check_axis(port->io, (int)i, axis[i], err)))
			return -1;
		times += axis[i] == MEL_AXIS_TIME;
		batches += axis[i] == MEL_AXIS_BATCH;
	}
	if (times > 1 || batches > 1)
		return mel_fail(
		    err, "more than one %s axis", times > 1 ? "time" : "batch");
	port->ndim = (int)words->n;
	memcpy(port->axis, axis, words->n * sizeof(*axis));
	return 0;
}

/* A value that the type cannot hold is an error, not another value. */
static int
check_value(const struct mel_net_port *port, double value, struct mel_err *err)
{
	double min, max;

	switch (port->dtype) {
	case MEL_F32:
		return 0;
	case MEL_I64:
		min = -0x1p53;
		max = 0x1p53;
		break;
	case MEL_I32:
		min = INT32_MIN;
		max = INT32_MAX;
		break;
	case MEL_U8:
	case MEL_BOOL:
		min = 0;
		max = port->dtype == MEL_BOOL ? 1 : UINT8_MAX;
		break;
	default:
		return mel_fail(err, "input \"%s\" of type %s cannot be made",
		    port->name, mel_dtype_name(port->dtype));
	}
	if (value >= min && value <= max && value == rint(value))
		return 0;
	return mel_fail(err, "input \"%s\" of type %s cannot be %g", port->name,
	    mel_dtype_name(port->dtype), value);
}

static int
check_port(
    const struct mel_net_port *port, const char *what, struct mel_err *err)
{
	if (port->ndim < 0)
		return mel_fail(err,
		    "%s \"%s\": which axis is time cannot be seen from the "
		    "network, axes: is needed",
		    what, port->name);
	return port->role == MEL_ROLE_CONSTANT
		   ? check_value(port, port->value, err)
		   : 0;
}

int
mel_netdef_check(const struct mel_netdef *def, struct mel_err *err)
{
	for (int i = 0; i < def->n_input; i++) {
		if (check_port(&def->input[i], "input", err))
			return mel_fail_in(err, "%s", def->name);
	}
	for (int i = 0; i < def->n_output; i++) {
		if (check_port(&def->output[i], "output", err))
			return mel_fail_in(err, "%s", def->name);
	}
	return 0;
}

int
mel_net_port_time(const struct mel_net_port *port)
{
	for (int i = 0; i < port->ndim; i++) {
		if (port->axis[i] == MEL_AXIS_TIME)
			return i;
	}
	return -1;
}

int
mel_net_port_rank(const struct mel_net_port *port)
{
	int rank = port->ndim;

	for (int i = 0; i < port->ndim; i++)
		rank -= port->axis[i] == MEL_AXIS_BATCH;
	return rank;
}

int64_t
mel_net_port_width(const struct mel_net_port *port)
{
	int64_t width = 1;

	for (int i = 0; i < port->ndim; i++) {
		if (port->axis[i] == MEL_AXIS_ANY)
			return 0;
		if (port->axis[i] > 0)
			width = port->axis[i];
	}
	return width;
}

/* The lengths seen outside, time first; [rank]. */
static int
outer_dims(const struct mel_net_port *port, const int64_t *dim,
    int64_t outer[MEL_MAX_DIMS])
{
	int time = mel_net_port_time(port), n = 0;

	if (time >= 0)
		outer[n++] = dim[time];
	for (int i = 0; i < port->ndim; i++) {
		if (i != time && port->axis[i] != MEL_AXIS_BATCH)
			outer[n++] = dim[i];
	}
	return n;
}

static int
check_dims(
    const struct mel_net_port *port, const int64_t *dim, struct mel_err *err)
{
	for (int i = 0; i < port->ndim; i++) {
		int64_t want = port->axis[i];

		if (want == MEL_AXIS_BATCH)
			want = 1;
		if (want > 0 && dim[i] != want)
			return mel_fail(err,
			    "\"%s\": axis %d has length %lld, not %lld",
			    port->name, i, (long long)dim[i], (long long)want);
	}
	return 0;
}

/*
 * Moves the time axis: x is [before, steps, behind] with time inside, and
 * [steps, before, behind] with time first.
 */
static void
move_time(const struct mel_net_port *port, const int64_t *dim, bool to_first,
    const char *src, char *dst)
{
	int time = mel_net_port_time(port);
	size_t before = 1, behind = mel_dtype_size(port->dtype);
	size_t steps = (size_t)dim[time];

	for (int i = 0; i < port->ndim; i++) {
		if (i < time)
			before *= (size_t)dim[i];
		else if (i > time)
			behind *= (size_t)dim[i];
	}
	for (size_t t = 0; t < steps; t++) {
		for (size_t b = 0; b < before; b++) {
			size_t inside = (b * steps + t) * behind;
			size_t first = (t * before + b) * behind;

			memcpy(dst + (to_first ? first : inside),
			    src + (to_first ? inside : first), behind);
		}
	}
}

/* true if time has only axes of length 1 before it. */
static bool
time_is_first(const struct mel_net_port *port, const int64_t *dim)
{
	for (int i = 0; i < mel_net_port_time(port); i++) {
		if (dim[i] != 1)
			return false;
	}
	return true;
}

int
mel_net_port_pack(const struct mel_net_port *port, const struct mel_tensor *in,
    struct mel_tensor *out, struct mel_err *err)
{
	int64_t dim[MEL_MAX_DIMS];
	int time = mel_net_port_time(port), next = time >= 0;

	if (in->ndim != mel_net_port_rank(port))
		return mel_fail(err, "\"%s\": %d axes, not %d", port->name,
		    in->ndim, mel_net_port_rank(port));
	for (int i = 0; i < port->ndim; i++) {
		if (i == time)
			dim[i] = in->dim[0];
		else if (port->axis[i] == MEL_AXIS_BATCH)
			dim[i] = 1;
		else
			dim[i] = in->dim[next++];
	}
	if (check_dims(port, dim, err))
		return -1;
	if (time_is_first(port, dim)) {
		*out = mel_tensor_view(port->dtype, port->ndim, dim, in->data);
		return 0;
	}
	if (mel_tensor_new(out, port->dtype, port->ndim, dim, err))
		return -1;
	move_time(port, dim, false, in->data, out->data);
	return 0;
}

int
mel_net_port_unpack(const struct mel_net_port *port,
    const struct mel_tensor *in, struct mel_tensor *out, struct mel_err *err)
{
	int64_t outer[MEL_MAX_DIMS];
	int n;

	if (in->dtype != port->dtype || in->ndim != port->ndim)
		return mel_fail(err,
		    "output \"%s\" is %s with %d axes, declared %s with %d",
		    port->name, mel_dtype_name(in->dtype), in->ndim,
		    mel_dtype_name(port->dtype), port->ndim);
	if (check_dims(port, in->dim, err))
		return mel_fail_in(err, "output");
	n = outer_dims(port, in->dim, outer);
	if (time_is_first(port, in->dim)) {
		*out = mel_tensor_view(in->dtype, n, outer, in->data);
		return 0;
	}
	if (mel_tensor_new(out, in->dtype, n, outer, err))
		return -1;
	move_time(port, in->dim, true, in->data, out->data);
	return 0;
}

static void
fill(struct mel_tensor *t, size_t i, double value)
{
	if (t->dtype == MEL_F32)
		((float *)t->data)[i] = (float)value;
	else if (t->dtype == MEL_I64)
		((int64_t *)t->data)[i] = (int64_t)value;
	else if (t->dtype == MEL_I32)
		((int32_t *)t->data)[i] = (int32_t)value;
	else
		((uint8_t *)t->data)[i] = (uint8_t)value;
}

/* The value of element i; behind: elements of a step. */
static double
made_value(
    const struct mel_net_port *port, size_t step, int64_t steps, double control)
{
	bool there = (int64_t)step < steps;

	switch (port->role) {
	case MEL_ROLE_LENGTH:
		return (double)steps;
	case MEL_ROLE_POSITION:
		return (double)step;
	case MEL_ROLE_CONTROL:
		return control;
	case MEL_ROLE_CONSTANT:
		return port->value;
	case MEL_ROLE_PADDING:
		return !there;
	default:
		return there;
	}
}

int
mel_net_port_make(const struct mel_net_port *port, int64_t steps, int64_t size,
    double control, struct mel_tensor *out, struct mel_err *err)
{
	int64_t dim[MEL_MAX_DIMS];
	int time = mel_net_port_time(port);
	size_t n, behind = 1, last = time >= 0 && size > 0 ? (size_t)size : 1;

	for (int i = 0; i < port->ndim; i++) {
		dim[i] = i == time ? size : port->axis[i];
		if (dim[i] < 0)
			dim[i] = 1;
		if (i > time)
			behind *= (size_t)dim[i];
	}
	if (time < 0 && port->role != MEL_ROLE_LENGTH)
		steps = 1;
	if (check_value(
		port, made_value(port, last - 1, steps, control), err) ||
	    mel_tensor_new(out, port->dtype, port->ndim, dim, err))
		return -1;
	n = mel_tensor_count(out);
	for (size_t i = 0; i < n; i++)
		fill(out, i,
		    made_value(port, i / behind % last, steps, control));
	return 0;
}

int
mel_net_port_pad(const struct mel_net_port *port, struct mel_tensor *t,
    int64_t size, struct mel_err *err)
{
	int time = mel_net_port_time(port);
	int64_t dim[MEL_MAX_DIMS];
	struct mel_tensor out;
	size_t before = 1, row, from, to;

	if (time < 0 || t->dim[time] == size)
		return 0;
	memcpy(dim, t->dim, sizeof(dim));
	dim[time] = size;
	if (mel_tensor_new(&out, t->dtype, t->ndim, dim, err))
		return -1;
	for (int i = 0; i < time; i++)
		before *= (size_t)dim[i];
	row = mel_tensor_bytes(&out) / before / (size_t)size;
	from = row * (size_t)t->dim[time];
	to = row * (size_t)size;
	memset(out.data, 0, mel_tensor_bytes(&out));
	for (size_t b = 0; from && b < before; b++)
		memcpy((char *)out.data + b * to,
		    (const char *)t->data + b * from, from);
	mel_tensor_free(t);
	*t = out;
	return 0;
}

bool
mel_net_port_shape(const struct mel_net_port *port, struct mel_tensor *shape)
{
	*shape = (struct mel_tensor){.dtype = port->dtype, .ndim = port->ndim};
	for (int d = 0; d < port->ndim; d++) {
		if (port->axis[d] == MEL_AXIS_ANY)
			return false;
		shape->dim[d] = port->axis[d] < 0 ? 1 : port->axis[d];
	}
	return true;
}
