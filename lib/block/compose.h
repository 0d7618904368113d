/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_COMPOSE_H
#define MEL_BLOCK_COMPOSE_H

#include "block/sequence.h"
#include "block/streamable.h"

/*
 * The composites. Members are options, owned by the options struct.
 */

/* A list of members, as an OBJECT option holds it by pointer. */
struct mel_sequence_list {
	struct mel_sequence **item; /* [n], owned, as are its members */
	size_t n;
};

struct mel_streamable_list {
	struct mel_streamable **item; /* [n], owned, as are its members */
	size_t n;
};

/* Close the members and free the list. NULL is fine. */
void mel_sequence_list_free(struct mel_sequence_list *list);
void mel_streamable_list_free(struct mel_streamable_list *list);

/* Options of SequenceBlockContainer, Encoders and ParallelEncoders. */
struct mel_container_options {
	struct mel_sequence_list *blocks;
};

/* Options of StreamableStack. */
struct mel_stack_options {
	struct mel_streamable_list *stack;
};

/* Options of StreamablePipeline. */
struct mel_pipeline_options {
	struct mel_sequence *sequence_block;
	struct mel_streamable *streamable_block;
};

/* Members in the order that their needs demand; gives all that they give. */
extern const struct mel_sequence_type mel_container_type;

/* The same over the addon's `encoders:`. */
extern const struct mel_sequence_type mel_encoders_type;

/* The same, members that do not depend on each other run at once. */
extern const struct mel_sequence_type mel_parallel_encoders_type;

/* Each member pulls from the one before. */
extern const struct mel_streamable_type mel_stack_type;

/*
 * Runs the sequence block at begin and hands its tensors, and those from
 * outside whose names it does not give, to the streamable block.
 */
extern const struct mel_streamable_type mel_pipeline_type;

#endif
