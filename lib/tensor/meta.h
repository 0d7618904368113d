/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_TENSOR_META_H
#define MEL_TENSOR_META_H

#include <jansson.h>
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
 * Checks what a record of header->kind must say: BEGIN a key, END its rows,
 * ERROR who, why and for which key. A HEAD is checked by mel_head_from_json.
 * meta may be NULL.
 */
int mel_meta_check(
    const struct mel_record_header *header, json_t *meta, struct mel_err *err);

#endif
