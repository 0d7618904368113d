/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/ops.h"

/*
 * Empty families until their files are there; weak, so that those win. This
 * file goes when the last family has come.
 */
__attribute__((weak)) const struct mel_op *const mel_ops_conv[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_matmul[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_norm[] = {NULL};
__attribute__((weak)) const struct mel_op *const mel_ops_softmax[] = {NULL};
