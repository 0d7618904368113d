/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_REWRITE_H
#define MEL_NET_REWRITE_H

struct mel_err;
struct mel_graph;
struct mel_node;

/* Small steps of the passes that put other nodes in the place of some. */

/*
 * Gives the node the operator `kind` (its own kind, to read its attributes
 * again), with new params. Attributes, inputs and outputs stay.
 */
int mel_rewrite_prepare(
    struct mel_node *node, const char *kind, struct mel_err *err);

/* How often each value is read, outputs of the graph included; [n_value],
   owned by the caller, or NULL. */
int *mel_rewrite_uses(const struct mel_graph *graph, struct mel_err *err);

#endif
