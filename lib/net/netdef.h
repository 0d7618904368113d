/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_NETDEF_H
#define MEL_NET_NETDEF_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/tensor.h"

struct mel_err;
struct mel_fixed;
struct mel_io;
struct mel_network;
struct mel_strings;

/*
 * How the inputs and outputs of a network meet the tensors of an utterance:
 * those have time first and no batch axis, a network may have both otherwise.
 */

enum mel_net_role {
	MEL_ROLE_TENSOR,   /* a tensor of the bundle, or the rows pulled */
	MEL_ROLE_MASK,     /* ones along time, zeros where it is padded */
	MEL_ROLE_PADDING,  /* zeros along time, ones where it is padded */
	MEL_ROLE_LENGTH,   /* the number of steps along time, no padding */
	MEL_ROLE_POSITION, /* 0, 1, 2 ... along time */
	MEL_ROLE_CONTROL,  /* a control's value, in every element */
	MEL_ROLE_CONSTANT, /* a number, in every element */
};

/* What an axis is; lengths > 0 stand for themselves. */
#define MEL_AXIS_TIME  (-1) /* one step a token or frame */
#define MEL_AXIS_BATCH (-2) /* length 1, not seen outside */
#define MEL_AXIS_ANY   (-3) /* features, length not known beforehand */

struct mel_net_port {
	const char *name; /* of the graph; the network's */
	enum mel_dtype dtype;
	int ndim;
	int64_t axis[MEL_MAX_DIMS]; /* [ndim] length or MEL_AXIS_... */

	/* Inputs only. */
	const struct mel_io *io; /* as the graph declares it; the network's.
				    Declared outputs are not to be relied on */
	enum mel_net_role role;
	char *control; /* owned; CONTROL */
	double value;  /* CONSTANT */
};

struct mel_netdef {
	char *name;                  /* owned; in the addon, for messages */
	struct mel_network *network; /* owned */
	struct mel_net_port *input;  /* [n_input], as the graph's */
	int n_input;
	struct mel_net_port *output; /* [n_output], as the graph's */
	int n_output;
	bool masks;                    /* the network masks padding by itself */
	const struct mel_fixed *fixed; /* owned; its programs of fixed length;
					  NULL: it has none */
};

/*
 * Takes the network over (also on failure) and guesses from its declared
 * shapes: a leading 1 is the batch axis, the one open length is time. What
 * cannot be guessed keeps ndim = -1 until it is said.
 */
int mel_netdef_open(struct mel_netdef **def, const char *name,
    struct mel_network *network, struct mel_err *err);
void mel_netdef_close(struct mel_netdef *def);

/* By graph name; NULL with a message that lists the names there are. */
struct mel_net_port *mel_netdef_input(
    struct mel_netdef *def, const char *name, struct mel_err *err);
struct mel_net_port *mel_netdef_output(
    struct mel_netdef *def, const char *name, struct mel_err *err);

/* Sets the axes from words: "time", "batch", "any", or a length, which of
 * an input must not contradict the graph. */
int mel_net_port_axes(struct mel_net_port *port,
    const struct mel_strings *words, struct mel_err *err);

/* Checks that all is known. */
int mel_netdef_check(const struct mel_netdef *def, struct mel_err *err);

/* The place of the time axis, or -1. */
int mel_net_port_time(const struct mel_net_port *port);

/* The number of axes seen outside: all but batch. */
int mel_net_port_rank(const struct mel_net_port *port);

/* The length of the last axis that is neither time nor batch: 1 if there is
 * none, 0 if not known beforehand. */
int64_t mel_net_port_width(const struct mel_net_port *port);

/*
 * A bundle's tensor in the network's layout. *out is a view if only axes of
 * length 1 differ, else new memory. Lengths are checked against the port's.
 */
int mel_net_port_pack(const struct mel_net_port *port,
    const struct mel_tensor *in, struct mel_tensor *out, struct mel_err *err);

/* The way back: time first, no batch axis. */
int mel_net_port_unpack(const struct mel_net_port *port,
    const struct mel_tensor *in, struct mel_tensor *out, struct mel_err *err);

/*
 * A new tensor for the roles that are made, not given; steps: along time, then
 * padding up to size. A value that the input's type cannot hold (0.5 for i64)
 * is an error.
 */
int mel_net_port_make(const struct mel_net_port *port, int64_t steps,
    int64_t size, double control, struct mel_tensor *out, struct mel_err *err);

/* Makes a tensor in the network's layout `size` long along time: zeros behind
 * what is there. */
int mel_net_port_pad(const struct mel_net_port *port, struct mel_tensor *t,
    int64_t size, struct mel_err *err);

/* The shape of a port, time and batch of length 1; false if an axis has no
 * length known beforehand. */
bool mel_net_port_shape(
    const struct mel_net_port *port, struct mel_tensor *shape);

#endif
