/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_BENCH_H
#define MEL_NET_BENCH_H

#include "net/measure.h"

struct mel_network;
struct mel_session;
struct mel_tensor;

/* A network open with a session and inputs, run once. Starts as {0}. */
struct mel_bench {
	struct mel_network *network;
	struct mel_session *session;
	struct mel_tensor *in;  /* [n_input] owned, each owned */
	struct mel_tensor *out; /* [n_output] owned; views */
};

/* Close it on failure, too. */
int mel_bench_open(struct mel_bench *bench, const struct mel_measure *what,
    struct mel_err *err);
int mel_bench_run(struct mel_bench *bench, struct mel_err *err);
void mel_bench_close(struct mel_bench *bench);

#endif
