/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A bar on standard error while many lines of a file are worked off. Shown
 * only if standard error is a terminal and the input a file of several lines.
 */
struct progress {
	uint64_t total; /* lines of the input; 0: nothing is shown */
	bool shown;
};

/* fd: the input, at its start, where it is again afterwards. */
void progress_open(struct progress *bar, int fd, bool quiet);
void progress_show(struct progress *bar, uint64_t done);
void progress_close(struct progress *bar);

#endif
