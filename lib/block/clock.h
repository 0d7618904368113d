/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BLOCK_CLOCK_H
#define MEL_BLOCK_CLOCK_H

#include <stdint.h>

/* A clock that never goes back [ns], for the time blocks take. */
uint64_t mel_clock_ns(void);

#endif
