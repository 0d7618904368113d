/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_ISA_H
#define MEL_BASE_ISA_H

#include <stdbool.h>

/*
 * Instruction sets with loops of their own. On one of them results are the
 * same bytes on every machine; see net/kernels.h, dsp/loops.h.
 */
enum mel_isa {
	MEL_ISA_AUTO, /* the best that this machine has */
	MEL_ISA_PORTABLE,
	MEL_ISA_AVX2,
	MEL_ISA_AVX512,
};

/* By number, ends with NULL: "auto", "portable", "avx2", "avx512". */
extern const char *const mel_isa_names[];

/* The number of a name; -1 for others. */
int mel_isa_parse(const char *name);

/* false if this machine or build cannot run it: opening with it fails. */
bool mel_isa_available(enum mel_isa isa);

/* isa, or for AUTO the best that is available; never AUTO. */
enum mel_isa mel_isa_resolve(enum mel_isa isa);

#endif
