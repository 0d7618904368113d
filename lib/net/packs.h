/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_PACKS_H
#define MEL_NET_PACKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/io.h"
#include "base/slab.h"
#include "base/isa.h"

struct mel_err;
struct mel_weights;

/*
 * The packed weights of a network: a piece for each node that packs, in the
 * order in which mel_graph_bind asks for them. They are made then, or they are
 * those of a file that was written before, which saves to read the weights and
 * to pack them. Starts as {0}, with slab.expected set or not.
 *
 * The file is for one state of a network, one instruction set, one kind of
 * machine and one layout of the pieces, see packs.c, and refused for any other.
 * That it belongs to the network is seen by size and time of the files of the
 * network, which copies keep, else by their digests.
 */
struct mel_pack_piece {
	void *data;   /* [bytes], at an address divisible by 64 */
	size_t bytes; /* without padding */
};

struct mel_packs {
	struct mel_slab slab; /* what is made */
	struct mel_map map;   /* the file; data NULL: there is none */
	/* [n] owned, but for the data, which is the slab's or the map's */
	struct mel_pack_piece *piece;
	size_t n, cap;
	size_t taken; /* of those of the file */
};

/* All pieces from the file at `path`, mapped until mel_packs_free; weights: the
 * network's, for the time of the call. Messages name the file. */
int mel_packs_open(struct mel_packs *packs, const char *path,
    const struct mel_weights *weights, enum mel_isa isa, struct mel_err *err);

/* false: what is taken is still to be packed. */
static inline bool
mel_packs_from_file(const struct mel_packs *packs)
{
	return packs->map.data != NULL;
}

/*
 * The next piece. *filled: it is made already, and must not be written to;
 * that of a file must be of this very size.
 */
void *mel_packs_take(
    struct mel_packs *packs, size_t bytes, bool *filled, struct mel_err *err);

/* Fails if the file has more pieces than were taken. */
int mel_packs_end(const struct mel_packs *packs, struct mel_err *err);

/* Writes all pieces to fd as such a file. */
int mel_packs_write(const struct mel_packs *packs,
    const struct mel_weights *weights, enum mel_isa isa, int fd,
    struct mel_err *err);

/* Fails if there is a byte in which they differ. */
int mel_packs_compare(const struct mel_packs *packs,
    const struct mel_packs *other, struct mel_err *err);

void mel_packs_free(struct mel_packs *packs);

#endif
