/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "addon_info.h"
#include "base/option.h"
#include "voice.h"

static const struct mel_option options[] = {
    {"write", 0, MEL_OPT_FLAG, offsetof(struct addon_options, write),
	.help = "check: write SHA256SUMS anew before; verify: keep the result"},
    {"json", 0, MEL_OPT_FLAG, offsetof(struct addon_options, json),
	.help = "info: print JSON"},
    {"block", 0, MEL_OPT_INT, offsetof(struct addon_options, block),
	.arg = "ROWS", .preset = "64", .min = 1, .max = 65536,
	.help = "verify: rows a pull"},
    {"sizes", 0, MEL_OPT_LIST, offsetof(struct addon_options, sizes),
	.arg = "N,...",
	.help = "compile: lengths along time, if not the "
		"addon's own"},
    TOOL_OPTION_THREADS(addon_options, voice.threads, "0"),
    VOICE_OPTION_PLUGIN(addon_options),
    VOICE_OPTION_ALLOW_EXEC(addon_options),
    VOICE_OPTION_ISA(addon_options),
    {0},
};

static const struct tool tool = {
    .name = "tts-addon",
    .synopsis =
	"[options] list | blocks | info | check | verify | compile [ADDON]",
    .purpose = "Lists, describes, checks and compiles voices",
    .options = options,
};

/* What it does; those with an addon take its name. */
static const struct action {
	const char *name;
	int (*run)(const struct addon_options *options, const char *name);
} actions[] = {
    {"info", addon_info},
    {"check", addon_check},
    {"verify", addon_verify},
    {"compile", addon_compile},
};

static const struct action *
find_action(const char *what)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (!strcmp(actions[i].name, what))
			return &actions[i];
	}
	return NULL;
}

static void
check_usage(const struct addon_options *o, const char *what, int n)
{
	bool of_one = find_action(what);

	if (!of_one && strcmp(what, "list") && strcmp(what, "blocks"))
		tool_usage("%s: not list, blocks, info, check, verify or "
			   "compile",
		    what);
	if (n != of_one)
		tool_usage(
		    "%s: takes %s", what, of_one ? "one ADDON" : "no operand");
	if (o->write && strcmp(what, "check") && strcmp(what, "verify"))
		tool_usage("--write is for check and verify");
	if (o->json && strcmp(what, "info") != 0)
		tool_usage("--json is for info");
	if (o->sizes.n && strcmp(what, "compile") != 0)
		tool_usage("--sizes is for compile");
}

int
main(int argc, char **argv)
{
	struct addon_options o = {0};
	int first = tool_parse(&tool, argc, argv, &o), rc;
	const char *what = argv[first];

	if (!what)
		tool_usage("list, blocks, info, check, verify or compile?");
	check_usage(&o, what, argc - first - 1);
	if (find_action(what))
		rc = find_action(what)->run(&o, argv[first + 1]);
	else if (!strcmp(what, "list"))
		rc = addon_list();
	else
		rc = addon_blocks(&o);
	mel_options_free(options, &o);
	return rc;
}
