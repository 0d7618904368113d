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
    .purpose = "the rest of the stack of a voice: mel frames",
    .options = options,
};

static size_t
all(const struct mel_addon *addon, size_t done)
{
	(void)done;
	return addon->n_positions;
}

int
main(int argc, char **argv)
{
	return convey_main(&tool, all, argc, argv);
}
