/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * To wake a thread takes longer than many a job. So before it sleeps, a thread
 * looks for its event this often, and leaves the processor to others each time:
 * some tens of microseconds in all.
 */
#define LOOKS 100

struct worker {
	struct mel_pool *pool;
	pthread_t thread;
	int number; /* [1..threads-1], the caller is 0 */
};

struct mel_pool {
	int threads;
	int started; /* worker threads that exist */
	struct worker *worker;

	pthread_mutex_t in_use; /* held for the length of one job */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake, idle;
	atomic_ulong job; /* rises with every job */
	atomic_int busy;  /* workers inside the present job */
	bool stop;

	mel_task *task; /* of the present job */
	void *ctx;
	size_t n;
	atomic_size_t next;
};

static void
do_tasks(struct mel_pool *pool, int number)
{
	size_t i;

	while ((i = atomic_fetch_add(&pool->next, 1)) < pool->n)
		pool->task(pool->ctx, i, number);
}

/* Until there is another job than `seen`, or it is time to sleep. */
static void
look_for_job(struct mel_pool *pool, unsigned long seen)
{
	for (int i = 0; i < LOOKS && atomic_load(&pool->job) == seen; i++)
		sched_yield();
}

/* The same until all workers have left the job. */
static void
look_for_end(struct mel_pool *pool)
{
	for (int i = 0; i < LOOKS && atomic_load(&pool->busy); i++)
		sched_yield();
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct mel_pool *pool = w->pool;
	unsigned long seen = 0;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!pool->stop && pool->job == seen)
			pthread_cond_wait(&pool->wake, &pool->lock);
		if (pool->stop)
			break;
		seen = pool->job;
		pool->busy++;
		pthread_mutex_unlock(&pool->lock);
		do_tasks(pool, w->number);
		pthread_mutex_lock(&pool->lock);
		if (!--pool->busy)
			pthread_cond_signal(&pool->idle);
		pthread_mutex_unlock(&pool->lock);
		look_for_job(pool, seen);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static int
start_workers(struct mel_pool *pool, struct mel_err *err)
{
	for (int i = 1; i < pool->threads; i++) {
		struct worker *w = &pool->worker[i];

		w->pool = pool;
		w->number = i;
		if (pthread_create(&w->thread, NULL, work, w))
			return mel_fail(err, "cannot start thread %d", i);
		pool->started = i;
	}
	return 0;
}

int
mel_pool_open(struct mel_pool **out, int threads, struct mel_err *err)
{
	struct mel_pool *pool;

	if (threads < 1 || threads > 1024)
		return mel_fail(err, "%d threads: must be 1 to 1024", threads);
	pool = mel_alloc(1, sizeof(*pool), err);
	if (!pool)
		return -1;
	pool->threads = threads;
	pthread_mutex_init(&pool->in_use, NULL);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pthread_cond_init(&pool->idle, NULL);
	pool->worker = mel_alloc((size_t)threads, sizeof(*pool->worker), err);
	if (!pool->worker || start_workers(pool, err)) {
		mel_pool_close(pool);
		return -1;
	}
	*out = pool;
	return 0;
}

void
mel_pool_close(struct mel_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	for (int i = 1; i <= pool->started; i++)
		pthread_join(pool->worker[i].thread, NULL);
	pthread_mutex_destroy(&pool->in_use);
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->wake);
	pthread_cond_destroy(&pool->idle);
	free(pool->worker);
	free(pool);
}

int
mel_pool_threads(const struct mel_pool *pool)
{
	return pool ? pool->threads : 1;
}

void
mel_pool_run(struct mel_pool *pool, size_t n, mel_task *task, void *ctx)
{
	if (n < 2 || mel_pool_threads(pool) == 1 ||
	    pthread_mutex_trylock(&pool->in_use)) {
		for (size_t i = 0; i < n; i++)
			task(ctx, i, 0);
		return;
	}
	pthread_mutex_lock(&pool->lock);
	/* A worker that overslept the last job may still be leaving it. */
	while (pool->busy)
		pthread_cond_wait(&pool->idle, &pool->lock);
	pool->task = task;
	pool->ctx = ctx;
	pool->n = n;
	atomic_store(&pool->next, 0);
	pool->job++;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);

	do_tasks(pool, 0);
	look_for_end(pool);

	pthread_mutex_lock(&pool->lock);
	while (pool->busy)
		pthread_cond_wait(&pool->idle, &pool->lock);
	/* Late sleepers find nothing to do and no stale context. */
	pool->n = 0;
	pthread_mutex_unlock(&pool->lock);
	pthread_mutex_unlock(&pool->in_use);
}

static size_t
div_up(size_t a, size_t b)
{
	return (a + b - 1) / b;
}

/* At least `pieces`, and as many as keep all threads busy equally long. */
static size_t
even_pieces(size_t pieces, size_t threads, size_t items, size_t n, size_t least)
{
	size_t one = div_up(threads, items), two = div_up(2 * threads, items);

	if (n / two >= least)
		pieces = pieces < two ? two : pieces;
	else if (n / one >= least / 2)
		pieces = pieces < one ? one : pieces;
	for (size_t even = pieces; n / even >= least / 2; even++) {
		if (even * items % threads == 0)
			return even;
	}
	return pieces;
}

struct mel_cut
mel_pool_cut(const struct mel_pool *pool, size_t items, size_t n, size_t least,
    size_t most)
{
	size_t threads = (size_t)mel_pool_threads(pool);
	struct mel_cut cut = {.pieces = div_up(n, most)};

	if (threads > 1)
		cut.pieces = even_pieces(cut.pieces, threads, items, n, least);
	cut.piece = div_up(n, cut.pieces);
	cut.pieces = div_up(n, cut.piece);
	return cut;
}
