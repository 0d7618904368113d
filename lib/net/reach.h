/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_REACH_H
#define MEL_NET_REACH_H

#include <stdint.h>

#include "net/timing.h"

/* Arithmetic with mel_reach; all numbers are of rows. */

/* The first and last input row that output row o needs; may lie outside. */
int64_t mel_reach_first(const struct mel_reach *reach, int64_t o);
int64_t mel_reach_last(const struct mel_reach *reach, int64_t o);

/* Output rows that n input rows give in the end, >= 0. */
int64_t mel_reach_total(const struct mel_reach *reach, int64_t n);

/* Output rows that can be made when n input rows are there and more may
 * come, >= 0. */
int64_t mel_reach_ready(const struct mel_reach *reach, int64_t n);

#endif
