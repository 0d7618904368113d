/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_BYTES_H
#define MEL_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Little-endian numbers in bytes of any alignment, and a bounded cursor for
 * bytes that nobody vouches for.
 */

uint16_t mel_get_u16le(const void *p);
uint32_t mel_get_u32le(const void *p);
uint64_t mel_get_u64le(const void *p);
void mel_put_u16le(void *p, uint16_t v);
void mel_put_u32le(void *p, uint32_t v);
void mel_put_u64le(void *p, uint64_t v);

/*
 * Reads forward in [pos, end) and never past it. The bytes belong to the
 * caller and must outlive the cursor.
 */
struct mel_cursor {
	const uint8_t *pos;
	const uint8_t *end;
};

/* What is left [bytes]. */
size_t mel_cursor_left(const struct mel_cursor *c);

/* The next n bytes, or NULL and no movement if fewer are left. */
const uint8_t *mel_cursor_take(struct mel_cursor *c, size_t n);

#endif
