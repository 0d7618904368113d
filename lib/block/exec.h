/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_EXEC_H
#define MEL_BLOCK_EXEC_H

struct mel_sequence_type;
struct mel_streamable_type;

/*
 * A program as a block: it reads a record stream, melpipe-frame(5), from its
 * standard input and writes one to its standard output, utterance by
 * utterance under the keys that it read.
 *
 * It runs only where the environment allows that. One program serves all
 * utterances of a block; after one that was abandoned or failed a new one is
 * started. It may read ahead and answer late, see block/peer.h. What goes
 * wrong with it (no answer, another stream than was agreed, an end before the
 * utterance's) is an error of the utterance that names it.
 */

/* It gets tensors and gives tensors. */
extern const struct mel_sequence_type mel_exec_sequence_type;

/*
 * It gets tensors, then the rows of upstream, f32, in the port "rows". Of its
 * answer the first port of rows counts, f32 of the block's width.
 */
extern const struct mel_streamable_type mel_exec_rows_type;

#endif
