/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_POOL_H
#define MEL_BASE_POOL_H

#include <stddef.h>

struct mel_err;

/*
 * A few worker threads that sleep while there is no work. One pool may serve
 * many callers: while one job runs, a second caller (or a task that calls
 * run itself) does its own tasks alone instead of waiting.
 */
struct mel_pool;

/*
 * One task: index in [0, n), worker in [0, threads) and different for tasks
 * that run at the same time within one mel_pool_run (for scratch memory).
 */
typedef void mel_task(void *ctx, size_t index, int worker);

/* threads [1..1024], the caller's own counted; 1 starts none. */
int mel_pool_open(struct mel_pool **pool, int threads, struct mel_err *err);

/* Accepts NULL. No job may be running. */
void mel_pool_close(struct mel_pool *pool);

/* Threads that can work at once; 1 for NULL. */
int mel_pool_threads(const struct mel_pool *pool);

/*
 * Runs task(ctx, i, worker) for every i in [0, n) and returns when all are
 * done. The order is not defined. A NULL pool runs them one after another.
 */
void mel_pool_run(struct mel_pool *pool, size_t n, mel_task *task, void *ctx);

/* Rows that are one after another cut into tasks. */
struct mel_cut {
	size_t piece;  /* rows of a task, the last may have fewer; >= 1 */
	size_t pieces; /* tasks; >= 1 */
};

/*
 * How to cut n rows, n >= 1, of each of `items` >= 1: into pieces of at most
 * `most` rows, so that all threads have the same number of them. Two a thread,
 * which evens out what other processes take away, if those have `least` rows;
 * else one, if that has half as many; else no more than `most` asks for.
 */
struct mel_cut mel_pool_cut(const struct mel_pool *pool, size_t items, size_t n,
    size_t least, size_t most);

#endif
