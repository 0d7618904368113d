/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/sizes.h"

#include "base/err.h"

#define MOST_STEPS ((int64_t)1 << 24) /* of a program */

int
mel_sizes_add(struct mel_sizes *sizes, int64_t size, struct mel_err *err)
{
	if (size < 1 || size > MOST_STEPS)
		return mel_fail(err, "size %lld is not within 1 and %lld",
		    (long long)size, (long long)MOST_STEPS);
	if (sizes->n == MEL_FIXED_SIZES)
		return mel_fail(err, "more than %d sizes", MEL_FIXED_SIZES);
	if (sizes->n && size <= sizes->size[sizes->n - 1])
		return mel_fail(err, "size %lld does not rise from %lld",
		    (long long)size, (long long)sizes->size[sizes->n - 1]);
	sizes->size[sizes->n++] = size;
	return 0;
}
