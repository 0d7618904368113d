/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_DSP_CONTRACT_KEYS_H
#define MEL_DSP_CONTRACT_KEYS_H

#include "base/option.h"

/*
 * The keys of a mel contract but name, mean and std, for flags and files;
 * offsets are into struct mel_contract. Entries without a preset are
 * `required`. Ends with a NULL name.
 */
extern const struct mel_option mel_contract_options[];

#endif
