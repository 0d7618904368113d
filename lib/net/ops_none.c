/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/ops.h"

/*
 * Empty families until their files are there; weak, so that those win. This
 * file goes when the last family has come.
 */
__attribute__((weak)) const struct mel_op *const mel_ops_arith[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_unary[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_logic[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_cast[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_shape[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_move[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_gather[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_reduce[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_fill[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_scan[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_conv[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_matmul[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_norm[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_softmax[] = {NULL};
