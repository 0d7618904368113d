/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isa.h"

#include <stdlib.h>

#include "tool.h"

int
tool_isa(int given)
{
	const char *name = getenv("MELPIPE_ISA");
	int isa = given;

	if (isa == MEL_ISA_AUTO && name && *name)
		isa = mel_isa_parse(name);
	if (isa < 0)
		tool_usage(
		    "MELPIPE_ISA=%s: auto, portable, avx2 or avx512?", name);
	if (!mel_isa_available((enum mel_isa)isa))
		tool_die("this machine has no %s", mel_isa_names[isa]);
	return isa;
}
