/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/bytes.h"

#include <endian.h>
#include <string.h>

uint16_t
mel_get_u16le(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

uint32_t
mel_get_u32le(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

uint64_t
mel_get_u64le(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

void
mel_put_u16le(void *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

void
mel_put_u32le(void *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

void
mel_put_u64le(void *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

size_t
mel_cursor_left(const struct mel_cursor *c)
{
	return (size_t)(c->end - c->pos);
}

const uint8_t *
mel_cursor_take(struct mel_cursor *c, size_t n)
{
	const uint8_t *p = c->pos;

	if (n > mel_cursor_left(c))
		return NULL;
	c->pos += n;
	return p;
}
