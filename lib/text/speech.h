/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TEXT_SPEECH_H
#define MEL_TEXT_SPEECH_H

#include <stddef.h>

struct mel_buf;
struct mel_err;

/*
 * Text to phonemes by libespeak-ng.
 *
 * That library keeps its state in globals, so there is one of it in a process
 * and one lock around it (in speech.c: the only mutable static data of this
 * library). It is loaded (libespeak-ng.so.1) and set up by the first call and
 * stays until the process ends; a machine without it is an error of that call.
 * It finds its data by itself (ESPEAK_DATA_PATH, then where it was built
 * for), and sets LC_CTYPE when it is set up; that is put back. Call
 * mel_speech_prepare before other threads use the locale.
 */

/* Sets the library up and checks that it has the voice ("en-us"). */
int mel_speech_prepare(const char *voice, struct mel_err *err);

/*
 * Appends the phonemes of `text` [n bytes, valid UTF-8 without NUL] as IPA.
 * Clause by clause: what espeak-ng gives, without its language marks "(en)",
 * trimmed, then the clause's mark, the last of , . ; : ? ! among the last
 * four bytes that espeak-ng consumed for it (it reads one character ahead).
 * Clauses without phonemes are dropped, the others joined by a space. The
 * result does not depend on what was said before. Any thread.
 */
int mel_speech_phonemes(const char *voice, const char *text, size_t n,
    struct mel_buf *phonemes, struct mel_err *err);

#endif
