/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_COMPILE_H
#define MEL_NET_COMPILE_H

#include <stdint.h>

struct mel_err;
struct mel_fixed;
struct mel_netdef;
struct mel_network;
struct mel_timeline;

/*
 * Makes programs of fixed length from a network: every input gets the length
 * along time that is asked for, what follows from shapes becomes constant, and
 * before every node that mixes time what stands behind the last valid step is
 * replaced by what changes nothing: zeros, or what the node pads with. The
 * result is plain ONNX.
 *
 * A network that masks by itself (netdef.masks) is left as it is. Otherwise
 * one that needs all of time is refused, as is a padding along time that shows
 * rows again, by the name of the node.
 */
struct mel_compile {
	const struct mel_netdef *def;
	struct mel_network *plain;     /* owned; what time is followed in */
	struct mel_timeline *timeline; /* owned */
	struct mel_fixed *fixed;       /* owned; without programs */
};

/* compile must be {0}; close is due whatever is returned. */
int mel_compile_open(struct mel_compile *compile, const struct mel_netdef *def,
    struct mel_err *err);
void mel_compile_close(struct mel_compile *compile);

/* Refuses sizes that hold no row of their own. */
int mel_compile_check(
    const struct mel_compile *compile, int64_t size, struct mel_err *err);

/* Writes the program of that size to fd. */
int mel_compile_write(const struct mel_compile *compile, int64_t size, int fd,
    struct mel_err *err);

#endif
