/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_COMPOSE_H
#define MEL_BLOCK_COMPOSE_H

#include <stddef.h>

struct mel_sequence;
struct mel_sequence_type;
struct mel_streamable;
struct mel_streamable_type;

/*
 * The composites. Members are options, owned by the options struct.
 */

/* A block of either kind: one of the two is set. */
struct mel_member {
	struct mel_sequence *sequence;
	struct mel_streamable *streamable;
};

/* Members, all of one kind, as an OBJECT option holds them by pointer. */
struct mel_member_list {
	struct mel_member *item; /* [n], owned, as are the blocks */
	size_t n;
};

/* Closes whichever is set. */
void mel_member_close(struct mel_member *member);

/* Closes the members; the list is {0} again. */
void mel_member_list_clear(struct mel_member_list *list);

/* The same, and frees the list itself. NULL is fine. */
void mel_member_list_free(struct mel_member_list *list);

/* Options of SequenceBlockContainer, Encoders and ParallelEncoders. */
struct mel_container_options {
	struct mel_member_list *blocks;
};

/* Options of StreamableStack. */
struct mel_stack_options {
	struct mel_member_list *stack;
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

/*
 * The members of a container that runs one after the other; NULL: the block is
 * none. The block's.
 */
const struct mel_member_list *mel_container_members(
    const struct mel_sequence *block);

/* Each member pulls from the one before. */
extern const struct mel_streamable_type mel_stack_type;

/*
 * Runs the sequence block at begin and hands its tensors, and those from
 * outside whose names it does not give, to the streamable block.
 */
extern const struct mel_streamable_type mel_pipeline_type;

#endif
