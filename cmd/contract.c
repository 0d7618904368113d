/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "contract.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "dsp/contract.h"
#include "dsp/contract_keys.h"
#include "tool.h"

static size_t
count(const struct mel_option *table)
{
	size_t n = 0;

	while (table[n].name)
		n++;
	return n;
}

static char *
flag_name(const char *key)
{
	char *name =
	    mel_strdup(strcmp(key, "rate") ? key : "contract-rate", NULL);

	if (!name)
		tool_die("out of memory");
	for (char *p = name; *p; p++) {
		if (*p == '_')
			*p = '-';
	}
	return name;
}

/* What can be given, for the usage: "HZ", "hann|povey". Owned. */
static char *
placeholder(const struct mel_option *key)
{
	struct mel_buf text = {0};
	struct mel_err err;

	if (key->type != MEL_OPT_CHOICE) {
		bool flag = key->type == MEL_OPT_FLAG;
		char *copy = mel_strdup(flag ? "true|false" : key->arg, NULL);

		if (!copy)
			tool_die("out of memory");
		return copy;
	}
	for (int i = 0; key->choice[i]; i++) {
		if (mel_buf_printf(
			&text, &err, "%s%s", i ? "|" : "", key->choice[i]))
			tool_die("%s", err.msg);
	}
	return text.data;
}

struct mel_option *
contract_options(const struct mel_option *own, size_t offset)
{
	size_t n = count(own), keys = count(mel_contract_options);
	struct mel_option *all = mel_alloc(n + keys + 2, sizeof(*all), NULL);

	if (!all || keys > CONTRACT_KEYS)
		tool_die("out of memory");
	memcpy(all, own, n * sizeof(*all));
	all[n++] = (struct mel_option){.name = "contract",
	    .type = MEL_OPT_STRING,
	    .offset = offset + offsetof(struct contract_flags, base),
	    .arg = "NAME|FILE",
	    .help = "what the mel is, see melpipe-mel(5)"};
	for (size_t i = 0; i < keys; i++) {
		const struct mel_option *key = &mel_contract_options[i];

		/* Text now: the base may come behind it. */
		all[n++] = (struct mel_option){.name = flag_name(key->name),
		    .type = MEL_OPT_STRING,
		    .offset = offset + offsetof(struct contract_flags, value) +
			      i * sizeof(char *),
		    .arg = placeholder(key),
		    .help = key->help};
	}
	return all;
}

void
contract_options_free(struct mel_option *options)
{
	size_t n = count(options);

	for (size_t i = n - count(mel_contract_options); i < n; i++) {
		free((char *)(uintptr_t)options[i].name);
		free((char *)(uintptr_t)options[i].arg);
	}
	free(options);
}

void
contract_choose(const struct contract_flags *flags, struct mel_contract *c)
{
	struct mel_err err;

	if (flags->base && mel_contract_load(c, flags->base, &err)) {
		if (!strpbrk(flags->base, "/."))
			tool_usage("--contract: %s", err.msg);
		tool_die("%s", err.msg);
	}
	for (size_t i = 0; mel_contract_options[i].name; i++) {
		if (flags->value[i] && mel_option_set(&mel_contract_options[i],
					   c, flags->value[i], &err))
			tool_usage("%s", err.msg);
	}
	if (mel_contract_check(c, &err))
		tool_usage("%s", err.msg);
}
