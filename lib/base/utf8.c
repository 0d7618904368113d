/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/utf8.h"

#include <string.h>

static size_t
sequence_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead < 0xe0)
		return 2;
	if (lead >= 0xe0 && lead < 0xf0)
		return 3;
	if (lead >= 0xf0 && lead < 0xf5)
		return 4;
	return 0;
}

uint32_t
mel_utf8_next(const char *s, size_t n, size_t *used)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	static const unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t len = sequence_length((unsigned char)s[0]);
	uint32_t code;

	*used = 1;
	if (!len || len > n)
		return UINT32_MAX;
	code = (unsigned char)s[0] & lead_bits[len];
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		code = code << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return UINT32_MAX;
	*used = len;
	return code;
}

size_t
mel_utf8_valid(const char *s, size_t n)
{
	size_t pos = 0, used;

	while (pos < n) {
		if (mel_utf8_next(s + pos, n - pos, &used) == UINT32_MAX)
			return pos;
		pos += used;
	}
	return n;
}

void
mel_utf8_plain(char *s, const char *keep, char instead)
{
	unsigned char *p = (unsigned char *)s;

	for (; *p; p++) {
		/* U+0080 to U+009F are two bytes. */
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			*p++ = (unsigned char)instead;
		else if ((*p >= ' ' && *p != 0x7f) || strchr(keep, *p))
			continue;
		*p = (unsigned char)instead;
	}
}

size_t
mel_utf8_put(char out[4], uint32_t code)
{
	size_t len = code < 0x80      ? 1
		     : code < 0x800   ? 2
		     : code < 0x10000 ? 3
				      : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = len; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(lead[len] | code);
	return len;
}
