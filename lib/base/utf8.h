/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_UTF8_H
#define MEL_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * UTF-8 (RFC 3629): shortest forms only, no surrogates, up to U+10FFFF.
 */

/*
 * The code point at the start of s [n bytes, n > 0]; *used becomes its length
 * [1..4 bytes]. UINT32_MAX and *used = 1 if the bytes are not UTF-8.
 */
uint32_t mel_utf8_next(const char *s, size_t n, size_t *used);

/* Bytes of s before the first fault; n if there is none. */
size_t mel_utf8_valid(const char *s, size_t n);

/*
 * Replaces the control characters of a text (C0, DEL, C1), which break lines
 * and which terminals obey; not those in `keep`.
 */
void mel_utf8_plain(char *s, const char *keep, char instead);

/* Writes one code point, returns its length [1..4 bytes]. */
size_t mel_utf8_put(char out[4], uint32_t code);

#endif
