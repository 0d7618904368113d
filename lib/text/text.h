/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TEXT_TEXT_H
#define MEL_TEXT_TEXT_H

struct mel_sequence_type;

/*
 * Front ends: SequenceBlocks from text to the ids that a network reads.
 *
 * An utterance comes as one of these tensors; if several are there the first
 * of this list counts:
 *
 *   input_tokens    i64 [tokens]  ids, taken as they are, all of them
 *   input_phonemes  u8 [bytes]    phonemes, UTF-8 (Espeak only)
 *   text            u8 [bytes]    UTF-8 without NUL, one utterance
 *
 * All give `tokens`, i64 [tokens], and, if they have a symbol table,
 * `symbols`, u8 [bytes]: the symbol of each token with a newline behind it. Ids
 * outside the symbol table, faulty UTF-8, NUL, and an utterance without tokens
 * are errors of the utterance.
 */

/*
 * Text to IPA by libespeak-ng, IPA to ids. Gives `phonemes`, u8 [bytes], too:
 * what was spoken, without begin and end (for input_tokens: their symbols).
 */
extern const struct mel_sequence_type mel_espeak_type;

/* Every symbol of the text is a token. */
extern const struct mel_sequence_type mel_characters_type;

/* The text is a list of decimal ids with white space or commas between. */
extern const struct mel_sequence_type mel_ids_type;

#endif
