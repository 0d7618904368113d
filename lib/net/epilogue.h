/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_EPILOGUE_H
#define MEL_NET_EPILOGUE_H

#include <stdbool.h>
#include <stddef.h>

struct mel_elementwise;
struct mel_err;
struct mel_kernels;
struct mel_node;
struct mel_tensor;

/*
 * Elementwise operators that a product along time applies to its rows while
 * they are in the cache: activation, scale, shift, residual, and what takes a
 * value twice, as GELU does: x * (1 + erf(x / sqrt(2))). A row goes through the
 * operators' own row functions, so that the bytes are those of the nodes that
 * were absorbed.
 */

#define MEL_EPILOGUE_MAX 8

/* What an operand may be but the number of an input. */
#define MEL_EPILOGUE_ALONE (-1) /* there is none */
#define MEL_EPILOGUE_SAVED (-2) /* what was saved last */

struct mel_epilogue_step {
	const struct mel_elementwise *op;
	void *params; /* owned; the absorbed node's, may be NULL */
	int operand;  /* number of the node's input that is the other operand:
			 one element, one row, or the size of the result; or a
			 number above */
	bool right;   /* the product is the right operand */
	bool save;    /* what comes in is saved first; once in an epilogue */
};

struct mel_epilogue {
	struct mel_epilogue_step step[MEL_EPILOGUE_MAX];
	int n; /* steps, first to last */
};

/* The node's epilogue, or NULL if its operator cannot have one. */
struct mel_epilogue *mel_node_epilogue(const struct mel_node *node);

/* Releases the steps' params. */
void mel_epilogue_clear(struct mel_epilogue *e);

/* A check at the end of a shape rule: every operand fits out, else -1. */
int mel_epilogue_check(const struct mel_node *node,
    const struct mel_epilogue *e, const struct mel_tensor *const in[],
    const struct mel_tensor *out, struct mel_err *err);

/* Rows of a result to be finished. */
struct mel_epilogue_rows {
	const struct mel_tensor *const *in; /* the node's inputs */
	const struct mel_kernels *kernels;
	float *c;     /* [m, n], changed in place */
	size_t m, n;  /* rows; elements in each, >= 1 */
	size_t first; /* number of row 0 in the whole result */
};

void mel_epilogue_run(
    const struct mel_epilogue *e, const struct mel_epilogue_rows *rows);

#endif
