/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TEXT_SYMBOLS_H
#define MEL_TEXT_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct mel_err;

/*
 * The symbol table of a voice: a UTF-8 text file, one symbol a line; the
 * number of the line, from 0, is the symbol's id. A symbol is one code point
 * or several ("tS", "<s>"). A line of one space is the space. CR before LF and
 * a byte order mark are dropped. Empty lines, faulty UTF-8, control
 * characters, a symbol that is there already, more than 65536 symbols or one
 * of more than 64 bytes are errors that name file and line.
 */
struct mel_symbols;

int mel_symbols_load(
    struct mel_symbols **symbols, const char *path, struct mel_err *err);

/* Accepts NULL. */
void mel_symbols_free(struct mel_symbols *symbols);

/* Number of symbols, > 0: ids are [0, count). */
int64_t mel_symbols_count(const struct mel_symbols *symbols);

/* The path it was loaded from, for messages. Lives as long as the table. */
const char *mel_symbols_path(const struct mel_symbols *symbols);

/*
 * The symbol of an id, NUL-terminated, as long as the table lives; NULL if
 * there is none.
 */
const char *mel_symbols_name(const struct mel_symbols *symbols, int64_t id);

/* The id of the symbol that is exactly these bytes; -1 if there is none. */
int64_t mel_symbols_id(
    const struct mel_symbols *symbols, const char *name, size_t len);

/*
 * The id of the longest symbol at the start of s [n bytes of valid UTF-8,
 * n > 0]; *used becomes its length [bytes]. -1 if there is none: *used is
 * then the length of the code point.
 */
int64_t mel_symbols_match(
    const struct mel_symbols *symbols, const char *s, size_t n, size_t *used);

#endif
