/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "addon_info.h"
#include "base/option.h"
#include "voice.h"

static const struct mel_option options[] = {
    {"write", 0, MEL_OPT_FLAG, offsetof(struct addon_options, write),
	.help = "check: write SHA256SUMS anew before"},
    {"json", 0, MEL_OPT_FLAG, offsetof(struct addon_options, json),
	.help = "info: print JSON"},
    {"block", 0, MEL_OPT_INT, offsetof(struct addon_options, block),
	.arg = "ROWS", .preset = "64", .min = 1, .max = 65536,
	.help = "verify: rows a pull"},
    TOOL_OPTION_THREADS(addon_options, voice.threads, "0"),
    VOICE_OPTION_PLUGIN(addon_options),
    VOICE_OPTION_ALLOW_EXEC(addon_options),
    VOICE_OPTION_ISA(addon_options),
    {0},
};

static const struct tool tool = {
    .name = "tts-addon",
    .synopsis = "[options] list | blocks | info | check | verify [ADDON]",
    .purpose = "Lists, describes and checks voices",
    .options = options,
};

static void
check_usage(const struct addon_options *o, const char *what, int n)
{
	bool of_one = !strcmp(what, "info") || !strcmp(what, "check") ||
		      !strcmp(what, "verify");

	if (!of_one && strcmp(what, "list") && strcmp(what, "blocks"))
		tool_usage("%s: not list, blocks, info, check or verify", what);
	if (n != of_one)
		tool_usage(
		    "%s: takes %s", what, of_one ? "one ADDON" : "no operand");
	if (o->write && strcmp(what, "check") != 0)
		tool_usage("--write is for check");
	if (o->json && strcmp(what, "info") != 0)
		tool_usage("--json is for info");
}

int
main(int argc, char **argv)
{
	struct addon_options o = {0};
	int first = tool_parse(&tool, argc, argv, &o), rc;
	const char *what = argv[first];

	if (!what)
		tool_usage("list, blocks, info, check or verify?");
	check_usage(&o, what, argc - first - 1);
	if (!strcmp(what, "list"))
		rc = addon_list();
	else if (!strcmp(what, "blocks"))
		rc = addon_blocks(&o);
	else if (!strcmp(what, "info"))
		rc = addon_info(&o, argv[first + 1]);
	else if (!strcmp(what, "verify"))
		rc = addon_verify(&o, argv[first + 1]);
	else
		rc = addon_check(&o, argv[first + 1]);
	mel_options_free(options, &o);
	return rc;
}
