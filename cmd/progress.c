/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANY  4  /* lines that are worth a bar */
#define WIDTH 40 /* characters of the bar */

void
progress_open(struct progress *bar, int fd, bool quiet)
{
	char block[65536];
	struct stat st;
	off_t at = 0;
	ssize_t n;

	*bar = (struct progress){0};
	if (quiet || !isatty(STDERR_FILENO) || fstat(fd, &st) ||
	    !S_ISREG(st.st_mode))
		return;
	/* pread leaves the place where the reader will start. */
	while ((n = pread(fd, block, sizeof(block), at)) > 0) {
		for (const char *p = block;
		     (p = memchr(p, '\n', (size_t)(block + n - p))); p++)
			bar->total++;
		at += n;
	}
	if (bar->total < MANY)
		bar->total = 0;
}

void
progress_show(struct progress *bar, uint64_t done)
{
	int full;

	if (!bar->total)
		return;
	full = (int)(WIDTH * done / bar->total);
	if (full > WIDTH)
		full = WIDTH;
	fprintf(stderr, "\r%*s", WIDTH + 30, "");
	fprintf(stderr, "\r[%.*s%*s] %llu/%llu", full,
	    "########################################", WIDTH - full, "",
	    (unsigned long long)done, (unsigned long long)bar->total);
	bar->shown = true;
}

void
progress_close(struct progress *bar)
{
	if (bar->shown)
		fprintf(stderr, "\r%*s\r", WIDTH + 30, "");
}
