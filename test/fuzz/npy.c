/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/npy.h"

#include "base/err.h"
#include "tensor/tensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No input may read or claim more than it has. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mel_tensor t = {0};
	struct mel_err err;
	size_t used;

	if (!mel_npy_parse(&t, data, size, &used, &err) && used > size)
		__builtin_trap();
	mel_tensor_free(&t);
	return 0;
}
