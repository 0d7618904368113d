/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_REACH_H
#define MEL_NET_REACH_H

#include <stdbool.h>
#include <stdint.h>

/* How an output row depends on input rows along the time axis. */
enum mel_time_kind {
	MEL_TIME_WHOLE,  /* on all rows, or nobody knows on which */
	MEL_TIME_POINT,  /* on the row of the same number, or on none */
	MEL_TIME_WINDOW, /* on some rows near the same place */
	MEL_TIME_STATE,  /* on all rows before it, through a state */
};

#define MEL_TIME_TRIALS 5 /* lengths of the stream that shapes are tried at */

#define MEL_AXIS_NONE    (-1) /* no axis grows with the stream */
#define MEL_AXIS_SEVERAL (-2) /* more than one does */

/*
 * Output row o needs rows ceil((o den + first) / num) to floor((o den + last)
 * / num) of the input, as far as they exist; n rows give floor((n num + more)
 * / den) of the output, at least 0. {1, 1}: the same row.
 */
struct mel_reach {
	int64_t num, den; /* output rows for input rows, > 0 */
	int64_t first, last;
	int64_t more;
	int64_t head; /* before the first output row is made these must be
			 there, too: a padding shows rows from behind */
	bool nothing; /* no input rows give no output rows, whatever more is */
	int64_t tail; /* rows kept before the first one needed: a padding at
			 the end shows them again */
};

/* Each row goes into the row of the same number, and there are no others. */
static inline bool
mel_reach_is_same(const struct mel_reach *r)
{
	return r->num == 1 && r->den == 1 && !r->first && !r->last &&
	       !r->more && !r->tail;
}

/* The first and last input row that output row o needs; may lie outside. */
int64_t mel_reach_first(const struct mel_reach *reach, int64_t o);
int64_t mel_reach_last(const struct mel_reach *reach, int64_t o);

/* Output rows that n input rows give in the end, >= 0. */
int64_t mel_reach_total(const struct mel_reach *reach, int64_t n);

/* Output rows that can be made when n input rows are there and more may
 * come, >= 0. */
int64_t mel_reach_ready(const struct mel_reach *reach, int64_t n);

#endif
