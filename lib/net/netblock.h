/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_NETBLOCK_H
#define MEL_NET_NETBLOCK_H

struct mel_sequence_type;
struct mel_streamable_type;

/*
 * A network as a block of either kind. The option `network` is an OBJECT of
 * kind "network" (struct mel_netdef, borrowed); `inputs` and `outputs` rename:
 * the network's name to the tensor's.
 */

/* Once per utterance: tensors in, tensors out. */
extern const struct mel_sequence_type mel_network_sequence_type;

/* Rows in, rows out. */
extern const struct mel_streamable_type mel_network_streamable_type;

/* The same over the addon's `decoder:`. */
extern const struct mel_streamable_type mel_decoder_type;

#endif
