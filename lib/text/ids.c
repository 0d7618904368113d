/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"
#include "text/front.h"
#include "text/text.h"

static const struct mel_option table[] = {
    MEL_FRONT_OPTION_SYMBOLS(false),
    {0},
};

static int
open_block(void *state, const void *options, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err)
{
	return mel_front_open(
	    state, mel_ids_type.name, options, env, spec, err);
}

/* The number at s, which ends with NUL; *end: behind it. */
static int
parse(const char *s, const char **end, int64_t *id, struct mel_err *err)
{
	size_t digits = strspn(s, "0123456789");
	size_t word = strcspn(s, ", \t");

	*end = s + word;
	errno = 0;
	*id = strtoll(s, NULL, 10);
	if (!digits || digits != word || errno)
		return mel_fail(err, "\"%.*s\" is not a token id",
		    word > 40 ? 40 : (int)word, s);
	return 0;
}

/* s ends with NUL; ids [n] is filled if it is not NULL. */
static int
parse_all(const char *s, int64_t *ids, size_t *n, struct mel_err *err)
{
	static const char white[] = ", \t";
	int64_t id;

	*n = 0;
	for (s += strspn(s, white); *s; s += strspn(s, white)) {
		if (parse(s, &s, &id, err))
			return -1;
		if (ids)
			ids[*n] = id;
		++*n;
	}
	return 0;
}

static int
run_text(const struct mel_front *f, const char *text, struct mel_bundle *out,
    struct mel_err *err)
{
	int64_t *ids;
	size_t n;
	int rc;

	if (parse_all(text, NULL, &n, err))
		return -1;
	ids = mel_alloc(n, sizeof(*ids), err);
	if (!ids)
		return -1;
	rc = parse_all(text, ids, &n, err) ||
	     mel_front_give_ids(f, ids, n, out, err);
	free(ids);
	return rc ? -1 : 0;
}

static int
run(void *state, const struct mel_bundle *in, struct mel_bundle *out,
    struct mel_err *err)
{
	const struct mel_tensor *tokens = mel_bundle_get(in, "input_tokens");
	const char *text;
	char *copy;
	size_t n;
	int rc;

	if (tokens)
		return mel_front_give_ids(
		    state, tokens->data, mel_tensor_count(tokens), out, err);
	if (mel_front_text(in, "text", &text, &n, err))
		return -1;
	if (!text)
		return mel_fail(err, "no text");
	copy = mel_strndup(text, n, err);
	if (!copy)
		return -1;
	rc = run_text(state, copy, out, err);
	free(copy);
	return rc;
}

static void
close_block(void *state)
{
	mel_front_close(state);
}

const struct mel_sequence_type mel_ids_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Ids",
    .help = "a text of token ids to ids",
    .options = table,
    .options_size = sizeof(struct mel_front_options),
    .state_size = sizeof(struct mel_front),
    .open = open_block,
    .run = run,
    .close = close_block,
};
