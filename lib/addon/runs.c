/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/runs.h"

#include <stddef.h>
#include <string.h>

#include "base/option.h"
#include "block/block.h"
#include "block/compose.h"
#include "block/env.h"
#include "block/sequence.h"
#include "block/streamable.h"
#include "net/netdef.h"

static void
add_list(struct mel_runs *runs, const struct mel_member_list *list,
    const struct mel_env *env)
{
	for (size_t i = 0; list && i < list->n; i++) {
		if (list->item[i].sequence)
			mel_runs_add_sequence(
			    runs, list->item[i].sequence, env);
		else
			mel_runs_add_streamable(
			    runs, list->item[i].streamable, env);
	}
}

/* object: of the kind, see addon/build.h; NULL: there is none. */
static void
add_object(struct mel_runs *runs, const char *kind, const void *object,
    const struct mel_env *env)
{
	const struct mel_netdef *def = object;

	if (!object || !strcmp(kind, "file"))
		return;
	if (!strcmp(kind, "network") || !strcmp(kind, "decoder")) {
		if (env->backend && def->fixed)
			runs->fixed = true;
		else
			runs->free = true;
	} else if (!strcmp(kind, "sequence_block")) {
		mel_runs_add_sequence(runs, object, env);
	} else if (!strcmp(kind, "streamable_block")) {
		mel_runs_add_streamable(runs, object, env);
	} else {
		add_list(runs, object, env);
	}
}

/* What a block runs, its options say: networks, and blocks inside of it. */
static void
add_options(struct mel_runs *runs, const struct mel_option *table,
    const void *options, const struct mel_env *env)
{
	for (; table && options && table->name; table++) {
		void *object;

		if (table->type != MEL_OPT_OBJECT)
			continue;
		memcpy(&object, (const char *)options + table->offset,
		    sizeof(object));
		add_object(runs, table->object, object, env);
	}
}

void
mel_runs_add_sequence(struct mel_runs *runs, const struct mel_sequence *block,
    const struct mel_env *env)
{
	add_options(runs, mel_sequence_type_of(block)->options,
	    mel_sequence_options_of(block), env);
}

void
mel_runs_add_streamable(struct mel_runs *runs,
    const struct mel_streamable *block, const struct mel_env *env)
{
	add_options(runs, mel_streamable_type_of(block)->options,
	    mel_streamable_options_of(block), env);
}
