/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_SIZES_H
#define MEL_ADDON_SIZES_H

#include <stdint.h>

#include "net/fixed.h"

struct mel_err;

/* Sizes of programs, steps along time. */
struct mel_sizes {
	int64_t size[MEL_FIXED_SIZES]; /* [n] rising */
	int n;
};

/* Adds one behind the others; an error if it does not fit there. */
int mel_sizes_add(struct mel_sizes *sizes, int64_t size, struct mel_err *err);

#endif
