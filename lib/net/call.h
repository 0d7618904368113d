/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_CALL_H
#define MEL_NET_CALL_H

#include <stdbool.h>
#include <stdint.h>

struct mel_cell;
struct mel_err;
struct mel_frame;
struct mel_node;
struct mel_ref;
struct mel_store;

/* What op->call works with. */
struct mel_call {
	const struct mel_node *node;
	const struct mel_ref *in; /* [n_in]; all zero where absent */
	struct mel_cell **out;    /* [n_out] to be set to new references, NULL
				     allowed where node->out is MEL_ABSENT; on
				     failure those set are dropped */
	struct mel_frame *frame;  /* that the node belongs to */
	struct mel_store *store;
};

/* Input number i, or NULL if it is absent. */
const struct mel_ref *mel_call_input(const struct mel_call *call, int i);

/* The same, and it must be there and a tensor, or a sequence. */
const struct mel_ref *mel_call_tensor(
    const struct mel_call *call, int i, struct mel_err *err);
const struct mel_cell *mel_call_list(
    const struct mel_call *call, int i, struct mel_err *err);

/* The one element of input i: of i64 or i32; of bool. */
int mel_call_int(
    const struct mel_call *call, int i, int64_t *value, struct mel_err *err);
int mel_call_bool(
    const struct mel_call *call, int i, bool *value, struct mel_err *err);

/*
 * The frame of the body in this attribute, whose captures are already among
 * its arguments (frame->arg).
 */
struct mel_frame *mel_call_body(const struct mel_call *call, const char *name);

#endif
