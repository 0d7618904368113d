/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/loops.h"

#include "base/err.h"

/* One a file, compiled from lib/dsp/isa with the flags of its name. */
extern const struct mel_loops mel_loops_portable;

#ifdef __x86_64__
extern const struct mel_loops mel_loops_avx2;
extern const struct mel_loops mel_loops_avx512;
#endif

const struct mel_loops *
mel_loops_get(enum mel_isa isa, struct mel_err *err)
{
	static const struct mel_loops *const tables[] = {
	    [MEL_ISA_PORTABLE] = &mel_loops_portable,
#ifdef __x86_64__
	    [MEL_ISA_AVX2] = &mel_loops_avx2,
	    [MEL_ISA_AVX512] = &mel_loops_avx512,
#endif
	};

	isa = mel_isa_resolve(isa);
	if (mel_isa_available(isa))
		return tables[isa];
	mel_fail(err, "this machine has no %s", mel_isa_names[isa]);
	return NULL;
}
