/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/isa.h"

#include <string.h>

#include "net/kernels.h"

/* One file a table, compiled from lib/net/isa with the flags of its name. */
extern const struct mel_kernels mel_kernels_portable;
extern const struct mel_kernels mel_kernels_avx2;
extern const struct mel_kernels mel_kernels_avx512;

const char *const mel_isa_names[] = {
    [MEL_ISA_AUTO] = "auto",
    [MEL_ISA_PORTABLE] = "portable",
    [MEL_ISA_AVX2] = "avx2",
    [MEL_ISA_AVX512] = "avx512",
    NULL,
};

int
mel_isa_parse(const char *name)
{
	for (int i = 0; mel_isa_names[i]; i++) {
		if (!strcmp(mel_isa_names[i], name))
			return i;
	}
	return -1;
}

#ifdef __x86_64__
static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static const struct mel_kernels *
find(enum mel_isa isa)
{
	if (isa == MEL_ISA_AVX512 && has_avx2() &&
	    __builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl"))
		return &mel_kernels_avx512;
	if (isa == MEL_ISA_AVX2 && has_avx2())
		return &mel_kernels_avx2;
	return isa == MEL_ISA_PORTABLE ? &mel_kernels_portable : NULL;
}
#else
static const struct mel_kernels *
find(enum mel_isa isa)
{
	return isa == MEL_ISA_PORTABLE ? &mel_kernels_portable : NULL;
}
#endif

const struct mel_kernels *
mel_kernels_get(enum mel_isa isa)
{
	const struct mel_kernels *best = NULL;

	if (isa != MEL_ISA_AUTO)
		return find(isa);
	for (int i = MEL_ISA_AVX512; !best; i--)
		best = find((enum mel_isa)i);
	return best;
}

bool
mel_isa_available(enum mel_isa isa)
{
	return mel_kernels_get(isa) != NULL;
}
