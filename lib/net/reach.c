/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/reach.h"

#include "net/ratio.h"

int64_t
mel_reach_first(const struct mel_reach *r, int64_t o)
{
	return -mel_floor_div(-(o * r->den + r->first), r->num);
}

int64_t
mel_reach_last(const struct mel_reach *r, int64_t o)
{
	return mel_floor_div(o * r->den + r->last, r->num);
}

int64_t
mel_reach_total(const struct mel_reach *r, int64_t n)
{
	int64_t rows = mel_floor_div(n * r->num + r->more, r->den);

	return rows < 0 || (r->nothing && !n) ? 0 : rows;
}

/* The least o whose last row is n or behind: o den + last >= n num. */
int64_t
mel_reach_ready(const struct mel_reach *r, int64_t n)
{
	int64_t rows = -mel_floor_div(-(n * r->num - r->last), r->den);

	int64_t total = mel_reach_total(r, n); /* more rows may never be */

	rows = rows > total ? total : rows;
	return rows < 0 || n <= r->head ? 0 : rows;
}
