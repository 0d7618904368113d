/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_HEAD_H
#define MEL_TENSOR_HEAD_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/tensor.h"

struct mel_err;

/*
 * The first record of a stream: what will come. Ports are numbered by their
 * place in the list.
 */
enum mel_port_sort {
	MEL_SEQUENCE, /* whole, one record per utterance, before any rows */
	MEL_ROWS,     /* rows of the utterance, any number of records */
};

#define MEL_OPEN       (-1) /* a length that is not known beforehand */
#define MEL_PORT_LIMIT 256  /* ports of one stream */

struct mel_port {
	char *name; /* owned */
	enum mel_dtype dtype;
	int ndim;       /* [0..MEL_RECORD_DIMS]; MEL_ROWS: at least 1 */
	int64_t dim[4]; /* [ndim] >= 0 or MEL_OPEN; MEL_ROWS: 0 and only 0 is */
	enum mel_port_sort sort;
};

struct mel_head {
	struct mel_port *port; /* [n_ports]; the first MEL_ROWS is the main */
	size_t n_ports;
	size_t cap;
	json_t *contract; /* owned reference; mel contract or NULL */
	json_t *addon;    /* owned; {name, digest, dir?} or NULL */
	int done;         /* stack positions already run, >= 0 */
	json_t *extra;    /* owned; keys this version does not know, or NULL */
};

/*
 * Adds a port (name copied). Its number is n_ports - 1. An error is a name that
 * is empty or there already, a shape that no record can have, a 257th port.
 */
int mel_head_add(
    struct mel_head *head, const struct mel_port *port, struct mel_err *err);

/* The port's number, or -1. */
int mel_head_find(const struct mel_head *head, const char *name);

/* The number of the main MEL_ROWS port (the first), or -1. */
int mel_head_rows(const struct mel_head *head);

/* A new reference to the head record's JSON, or NULL (out of memory). */
json_t *mel_head_to_json(const struct mel_head *head, struct mel_err *err);

/*
 * head must be {0}, and is on failure. The JSON is checked completely and stays
 * the caller's; keys that are not known go into `extra`.
 */
int mel_head_from_json(
    struct mel_head *head, json_t *json, struct mel_err *err);

/* head must be {0}; the JSON parts are shared, ports copied. */
int mel_head_copy(
    struct mel_head *head, const struct mel_head *src, struct mel_err *err);

/*
 * The first key in which they differ ("ports", "contract", "addon", "done",
 * "other keys"), or NULL: then records of one may follow under the other.
 */
const char *mel_head_differ(const struct mel_head *a, const struct mel_head *b);

void mel_head_free(struct mel_head *head);

#endif
