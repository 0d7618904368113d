/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "waste.h"

#include <string.h>

#include "tool.h"

void
waste_init(struct waste *waste)
{
	memset(waste, 0, sizeof(*waste));
	pthread_mutex_init(&waste->lock, NULL);
}

void
waste_add(struct waste *waste, const char *network, int64_t size, int64_t fresh,
    int64_t padded)
{
	struct waste_network *w = waste->network;

	pthread_mutex_lock(&waste->lock);
	while (w < waste->network + waste->n && strcmp(w->name, network) != 0)
		w++;
	if (w == waste->network + waste->n && waste->n == WASTE_NETWORKS)
		w--;
	else if (w == waste->network + waste->n)
		waste->n++;
	w->name = network;
	w->windows++;
	w->size += size;
	w->fresh += fresh;
	w->padded += padded;
	pthread_mutex_unlock(&waste->lock);
}

void
waste_report(const struct waste *waste)
{
	for (int i = 0; i < waste->n; i++) {
		const struct waste_network *w = &waste->network[i];

		tool_warn("%-22s fixed, %lld windows: %lld steps for %lld, "
			  "%lld padded, %.0f %% waste",
		    w->name, (long long)w->windows, (long long)w->size,
		    (long long)w->fresh, (long long)w->padded,
		    100.0 * (double)(w->size - w->fresh) / (double)w->size);
	}
}
