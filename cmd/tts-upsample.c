/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/stage.h"
#include "base/option.h"
#include "convey.h"
#include "tool.h"

static const struct mel_option options[] = {
    CONVEY_OPTIONS("1"),
    {0},
};

static const struct tool tool = {
    .name = "tts-upsample",
    .synopsis = "[options] [STREAM]",
    .purpose = "the stack of a voice up to and including its Upsampler",
    .options = options,
};

/* Without an Upsampler, or behind it, nothing is left to do. */
static size_t
up_to_upsampler(const struct mel_addon *addon, size_t done)
{
	size_t last = mel_stage_upsampler(addon);

	return last > done ? last : done;
}

int
main(int argc, char **argv)
{
	return convey_main(&tool, up_to_upsampler, argc, argv);
}
