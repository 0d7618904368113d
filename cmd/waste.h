/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WASTE_H
#define WASTE_H

#include <pthread.h>
#include <stdint.h>

#define WASTE_NETWORKS 32 /* those behind are counted as the last */

/* What networks with fixed lengths computed, for the report. */
struct waste {
	pthread_mutex_t lock;
	struct waste_network {
		const char *name;      /* the addon's */
		int64_t windows, size; /* steps of all windows */
		int64_t fresh, padded; /* see mel_env.ran */
	} network[WASTE_NETWORKS];
	int n;
};

void waste_init(struct waste *waste);

/* See mel_env.ran. */
void waste_add(struct waste *waste, const char *network, int64_t size,
    int64_t fresh, int64_t padded);

/* A line for each network. */
void waste_report(const struct waste *waste);

#endif
