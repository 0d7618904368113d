/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

#define HUGE_PAGE  ((size_t)2 << 20)
#define MANY_PAGES ((size_t)128 << 10) /* what is worth a system call */
#define MOST_PAGES ((size_t)1 << 30)   /* more is left to those who use it */

bool
mel_size_mul(size_t *out, size_t a, size_t b)
{
	size_t n;

	if (__builtin_mul_overflow(a, b, &n))
		return false;
	*out = n;
	return true;
}

bool
mel_size_add(size_t *out, size_t a, size_t b)
{
	size_t n;

	if (__builtin_add_overflow(a, b, &n))
		return false;
	*out = n;
	return true;
}

void *
mel_alloc(size_t n, size_t size, struct mel_err *err)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		mel_fail(err, "out of memory: %zu x %zu bytes", n, size);
	return p;
}

/*
 * A page that is touched for the first time stops the program; for a model's
 * weights that takes longer than to read them. So they come in huge pages
 * where there are any, and small ones many at a time.
 */
static void
provide_pages(void *p, size_t n)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)p + page - 1) / page * page;
	uintptr_t to = ((uintptr_t)p + n) / page * page;

	if (n < MANY_PAGES || n > MOST_PAGES)
		return;
	if (n >= HUGE_PAGE)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
	/* Where the kernel does not know it, all is as it was. */
	madvise((void *)from, to - from, MADV_POPULATE_WRITE);
}

void *
mel_alloc_aligned(size_t n, struct mel_err *err)
{
	size_t padded, unit = n >= HUGE_PAGE ? HUGE_PAGE : 64;
	void *p = NULL;

	if (mel_size_add(&padded, n ? n : 1, unit - 1))
		p = aligned_alloc(unit, padded & ~(unit - 1));
	if (!p)
		mel_fail(err, "out of memory: %zu bytes", n);
	else
		provide_pages(p, n);
	return p;
}

int
mel_reserve(
    void *items, size_t *cap, size_t need, size_t size, struct mel_err *err)
{
	void *old, *p;
	size_t n = *cap ? *cap : 8, bytes;

	if (need <= *cap)
		return 0;
	while (n < need) {
		if (!mel_size_mul(&n, n, 2))
			return mel_fail(err, "out of memory: %zu items", need);
	}
	if (!mel_size_mul(&bytes, n, size))
		return mel_fail(err, "out of memory: %zu items", need);
	memcpy(&old, items, sizeof(old));
	p = realloc(old, bytes);
	if (!p)
		return mel_fail(err, "out of memory: %zu bytes", bytes);
	memcpy(items, &p, sizeof(p));
	*cap = n;
	return 0;
}

char *
mel_strdup(const char *s, struct mel_err *err)
{
	return mel_strndup(s, strlen(s), err);
}

char *
mel_strndup(const char *s, size_t n, struct mel_err *err)
{
	char *p = mel_alloc(n + 1, 1, err);

	if (p && n)
		memcpy(p, s, n);
	return p;
}
