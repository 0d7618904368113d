/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dsp/loops.h"

#include <string.h>

/* One a file, compiled from lib/dsp/isa with the flags of its name. */
extern const struct mel_loops mel_loops_portable;

#ifdef __x86_64__
extern const struct mel_loops mel_loops_avx2;
extern const struct mel_loops mel_loops_avx512;

const struct mel_loops *
mel_loops_named(const char *name)
{
	/* With fma and f16c, which the compiler may use, too. */
	int avx2 =
	    __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");

	if (!strcmp(name, "avx512") && avx2 &&
	    __builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl"))
		return &mel_loops_avx512;
	if (!strcmp(name, "avx2") && avx2)
		return &mel_loops_avx2;
	return strcmp(name, "portable") ? NULL : &mel_loops_portable;
}
#else
const struct mel_loops *
mel_loops_named(const char *name)
{
	return strcmp(name, "portable") ? NULL : &mel_loops_portable;
}
#endif

const struct mel_loops *
mel_loops_best(void)
{
	static const char *const names[] = {"avx512", "avx2", "portable"};
	const struct mel_loops *loops = NULL;

	for (size_t i = 0; !loops; i++)
		loops = mel_loops_named(names[i]);
	return loops;
}
