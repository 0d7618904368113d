/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/feed.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/control.h"
#include "block/decl.h"
#include "net/netdef.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"

const char *
mel_feed_name(const struct mel_strings *names, const struct mel_net_port *port)
{
	const char *other = mel_strings_value(names, port->name);

	return other ? other : port->name;
}

int
mel_feed_open(struct mel_feed *feed, const struct mel_netdef *def,
    const struct mel_strings *names, struct mel_err *err)
{
	/* The ports are not changed, only looked up. */
	struct mel_netdef *look = (struct mel_netdef *)(uintptr_t)def;

	*feed = (struct mel_feed){.def = def, .names = names, .rows = -1};
	for (size_t i = 0; i < names->n; i += 2) {
		const struct mel_net_port *port =
		    mel_netdef_input(look, names->item[i], err);

		if (!port)
			return -1;
		if (port->role != MEL_ROLE_TENSOR)
			return mel_fail(err,
			    "input \"%s\" takes no tensor, by its role",
			    port->name);
	}
	feed->in = mel_alloc((size_t)def->n_input, sizeof(*feed->in), err);
	feed->own = mel_alloc((size_t)def->n_input, sizeof(*feed->own), err);
	return feed->in && feed->own ? 0 : -1;
}

static void
clear(struct mel_feed *feed)
{
	for (int i = 0; feed->in && i < feed->def->n_input; i++)
		mel_tensor_free(&feed->in[i]);
}

void
mel_feed_close(struct mel_feed *feed)
{
	clear(feed);
	free(feed->in);
	free(feed->own);
	feed->in = NULL;
	feed->own = NULL;
}

int
mel_feed_declare(
    const struct mel_feed *feed, struct mel_decls *needs, struct mel_err *err)
{
	for (int i = 0; i < feed->def->n_input; i++) {
		const struct mel_net_port *port = &feed->def->input[i];
		char control[MEL_CONTROL_NAME];
		struct mel_decl decl = {
		    .dtype = port->dtype, .ndim = mel_net_port_rank(port)};

		if (i == feed->rows || feed->own[i])
			continue;
		if (port->role == MEL_ROLE_TENSOR) {
			decl.name = mel_feed_name(feed->names, port);
			if (decl.ndim > 1)
				decl.width = mel_net_port_width(port);
		} else if (port->role == MEL_ROLE_CONTROL) {
			if (mel_control_tensor(port->control, control, err))
				return -1;
			decl = (struct mel_decl){
			    .name = control, .dtype = MEL_F32};
		} else {
			continue;
		}
		if (!mel_decls_find(needs, decl.name) &&
		    mel_decls_add(needs, &decl, err))
			return -1;
	}
	return 0;
}

int
mel_feed_steps(const struct mel_feed *feed, const struct mel_bundle *data,
    const struct mel_tensor *rows, int64_t *steps, struct mel_err *err)
{
	const char *first = NULL;

	*steps = 1;
	for (int i = 0; i < feed->def->n_input; i++) {
		const struct mel_net_port *port = &feed->def->input[i];
		const char *name = mel_feed_name(feed->names, port);
		const struct mel_tensor *t = rows;

		if (port->role != MEL_ROLE_TENSOR || feed->own[i] ||
		    mel_net_port_time(port) < 0)
			continue;
		if (i != feed->rows)
			t = mel_bundle_get(data, name);
		if (!t)
			continue;
		if (first && t->dim[0] != *steps)
			return mel_fail(err,
			    "\"%s\" has %lld steps, but \"%s\" has %lld", first,
			    (long long)*steps, name, (long long)t->dim[0]);
		first = name;
		*steps = t->dim[0];
	}
	return 0;
}

/* The steps of a tensor of the bundle that belong to the part; a view. */
static struct mel_tensor
cut(const struct mel_net_port *port, const struct mel_tensor *t,
    const struct mel_feed_part *part)
{
	struct mel_tensor view = *t;
	size_t row;

	view.owned = false;
	if (mel_net_port_time(port) < 0 || !t->dim[0])
		return view;
	row = mel_tensor_bytes(t) / (size_t)t->dim[0];
	view.data = (char *)t->data + row * (size_t)part->first;
	view.dim[0] = part->steps;
	return view;
}

static int
fill_one(struct mel_feed *feed, int i, const struct mel_bundle *data,
    const struct mel_feed_part *part, struct mel_err *err)
{
	const struct mel_net_port *port = &feed->def->input[i];
	struct mel_amount control = {.times = 1, .control = port->control};
	struct mel_tensor t;
	double value = 0;

	if (port->role == MEL_ROLE_TENSOR) {
		t = cut(port,
		    mel_bundle_get(data, mel_feed_name(feed->names, port)),
		    part);
		return mel_net_port_pack(port, &t, &feed->in[i], err);
	}
	if (port->role == MEL_ROLE_CONTROL &&
	    mel_amount_value(&control, data, &value, err))
		return -1;
	return mel_net_port_make(
	    port, part->steps, part->size, value, &feed->in[i], err);
}

int
mel_feed_fill_part(struct mel_feed *feed, const struct mel_bundle *data,
    const struct mel_tensor *rows, const struct mel_feed_part *part,
    struct mel_err *err)
{
	int rc = 0;

	clear(feed);
	feed->steps = part->steps;
	for (int i = 0; !rc && i < feed->def->n_input; i++) {
		const struct mel_net_port *port = &feed->def->input[i];

		if (feed->own[i])
			continue;
		if (i == feed->rows)
			rc = mel_net_port_pack(port, rows, &feed->in[i], err);
		else
			rc = fill_one(feed, i, data, part, err);
		if (!rc)
			rc = mel_net_port_pad(
			    port, &feed->in[i], part->size, err);
	}
	return rc;
}

int
mel_feed_fill(struct mel_feed *feed, const struct mel_bundle *data,
    const struct mel_tensor *rows, struct mel_err *err)
{
	struct mel_feed_part all = {0};

	if (mel_feed_steps(feed, data, rows, &all.steps, err))
		return -1;
	all.size = all.steps;
	return mel_feed_fill_part(feed, data, rows, &all, err);
}
