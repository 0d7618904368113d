/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>

#include "base/err.h"
#include "tap.h"
#include "work.h"

/*
 * J2: no global state. Several threads do all kinds of work at once, each with
 * instances of its own (networks, FFT plans, pools, addons, streams), in
 * another order each; every result is that of the work done alone.
 */
#define THREADS 4
#define ROUNDS  3

struct worker {
	pthread_t thread;
	size_t first;           /* work to begin with */
	uint64_t result[WORKS]; /* the last one of each work */
	size_t wrong;           /* that differed or failed */
	struct mel_err err;     /* of the last failure */
};

static uint64_t alone[WORKS];

static void *
toil(void *arg)
{
	struct worker *w = arg;

	for (size_t i = 0; i < ROUNDS * WORKS; i++) {
		size_t k = (w->first + i) % WORKS;
		uint64_t result = 0;

		if (works[k].run(&result, &w->err) || result != alone[k])
			w->wrong++;
		w->result[k] = result;
	}
	return NULL;
}

static void
test_at_once(const char *what, bool same)
{
	static struct worker w[THREADS];
	size_t wrong = 0, unlike = 0;

	memset(w, 0, sizeof(w));
	for (size_t i = 0; i < THREADS; i++) {
		w[i].first = same ? 0 : i * WORKS / THREADS;
		if (pthread_create(&w[i].thread, NULL, toil, &w[i]))
			abort();
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
	for (size_t i = 0; i < THREADS; i++) {
		wrong += w[i].wrong;
		for (size_t k = 0; k < WORKS; k++) {
			if (w[i].result[k] == alone[k])
				continue;
			printf("# thread %zu: %s: %s\n", i, works[k].name,
			    w[i].err.msg);
			unlike++;
		}
	}
	ok(!wrong && !unlike, "J2: %d threads, %s: as alone", THREADS, what);
}

/* One network, which is const once it is open, and a session per thread. */
struct session {
	pthread_t thread;
	const struct mel_network *network;
	struct mel_pool *pool; /* shared, too */
	float x[9 * 192];
	uint64_t result;
	int rc;
};

static void *
run_session(void *arg)
{
	struct session *s = arg;
	struct mel_session *session;

	s->result = 0;
	s->rc = mel_session_open(&session, s->network, s->pool, NULL);
	for (int64_t rows = 1; !s->rc && rows <= 9; rows++) {
		int64_t dim[3] = {1, rows, 192};
		struct mel_tensor in = mel_tensor_view(MEL_F32, 3, dim, s->x);
		struct mel_tensor out[3];

		s->rc = mel_session_run(session, &in, out, NULL);
		for (int k = 0; !s->rc && k < 3; k++)
			s->result = hash_tensor(s->result, &out[k]);
	}
	if (!s->rc)
		mel_session_close(session);
	return NULL;
}

static void
test_shared_network(void)
{
	static struct session s[THREADS];
	struct mel_network *network;
	struct mel_pool *pool;
	uint64_t wanted;
	bool good;

	if (mel_network_open(&network, "addons/kathleen/variance.onnx",
		MEL_ISA_AUTO, NULL) ||
	    mel_pool_open(&pool, 2, NULL))
		abort();
	for (size_t i = 0; i < THREADS; i++) {
		s[i].network = network;
		s[i].pool = pool;
		for (size_t k = 0; k < 9 * 192; k++)
			s[i].x[k] = (float)(k * 7 % 64) / 64 - 0.5f;
	}
	run_session(&s[0]);
	wanted = s[0].result;
	good = !s[0].rc;
	for (size_t i = 0; i < THREADS; i++) {
		if (pthread_create(&s[i].thread, NULL, run_session, &s[i]))
			abort();
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(s[i].thread, NULL);
		good = good && !s[i].rc && s[i].result == wanted;
	}
	ok(good, "J2: one network and pool, %d sessions at once", THREADS);
	mel_pool_close(pool);
	mel_network_close(network);
}

int
main(void)
{
	struct mel_err err;
	bool good = !work_setup(&err);

	for (size_t i = 0; good && i < WORKS; i++)
		good = !works[i].run(&alone[i], &err);
	if (!good) {
		printf("Bail out! %s\n", err.msg);
		return 1;
	}
	test_at_once("the same work at once", true);
	test_at_once("different work at once", false);
	test_shared_network();
	work_free();
	return tap_done();
}
