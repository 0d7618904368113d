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

#endif
