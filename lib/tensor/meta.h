/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_META_H
#define MEL_TENSOR_META_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct mel_err;
struct mel_record_header;

/*
 * The JSON of records, melpipe-frame(5): one UTF-8 object without duplicate
 * keys, without NaN, without U+0000.
 */

/*
 * A new reference to the object in the n bytes at text, n <= MEL_META_LIMIT;
 * NULL if it is none. The text need not end with a NUL.
 */
json_t *mel_meta_parse(const char *text, size_t n, struct mel_err *err);

/*
 * A new reference to a copy of any JSON, or NULL: out of memory. jansson's own
 * copy then lacks members without a word.
 */
json_t *mel_meta_copy(json_t *json, struct mel_err *err);

/* Both NULL, or equal. */
bool mel_meta_same(const json_t *a, const json_t *b);

/*
 * Checks what a record of header->kind must say: BEGIN a key, END its rows,
 * ERROR who, why and for which key. A HEAD is checked by mel_head_from_json.
 * meta may be NULL.
 */
int mel_meta_check(
    const struct mel_record_header *header, json_t *meta, struct mel_err *err);

#endif
