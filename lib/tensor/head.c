/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/head.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tensor/meta.h"
#include "tensor/record.h"

static const char *const sorts[] = {
    [MEL_SEQUENCE] = "sequence",
    [MEL_ROWS] = "stream",
};

static int
check_dims(const struct mel_port *port, struct mel_err *err)
{
	bool rows = port->sort == MEL_ROWS;

	if (port->ndim < 0 || port->ndim > MEL_RECORD_DIMS)
		return mel_fail(
		    err, "%d axes, at most %d", port->ndim, MEL_RECORD_DIMS);
	if (rows && (port->ndim < 1 || port->dim[0] != MEL_OPEN))
		return mel_fail(err, "the first axis of a stream must be open");
	for (int i = 0; i < port->ndim; i++) {
		if (port->dim[i] < MEL_OPEN || port->dim[i] > UINT32_MAX)
			return mel_fail(err, "axis %d: bad length", i);
		if (rows && i && port->dim[i] == MEL_OPEN)
			return mel_fail(
			    err, "axis %d: a stream has a fixed width", i);
	}
	return 0;
}

int
mel_head_add(
    struct mel_head *head, const struct mel_port *port, struct mel_err *err)
{
	char *name;

	if (!*port->name)
		return mel_fail(err, "port without a name");
	if (mel_head_find(head, port->name) >= 0)
		return mel_fail(err, "port \"%s\" is there twice", port->name);
	if (!mel_dtype_size(port->dtype))
		return mel_fail(err, "port \"%s\": no such element type: %d",
		    port->name, (int)port->dtype);
	if (check_dims(port, err))
		return mel_fail_in(err, "port \"%s\"", port->name);
	if (head->n_ports == MEL_PORT_LIMIT)
		return mel_fail(err, "more than %d ports", MEL_PORT_LIMIT);
	if (mel_reserve(&head->port, &head->cap, head->n_ports + 1,
		sizeof(*head->port), err))
		return -1;
	name = mel_strdup(port->name, err);
	if (!name)
		return -1;
	head->port[head->n_ports] = *port;
	head->port[head->n_ports++].name = name;
	return 0;
}

int
mel_head_find(const struct mel_head *head, const char *name)
{
	for (size_t i = 0; i < head->n_ports; i++) {
		if (!strcmp(head->port[i].name, name))
			return (int)i;
	}
	return -1;
}

int
mel_head_rows(const struct mel_head *head)
{
	for (size_t i = 0; i < head->n_ports; i++) {
		if (head->port[i].sort == MEL_ROWS)
			return (int)i;
	}
	return -1;
}

static json_t *
port_to_json(const struct mel_port *port)
{
	json_t *dims = json_array(), *json;

	for (int i = 0; i < port->ndim; i++) {
		json_t *dim = port->dim[i] == MEL_OPEN
				  ? json_null()
				  : json_integer(port->dim[i]);

		/* A failed call leaves dims short, which pack cannot see. */
		if (json_array_append_new(dims, dim)) {
			json_decref(dims);
			return NULL;
		}
	}
	/* "o" would leak dims where the object itself cannot be made. */
	json = json_pack("{s:s, s:s, s:O, s:s}", "name", port->name, "dtype",
	    mel_dtype_name(port->dtype), "dims", dims, "sort",
	    sorts[port->sort]);
	json_decref(dims);
	return json;
}

static int
fill_json(json_t *json, const struct mel_head *head)
{
	json_t *ports = NULL;
	int bad = json_object_set_new(json, "melpipe", json_integer(1));

	if (!bad) {
		ports = json_array();
		bad = json_object_set_new(json, "ports", ports);
	}
	for (size_t i = 0; i < head->n_ports && !bad; i++)
		bad =
		    json_array_append_new(ports, port_to_json(&head->port[i]));
	if (head->contract && !bad)
		bad = json_object_set(json, "contract", head->contract);
	if (head->addon && !bad)
		bad = json_object_set(json, "addon", head->addon);
	if (!bad)
		bad =
		    json_object_set_new(json, "done", json_integer(head->done));
	if (head->extra && !bad)
		bad = json_object_update_missing(json, head->extra);
	return bad;
}

json_t *
mel_head_to_json(const struct mel_head *head, struct mel_err *err)
{
	json_t *json = json_object();

	if (json && !fill_json(json, head))
		return json;
	json_decref(json);
	mel_fail(err, "out of memory");
	return NULL;
}

static int
read_dims(json_t *dims, struct mel_port *port, struct mel_err *err)
{
	size_t i;
	json_t *dim;

	if (!json_is_array(dims))
		return mel_fail(err, "\"dims\" must be an array");
	if (json_array_size(dims) > MEL_RECORD_DIMS)
		return mel_fail(err, "more than %d axes", MEL_RECORD_DIMS);
	json_array_foreach(dims, i, dim)
	{
		if (!json_is_null(dim) &&
		    (!json_is_integer(dim) || json_integer_value(dim) < 0))
			return mel_fail(err,
			    "axis %zu: must be null or a length from 0", i);
		port->dim[i] =
		    json_is_null(dim) ? MEL_OPEN : json_integer_value(dim);
	}
	port->ndim = (int)json_array_size(dims);
	return 0;
}

static int
read_sort(const char *sort, struct mel_port *port, struct mel_err *err)
{
	for (unsigned i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		if (sort && !strcmp(sort, sorts[i])) {
			port->sort = (enum mel_port_sort)i;
			return 0;
		}
	}
	return mel_fail(err, "\"sort\" must be \"sequence\" or \"stream\"");
}

