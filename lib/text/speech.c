/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "text/speech.h"

#include <dlfcn.h>
#include <espeak-ng/espeak_ng.h>
#include <locale.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum {
	PHONEMES_IPA = 2, /* phoneme mode of espeak_TextToPhonemes */
	MARK_BYTES = 4,   /* of the clause's end that are searched for a mark */
};

/*
 * libespeak-ng is one per process, so its lock, whether it is set up and its
 * voice must be, too: the one place of this library with static state.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool ready;
static char current[64]; /* voice; "": none */

/*
 * Its functions, found when it is loaded: a program that says nothing does
 * without it and without what it loads itself, which is all for playing sound.
 */
#define FUNCTION(name) __typeof__(name) *name
static struct {
	FUNCTION(espeak_ng_InitializePath);
	FUNCTION(espeak_ng_Initialize);
	FUNCTION(espeak_ng_ClearErrorContext);
	FUNCTION(espeak_ng_PrintStatusCodeMessage);
	FUNCTION(espeak_ng_GetStatusCodeMessage);
	FUNCTION(espeak_ng_SetVoiceByName);
	FUNCTION(espeak_TextToPhonemes);
} ng;

static int
load(struct mel_err *err)
{
#define AT(name) #name, &ng.name
	const struct {
		const char *name;
		void *pointer; /* to the function's pointer */
	} functions[] = {
	    {AT(espeak_ng_InitializePath)},
	    {AT(espeak_ng_Initialize)},
	    {AT(espeak_ng_ClearErrorContext)},
	    {AT(espeak_ng_PrintStatusCodeMessage)},
	    {AT(espeak_ng_GetStatusCodeMessage)},
	    {AT(espeak_ng_SetVoiceByName)},
	    {AT(espeak_TextToPhonemes)},
	};
	void *library = dlopen("libespeak-ng.so.1", RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return mel_fail(err, "espeak-ng: %s", dlerror());
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		void *f = dlsym(library, functions[i].name);

		if (!f) {
			mel_fail(err, "espeak-ng: %s", dlerror());
			dlclose(library);
			return -1;
		}
		memcpy(functions[i].pointer, &f, sizeof(f));
	}
	return 0;
}

/* The library's own words, with the file that it missed. */
static void
explain(espeak_ng_STATUS status, espeak_ng_ERROR_CONTEXT context,
    struct mel_err *err)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out) {
		ng.espeak_ng_PrintStatusCodeMessage(status, out, context);
		fclose(out);
	}
	while (len && (text[len - 1] == '\n' || text[len - 1] == '.'))
		text[--len] = '\0';
	mel_fail(err, "espeak-ng: %s", len ? text : "cannot be set up");
	free(text);
}

/*
 * Not espeak_Initialize: where data are missing, 1.51 either exits or, told
 * not to, prints and then crashes.
 */
static int
set_up(struct mel_err *err)
{
	espeak_ng_ERROR_CONTEXT context = NULL;
	espeak_ng_STATUS status;
	char *ctype;

	if (ready)
		return 0;
	if (load(err))
		return -1;
	ctype = mel_strdup(setlocale(LC_CTYPE, NULL), err);
	if (!ctype)
		return -1;
	ng.espeak_ng_InitializePath(NULL);
	status = ng.espeak_ng_Initialize(&context);
	setlocale(LC_CTYPE, ctype);
	free(ctype);
	if (status != ENS_OK) {
		explain(status, context, err);
		ng.espeak_ng_ClearErrorContext(&context);
		return -1;
	}
	ready = true;
	return 0;
}

/* Only where it changes: 1.51 keeps more than a kilobyte for each call. */
static int
set_voice(const char *voice, struct mel_err *err)
{
	espeak_ng_STATUS status = ENS_VOICE_NOT_FOUND;
	size_t len = strlen(voice);
	char why[128];

	if (!strcmp(voice, current) && len)
		return 0;
	current[0] = '\0';
	if (len < sizeof(current))
		status = ng.espeak_ng_SetVoiceByName(voice);
	if (status == ENS_OK) {
		memcpy(current, voice, len + 1);
		return 0;
	}
	ng.espeak_ng_GetStatusCodeMessage(status, why, sizeof(why));
	return mel_fail(err, "espeak-ng: voice \"%s\": %s", voice, why);
}

int
mel_speech_prepare(const char *voice, struct mel_err *err)
{
	int rc;

	pthread_mutex_lock(&lock);
	rc = set_up(err) || set_voice(voice, err);
	pthread_mutex_unlock(&lock);
	return rc ? -1 : 0;
}

/* Length of a language mark "(xx-yy)" at s; 0 if there is none. */
static size_t
language_mark(const char *s)
{
	size_t n;

	if (*s != '(')
		return 0;
	n = strspn(s + 1, "abcdefghijklmnopqrstuvwxyz"
			  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
	return s[n + 1] == ')' ? n + 2 : 0;
}

/* Appends IPA without language marks and without white space at its ends. */
static int
add_ipa(const char *ipa, struct mel_buf *out, struct mel_err *err)
{
	static const char white[] = " \t\r\n";
	size_t start = out->len, skip;

	while (*ipa) {
		skip = language_mark(ipa);
		if (!skip && out->len == start && strchr(white, *ipa))
			skip = 1;
		if (!skip && mel_buf_add(out, ipa, 1, err))
			return -1;
		ipa += skip ? skip : 1;
	}
	while (out->len > start && strchr(white, out->data[out->len - 1]))
		out->data[--out->len] = '\0';
	return 0;
}

/* The clause's mark in what was consumed for it; NUL if there is none. */
static char
find_mark(const char *begin, const char *end)
{
	for (const char *p = end; p > begin && end - p < MARK_BYTES; p--) {
		if (strchr(",.;:?!", p[-1]))
			return p[-1];
	}
	return '\0';
}

static int
add_clause(const char *ipa, char mark, struct mel_buf *out, struct mel_err *err)
{
	size_t before = out->len, start;

	if (before && mel_buf_puts(out, " ", err))
		return -1;
	start = out->len;
	if (add_ipa(ipa, out, err))
		return -1;
	if (out->len == start) {
		out->len = before;
		return 0;
	}
	return mark ? mel_buf_add(out, &mark, 1, err) : 0;
}

static int
speak(const char *text, size_t n, struct mel_buf *out, struct mel_err *err)
{
	const void *next = text;
	const char *from, *ipa;

	while (next) {
		from = next;
		ipa = ng.espeak_TextToPhonemes(
		    &next, espeakCHARS_UTF8, PHONEMES_IPA);
		if (next == from && *from)
			return mel_fail(err, "espeak-ng: stuck at byte %zu",
			    (size_t)(from - text));
		if (next == from)
			next = NULL;
		if (add_clause(ipa ? ipa : "",
			find_mark(from, next ? next : text + n), out, err))
			return -1;
	}
	return 0;
}

int
mel_speech_phonemes(const char *voice, const char *text, size_t n,
    struct mel_buf *phonemes, struct mel_err *err)
{
	struct mel_buf out = {0};
	char *copy = mel_strndup(text, n, err);
	int rc;

	if (!copy)
		return -1;
	pthread_mutex_lock(&lock);
	rc = set_up(err) || set_voice(voice, err) || speak(copy, n, &out, err);
	pthread_mutex_unlock(&lock);
	if (!rc)
		rc = mel_buf_add(phonemes, out.data, out.len, err);
	mel_buf_free(&out);
	free(copy);
	return rc ? -1 : 0;
}
