/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_TEXT_H
#define MEL_TENSOR_TEXT_H

struct mel_buf;
struct mel_err;
struct mel_tensor;

/*
 * Appends a tensor as text: a line per row (index of the first axis), its
 * elements in order with a space between; a scalar is one row of one, a tensor
 * without elements has no line. Types of 32 bits and less with %.9g, which
 * reads back to the same f32, f64 with %.17g, integers exactly. Numbers have a
 * point only if LC_NUMERIC is C.
 */
int mel_tensor_text(
    const struct mel_tensor *t, struct mel_buf *out, struct mel_err *err);

#endif