static int
read_port(json_t *json, struct mel_port *port, struct mel_err *err)
{
	const char *dtype = json_string_value(json_object_get(json, "dtype"));

	port->dtype = dtype ? mel_dtype_parse(dtype) : MEL_NONE;
	if (port->dtype == MEL_NONE)
		return mel_fail(err, "\"dtype\" must name an element type");
	if (read_dims(json_object_get(json, "dims"), port, err))
		return -1;
	return read_sort(
	    json_string_value(json_object_get(json, "sort")), port, err);
}

static int
read_ports(struct mel_head *head, json_t *ports, struct mel_err *err)
{
	size_t i;
	json_t *item;

	if (!json_is_array(ports))
		return mel_fail(err, "\"ports\" must be an array");
	json_array_foreach(ports, i, item)
	{
		struct mel_port port = {0};
		json_t *name = json_object_get(item, "name");

		if (!json_is_string(name))
			return mel_fail(err, "port %zu: no name", i);
		/* Not written to: mel_head_add copies it. */
		port.name = (char *)(uintptr_t)json_string_value(name);
		if (read_port(item, &port, err))
			return mel_fail_in(err, "port \"%s\"", port.name);
		if (mel_head_add(head, &port, err))
			return -1;
	}
	return 0;
}

static int
read_object(json_t *json, const char *key, json_t **object, struct mel_err *err)
{
	json_t *value = json_object_get(json, key);

	if (value && !json_is_object(value))
		return mel_fail(err, "\"%s\" must be an object", key);
	*object = json_incref(value);
	return 0;
}

static int
read_addon(struct mel_head *head, json_t *json, struct mel_err *err)
{
	static const char *const keys[] = {"name", "digest", "dir"};

	if (read_object(json, "addon", &head->addon, err))
		return -1;
	for (int i = 0; head->addon && i < 3; i++) {
		json_t *value = json_object_get(head->addon, keys[i]);

		if (!json_is_string(value) && (value || i < 2))
			return mel_fail(
			    err, "addon: \"%s\" must be a string", keys[i]);
	}
	return 0;
}

static int
read_done(struct mel_head *head, json_t *done, struct mel_err *err)
{
	json_int_t n = json_integer_value(done);

	if ((done && !json_is_integer(done)) || n < 0 || n > INT_MAX)
		return mel_fail(err, "\"done\" must be a count");
	head->done = (int)n;
	return 0;
}

static int
read_extra(struct mel_head *head, json_t *json, struct mel_err *err)
{
	static const char *const known[] = {
	    "melpipe", "ports", "contract", "addon", "done"};

	head->extra = mel_meta_copy(json, err);
	if (!head->extra)
		return -1;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		json_object_del(head->extra, known[i]);
	if (!json_object_size(head->extra)) {
		json_decref(head->extra);
		head->extra = NULL;
	}
	return 0;
}

int
mel_head_from_json(struct mel_head *head, json_t *json, struct mel_err *err)
{
	json_t *version = json_object_get(json, "melpipe");

	if (!json_is_integer(version) || json_integer_value(version) != 1)
		return mel_fail(err, "head: \"melpipe\" must be 1");
	if (read_ports(head, json_object_get(json, "ports"), err) ||
	    read_object(json, "contract", &head->contract, err) ||
	    read_addon(head, json, err) ||
	    read_done(head, json_object_get(json, "done"), err) ||
	    read_extra(head, json, err)) {
		mel_head_free(head);
		return mel_fail_in(err, "head");
	}
	return 0;
}

int
mel_head_copy(
    struct mel_head *head, const struct mel_head *src, struct mel_err *err)
{
	for (size_t i = 0; i < src->n_ports; i++) {
		if (mel_head_add(head, &src->port[i], err)) {
			mel_head_free(head);
			return -1;
		}
	}
	head->contract = json_incref(src->contract);
	head->addon = json_incref(src->addon);
	head->extra = json_incref(src->extra);
	head->done = src->done;
	return 0;
}

static bool
same_port(const struct mel_port *a, const struct mel_port *b)
{
	return !strcmp(a->name, b->name) && a->dtype == b->dtype &&
	       a->sort == b->sort && a->ndim == b->ndim &&
	       !memcmp(a->dim, b->dim, (size_t)a->ndim * sizeof(*a->dim));
}

static bool
same_ports(const struct mel_head *a, const struct mel_head *b)
{
	if (a->n_ports != b->n_ports)
		return false;
	for (size_t i = 0; i < a->n_ports; i++) {
		if (!same_port(&a->port[i], &b->port[i]))
			return false;
	}
	return true;
}

const char *
mel_head_differ(const struct mel_head *a, const struct mel_head *b)
{
	if (!same_ports(a, b))
		return "ports";
	if (!mel_meta_same(a->contract, b->contract))
		return "contract";
	if (!mel_meta_same(a->addon, b->addon))
		return "addon";
	if (a->done != b->done)
		return "done";
	return mel_meta_same(a->extra, b->extra) ? NULL : "other keys";
}

void
mel_head_free(struct mel_head *head)
{
	for (size_t i = 0; i < head->n_ports; i++)
		free(head->port[i].name);
	free(head->port);
	json_decref(head->contract);
	json_decref(head->addon);
	json_decref(head->extra);
	*head = (struct mel_head){0};
}
