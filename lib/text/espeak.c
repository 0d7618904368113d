/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/text.h"

#include "base/buf.h"
#include "base/option.h"
#include "block/block.h"
#include "block/env.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"
#include "text/front.h"
#include "text/speech.h"
#include "text/symbols.h"

struct options {
	struct mel_front_options front; /* first: the shared table */
	char *voice;
};

static const struct mel_option table[] = {
    {.name = "voice",
	.type = MEL_OPT_STRING,
	.offset = offsetof(struct options, voice),
	.arg = "NAME",
	.preset = "en-us",
	.help = "voice of espeak-ng"},
    MEL_FRONT_OPTIONS,
    {0},
};

struct state {
	struct mel_front front;
	const char *voice; /* of the options */
};

static int
open_block(void *state, const void *options, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err)
{
	const struct options *o = options;
	struct state *s = state;

	s->voice = o->voice;
	if ((!env->spec_only && mel_speech_prepare(s->voice, err)) ||
	    mel_front_open(
		&s->front, mel_espeak_type.name, &o->front, env, spec, err) ||
	    mel_front_declare_bytes(&spec->needs, "input_phonemes", true, err))
		return -1;
	return mel_front_declare_bytes(&spec->gives, "phonemes", false, err);
}

/* Ids from the user: phonemes are what the ids stand for. */
static int
run_tokens(const struct mel_front *f, const struct mel_tensor *tokens,
    struct mel_bundle *out, struct mel_err *err)
{
	struct mel_buf text = {0};
	const int64_t *id = tokens->data;
	size_t n = mel_tensor_count(tokens);
	int rc = mel_front_give_ids(f, id, n, out, err);

	for (size_t i = 0; i < n && !rc; i++) {
		if (id[i] != f->begin && id[i] != f->end && id[i] != f->pad)
			rc = mel_buf_puts(
			    &text, mel_symbols_name(f->symbols, id[i]), err);
	}
	if (!rc)
		rc = mel_front_give_text(&text, "phonemes", out, err);
	mel_buf_free(&text);
	return rc;
}

/* The phonemes as the user gave them, or as espeak-ng says the text. */
static int
find_phonemes(const struct state *s, const struct mel_bundle *in,
    struct mel_buf *phonemes, struct mel_err *err)
{
	const char *text;
	size_t n;
	bool spoken = mel_bundle_get(in, "input_phonemes") == NULL;

	if (mel_front_text(
		in, spoken ? "text" : "input_phonemes", &text, &n, err))
		return -1;
	if (!spoken)
		return mel_buf_add(phonemes, text, n, err);
	return mel_speech_phonemes(s->voice, text, n, phonemes, err);
}

static int
run(void *state, const struct mel_bundle *in, struct mel_bundle *out,
    struct mel_err *err)
{
	const struct mel_tensor *tokens = mel_bundle_get(in, "input_tokens");
	struct state *s = state;
	struct mel_buf phonemes = {0};
	int rc;

	if (tokens)
		return run_tokens(&s->front, tokens, out, err);
	rc = find_phonemes(s, in, &phonemes, err) ||
	     mel_front_encode(
		 &s->front, phonemes.data, phonemes.len, out, err) ||
	     mel_front_give_text(&phonemes, "phonemes", out, err);
	mel_buf_free(&phonemes);
	return rc ? -1 : 0;
}

static void
close_block(void *state)
{
	mel_front_close(&((struct state *)state)->front);
}

const struct mel_sequence_type mel_espeak_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Espeak",
    .help = "text to phonemes by espeak-ng, phonemes to ids",
    .options = table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .open = open_block,
    .run = run,
    .close = close_block,
};
