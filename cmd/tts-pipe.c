/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/option.h"
#include "speak.h"

static const struct mel_option options[] = {
    SPEAK_OPTIONS("0"),
    VOICE_OPTION_BLOCK(speak_options),
    {0},
};

static const struct tool tool = {
    .name = "tts-pipe",
    .synopsis = "[options] [TEXT ...]",
    .purpose = "Makes mel frames from text: the whole stack of a voice",
    .options = options,
};

int
main(int argc, char **argv)
{
	return speak_main(&tool, SIZE_MAX, argc, argv);
}
