/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <wctype.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/option.h"
#include "base/utf8.h"
#include "block/block.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"
#include "text/front.h"
#include "text/text.h"

struct options {
	struct mel_front_options front; /* first: the shared table */
	bool lowercase;
};

static const struct mel_option table[] = {
    MEL_FRONT_OPTIONS,
    {.name = "lowercase",
	.type = MEL_OPT_FLAG,
	.offset = offsetof(struct options, lowercase),
	.help = "fold the text to lower case first"},
    {0},
};

struct state {
	struct mel_front front;
	locale_t locale; /* knows the case of all scripts; 0: no folding */
};

static int
open_block(void *state, const void *options, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct state *s = state;

	if (o->lowercase) {
		s->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
		if (!s->locale)
			return mel_fail_errno(err, "lowercase: locale C.UTF-8");
	}
	return mel_front_open(
	    &s->front, mel_characters_type.name, &o->front, env, spec, err);
}

static int
fold(locale_t locale, const char *s, size_t n, struct mel_buf *out,
    struct mel_err *err)
{
	char utf8[4];
	size_t used;

	for (size_t pos = 0; pos < n; pos += used) {
		uint32_t code = mel_utf8_next(s + pos, n - pos, &used);

		code = (uint32_t)towlower_l((wint_t)code, locale);
		if (mel_buf_add(out, utf8, mel_utf8_put(utf8, code), err))
			return -1;
	}
	return 0;
}

static int
run(void *state, const struct mel_bundle *in, struct mel_bundle *out,
    struct mel_err *err)
{
	const struct mel_tensor *tokens = mel_bundle_get(in, "input_tokens");
	struct state *s = state;
	struct mel_buf folded = {0};
	const char *text;
	size_t n;
	int rc;

	if (tokens)
		return mel_front_give_ids(&s->front, tokens->data,
		    mel_tensor_count(tokens), out, err);
	if (mel_front_text(in, "text", &text, &n, err))
		return -1;
	if (!text)
		return mel_fail(err, "no text");
	if (!s->locale)
		return mel_front_encode(&s->front, text, n, out, err);
	rc = fold(s->locale, text, n, &folded, err);
	if (!rc)
		rc = mel_front_encode(
		    &s->front, folded.data, folded.len, out, err);
	mel_buf_free(&folded);
	return rc;
}

static void
close_block(void *state)
{
	struct state *s = state;

	mel_front_close(&s->front);
	if (s->locale)
		freelocale(s->locale);
}

const struct mel_sequence_type mel_characters_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Characters",
    .help = "characters of the text to ids",
    .options = table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .open = open_block,
    .run = run,
    .close = close_block,
};
