/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_INPUTS_H
#define MEL_NET_INPUTS_H

struct mel_err;
struct mel_graph;
struct mel_strings;
struct mel_tensor;

/*
 * Inputs of a network for those who run it without an addon around it. in:
 * [n_input] in the order of the graph's inputs, dtype MEL_NONE: not set yet.
 * What is put there is owned; release it with mel_tensor_free, on failure,
 * too.
 */

/* From .npy files. Each of files is "NAME=FILE". */
int mel_inputs_load(const struct mel_graph *graph,
    const struct mel_strings *files, struct mel_tensor *in,
    struct mel_err *err);

/* Fails, naming it, if one is not set. */
int mel_inputs_check(const struct mel_graph *graph, const struct mel_tensor *in,
    struct mel_err *err);

/*
 * Makes those up that are not set, the same ones every time: floats in
 * (-0.5, 0.5), integers 1, truth values true. Each of dims is "AXIS=LENGTH";
 * AXIS is the name of a symbolic axis or, as some have no name, INPUT.NUMBER
 * (axes count from 0). An open axis without a length is an error, and so is a
 * name that no input has.
 */
int mel_inputs_invent(const struct mel_graph *graph,
    const struct mel_strings *dims, struct mel_tensor *in, struct mel_err *err);

#endif
