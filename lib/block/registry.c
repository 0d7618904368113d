/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "block/block.h"

static const struct mel_sequence_type *
find_sequence(const struct mel_registry *r, const char *name)
{
	for (size_t i = 0; i < r->n_sequence; i++) {
		if (!strcmp(r->sequence[i]->name, name))
			return r->sequence[i];
	}
	return NULL;
}

static const struct mel_streamable_type *
find_streamable(const struct mel_registry *r, const char *name)
{
	for (size_t i = 0; i < r->n_streamable; i++) {
		if (!strcmp(r->streamable[i]->name, name))
			return r->streamable[i];
	}
	return NULL;
}

int
mel_registry_add_sequence(struct mel_registry *r,
    const struct mel_sequence_type *type, struct mel_err *err)
{
	if (type->abi != MEL_BLOCK_ABI)
		return mel_fail(err, "block made for interface %u, not %u",
		    type->abi, MEL_BLOCK_ABI);
	if (!type->name || !type->help || !type->open || !type->run)
		return mel_fail(err, "sequence block without a needed part");
	if (find_sequence(r, type->name))
		return mel_fail(err, "%s: there is one already", type->name);
	if (mel_reserve(&r->sequence, &r->sequence_cap, r->n_sequence + 1,
		sizeof(*r->sequence), err))
		return -1;
	r->sequence[r->n_sequence++] = type;
	return 0;
}

int
mel_registry_add_streamable(struct mel_registry *r,
    const struct mel_streamable_type *type, struct mel_err *err)
{
	if (type->abi != MEL_BLOCK_ABI)
		return mel_fail(err, "block made for interface %u, not %u",
		    type->abi, MEL_BLOCK_ABI);
	if (!type->name || !type->help || !type->open || !type->begin ||
	    !type->pull)
		return mel_fail(err, "streamable block without a needed part");
	if (find_streamable(r, type->name))
		return mel_fail(err, "%s: there is one already", type->name);
	if (mel_reserve(&r->streamable, &r->streamable_cap, r->n_streamable + 1,
		sizeof(*r->streamable), err))
		return -1;
	r->streamable[r->n_streamable++] = type;
	return 0;
}

const struct mel_sequence_type *
mel_registry_sequence(
    const struct mel_registry *r, const char *name, struct mel_err *err)
{
	const struct mel_sequence_type *type = find_sequence(r, name);

	if (type)
		return type;
	if (find_streamable(r, name))
		mel_fail(err,
		    "%s is a StreamableBlock; a SequenceBlock belongs here",
		    name);
	else
		mel_fail(err, "no SequenceBlock is called \"%s\"", name);
	return NULL;
}

const struct mel_streamable_type *
mel_registry_streamable(
    const struct mel_registry *r, const char *name, struct mel_err *err)
{
	const struct mel_streamable_type *type = find_streamable(r, name);

	if (type)
		return type;
	if (find_sequence(r, name))
		mel_fail(err,
		    "%s is a SequenceBlock; a StreamableBlock belongs here",
		    name);
	else
		mel_fail(err, "no StreamableBlock is called \"%s\"", name);
	return NULL;
}

void
mel_registry_free(struct mel_registry *r)
{
	free(r->sequence);
	free(r->streamable);
	*r = (struct mel_registry){0};
}
