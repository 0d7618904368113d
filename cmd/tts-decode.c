/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/addon.h"
#include "base/option.h"
#include "convey.h"
#include "tool.h"

static const struct mel_option options[] = {
    CONVEY_OPTIONS("0"),
    {0},
};

static const struct tool tool = {
    .name = "tts-decode",
    .synopsis = "[options] [STREAM]",
    .purpose = "Makes mel frames: the rest of the stack of a voice",
    .options = options,
};

static size_t
all(const struct mel_addon *addon, size_t done)
{
	if (done >= addon->n_positions)
		tool_die("the stream holds finished frames: nothing is left "
			 "to run");
	return addon->n_positions;
}

int
main(int argc, char **argv)
{
	return convey_main(&tool, all, argc, argv);
}
