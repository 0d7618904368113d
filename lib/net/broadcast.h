/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_BROADCAST_H
#define MEL_NET_BROADCAST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/graph.h"
#include "net/op.h"
#include "net/walk.h"
#include "tensor/tensor.h"

/*
 * Numpy's broadcasting (ONNX "Broadcasting in ONNX", multidirectional): axes
 * are aligned at the last one; where lengths differ one of them must be 1.
 */

/* The common shape of in[0..n-1] (NULL: skipped); *ndim, dim[]. */
int mel_broadcast_dims(const struct mel_node *node,
    const struct mel_tensor *const in[], int n, int *ndim,
    int64_t dim[MEL_MAX_DIMS], struct mel_err *err);

/* Strides of t [elements] seen as having ndim axes; 0 where it is repeated. */
void mel_broadcast_strides(
    const struct mel_tensor *t, int ndim, int64_t *stride);

/* The loop over all elements of out; operands of a row: out, in[0] ... */
void mel_broadcast_run(const struct mel_tensor *out,
    const struct mel_tensor *const in[], int n, const struct mel_loop *loop,
    const struct mel_run *run);

/*
 * Row functions from an expression. In `expr` x, y, z are one element of each
 * input, `par` is row->params. R is the C type of the output.
 */
#define MEL_ROW1(name, T, R, expr)                                             \
	static void name(const struct mel_row *row)                            \
	{                                                                      \
		R *out = row->p[0];                                            \
		const T *a = row->p[1];                                        \
		const void *par = row->params;                                 \
                                                                               \
		(void)par;                                                     \
		for (size_t i = 0; i < row->n; i++) {                          \
			T x = a[i];                                            \
			out[i] = (R)(expr);                                    \
		}                                                              \
	}

/* The usual steps are named so that the compiler makes a loop of each. */
#define MEL_ROW2(name, T, U, R, expr)                                          \
	static inline void name##_at(                                          \
	    R *out, const T *a, const U *b, size_t n, size_t sa, size_t sb)    \
	{                                                                      \
		for (size_t i = 0; i < n; i++) {                               \
			T x = a[i * sa];                                       \
			U y = b[i * sb];                                       \
			out[i] = (R)(expr);                                    \
		}                                                              \
	}                                                                      \
                                                                               \
	static void name(const struct mel_row *row)                            \
	{                                                                      \
		R *out = row->p[0];                                            \
		const T *a = row->p[1];                                        \
		const U *b = row->p[2];                                        \
                                                                               \
		if (row->step[1] && row->step[2])                              \
			name##_at(out, a, b, row->n, 1, 1);                    \
		else if (row->step[1])                                         \
			name##_at(out, a, b, row->n, 1, 0);                    \
		else if (row->step[2])                                         \
			name##_at(out, a, b, row->n, 0, 1);                    \
		else                                                           \
			name##_at(out, a, b, row->n, 0, 0);                    \
	}

#endif
