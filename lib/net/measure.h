/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_MEASURE_H
#define MEL_NET_MEASURE_H

#include "base/isa.h"

struct mel_buf;
struct mel_err;
struct mel_pool;
struct mel_strings;

/* A network and what it is run with; see net/inputs.h for files and dims. */
struct mel_measure {
	const char *model; /* path */
	const struct mel_strings *files;
	const struct mel_strings *dims;
	enum mel_isa isa;
	struct mel_pool *pool; /* may be NULL */
	int runs;              /* >= 1; of mel_measure_time */
};

/*
 * Append a report, one fact a line, the first word saying which; tts-net(1)
 * describes both. Both run the network: what depends on data has a plan only
 * then.
 */

/* Nodes as they run, where values lie, for how long. */
int mel_measure_plan(
    const struct mel_measure *what, struct mel_buf *out, struct mel_err *err);

/*
 * Times of opening and of `runs` runs, of operators and nodes; memory as
 * planned, and by how much the process grew. The first run, which plans, is
 * counted with opening.
 */
int mel_measure_time(
    const struct mel_measure *what, struct mel_buf *out, struct mel_err *err);

#endif
