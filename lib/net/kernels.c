/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/kernels.h"

/* One file a table, compiled from lib/net/isa with the flags of its name. */
extern const struct mel_kernels mel_kernels_portable;

#ifdef __x86_64__
extern const struct mel_kernels mel_kernels_avx2;
extern const struct mel_kernels mel_kernels_avx512;
#endif

const struct mel_kernels *
mel_kernels_get(enum mel_isa isa)
{
	static const struct mel_kernels *const tables[] = {
	    [MEL_ISA_PORTABLE] = &mel_kernels_portable,
#ifdef __x86_64__
	    [MEL_ISA_AVX2] = &mel_kernels_avx2,
	    [MEL_ISA_AVX512] = &mel_kernels_avx512,
#endif
	};

	isa = mel_isa_resolve(isa);
	return mel_isa_available(isa) ? tables[isa] : NULL;
}
