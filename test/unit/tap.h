/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A unit test prints TAP (one line per check, then the plan) and returns
 * tap_done() from main. The text of a check names the requirement it proves
 * where there is one: ok(n == 7, "B6: 7 rows in one pull").
 */

static int tap_count, tap_failed;

#define ok(cond, ...) tap_check((cond), __FILE__, __LINE__, __VA_ARGS__)

/* The condition's own truth is returned, so that a test can stop on it. */
__attribute__((format(printf, 4, 5), unused)) static bool
tap_check(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good) {
		printf("# failed at %s:%d\n", file, line);
		tap_failed++;
	}
	fflush(stdout);
	return good;
}

__attribute__((unused)) static int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed || !tap_count;
}

#endif
