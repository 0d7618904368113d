/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NET_H
#define NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/option.h"

struct mel_pool;

/* What tts-net does; its options. */
struct net_values {
	struct mel_strings inputs; /* "NAME=FILE" */
	struct mel_strings dims;   /* "AXIS=LENGTH" */
	char *dir;
	int isa; /* enum mel_isa */
	int64_t threads;
	int64_t runs;
	bool strict;
};

/*
 * Each does one job with the operands [n], prints what came out and dies if it
 * cannot; false if a test failed.
 */
typedef bool net_job(const struct net_values *values, struct mel_pool *pool,
    char **operand, int n);

net_job net_run, net_info, net_test, net_plan, net_bench;

#endif
