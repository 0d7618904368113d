/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_INFLOW_H
#define MEL_NET_INFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mel_err;
struct mel_streamable;

/*
 * Rows of upstream that a network still needs: those from `base` up to `fed`
 * of the utterance. Starts as {0}.
 */
struct mel_inflow {
	float *in;  /* [fed - base, width], owned */
	size_t cap; /* [floats] */
	int64_t base, fed;
	bool ended; /* there are no rows behind fed */
};

/* An utterance begins; the memory stays. */
void mel_inflow_begin(struct mel_inflow *flow);

void mel_inflow_free(struct mel_inflow *flow);

/* A row that is there; valid until rows are taken or dropped. */
float *mel_inflow_row(const struct mel_inflow *flow,
    const struct mel_streamable *upstream, int64_t row);

/* Forgets the rows before `keep`, of which all up to fed were taken. */
void mel_inflow_drop(struct mel_inflow *flow,
    const struct mel_streamable *upstream, int64_t keep);

/* Takes n more rows, > 0, or those there are; then ended is set. */
int mel_inflow_take(struct mel_inflow *flow, struct mel_streamable *upstream,
    int64_t n, struct mel_err *err);

/* Takes all; nothing was taken before. */
int mel_inflow_take_all(struct mel_inflow *flow,
    struct mel_streamable *upstream, struct mel_err *err);

#endif
