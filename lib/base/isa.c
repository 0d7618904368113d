/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/isa.h"

#include <string.h>

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

/* What the flags of its name in the Makefile ask for; f16c is where avx2 is. */
#ifdef __x86_64__
static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool
mel_isa_available(enum mel_isa isa)
{
	if (isa == MEL_ISA_AVX512)
		return has_avx2() && __builtin_cpu_supports("avx512f") &&
		       __builtin_cpu_supports("avx512bw") &&
		       __builtin_cpu_supports("avx512dq") &&
		       __builtin_cpu_supports("avx512vl");
	return isa != MEL_ISA_AVX2 || has_avx2();
}
#else
bool
mel_isa_available(enum mel_isa isa)
{
	return isa == MEL_ISA_AUTO || isa == MEL_ISA_PORTABLE;
}
#endif

enum mel_isa
mel_isa_resolve(enum mel_isa isa)
{
	int best = MEL_ISA_AVX512;

	if (isa != MEL_ISA_AUTO)
		return isa;
	while (!mel_isa_available((enum mel_isa)best))
		best--;
	return (enum mel_isa)best;
}
