/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ISA_H
#define ISA_H

#include <stddef.h>

#include "base/isa.h"
#include "base/option.h"

/* A row of an option table: --isa. */
#define TOOL_OPTION_ISA(type, member)                                          \
	{                                                                      \
		"isa", 0, MEL_OPT_CHOICE, offsetof(struct type, member),       \
		    .preset = "auto", .choice = mel_isa_names,                 \
		    .help = "instruction set to compute with"                  \
	}

/*
 * The instruction set to compute with, an enum mel_isa: what --isa says, or
 * MELPIPE_ISA if that is "auto". Ends the program if MELPIPE_ISA is no name of
 * one, or if this machine does not have what is wanted.
 */
int tool_isa(int given);

#endif
