/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/option.h"
#include "speak.h"

static const struct mel_option options[] = {
    SPEAK_OPTIONS("0"),
    {0},
};

static const struct tool tool = {
    .name = "tts-encode",
    .synopsis = "[options] [TEXT ...]",
    .purpose = "Makes the sequence data of a voice from text",
    .options = options,
};

int
main(int argc, char **argv)
{
	return speak_main(&tool, 1, argc, argv);
}
