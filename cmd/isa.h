/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ISA_H
#define ISA_H

/*
 * The instruction set of the networks, an enum mel_isa: what --isa says, or
 * MELPIPE_ISA if that is "auto". Ends the program if MELPIPE_ISA is no name of
 * one, or if this machine does not have what is wanted.
 */
int tool_isa(int given);

#endif
