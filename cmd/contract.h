/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONTRACT_H
#define CONTRACT_H

#include <stddef.h>

struct mel_contract;
struct mel_option;

/*
 * --contract and one option per key of a mel contract, made from the library's
 * table: "_" becomes "-", and rate is --contract-rate (--rate is the rate of
 * headerless samples). Like tool.h these functions print and exit.
 */

#define CONTRACT_KEYS 32

struct contract_flags {
	char *base;                 /* --contract: name or file, or NULL */
	char *value[CONTRACT_KEYS]; /* text given for each key, or NULL */
};

/*
 * The tool's own options (ends with a NULL name) followed by these; offset: of
 * a struct contract_flags in the tool's values. Released by the second, after
 * mel_options_free. Dies without memory.
 */
struct mel_option *contract_options(
    const struct mel_option *own, size_t offset);
void contract_options_free(struct mel_option *options);

/*
 * The contract that was asked for: --contract, else what *contract is, and
 * the single keys. Wrong values are wrong usage: exit 2; a file that cannot be
 * read: exit 1.
 */
void contract_choose(
    const struct contract_flags *flags, struct mel_contract *contract);

#endif
