/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_ATTEND_H
#define MEL_NET_ATTEND_H

struct mel_streamable_type;

/*
 * The decoder of a model with attention: a step network makes a frame, or a
 * few, from the utterance's tensors, its own state and the frame that it made
 * before, until it says stop. How long that will be is not known beforehand.
 */
extern const struct mel_streamable_type mel_attention_decoder_type;

#endif
