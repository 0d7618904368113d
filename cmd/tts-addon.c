/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "addon_info.h"
#include "base/option.h"
#include "tool.h"
#include "voice.h"

static const struct mel_option options[] = {
    {"write", 0, MEL_OPT_FLAG, offsetof(struct addon_options, write),
	.help = "check: write SHA256SUMS anew first"},
    {"json", 0, MEL_OPT_FLAG, offsetof(struct addon_options, json),
	.help = "info: as JSON"},
    VOICE_OPTION_THREADS(addon_options, "0"),
    VOICE_OPTION_ISA(addon_options),
    {0},
};

static const struct tool tool = {
    .name = "tts-addon",
    .synopsis = "[options] list | blocks | info ADDON | check ADDON",
    .purpose = "list, describe and check the voices there are",
    .options = options,
};

int
main(int argc, char **argv)
{
	struct addon_options o = {0};
	int first = tool_parse(&tool, argc, argv, &o), rc;
	const char *what = first < argc ? argv[first] : "";
	const char *name = first + 1 < argc ? argv[first + 1] : NULL;
	bool of_one = !strcmp(what, "info") || !strcmp(what, "check");

	if (argc - first > 1 + of_one || (of_one && !name))
		tool_usage(of_one ? "%s takes one ADDON"
				  : "what is to be done? \"%s\"",
		    what);
	if (o.write && strcmp(what, "check") != 0)
		tool_usage("--write belongs to check");
	if (!strcmp(what, "list"))
		rc = addon_list();
	else if (!strcmp(what, "blocks"))
		rc = addon_blocks();
	else if (!strcmp(what, "info"))
		rc = addon_info(&o, name);
	else if (!strcmp(what, "check"))
		rc = addon_check(&o, name);
	else
		tool_usage("what is to be done? \"%s\"", what);
	mel_options_free(options, &o);
	return rc;
}
