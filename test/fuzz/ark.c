/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/err.h"

#include "tensor/ark.h"
#include "tensor/tensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
	const uint8_t *p;
	size_t left;
};

/* Odd portions, so that objects straddle them. */
static ssize_t
portion(void *ctx, void *buf, size_t n)
{
	struct source *s = ctx;

	n = n < 7 ? n : 7;
	n = n < s->left ? n : s->left;
	memcpy(buf, s->p, n);
	s->p += n;
	s->left -= n;
	return (ssize_t)n;
}

/* All entries, until the end or the first that is wrong. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source s = {data, size};
	struct mel_tensor t = {0};
	struct mel_ark *ark;
	struct mel_err err;
	const char *key;

	if (mel_ark_open(&ark, portion, &s, 1 << 20, &err))
		return 0;
	while (mel_ark_next(ark, &key, &t, &err) > 0) {
		if (!*key || mel_tensor_bytes(&t) > 1 << 20)
			__builtin_trap();
		mel_tensor_free(&t);
	}
	mel_ark_close(ark);
	return 0;
}
