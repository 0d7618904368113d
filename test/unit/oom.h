/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef OOM_H
#define OOM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Allocations counted, and one made to fail. The test that includes this
 * links with --wrap for malloc, calloc, realloc and aligned_alloc.
 */

static long allocations; /* so far */
static long fail_at;     /* this one fails, counted from now; 0: none */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);

static bool
fails(void)
{
	allocations++;
	return fail_at && !--fail_at;
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *
__wrap_aligned_alloc(size_t align, size_t n)
{
	return fails() ? NULL : __real_aligned_alloc(align, n);
}

#endif
