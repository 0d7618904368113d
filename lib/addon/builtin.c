/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/builtin.h"

#include "block/block.h"
#include "block/compose.h"
#include "block/exec.h"
#include "block/registry.h"
#include "dsp/blocks.h"
#include "net/attend.h"
#include "net/netblock.h"
#include "text/text.h"

/* A new block is one line here. */
static const struct mel_sequence_type *const sequences[] = {
    &mel_container_type,
    &mel_encoders_type,
    &mel_parallel_encoders_type,
    &mel_network_sequence_type,
    &mel_scale_type,
    &mel_durations_type,
    &mel_espeak_type,
    &mel_characters_type,
    &mel_ids_type,
    &mel_exec_sequence_type,
};

static const struct mel_streamable_type *const streamables[] = {
    &mel_pipeline_type,
    &mel_stack_type,
    &mel_upsampler_type,
    &mel_decoder_type,
    &mel_attention_decoder_type,
    &mel_network_streamable_type,
    &mel_gain_type,
    &mel_smooth_type,
    &mel_probe_type,
    &mel_monitor_type,
    &mel_exec_rows_type,
};

int
mel_builtin_blocks(struct mel_registry *r, struct mel_err *err)
{
	for (size_t i = 0; i < sizeof(sequences) / sizeof(*sequences); i++) {
		if (mel_registry_add_sequence(r, sequences[i], err))
			return -1;
	}
	for (size_t i = 0; i < sizeof(streamables) / sizeof(*streamables);
	     i++) {
		if (mel_registry_add_streamable(r, streamables[i], err))
			return -1;
	}
	return 0;
}
