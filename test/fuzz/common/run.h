/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RUN_H
#define RUN_H

#include <stddef.h>

struct mel_network;

/*
 * Any network is run: every open length is 2, values are 0, loops have some
 * turns. Limit allocations, for a network may ask for anything:
 * ASAN_OPTIONS=allocator_may_return_null=1:max_allocation_size_mb=64.
 */

#define MAX_COUNT 4096 /* elements of an input */
#define MAX_TURNS 1000

/* A file of these bytes: its path, and the descriptor to be closed. */
int bytes_as_file(const void *data, size_t size, char path[64]);

/* Twice: with a plan that is new, and one that is not. */
void run_network(const struct mel_network *network);

#endif
